/*
 * stream_private.h - what stream.c, queue.c and the TLS session tell each other. Not for users.
 *
 *   stream_write ─▶ (tls_session_write) ─▶ queue_send ─▶ kernel, or the queue
 *   kernel ─▶ stream.c ─▶ (tls_session_receive) ─▶ on_data
 */
#ifndef HASHSCOPE_EVENT_STREAM_PRIVATE_H
#define HASHSCOPE_EVENT_STREAM_PRIVATE_H

#include "lib/event/stream.h"

/* ---- stream.c ---- */

/* Reports on_error now, once; only from the loop. */
void stream_fail(struct stream *stream, int code);
/* The same from inside a user's call: marks the stream failed, on_error comes from the loop. */
void stream_fail_later(struct stream *stream, int code);
/* A write failed: first gives the user what the peer has sent, then stream_fail. From the loop. */
void stream_fail_writing(struct stream *stream, int code);
/* Reports on_end, once; only from the loop. */
void stream_end(struct stream *stream);
/* The queue is empty now: sends the FIN that is due and tells the user. Only from the loop. */
void stream_drained(struct stream *stream);
/* Starts and stops reading from the kernel, whatever the user's wish is. */
void stream_receive_start(struct stream *stream);
void stream_receive_stop(struct stream *stream);
/* Sets `queued` to what is exactly so. */
void stream_count_queued(struct stream *stream);
/* FIN, at once or when the queue is empty. */
void stream_finish(struct stream *stream);

/* ---- queue.c ---- */

/* Gives the bytes to the kernel and what it does not take to the queue; returns what it took. */
size_t queue_send(struct stream *stream, const char *data, size_t len);
size_t queue_bytes(const struct stream *stream);

/* ---- tls_session.c; all need stream->tls ---- */

void tls_session_receive(struct stream *stream, const char *data, size_t len);
void tls_session_receive_end(struct stream *stream); /* a FIN came */
void tls_session_read_start(struct stream *stream);
void tls_session_read_stop(struct stream *stream);
size_t tls_session_write(struct stream *stream, const char *data, size_t len);
void tls_session_shutdown(struct stream *stream);
size_t tls_session_unsent(const struct stream *stream); /* written before the handshake was done */
void tls_session_close(struct stream *stream);          /* no callback from now on */
void tls_session_free(struct stream *stream);           /* the stream's handle is closed */
const char *tls_session_error(const struct stream *stream); /* NULL: none */

/* ---- listen.c ---- */

/* The descriptor waiting in a `server` of listen.h (the caller's from now on), or -1. */
int listener_take(uv_stream_t *server);

#endif
