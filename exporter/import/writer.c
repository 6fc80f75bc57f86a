/*
 * writer.c - what both kinds of connection have in common: numbers that only grow, records
 * with their times and offsets, the end.
 */
#include "exporter/import/writer.h"

#include <stdlib.h>
#include <string.h>

#include "exporter/import/writer_private.h"
#include "lib/base/memory.h"
#include "lib/ring/ring.h"

struct import_scribe *import_scribe_new(struct series_writer *writer,
                                        const struct import_detect *detect, int64_t pair_timeout_ns)
{
    struct import_scribe *scribe = memory_new(sizeof *scribe);
    scribe->writer = writer;
    scribe->detect = detect;
    scribe->pair_timeout_ns = pair_timeout_ns;
    scribe->budget_left = IMPORT_LINE_BYTES;
    scribe->limits = (struct stratum_limits){
        .line_max = RECORD_LINE_MAX,
        .fragment_max = RECORD_FRAGMENT_MAX,
        .budget_left = &scribe->budget_left,
    };
    scribe->buckets = memory_new(SESSION_BUCKETS * sizeof *scribe->buckets);
    LIST_INIT(&scribe->open);
    TAILQ_INIT(&scribe->pending);
    return scribe;
}

const struct import_scribe_counts *import_scribe_counts(const struct import_scribe *scribe)
{
    return &scribe->counts;
}

/* ------------------------------------------------------------------ records */

struct record import_record(struct import_scribe *scribe, const struct import_session *session,
                            enum record_type type, int64_t wall_ns)
{
    if (wall_ns > scribe->mono_ns)
        scribe->mono_ns = wall_ns;
    return (struct record){
        .type = type,
        .wall_ns = wall_ns,
        .mono_ns = scribe->mono_ns,
        .session = session->info.session,
        .slot = RING_NO_SLOT,
        .offset_up = session->recorded[UP],
        .offset_down = session->recorded[DOWN],
    };
}

uint64_t import_number(struct import_scribe *scribe, uint64_t seq)
{
    if (seq && seq <= scribe->last_seq)
        scribe->renumber = true;
    if (!seq || scribe->renumber)
        seq = scribe->last_seq + 1;
    scribe->last_seq = seq;
    return seq;
}

enum status import_write(struct import_scribe *scribe, struct import_session *session,
                         const struct record *record, struct error *err)
{
    struct import_scribe_counts *counts = &scribe->counts;
    if (record->type == RECORD_MESSAGE) {
        counts->messages++;
        counts->invalid += record->fault != STRATUM_FAULT_NONE;
    } else {
        counts->events++;
    }
    if (session && !session->begun) {
        session->begun = true;
        counts->sessions++;
        counts->midway += record->type != RECORD_OPENED;
    }
    return series_writer_put(scribe->writer, record, session ? &session->info : NULL, err);
}

enum status import_write_event(struct import_scribe *scribe, struct import_session *session,
                               enum record_type type, uint64_t seq, int64_t wall_ns,
                               struct error *err)
{
    struct record record = import_record(scribe, session, type, wall_ns);
    record.seq = import_number(scribe, seq);
    record.payload = span_make((const char *)&session->info, sizeof session->info);
    return import_write(scribe, session, &record, err);
}

/* ------------------------------------------------------------------ sessions */

struct import_session *import_session_new(struct import_scribe *scribe)
{
    struct import_session *session = memory_new(sizeof *session);
    LIST_INSERT_HEAD(&scribe->open, session, link);
    session->info.state = SESSION_CONNECTING;
    return session;
}

void import_session_free(struct import_scribe *scribe, struct import_session *session)
{
    LIST_REMOVE(session, link);
    scribe->session_count -= session->commented;
    stratum_framer_close(&session->framers[UP], &scribe->limits);
    stratum_framer_close(&session->framers[DOWN], &scribe->limits);
    stratum_pairs_close(&session->pairs);
    for (size_t i = 0; i < 2; i++)
        buffer_close(&session->early[i]);
    free(session);
}

void import_take_whole(struct import_session *session, const struct import_comment *comment,
                       struct stratum_piece *piece)
{
    struct buffer *early = &session->early[import_side_of(comment->direction)];
    if (comment->direction == DIRECTION_HASHSCOPE_TO_POOL)
        return;
    piece->flushed = comment->early;
    if (!comment->early && !comment->before) {
        buffer_close(early);
        return;
    }
    if (early->len + piece->len > STRATUM_KEPT_MAX)
        buffer_clear(early);
    if (piece->len <= STRATUM_KEPT_MAX)
        buffer_append(early, piece->data, piece->len);
    if (!comment->before)
        return;
    if (early->len == comment->before + piece->len)
        piece->whole = span_make(early->data, early->len);
    piece->is_fragment = piece->last_fragment = true;
}

/* ------------------------------------------------------------------ the end */

static void free_sessions(struct import_scribe *scribe, struct import_sessions *list)
{
    struct import_session *session = LIST_FIRST(list), *next;
    for (; session; session = next) {
        next = LIST_NEXT(session, link);
        import_session_free(scribe, session);
    }
}

void import_scribe_free(struct import_scribe *scribe)
{
    struct import_pending *pending, *next;
    if (!scribe)
        return;
    free_sessions(scribe, &scribe->open);
    for (uint32_t i = 0; i < SESSION_BUCKETS; i++)
        free_sessions(scribe, &scribe->buckets[i]);
    for (pending = TAILQ_FIRST(&scribe->pending); pending; pending = next) {
        next = TAILQ_NEXT(pending, link);
        free(pending);
    }
    free(scribe->buckets);
    free(scribe);
}
