/*
 * stream.h - a TCP connection (or local socket) on a libuv loop, plain or TLS, with bounded queues.
 *
 * What it adds to uv_stream_t: writes that go out at once where the kernel takes them, and are
 * copied into a queue only for the rest; a count of what is queued, and a callback when it has
 * drained, so that the user can stop reading the other side (back-pressure is the user's: the queue
 * itself has no limit, it holds what it was given); TLS below the same five calls; a half-close
 * that goes out behind the queue; a close that is a FIN or an RST; asynchronous closing with one
 * last callback after which the memory is the user's again.
 *
 *   init ──▶ (accept | connected by connect.h) ──▶ open ──shutdown──▶ write side closed
 *      any of them ──close──▶ closing ──on_closed──▶ memory may go
 *
 * Reading: all plain streams of a loop share one read buffer (64 KiB), so an idle stream holds no
 * memory beyond its struct; the bytes given to on_data are valid only during the call.
 *
 * Callbacks run on the loop's thread, never from inside any function below: an error met while
 * writing is reported by on_error from the loop, after what the peer had sent before (its last
 * words) has been given to on_data if the stream is reading. on_end and on_error come at most once
 * each, nothing follows on_error. After stream_close no callback but on_closed.
 * Threads: the loop's own.
 */
#ifndef HASHSCOPE_EVENT_STREAM_H
#define HASHSCOPE_EVENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "lib/base/error.h"

struct stream;
struct tls_context;  /* tls.h */
struct tls_session;  /* private to tls_session.c */
struct stream_queue; /* private to queue.c */

struct stream_callbacks {
    void (*on_data)(struct stream *stream, const char *data, size_t len);
    void (*on_end)(struct stream *stream);             /* the peer sent FIN (or TLS close_notify;
                                                          with TLS a FIN without one counts too) */
    void (*on_error)(struct stream *stream, int code); /* a UV_E… code; close it. UV_EPROTO: TLS,
                                                          see stream_error_text */
    /* Once for each time bytes had to wait: the kernel has all of them now. May be NULL. */
    void (*on_drain)(struct stream *stream);
    void (*on_tls)(struct stream *stream); /* the TLS handshake is complete; may be NULL */
    void (*on_closed)(struct stream *stream);
};

/* One loop with what its streams share. Embed it; close it after all its streams are closed. */
struct stream_loop {
    uv_loop_t *uv;
    char *read_buffer; /* STREAM_READ_SIZE bytes, and behind them room for one TLS record */
};
#define STREAM_READ_SIZE 65536
/* Also makes the process ignore SIGPIPE, unless it has a handler: libuv writes with write(2). */
void stream_loop_init(struct stream_loop *loop, uv_loop_t *uv);
void stream_loop_close(struct stream_loop *loop);

struct stream {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct stream_loop *loop;
    const struct stream_callbacks *callbacks;
    struct tls_session *tls; /* NULL: plain */
    void *user;              /* the owner's; not touched */
    /* Bytes accepted by stream_write that the kernel has not taken yet; with TLS as encrypted.
     * Brought up to date by every call on the stream and before every callback of it; looked at
     * from elsewhere, up to 256 KiB now on their way may still be counted in full. Keeps its last
     * value after an error and after stream_close: what was lost. */
    size_t queued;

    /* Private from here. The struct stays below 340 bytes: a recorder holds two for each idle
     * session (uv_tcp_t alone has 248). Requests are allocated only while something is queued. */
    struct stream_queue *queue; /* NULL: nothing is waiting for the kernel */
    int error;                  /* the code on_error gets, once `failed` */
    unsigned reading : 1;       /* the user wants on_data */
    unsigned shut : 1;          /* stream_shutdown was called: nothing may be written any more */
    unsigned closing : 1;
    unsigned failed : 1;        /* an error was met … */
    unsigned reported : 1;      /* … and on_error was called */
    unsigned ended : 1;         /* on_end was called */
    unsigned want_shutdown : 1; /* a FIN is due when the queue is empty */
    unsigned is_pipe : 1;
};
_Static_assert(sizeof(struct stream) < 340, "idle sessions must stay cheap");

void stream_init_tcp(struct stream *stream, struct stream_loop *loop,
                     const struct stream_callbacks *callbacks, void *user);
void stream_init_pipe(struct stream *stream, struct stream_loop *loop,
                      const struct stream_callbacks *callbacks, void *user);

/* Takes the next connection of a listening handle (one of libuv's, or the `server` that listen.h
 * gives to on_connection); sets TCP_NODELAY and keepalive (TCP only). */
enum status stream_accept(struct stream *stream, uv_stream_t *listener) MUST_CHECK;

/* From now on everything is TLS, as server or as client; call before the first read or write of
 * payload. Bytes already received from the peer (a PROXY header's rest) may be given in `early`.
 * A client with verification checks `host` (DNS name or address) against the certificate. */
enum status stream_start_tls(struct stream *stream, struct tls_context *context, const char *host,
                             const char *early, size_t early_len, struct error *err) MUST_CHECK;

void stream_read_start(struct stream *stream);
void stream_read_stop(struct stream *stream);

/* Sends or queues all of it (copied). On a stream that failed or is closing the bytes are dropped;
 * on_error has come or will come. Returns the bytes that went into the kernel at once (for TLS:
 * `len` if nothing had to be queued, else 0). */
size_t stream_write(struct stream *stream, const char *data, size_t len);

/* FIN (TLS: close_notify and FIN) after everything queued. Reading goes on. */
void stream_shutdown(struct stream *stream);

/* Closes; queued bytes that the kernel has not taken are dropped (`queued` says how many). With
 * `reset` the peer gets an RST (SO_LINGER 0). Harmless when closing already. */
void stream_close(struct stream *stream, bool reset);

/* Addresses of both ends, zeroed family when unknown. An IPv4 peer of an IPv6 socket
 * (::ffff:192.0.2.1) comes as the IPv4 address it is. */
void stream_addresses(const struct stream *stream, struct sockaddr_storage *local,
                      struct sockaddr_storage *peer);

/* "connection reset by peer", or the reason TLS gave ("certificate has expired"); valid until the
 * next call on this stream. */
const char *stream_error_text(const struct stream *stream, int code);

/* The default on_data size and the kernel's buffers are left alone. */

#endif
