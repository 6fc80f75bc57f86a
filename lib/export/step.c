/*
 * step.c - rows, some hundred at a time. See export.c for the order of messages and events.
 */
#include <string.h>

#include "lib/export/export_private.h"

#define ROWS_A_STEP 512
#define POOL_WAIT   NS_PER_S /* following: so long a handshake waits for its pool's address */

static void note_progress(struct export *job, uint64_t seq)
{
    uint64_t first = job->first_seq, last = job->last_seq;
    if (job->options.follow || last <= first || seq < first)
        return;
    job->progress.permille = (int)((double)(seq - first) * 1000 / (double)(last - first));
}

static enum status take_row(struct export *job, struct error *err)
{
    enum status status = STATUS_OK;
    while (!job->has_row && status == STATUS_OK) {
        status = query_next(job->query, &job->row, err);
        job->has_row =
            status == STATUS_OK && (job->options.wants == NULL || !job->row.line.is_message ||
                                    job->options.wants(job->options.user, &job->row));
    }
    return status;
}

/* ------------------------------------------------------------------ events in their turn */

static bool begins_here(const struct export *job, const struct segment_line *line)
{
    return job->options.sides == EXPORT_SIDES_POOL && !job->filters_messages &&
           span_equal_text(line->event, "opened") && export_in_range(job, line);
}

/* Following: whether its handshake should wait for the pool a little longer. */
static bool waits(struct export *job, const struct export_session *session)
{
    int64_t now;
    if (!job->options.follow || session == NULL || session->resolved)
        return false;
    now = clock_mono_ns();
    if (job->waiting_since_ns == 0)
        job->waiting_since_ns = now;
    return now - job->waiting_since_ns < POOL_WAIT;
}

/* Before its handshake. STATUS_END: not yet. */
static enum status resolve(struct export *job, const struct segment_line *line, struct error *err)
{
    struct export_session *session = export_sessions_find(&job->sessions, line->session);
    if (session == NULL || session->begun[0] || session->resolved)
        return STATUS_OK;
    enum status status = export_events_resolve(&job->events, session, line->wall_ns, err);
    if (status != STATUS_OK)
        return status;
    if (waits(job, session))
        return STATUS_END;
    job->waiting_since_ns = 0;
    session->resolved = true; /* asked once */
    return STATUS_OK;
}

/* STATUS_END: not yet. */
static enum status take_event(struct export *job, const struct export_event *event,
                              struct error *err)
{
    struct segment_line line;
    enum status status;
    if (segment_line_parse(&line, event->line.data, event->line.len) != STATUS_OK)
        return STATUS_OK;
    status = begins_here(job, &line) ? resolve(job, &line, err) : STATUS_OK;
    if (status == STATUS_OK)
        export_packets_event(job, &line);
    return status;
}

/* All events in front of the line `seq`. STATUS_END: not yet. */
static enum status take_events(struct export *job, uint64_t seq, struct error *err)
{
    struct export_event event;
    enum status status;
    while ((status = export_events_next(&job->events, seq, &event, err)) == STATUS_OK) {
        status = take_event(job, &event, err);
        if (status != STATUS_OK)
            return status;
        export_events_drop(&job->events);
        status = export_output_advance(job, err);
        if (status != STATUS_OK)
            return status;
    }
    return status == STATUS_END ? STATUS_OK : status;
}

/* ------------------------------------------------------------------ steps */

static void note_missed(struct export *job)
{
    uint64_t missed = job->row.missed;
    job->progress.missed += missed;
    for (size_t i = 0; i < 2; i++) {
        job->interfaces[i].dropped += missed;
        job->interfaces[i].dropping += missed;
    }
    job->row.missed = 0;
}

/* The messages have come to an end. STATUS_END. */
static enum status rest_of_events(struct export *job, struct error *err)
{
    uint64_t bound = job->options.follow ? job->settled : job->last_seq;
    enum status status = bound > 0 ? take_events(job, bound + 1, err) : STATUS_OK;
    return status == STATUS_OK ? STATUS_END : status;
}

static enum status step_message(struct export *job, struct error *err)
{
    enum status status = take_row(job, err);
    if (status == STATUS_END)
        return rest_of_events(job, err);
    if (status != STATUS_OK)
        return status;
    note_missed(job);
    status = take_events(job, job->row.line.seq, err);
    if (status == STATUS_OK && job->options.sides == EXPORT_SIDES_POOL)
        status = resolve(job, &job->row.line, err);
    if (status != STATUS_OK)
        return status;
    export_packets_message(job, &job->row.line);
    job->has_row = false;
    job->progress.rows++;
    note_progress(job, job->row.line.seq);
    return export_output_advance(job, err);
}

static enum status step_line(struct export *job, struct error *err)
{
    enum status status = take_row(job, err);
    if (status != STATUS_OK)
        return status;
    job->has_row = false;
    job->progress.rows++;
    note_progress(job, job->row.line.seq);
    return export_lines_row(job, &job->row, err);
}

/* Reads the events that there are by now. */
static enum status settle(struct export *job, struct error *err)
{
    enum status status = export_events_fill(&job->events, err);
    job->settled = job->events.read_seq;
    return status;
}

enum status export_step(struct export *job, struct error *err)
{
    bool packets = export_format_is_packets(job->options.format);
    enum status status = STATUS_OK, flushed;
    if (packets && job->options.follow && !job->has_row)
        status = settle(job, err);
    for (int i = 0; i < ROWS_A_STEP && status == STATUS_OK; i++)
        status = packets ? step_message(job, err) : step_line(job, err);
    if (status != STATUS_END)
        return status;
    flushed = packets ? export_output_flush(job, err) : export_lines_flush(job, false, err);
    return flushed == STATUS_OK ? STATUS_END : flushed;
}

enum status export_finish(struct export *job, struct error *err)
{
    if (!export_format_is_packets(job->options.format))
        return export_lines_flush(job, true, err);
    export_packets_tail(job);
    return export_output_flush(job, err);
}

struct export_progress export_progress(const struct export *job)
{
    return job->progress;
}
