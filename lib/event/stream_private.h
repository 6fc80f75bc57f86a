/*
 * stream_private.h - what the files of a stream share. Not for users. Calls go down, never back up:
 *
 *   loop.c          waits, and calls those that have something to do
 *   stream.c        the life of a stream: open, finish, close
 *   receive.c       reads from the kernel
 *   tls_read.c      TLS: the handshake, what has come
 *   report.c        tells the user of errors and ends
 *   forward.c       all that is written
 *   tls_write.c     TLS: what goes out
 *   queue.c         to the kernel, or a queue
 *   visit.h         how much is read in one go
 *   tls_session.c   TLS: what is known
 *   loop_members.c  the loop's set of streams, and those that are due
 *
 *   stream_write ─▶ (tls_session_write) ─▶ queue_send ─▶ kernel, or the queue
 *   kernel ─▶ receive.c ─▶ (tls_session_receive) ─▶ on_data ─▶ stream_forward ─▶ stream_write
 */
#ifndef HASHSCOPE_EVENT_STREAM_PRIVATE_H
#define HASHSCOPE_EVENT_STREAM_PRIVATE_H

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/event/connect.h" /* addresses */
#include "lib/event/stream.h"

/* Behind the read buffer: what one TLS record may hold (RFC 8446, section 5.1). */
#define STREAM_TLS_ROOM 16384

/* recv(2) and send(2) on a socket that never blocks. Not glibc's: those are cancellation points,
 * which in a program with threads cost a relay 2 % of a message. */
static inline ssize_t socket_receive(int fd, void *buffer, size_t size, int flags)
{
    return syscall(SYS_recvfrom, fd, buffer, size, flags, NULL, NULL);
}

/* Takes bytes from a TCP socket without copying them, see tcp(7). */
static inline ssize_t socket_discard(int fd, size_t len)
{
    return syscall(SYS_recvfrom, fd, NULL, len, MSG_TRUNC, NULL, NULL);
}

static inline ssize_t socket_send(int fd, const void *data, size_t len)
{
    return syscall(SYS_sendto, fd, data, len, MSG_NOSIGNAL, NULL, 0);
}

/* ---- loop_members.c ---- */

/* Into the loop's epoll set, and out of it before the descriptor is closed. 0 or an errno. */
int loop_watch(struct stream *stream);
void loop_forget(struct stream *stream);
/* stream_turn is called from the loop, in the next turn at the latest. */
void loop_due(struct stream *stream);
/* stream_fail from inside a user's call: marks the stream failed, on_error comes from the loop. */
void stream_fail_later(struct stream *stream, int code);

/* What waits is sent before anything else happens to a stream. */
static inline void loop_settle(struct stream_loop *loop)
{
    if (loop->forward_count > 0)
        stream_loop_flush(loop);
}

/* ---- stream.c ---- */

/* The kernel says so; bits of epoll. Only from the loop. */
void stream_events(struct stream *stream, uint32_t events);
/* Does what is due. Only from the loop. */
void stream_turn(struct stream *stream);

/* ---- report.c ---- */

/* Reports on_error now, once; only from the loop. */
void stream_fail(struct stream *stream, int code);
/* Reports on_end, once; only from the loop. */
void stream_end(struct stream *stream);
/* An error behind the peer's FIN. Only from the loop. */
void stream_fail_if_broken(struct stream *stream);
/* The queue is empty now: sends the FIN that is due and tells the user. Only from the loop. */
void stream_drained(struct stream *stream);

/* ---- receive.c ---- */

/* Reads what has come, or lets the stream wait for its turn. Only from the loop. */
void receive(struct stream *stream);
/* Those that wait, as far as this turn goes. Sets `held` when the user does not admit the next. */
void receive_waiting(struct stream_loop *loop);
/* A write failed: first gives the user what the peer has sent, then stream_fail. From the loop. */
void stream_fail_writing(struct stream *stream, int code);

/* ---- queue.c ---- */

/* Gives the bytes to the kernel and what it does not take to the queue; returns what it took. */
size_t queue_send(struct stream *stream, const char *data, size_t len);
/* There is room again: sends what waits. 0, or a UV_E… code: then the queue is gone. */
int queue_resume(struct stream *stream);
size_t queue_bytes(const struct stream *stream);
void queue_free(struct stream *stream);
/* Sets `queued` to what is exactly so. */
void stream_count_queued(struct stream *stream);
/* FIN, at once or when the queue is empty. */
void stream_finish(struct stream *stream);

/* ---- tls_read.c; from here to listen.c all need stream->tls ---- */

/* Gives the user what has come, until his visit is over; the rest is held. */
void tls_session_receive(struct stream *stream, const char *data, size_t len);
void tls_session_receive_end(struct stream *stream); /* a FIN came */
void tls_session_read_stop(struct stream *stream);

/* ---- tls_write.c ---- */

size_t tls_session_write(struct stream *stream, const char *data, size_t len);
void tls_session_shutdown(struct stream *stream);

/* ---- tls_session.c ---- */

bool tls_session_holds(const struct stream *stream);
size_t tls_session_unsent(const struct stream *stream); /* written before the handshake was done */
void tls_session_free(struct stream *stream);
const char *tls_session_error(const struct stream *stream); /* NULL: none */

/* ---- listen.c ---- */

/* The connection waiting in the listener (the caller's from now on), or -1. */
int listener_take(struct listener *listener);

#endif
