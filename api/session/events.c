/* events.c - see events.h. */
#include "api/session/events.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/request/json_out.h"
#include "lib/base/memory.h"
#include "lib/stratum/job.h"
#include "lib/stratum/share.h"
#include "lib/stratum/strict.h"

/* Of a coinbase's first part: version, one input that spends nothing, its script, which begins with
 * the height as a number of 1 to 8 bytes (BIP 34). */
#define SCRIPT_AT 41

void session_events_close(struct session_events *events)
{
    free(events->jobs);
    free(events->events);
    *events = (struct session_events){.jobs = NULL};
}

/* ---- jobs ---- */

static int64_t height_of(const struct stratum_job *job)
{
    const uint8_t *script = job->coinbase1 + SCRIPT_AT + 1; /* behind its length */
    int64_t height = 0;
    if (job->coinbase1_len < SCRIPT_AT + 2 || job->coinbase1[SCRIPT_AT] > 100)
        return -1;
    unsigned len = script[0];
    if (len > 0x50 && len <= 0x60)
        return len - 0x50; /* heights to 16 have opcodes of their own */
    if (len < 1 || len > 5 || job->coinbase1_len < SCRIPT_AT + 2 + (size_t)len)
        return -1;
    for (unsigned i = 0; i < len; i++)
        height |= (int64_t)script[1 + i] << 8 * i;
    return height;
}

static void fill_job(struct job_row *row, const json_t *params)
{
    struct stratum_job job;
    if (stratum_job_parse(&job, params, NULL) != STATUS_OK)
        return;
    row->clean = job.clean;
    row->height = height_of(&job);
    row->ntime = job.ntime;
    row->nbits = job.nbits;
    share_hash_text(row->previous, job.previous);
    stratum_job_close(&job);
}

static void add_job(struct session_events *events, const struct segment_line *line,
                    const struct session_step *step, const struct session_view *view)
{
    json_t *params = stratum_strict_load(step->scan.params);
    const json_t *id = json_array_get(params, 0);
    if (json_is_string(id)) {
        if (!events->jobs)
            events->jobs = memory_new(EVENTS_JOBS * sizeof *events->jobs);
        struct job_row *row = &events->jobs[events->job_count++ % EVENTS_JOBS];
        *row = (struct job_row){
            .wall_ns = line->wall_ns, .height = -1, .difficulty = view->difficulty};
        text_fill(row->id, sizeof row->id,
                  span_make(json_string_value(id), json_string_length(id)));
        fill_job(row, params);
    }
    json_decref(params);
}

/* ---- events ---- */

static struct event_row *new_event(struct session_events *events, int64_t wall_ns)
{
    if (!events->events)
        events->events = memory_new(EVENTS_MAX * sizeof *events->events);
    if (events->event_count == EVENTS_MAX) {
        events->event_count--;
        memmove(events->events + EVENTS_KEPT, events->events + EVENTS_KEPT + 1,
                (events->event_count - EVENTS_KEPT) * sizeof *events->events);
    }
    struct event_row *row = &events->events[events->event_count++];
    *row = (struct event_row){.wall_ns = wall_ns};
    return row;
}

static const char *member(const json_t *tree, const char *name)
{
    const char *text = json_string_value(json_object_get(tree, name));
    return text ? text : "";
}

/* A peer is named with an article, we are not. */
static const char *closer(const json_t *tree)
{
    const char *by = member(tree, "by");
    return strcmp(by, "miner") == 0 ? "the miner" : strcmp(by, "pool") == 0 ? "the pool" : by;
}

/* As people write it, 0.00005 and not 5e-05, to ten digits. */
static void tell_difficulty(char out[EVENT_TEXT], double difficulty)
{
    char digits[64];
    if (difficulty >= 1e10 && difficulty < 1e20)
        (void)snprintf(digits, sizeof digits, "%.0f", difficulty);
    else if (difficulty >= 1e-30 && difficulty < 1) {
        int places = 9 - (int)floor(log10(difficulty));
        int len = snprintf(digits, sizeof digits, "%.*f", places, difficulty);
        while (len > 1 && digits[len - 1] == '0')
            len--;
        digits[len] = '\0';
    } else
        (void)snprintf(digits, sizeof digits, "%.10g", difficulty);
    (void)snprintf(out, EVENT_TEXT, "the pool set it to %s", digits);
}

static void add_event(struct session_events *events, const struct segment_line *line)
{
    if (span_equal_text(line->event, "state"))
        return;
    json_t *tree = stratum_strict_load(line->text);
    struct event_row *row = new_event(events, line->wall_ns);
    char *text = row->text;
    (void)snprintf(row->name, sizeof row->name, "%.*s", (int)line->event.len, line->event.data);
    if (strcmp(row->name, "opened") == 0)
        (void)snprintf(text, EVENT_TEXT, "%s connected to %s, route %s", member(tree, "miner"),
                       member(tree, "listen"), member(tree, "route"));
    else if (strcmp(row->name, "pool_connected") == 0)
        (void)snprintf(text, EVENT_TEXT, "%s answered at %s", member(tree, "pool"),
                       member(tree, "address"));
    else if (strcmp(row->name, "closed") == 0)
        (void)snprintf(text, EVENT_TEXT, "by %s: %s", closer(tree), member(tree, "reason"));
    else
        (void)snprintf(text, EVENT_TEXT, "%s", member(tree, "reason"));
    json_decref(tree);
}

static void add_notice(struct session_events *events, const struct segment_line *line,
                       const struct session_step *step, const struct session_view *view)
{
    struct event_row *row;
    if (step->new_difficulty) {
        row = new_event(events, line->wall_ns);
        (void)snprintf(row->name, sizeof row->name, "difficulty");
        tell_difficulty(row->text, view->difficulty);
    } else if (step->scan.method == STRATUM_CLIENT_RECONNECT) {
        row = new_event(events, line->wall_ns);
        (void)snprintf(row->name, sizeof row->name, "reconnect");
        (void)snprintf(row->text, EVENT_TEXT, "the pool asks the miner to connect anew");
    }
}

void session_events_add(struct session_events *events, const struct segment_line *line,
                        const struct session_step *step, const struct session_view *view)
{
    if (!line->is_message)
        add_event(events, line);
    else if (line->direction == DIRECTION_POOL_TO_MINER && step->bytes.len > 0) {
        if (step->scan.method == STRATUM_MINING_NOTIFY)
            add_job(events, line, step, view);
        else
            add_notice(events, line, step, view);
    }
}

/* ---- writing ---- */

static void out_hex32(struct buffer *out, const char *name, bool known, uint32_t value)
{
    char text[9];
    (void)snprintf(text, sizeof text, "%08x", value);
    out_text(out, name, known ? span_text(text) : span_text(""));
}

static void write_job(const struct job_row *row, struct buffer *out)
{
    bool known = row->previous[0] != '\0';
    out_comma(out);
    buffer_append_char(out, '{');
    out_string(out, "job_id", span_text(row->id));
    out_time(out, "received", row->wall_ns);
    out_bool(out, "clean", row->clean);
    out_number(out, "height", (double)row->height, 15);
    out_number(out, "difficulty", row->difficulty > 0 ? row->difficulty : -1, 15);
    out_text(out, "previous", span_text(row->previous));
    out_hex32(out, "ntime", known, row->ntime);
    out_hex32(out, "nbits", known, row->nbits);
    buffer_append_char(out, '}');
}

void session_events_write(const struct session_events *events, struct buffer *out)
{
    size_t held = events->job_count < EVENTS_JOBS ? events->job_count : EVENTS_JOBS;
    out_name(out, "jobs");
    buffer_append_char(out, '[');
    for (size_t i = 1; i <= held; i++)
        write_job(&events->jobs[(events->job_count - i) % EVENTS_JOBS], out);
    buffer_append_char(out, ']');
    out_name(out, "events");
    buffer_append_char(out, '[');
    for (size_t i = 0; i < events->event_count; i++) {
        const struct event_row *row = &events->events[i];
        out_comma(out);
        buffer_append_char(out, '{');
        out_time(out, "ts", row->wall_ns);
        out_string(out, "event", span_text(row->name));
        out_string(out, "text", span_text(row->text));
        buffer_append_char(out, '}');
    }
    buffer_append_char(out, ']');
}
