/* See verdict_text.h. Nothing here can fail. */
#include "cli/display/verdict_text.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/json.h"
#include "lib/record/line.h"

void problem_append_json(struct buffer *out, const char *path,
                         const struct segment_problem *problem)
{
    buffer_append_text(out, "{\"file\":");
    json_append_text(out, path);
    line_add_u64(out, "offset", problem->offset);
    line_add_u64(out, "bytes", problem->bytes);
    line_add_text(out, "part", problem->part);
    line_add_text(out, "why", problem->why);
    line_add_bool(out, "lines_lost", problem->lines_lost);
    line_end(out);
}

void problem_append_row(struct buffer *out, const struct segment_problem *problem)
{
    buffer_append_format(out, "         at byte %" PRIu64, problem->offset);
    if (problem->bytes > 0)
        buffer_append_format(out, ", %" PRIu64 " bytes", problem->bytes);
    buffer_append_format(out, ": %s: ", problem->part);
    terminal_append_text(out, span_text(problem->why));
    buffer_append_text(out, problem->lines_lost ? " (lines are lost)\n" : "\n");
}

bool verdict_is_sound(const struct segment_verdict *verdict)
{
    return verdict->problems == 0 && verdict->missing == 0;
}

void verdict_append_json(struct buffer *out, const char *path,
                         const struct segment_verdict *verdict)
{
    buffer_append_text(out, "{\"file\":");
    json_append_text(out, path);
    line_add_bool(out, "sound", verdict_is_sound(verdict));
    line_add_bool(out, "footer", verdict->footer);
    line_add_bool(out, "torn", verdict->torn);
    line_add_u64(out, "bytes", verdict->file_bytes);
    line_add_u64(out, "frames", verdict->frames);
    line_add_u64(out, "lines", verdict->lines);
    line_add_u64(out, "messages", verdict->messages);
    line_add_u64(out, "first_seq", verdict->first_seq);
    line_add_u64(out, "last_seq", verdict->last_seq);
    line_add_u64(out, "problems", verdict->problems);
    line_add_u64(out, "frames_damaged", verdict->frames_damaged);
    line_add_u64(out, "missing", verdict->missing);
    line_add_u64(out, "gaps", verdict->gaps);
    line_add_u64(out, "lost", verdict->lost);
    line_add_u64(out, "torn_lines", verdict->torn_lines);
    line_end(out);
}

static void append_counts(struct buffer *out, const struct segment_verdict *verdict)
{
    buffer_append_format(out, "  %" PRIu64 " frame%s, %" PRIu64 " lines", verdict->frames,
                         verdict->frames == 1 ? "" : "s", verdict->lines);
    if (verdict->last_seq > 0)
        buffer_append_format(out, ", numbers %" PRIu64 " to %" PRIu64, verdict->first_seq,
                             verdict->last_seq);
    if (verdict->missing > 0)
        buffer_append_format(out, ", %" PRIu64 " missing", verdict->missing);
    if (verdict->lost > 0)
        buffer_append_format(out, ", %" PRIu64 " lost as gaps say", verdict->lost);
    if (verdict->torn)
        buffer_append_format(out, ", ends in a frame (%" PRIu64 " lines of it)",
                             verdict->torn_lines);
    if (!verdict->footer)
        buffer_append_text(out, ", no footer");
}

void verdict_append_row(struct terminal_row *row, const char *path,
                        const struct segment_verdict *verdict)
{
    const char *slash = strrchr(path, '/');
    bool sound = verdict_is_sound(verdict);
    struct buffer counts = {NULL, 0, 0};

    append_counts(&counts, verdict);
    terminal_row_add(row, sound ? COLOR_GREEN : COLOR_RED, span_text(sound ? "sound" : "damaged"),
                     8);
    terminal_row_add(row, COLOR_NONE, span_text(slash == NULL ? path : slash + 1), 0);
    terminal_row_add(row, COLOR_NONE, span_make(counts.data, counts.len), 0);
    buffer_append_char(&row->out, '\n');
    row->used = 0;
    buffer_close(&counts);
}
