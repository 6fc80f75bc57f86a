/*
 * writer_private.h - what writer.c (numbers, sessions, the writer), conversation.c (connections
 * without comments), commented.c (with) and dispatch.c (which of the two) share.
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_WRITER_PRIVATE_H
#define HASHSCOPE_EXPORTER_IMPORT_WRITER_PRIVATE_H

#include "exporter/import/comment.h"
#include "exporter/import/writer.h"
#include "lib/record/piece.h"

#define SESSION_BUCKETS 16384u /* of sessions with comments */

enum { UP = 0, DOWN = 1 }; /* miner → pool, pool → miner */

struct import_session {
    LIST_ENTRY(import_session) link; /* of those with comments: in its bucket; else of the list */
    struct session_info info;
    struct stratum_framer framers[2];
    struct stratum_pairs pairs;
    uint64_t recorded[2];   /* offset of the next byte: recorded, or missing */
    struct buffer early[2]; /* of comments: pieces of a line that may yet be whole */
    uint64_t last_seq;      /* of comments: the message that was taken last */
    bool begun;             /* its opened line was written, or it began midway and a line was */
    bool connected;
    bool ended[2]; /* FIN of the miner, of the pool */
    unsigned first_ended;
    bool commented;
    unsigned told; /* bit set of 1 << enum import_note: events that were written */
};
LIST_HEAD(import_sessions, import_session);

/* An event whose number is above that of the message being read. */
struct import_pending {
    TAILQ_ENTRY(import_pending) link;
    struct import_comment comment;
    int64_t wall_ns;
};
TAILQ_HEAD(import_pendings, import_pending);

struct import_writer {
    struct series_writer *series;
    const struct import_detect *detect;
    struct stratum_limits limits;
    size_t budget_left;
    int64_t pair_timeout_ns;
    int64_t mono_ns; /* the latest time of any record: durations are never negative */
    uint64_t last_seq, sessions_seen;
    bool renumber; /* numbers of comments are no longer kept */
    struct import_sessions open;
    struct import_sessions *buckets; /* of sessions with comments */
    uint32_t session_count;
    struct import_pendings pending;
    uint32_t pending_count;
    enum status status; /* of a framer's callback that failed */
    struct error why;
    struct import_writer_counts counts;
};

/* The record of a session begins: times, offsets. */
struct record import_record(struct import_writer *writer, const struct import_session *session,
                            enum record_type type, int64_t wall_ns);
/* The number that a line gets which had `seq` (0: none) before; it counts as given. */
uint64_t import_number(struct import_writer *writer, uint64_t seq);
/* Writes the record; its number must have been given. */
enum status import_write(struct import_writer *writer, struct import_session *session,
                         const struct record *record, struct error *err) MUST_CHECK;
/* Writes an event of the session with its info. */
enum status import_write_event(struct import_writer *writer, struct import_session *session,
                               enum record_type type, uint64_t seq, int64_t wall_ns,
                               struct error *err) MUST_CHECK;

struct import_session *import_session_new(struct import_writer *writer);
/* Takes it off its list and frees it. */
void import_session_free(struct import_writer *writer, struct import_session *session);
/* Pieces that came early are kept until the line that they belong to: the piece has what its
 * packets add to it, and gets the whole. Where they are not there, as in a part of a capture, it
 * stays a piece. */
void import_take_whole(struct import_session *session, const struct import_comment *comment,
                       struct stratum_piece *piece);
static inline unsigned import_side_of(enum direction direction)
{
    return direction == DIRECTION_MINER_TO_POOL || direction == DIRECTION_HASHSCOPE_TO_POOL ? UP
                                                                                            : DOWN;
}

/* ---- conversation.c ---- */

/* `miner`: which end is the miner's. */
enum status import_conversation_event(struct import_writer *writer, struct import_flow *flow,
                                      unsigned miner, const struct import_event *event,
                                      struct error *err) MUST_CHECK;
/* Bytes of a direction that nothing is known of. */
enum status import_conversation_push(struct import_writer *writer, struct import_session *session,
                                     unsigned side, struct span data, uint64_t lost,
                                     int64_t wall_ns, struct error *err) MUST_CHECK;
/* What is left of a line begun. */
enum status import_conversation_finish(struct import_writer *writer, struct import_session *session,
                                       unsigned side, int64_t wall_ns,
                                       struct error *err) MUST_CHECK;
/* Bytes of a direction are missing: the line begun ends, the offset advances. */
enum status import_conversation_lose(struct import_writer *writer, struct import_session *session,
                                     unsigned side, uint64_t lost, int64_t wall_ns,
                                     struct error *err) MUST_CHECK;

/* ---- commented.c ---- */

enum status import_commented_event(struct import_writer *writer, struct import_flow *flow,
                                   const struct import_event *event, struct error *err) MUST_CHECK;
/* Events that come first. */
enum status import_commented_begin(struct import_writer *writer, const struct import_early *early,
                                   size_t count, struct error *err) MUST_CHECK;
enum status import_commented_end(struct import_writer *writer, struct error *err) MUST_CHECK;

#endif
