/*
 * events.c - see events.h. How it can fail: the query does.
 */
#include "lib/export/events.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

#define QUEUE_MAX   16384
#define RESOLVE_MAX (180 * NS_PER_S) /* of the recording: a connect may take so long */

enum status export_events_open(struct export_events *events, const struct query_options *options,
                               struct export_sessions *sessions, struct error *err)
{
    *events = (struct export_events){.sessions = sessions};
    return query_open(&events->query, options, err);
}

void export_events_close(struct export_events *events)
{
    while (events->count > 0)
        export_events_drop(events);
    free(events->queue);
    query_close(events->query);
    *events = (struct export_events){.query = NULL};
}

void export_events_drop(struct export_events *events)
{
    span_free(&events->queue[events->first].line);
    events->first = (events->first + 1) % events->room;
    events->count--;
}

static void grow(struct export_events *events)
{
    size_t room = events->room ? 2 * events->room : 64;
    struct export_event *queue = memory_new(room * sizeof *queue);
    for (size_t i = 0; i < events->count; i++)
        queue[i] = events->queue[(events->first + i) % events->room];
    free(events->queue);
    events->queue = queue;
    events->room = room;
    events->first = 0;
}

static void push(struct export_events *events, const struct segment_line *line)
{
    if (events->count == events->room)
        grow(events);
    events->queue[(events->first + events->count++) % events->room] = (struct export_event){
        .seq = line->seq, .numbered = line->numbered, .line = span_copy(line->text)};
}

/* After this line nothing new will be heard of the session's pool. */
static bool says_pool(const struct segment_line *line)
{
    static const char key[] = ",\"address\":";
    return span_equal_text(line->event, "pool_connected") ||
           span_equal_text(line->event, "closed") ||
           (span_equal_text(line->event, "state") &&
            memmem(line->text.data, line->text.len, key, sizeof key - 1) != NULL);
}

/* What is needed before the event's turn. */
static void look(struct export_events *events, const struct segment_line *line)
{
    struct export_session *session;
    if (line->session.len == 0)
        return;
    session = export_sessions_get(events->sessions, line->session);
    if (session == NULL)
        return;
    if (span_equal_text(line->event, "pool_connected"))
        export_session_learn(session, line->text, line->event);
    if (says_pool(line))
        session->resolved = true;
}

static enum status read_one(struct export_events *events, int64_t *ns, struct error *err)
{
    struct query_row row;
    enum status status = query_next(events->query, &row, err);
    if (status != STATUS_OK)
        return status;
    events->read_seq = row.line.seq;
    *ns = row.line.wall_ns;
    look(events, &row.line);
    push(events, &row.line);
    return STATUS_OK;
}

enum status export_events_next(struct export_events *events, uint64_t seq, struct export_event *out,
                               struct error *err)
{
    enum status status = STATUS_OK;
    int64_t ns;
    if (events->count == 0 && events->read_seq <= seq)
        status = read_one(events, &ns, err);
    if (status != STATUS_OK || events->count == 0)
        return status == STATUS_OK ? STATUS_END : status;
    *out = events->queue[events->first];
    return out->seq < seq || (out->seq == seq && !out->numbered) ? STATUS_OK : STATUS_END;
}

enum status export_events_fill(struct export_events *events, struct error *err)
{
    enum status status = STATUS_OK;
    int64_t ns;
    while (status == STATUS_OK && events->count < QUEUE_MAX)
        status = read_one(events, &ns, err);
    return status == STATUS_END ? STATUS_OK : status;
}

enum status export_events_resolve(struct export_events *events,
                                  const struct export_session *session, int64_t from_ns,
                                  struct error *err)
{
    enum status status = STATUS_OK;
    int64_t ns = from_ns;
    while (status == STATUS_OK && !session->resolved && events->count < QUEUE_MAX &&
           clock_between(from_ns, ns) < RESOLVE_MAX)
        status = read_one(events, &ns, err);
    return status == STATUS_END ? STATUS_OK : status;
}
