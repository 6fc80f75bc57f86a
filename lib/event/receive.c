/*
 * receive.c - reading from streams, a little of each in turn.
 *
 *   event, or due ─▶ receive ─▶ a visit: read, on_data, read … ─▶ the socket is empty
 *                       │            ▲
 *                       ▼ not yet    │ those who have used least first
 *                     waiting ───────┘ receive_waiting, at the end of each turn
 *
 * Whoever has something is read at once, as long as nobody waits who has used less, the turn has
 * lasted no longer than VISIT_TURN_WORK and the user has no objection; else it waits. A visit ends
 * when it has had its portion of the turn. What a stream has used are the bytes read and what the
 * user adds with stream_charge (fair.h), so a flood of any kind takes its turn after everybody
 * else's, and the loop looks for news every millisecond.
 *
 * Reading is recv(2) into the buffer of the loop, until a read is not filled: then the socket is
 * empty, and the next byte brings a new event. Where that does not hold (an end or error has been
 * announced, urgent data splits reads, local sockets) it reads until nothing comes.
 *
 * Where the user wants only so many lines at once, a read is small (READ_FIRST): newlines alone
 * would be thousands of lines. Who fills it is read in large pieces from then on, but these are
 * only looked at, and what the lines leave stays with the kernel: it holds the bytes anyway. In a
 * VISIT_CROWD everybody is read so.
 *
 * How it can fail: the peer resets or vanishes. After a reset Linux still hands out what had
 * arrived before it; a miner wants to see why its pool threw it out. Those last words are read in
 * turns, too, and then on_error comes.
 */
#include <errno.h>
#include <string.h>

#include "lib/event/visit.h"

#define READ_WORK  2048u /* what a read costs beside its bytes */
#define READ_FIRST 4096u
#define READ_TLS   (STREAM_TLS_ROOM + 512u) /* a record: what does not fit a visit is copied */

/* STREAM_READ_SIZE bytes behind those that wait. */
static char *read_room(struct stream_loop *loop)
{
    if (loop->kept > STREAM_KEPT_MAX)
        stream_loop_flush(loop);
    return loop->read_buffer + loop->kept;
}

/* ---- a read ---- */

static void on_nothing(struct stream *stream, ssize_t count, int errnum)
{
    stream->readable = 0;
    if (stream->failed)
        stream_fail(stream, stream->error);
    else if (count < 0 && errnum != EAGAIN)
        stream_fail(stream, uv_translate_sys_error(errnum));
    else if (count == 0 && stream->tls != NULL)
        tls_session_receive_end(stream);
    else if (count == 0)
        stream_end(stream);
}

static size_t read_size(const struct stream *stream)
{
    if (!visit_is_by_lines(stream))
        return STREAM_READ_SIZE;
    if (stream->tls != NULL)
        return READ_TLS;
    return visit_looks(stream) ? visit_portion(stream->loop) : READ_FIRST;
}

static void read_socket(struct stream *stream)
{
    size_t size = read_size(stream);
    bool look = stream->tls == NULL && visit_looks(stream);
    char *buffer = read_room(stream->loop);
    ssize_t there = socket_receive(stream->fd, buffer, size, look ? MSG_PEEK : 0), count = there;
    if (look && there > 0)
        count = socket_discard(stream->fd, visit_lines(stream, buffer, (size_t)there));
    if (count <= 0) {
        if (count == 0 || errno != EINTR)
            on_nothing(stream, count, errno);
        return;
    }
    stream->much = (size_t)there == size && visit_is_by_lines(stream);
    if ((size_t)there < size && count == there && !stream->to_the_end)
        stream->readable = 0;
    stream_charge(stream, (size_t)count);
    if (stream->tls != NULL)
        tls_session_receive(stream, buffer, (size_t)count);
    else
        stream->callbacks->on_data(stream, buffer, (size_t)count);
}

/* ---- a visit ---- */

static bool is_admitted(const struct stream *stream)
{
    struct stream_loop *loop = stream->loop;
    if (loop->may_read == NULL ||
        loop->may_read(loop->user, stream, fair_is_light(&loop->fair, &stream->fair)))
        return true;
    loop->held = true;
    return false;
}

static bool may_go_on(const struct stream *stream)
{
    const struct stream_loop *loop = stream->loop;
    return stream->fair.used < loop->visit_ends && loop->spent < VISIT_TURN_WORK &&
           fair_is_next(&loop->fair, &stream->fair) && is_admitted(stream);
}

void receive(struct stream *stream)
{
    struct stream_loop *loop = stream->loop;
    if (stream->fair.place != 0 || !visit_has_more(stream))
        return;
    fair_begin(&loop->fair, &stream->fair);
    loop->visit_ends = stream->fair.used + (int64_t)visit_portion(loop);
    do {
        if (!may_go_on(stream)) {
            fair_wait(&loop->fair, &stream->fair);
            return;
        }
        fair_serve(&loop->fair, &stream->fair);
        loop->spent += READ_WORK;
        if (stream->tls != NULL && tls_session_holds(stream))
            tls_session_receive(stream, NULL, 0);
        else
            read_socket(stream);
    } while (visit_has_more(stream));
}

static struct stream *stream_of(struct fair_member *member)
{
    return (struct stream *)(void *)((char *)member - offsetof(struct stream, fair));
}

void receive_waiting(struct stream_loop *loop)
{
    struct fair_member *first;
    loop->held = false;
    while ((first = fair_first(&loop->fair)) != NULL && loop->spent < VISIT_TURN_WORK &&
           !loop->held) {
        fair_leave(&loop->fair, first);
        loop->now_ns = clock_mono_ns();
        receive(stream_of(first));
    }
}

static bool read_rest(struct stream *stream)
{
    char *buffer = read_room(stream->loop);
    if (stream->tls != NULL && tls_session_holds(stream)) {
        tls_session_receive(stream, NULL, 0);
        return true;
    }
    ssize_t count = socket_receive(stream->fd, buffer, READ_FIRST, 0);
    if (count <= 0)
        return false;
    stream_charge(stream, (size_t)count);
    if (stream->tls != NULL)
        tls_session_receive(stream, buffer, (size_t)count);
    else
        stream->callbacks->on_data(stream, buffer, (size_t)count);
    return true;
}

void stream_read_rest(struct stream *stream)
{
    struct stream_loop *loop = stream->loop;
    loop_settle(loop);
    fair_leave(&loop->fair, &stream->fair);
    loop->visit_ends = stream->fair.used + VISIT_MOST;
    while (stream->reading && stream->fd >= 0 && !stream->failed && !stream->ended &&
           !stream->closing && !visit_is_over(stream) && read_rest(stream))
        continue;
}

void stream_fail_writing(struct stream *stream, int code)
{
    if (!stream->failed)
        stream->error = code;
    stream->failed = 1;
    stream->readable = 1;
    stream->to_the_end = 1;
    if (stream->reading && !stream->ended && visit_has_more(stream))
        receive(stream);
    else
        stream_fail(stream, stream->error);
}
