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

struct import_writer *import_writer_new(struct series_writer *series,
                                        const struct import_detect *detect, int64_t pair_timeout_ns)
{
    struct import_writer *writer = memory_new(sizeof *writer);
    writer->series = series;
    writer->detect = detect;
    writer->pair_timeout_ns = pair_timeout_ns;
    writer->budget_left = IMPORT_LINE_BYTES;
    writer->limits = (struct stratum_limits){
        .line_max = RECORD_LINE_MAX,
        .fragment_max = RECORD_FRAGMENT_MAX,
        .budget_left = &writer->budget_left,
    };
    writer->buckets = memory_new(SESSION_BUCKETS * sizeof *writer->buckets);
    LIST_INIT(&writer->open);
    TAILQ_INIT(&writer->pending);
    return writer;
}

const struct import_writer_counts *import_writer_counts(const struct import_writer *writer)
{
    return &writer->counts;
}

/* ------------------------------------------------------------------ records */

struct record import_record(struct import_writer *writer, const struct import_session *session,
                            enum record_type type, int64_t wall_ns)
{
    if (wall_ns > writer->mono_ns)
        writer->mono_ns = wall_ns;
    return (struct record){
        .type = type,
        .wall_ns = wall_ns,
        .mono_ns = writer->mono_ns,
        .session = session->info.session,
        .slot = RING_NO_SLOT,
        .offset_up = session->recorded[UP],
        .offset_down = session->recorded[DOWN],
    };
}

uint64_t import_number(struct import_writer *writer, uint64_t seq)
{
    if (seq && seq <= writer->last_seq)
        writer->renumber = true;
    if (!seq || writer->renumber)
        seq = writer->last_seq + 1;
    writer->last_seq = seq;
    return seq;
}

enum status import_write(struct import_writer *writer, struct import_session *session,
                         const struct record *record, struct error *err)
{
    struct import_writer_counts *counts = &writer->counts;
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
    return series_writer_put(writer->series, record, session ? &session->info : NULL, err);
}

enum status import_write_event(struct import_writer *writer, struct import_session *session,
                               enum record_type type, uint64_t seq, int64_t wall_ns,
                               struct error *err)
{
    struct record record = import_record(writer, session, type, wall_ns);
    record.seq = import_number(writer, seq);
    record.payload = span_make((const char *)&session->info, sizeof session->info);
    return import_write(writer, session, &record, err);
}

/* ------------------------------------------------------------------ sessions */

struct import_session *import_session_new(struct import_writer *writer)
{
    struct import_session *session = memory_new(sizeof *session);
    LIST_INSERT_HEAD(&writer->open, session, link);
    session->info.state = SESSION_CONNECTING;
    return session;
}

void import_session_free(struct import_writer *writer, struct import_session *session)
{
    LIST_REMOVE(session, link);
    writer->session_count -= session->commented;
    stratum_framer_close(&session->framers[UP], &writer->limits);
    stratum_framer_close(&session->framers[DOWN], &writer->limits);
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

static void free_sessions(struct import_writer *writer, struct import_sessions *list)
{
    struct import_session *session = LIST_FIRST(list), *next;
    for (; session; session = next) {
        next = LIST_NEXT(session, link);
        import_session_free(writer, session);
    }
}

void import_writer_free(struct import_writer *writer)
{
    struct import_pending *pending, *next;
    if (!writer)
        return;
    free_sessions(writer, &writer->open);
    for (uint32_t i = 0; i < SESSION_BUCKETS; i++)
        free_sessions(writer, &writer->buckets[i]);
    for (pending = TAILQ_FIRST(&writer->pending); pending; pending = next) {
        next = TAILQ_NEXT(pending, link);
        free(pending);
    }
    free(writer->buckets);
    free(writer);
}
