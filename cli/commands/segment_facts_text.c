/* The texts of segment_facts.h. Nothing here can fail. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands/segment_facts.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/record/line.h"
#include "lib/stratum/scan.h"

static const char *const event_names[] = {"opened", "pool_connected", "closed",    "clock_step",
                                          "gap",    "state",          "recovered", "other"};
#define EVENT_COUNT (sizeof(event_names) / sizeof(event_names[0]))

static const char *state_of(const struct segment_facts *facts)
{
    return facts->open ? "open" : "sealed";
}

static double ratio_of(const struct segment_facts *facts)
{
    uint64_t text = segment_footer_totals(facts->footer)->text_bytes;

    return facts->bytes == 0 ? 0 : (double)text / (double)facts->bytes;
}

static const char *method_text(int method)
{
    return method == STRATUM_METHOD_UNKNOWN ? "other"
                                            : stratum_method_name((enum stratum_method)method);
}

/* The names of all bits that are set, from bit `first` on; `quote` is put around each. */
static void append_methods(struct buffer *out, uint64_t methods, const char *gap, const char *quote)
{
    bool any = false;

    for (int i = STRATUM_METHOD_UNKNOWN; i < STRATUM_METHOD_COUNT; i++) {
        if ((methods >> i & 1) == 0)
            continue;
        buffer_append_format(out, "%s%s%s%s", any ? gap : "", quote, method_text(i), quote);
        any = true;
    }
}

static void append_events(struct buffer *out, uint32_t events, const char *gap, const char *quote)
{
    bool any = false;

    for (size_t i = 0; i < EVENT_COUNT; i++) {
        if ((events >> i & 1) == 0)
            continue;
        buffer_append_format(out, "%s%s%s%s", any ? gap : "", quote, event_names[i], quote);
        any = true;
    }
}

/* ---- JSON ---- */

static void add_messages(struct buffer *out, const struct segment_totals *totals)
{
    buffer_append_text(out, ",\"messages\":{");
    for (int i = 0; i < DIRECTION_COUNT; i++)
        buffer_append_format(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
                             direction_name((enum direction)i), totals->messages[i]);
    buffer_append_char(out, '}');
}

static void add_extent(struct buffer *out, const struct segment_totals *totals)
{
    if (totals->lines == 0)
        return;
    line_add_time(out, "first", clock_ns(totals->lowest_us, NS_PER_US));
    line_add_time(out, "last", clock_ns(totals->highest_us, NS_PER_US));
    line_add_u64(out, "first_seq", totals->first_seq);
    line_add_u64(out, "last_seq", totals->last_seq);
}

static void add_kinds(struct buffer *out, const struct segment_totals *totals)
{
    buffer_append_text(out, ",\"methods\":[");
    append_methods(out, totals->methods, ",", "\"");
    buffer_append_text(out, "],\"events\":[");
    append_events(out, totals->events, ",", "\"");
    buffer_append_char(out, ']');
}

void segment_facts_append_json(struct buffer *out, const struct segment_facts *facts, bool whole)
{
    const struct segment_head *head = segment_footer_head(facts->footer);
    const struct segment_totals *totals = segment_footer_totals(facts->footer);

    buffer_append_format(out, "{\"number\":%" PRIu64 ",\"file\":", head->number);
    json_append_text(out, facts->path);
    line_add_text(out, "state", state_of(facts));
    buffer_append_format(out, ",\"instance\":\"%016" PRIx64 "\"", head->instance);
    line_add_u64(out, "version", head->version);
    line_add_u64(out, "generation", head->generation);
    line_add_bool(out, "footer", !segment_footer_rebuilt(facts->footer));
    add_extent(out, totals);
    line_add_u64(out, "bytes", facts->bytes);
    line_add_u64(out, "text_bytes", totals->text_bytes);
    buffer_append_format(out, ",\"ratio\":%.2f", ratio_of(facts));
    line_add_u64(out, "frames", totals->frames);
    line_add_u64(out, "lines", totals->lines);
    add_messages(out, totals);
    line_add_u64(out, "errors", totals->errors);
    if (facts->counted)
        line_add_u64(out, "sessions", totals->sessions);
    if (whole)
        add_kinds(out, totals);
    if (facts->damage.text[0] != '\0')
        line_add_text(out, "damage", facts->damage.text);
    line_end(out);
}

/* ---- rows ---- */

static const char row_titles[] =
    "  NUMBER  STATE   FIRST (UTC)          LAST (UTC)                 BYTES  "
    "RATIO       LINES  SESSIONS  GEN  FILE";

void segment_facts_append_titles(struct terminal_row *row)
{
    terminal_row_add(row, COLOR_DIM, span_text(row_titles), 0);
    buffer_append_char(&row->out, '\n');
    row->used = 0;
}

/* 20 characters: "2026-11-22 13:53:01", or "-". */
static void format_time(char out[20], const struct segment_totals *totals, int64_t us)
{
    char text[CLOCK_TEXT_LEN];

    clock_format(text, clock_ns(us, NS_PER_US));
    text[10] = ' ';
    snprintf(out, 20, "%.19s", totals->lines == 0 ? "-" : text);
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

void segment_facts_append_row(struct terminal_row *row, const struct segment_facts *facts)
{
    const struct segment_head *head = segment_footer_head(facts->footer);
    const struct segment_totals *totals = segment_footer_totals(facts->footer);
    char first[20], last[20], sessions[24] = "-", text[400];

    format_time(first, totals, totals->lowest_us);
    format_time(last, totals, totals->highest_us);
    if (facts->counted)
        snprintf(sessions, sizeof(sessions), "%" PRIu32, totals->sessions);
    snprintf(text, sizeof(text), "%8" PRIu64 "  ", head->number);
    terminal_row_add(row, COLOR_NONE, span_text(text), 0);
    terminal_row_add(row,
                     facts->damage.text[0] != '\0' ? COLOR_RED
                     : facts->open                 ? COLOR_GREEN
                                                   : COLOR_NONE,
                     span_text(facts->damage.text[0] != '\0' ? "damaged" : state_of(facts)), 7);
    snprintf(text, sizeof(text),
             "%-19s  %-19s  %12" PRIu64 "  %5.1f  %10" PRIu64 "  %8s  %3" PRIu32 "  %.255s", first,
             last, facts->bytes, ratio_of(facts), totals->lines, sessions, head->generation,
             file_name(facts->path));
    terminal_row_add(row, COLOR_NONE, span_text(text), 0);
    buffer_append_char(&row->out, '\n');
    row->used = 0;
}

/* ---- a sheet ---- */

static void add_times(struct buffer *out, const struct segment_totals *totals)
{
    char first[20], last[20];

    if (totals->lines == 0) {
        buffer_append_text(out, "lines     none\n");
        return;
    }
    format_time(first, totals, totals->lowest_us);
    format_time(last, totals, totals->highest_us);
    buffer_append_format(out, "times     %s to %s UTC\n", first, last);
    buffer_append_format(out, "numbers   %" PRIu64 " to %" PRIu64 "\n", totals->first_seq,
                         totals->last_seq);
}

static void add_size(struct buffer *out, const struct segment_facts *facts, uint64_t messages)
{
    const struct segment_totals *totals = segment_footer_totals(facts->footer);

    buffer_append_format(out, "size      %" PRIu64 " bytes for %" PRIu64 " of text, %.1f : 1",
                         facts->bytes, totals->text_bytes, ratio_of(facts));
    if (messages > 0)
        buffer_append_format(out, "; %.1f a message", (double)facts->bytes / (double)messages);
    buffer_append_char(out, '\n');
}

static uint64_t add_lines(struct buffer *out, const struct segment_totals *totals)
{
    uint64_t messages = 0;

    buffer_append_format(out, "lines     %" PRIu64 " in %" PRIu32 " frame%s", totals->lines,
                         totals->frames, totals->frames == 1 ? "" : "s");
    for (int i = 0; i < DIRECTION_COUNT; i++) {
        messages += totals->messages[i];
        if (totals->messages[i] > 0)
            buffer_append_format(out, "%s%" PRIu64 " %s",
                                 messages == totals->messages[i] ? ": " : ", ", totals->messages[i],
                                 direction_name((enum direction)i));
    }
    buffer_append_format(out, "\nrefusals  %" PRIu64 "\n", totals->errors);
    return messages;
}

void segment_facts_append_sheet(struct buffer *out, const struct segment_facts *facts)
{
    const struct segment_head *head = segment_footer_head(facts->footer);
    const struct segment_totals *totals = segment_footer_totals(facts->footer);

    buffer_append_text(out, "file      ");
    terminal_append_text(out, span_text(facts->path));
    buffer_append_format(out, "\nstate     %s, %s\n", state_of(facts),
                         segment_footer_rebuilt(facts->footer) ? "no footer: all is from the frames"
                                                               : "with footer");
    buffer_append_format(out,
                         "segment   %" PRIu64 " of instance %016" PRIx64 ", format %" PRIu32
                         ", generation %" PRIu32 "\n",
                         head->number, head->instance, head->version, head->generation);
    add_times(out, totals);
    add_size(out, facts, add_lines(out, totals));
    if (facts->counted)
        buffer_append_format(out, "sessions  %" PRIu32 "\n", totals->sessions);
    buffer_append_text(out, "methods   ");
    append_methods(out, totals->methods, ", ", "");
    buffer_append_text(out, "\nevents    ");
    append_events(out, totals->events, ", ", "");
    buffer_append_char(out, '\n');
    if (facts->damage.text[0] != '\0')
        buffer_append_format(out, "damage    %s\n", facts->damage.text);
}
