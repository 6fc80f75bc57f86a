/*
 * visit.h - how much of a stream is read in one go: its visit, a portion of a turn of the loop.
 *
 * Private to this room. Threads: the loop's own. Work is counted in bytes (fair.h).
 */
#ifndef HASHSCOPE_EVENT_VISIT_H
#define HASHSCOPE_EVENT_VISIT_H

#include "lib/event/stream_private.h"

#define VISIT_TURN_WORK (1u << 20) /* one to two milliseconds */
#define VISIT_CROWD     64u        /* when so many wait nobody's lines are taken unseen */
#define VISIT_MOST      STREAM_READ_SIZE
#define VISIT_MIN       (8u << 10)

/* Of a turn, for each of those that wait. */
static inline size_t visit_portion(const struct stream_loop *loop)
{
    size_t work = VISIT_TURN_WORK / (loop->fair.count + 1);
    return work > VISIT_MOST ? VISIT_MOST : work < VISIT_MIN ? VISIT_MIN : work;
}

static inline bool visit_is_by_lines(const struct stream *stream)
{
    return stream->loop->lines_a_read > 0 && !stream->is_local;
}

/* It is to be looked at only, and of what is there only some lines to be taken. */
static inline bool visit_looks(const struct stream *stream)
{
    return visit_is_by_lines(stream) && (stream->much || stream->loop->fair.count >= VISIT_CROWD);
}

static inline bool visit_has_more(const struct stream *stream)
{
    return stream->receiving &&
           (stream->readable || (stream->tls != NULL && tls_session_holds(stream)));
}

/* This stream has had enough for now. */
static inline bool visit_is_over(const struct stream *stream)
{
    return stream->fair.used >= stream->loop->visit_ends;
}

/* Of these bytes, those of the lines to be taken. */
size_t visit_lines(const struct stream *stream, const char *data, size_t len);

/* Starts and stops reading from the kernel, whatever the user's wish is. */
void stream_receive_start(struct stream *stream);
void stream_receive_stop(struct stream *stream);

#endif
