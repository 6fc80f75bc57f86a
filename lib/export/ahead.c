/*
 * ahead.c - see ahead.h. How it can fail: the query does.
 */
#include "lib/export/ahead.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

#define QUEUE_MAX   16384
#define RESOLVE_MAX (180 * NS_PER_S) /* of the recording: a connect may take so long */

enum status export_ahead_open(struct export_ahead *ahead, const struct query_options *options,
                              struct export_sessions *sessions, struct error *err)
{
    *ahead = (struct export_ahead){.sessions = sessions};
    return query_open(&ahead->query, options, err);
}

void export_ahead_close(struct export_ahead *ahead)
{
    while (ahead->count > 0)
        export_ahead_drop(ahead);
    free(ahead->queue);
    query_close(ahead->query);
    *ahead = (struct export_ahead){.query = NULL};
}

void export_ahead_drop(struct export_ahead *ahead)
{
    span_free(&ahead->queue[ahead->first].line);
    ahead->first = (ahead->first + 1) % ahead->room;
    ahead->count--;
}

static void grow(struct export_ahead *ahead)
{
    size_t room = ahead->room ? 2 * ahead->room : 64;
    struct export_event *queue = memory_new(room * sizeof *queue);
    for (size_t i = 0; i < ahead->count; i++)
        queue[i] = ahead->queue[(ahead->first + i) % ahead->room];
    free(ahead->queue);
    ahead->queue = queue;
    ahead->room = room;
    ahead->first = 0;
}

static void push(struct export_ahead *ahead, const struct segment_line *line)
{
    if (ahead->count == ahead->room)
        grow(ahead);
    ahead->queue[(ahead->first + ahead->count++) % ahead->room] = (struct export_event){
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
static void look(struct export_ahead *ahead, const struct segment_line *line)
{
    struct export_session *session;
    if (line->session.len == 0)
        return;
    session = export_sessions_get(ahead->sessions, line->session);
    if (session == NULL)
        return;
    if (span_equal_text(line->event, "pool_connected"))
        export_session_learn(session, line->text, line->event);
    if (says_pool(line))
        session->resolved = true;
}

static enum status read_one(struct export_ahead *ahead, int64_t *ns, struct error *err)
{
    struct query_row row;
    enum status status = query_next(ahead->query, &row, err);
    if (status != STATUS_OK)
        return status;
    ahead->read_seq = row.line.seq;
    *ns = row.line.wall_ns;
    look(ahead, &row.line);
    push(ahead, &row.line);
    return STATUS_OK;
}

enum status export_ahead_next(struct export_ahead *ahead, uint64_t seq, struct export_event *out,
                              struct error *err)
{
    enum status status = STATUS_OK;
    int64_t ns;
    if (ahead->count == 0 && ahead->read_seq <= seq)
        status = read_one(ahead, &ns, err);
    if (status != STATUS_OK || ahead->count == 0)
        return status == STATUS_OK ? STATUS_END : status;
    *out = ahead->queue[ahead->first];
    return out->seq < seq || (out->seq == seq && !out->numbered) ? STATUS_OK : STATUS_END;
}

enum status export_ahead_fill(struct export_ahead *ahead, struct error *err)
{
    enum status status = STATUS_OK;
    int64_t ns;
    while (status == STATUS_OK && ahead->count < QUEUE_MAX)
        status = read_one(ahead, &ns, err);
    return status == STATUS_END ? STATUS_OK : status;
}

enum status export_ahead_resolve(struct export_ahead *ahead, const struct export_session *session,
                                 int64_t from_ns, struct error *err)
{
    enum status status = STATUS_OK;
    int64_t ns = from_ns;
    while (status == STATUS_OK && !session->resolved && ahead->count < QUEUE_MAX &&
           clock_between(from_ns, ns) < RESOLVE_MAX)
        status = read_one(ahead, &ns, err);
    return status == STATUS_END ? STATUS_OK : status;
}
