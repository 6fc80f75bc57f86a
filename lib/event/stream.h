/*
 * stream.h - a TCP connection (or local socket) beside a libuv loop, plain or TLS.
 *
 * Writes go out at once where the kernel takes them, and are copied into a queue only for the rest;
 * a count tells what is queued, and a callback when it has drained, so that the user can stop
 * reading the other side (back-pressure is the user's: the queue itself has no limit, it holds what
 * it was given); TLS below the same five calls; a half-close that goes out behind the queue; a
 * close that is a FIN or an RST; asynchronous closing with one last callback after which the memory
 * is the user's again.
 *
 * The bytes do not pass through libuv: its uv_stream_t costs a relay more than the rest of what it
 * does itself, and its handle is three times this struct. Timers, signals, listeners and whatever
 * else is on the uv_loop_t run beside the streams, in stream_loop_run, in place of uv_run.
 *
 *   init ──▶ (open | accept | connected by connect.h) ──▶ open ──shutdown──▶ write side closed
 *      any of them ──close──▶ closing ──on_closed──▶ memory may go
 *
 * Reading: all plain streams of a loop share one read buffer, so an idle stream holds no memory
 * beyond its struct; the bytes given to on_data are valid only during the call, unless they are
 * forwarded: then they wait in that buffer, and the loop sends them when it has read what else has
 * come.
 *
 * Whose turn it is: a stream that is read much waits until others have had as much (fair.h), so
 * that one that is read little is read at once, whatever the others send. A user for whom bytes are
 * not the measure says so with stream_charge, and one that has no room for more objects in
 * may_read.
 *
 * Callbacks run on the loop's thread, never from inside any function below: an error met while
 * writing is reported by on_error from the loop, after what the peer had sent before (its last
 * words) has been given to on_data if the stream is reading. A reset behind the peer's FIN is an
 * on_error after on_end. on_end and on_error come at most once each, nothing follows on_error.
 * After stream_close no callback but on_closed. Threads: the loop's own.
 */
#ifndef HASHSCOPE_EVENT_STREAM_H
#define HASHSCOPE_EVENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#include "lib/base/error.h"
#include "lib/event/fair.h"

struct stream;
struct tls_context;  /* tls.h */
struct tls_session;  /* private, tls_private.h */
struct stream_queue; /* private to queue.c */
struct listener;     /* listen.h */

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

/* Bytes from one stream to another. */
struct stream_forward {
    struct stream *to;
    const char *data;
    size_t len;
    size_t sent;  /* as stream_write returns it */
    uint64_t tag; /* the user's */
};

/* One loop with what its streams share. Embed it; close it after all its streams are closed. */
struct stream_loop {
    uv_loop_t *uv;
    /* After forwarded bytes were sent: all of them, in their order. Must not forward. May be NULL;
     * set it, and `user`, after stream_loop_init. */
    void (*on_flushed)(void *user, const struct stream_forward *done, size_t count);
    /* Whether this stream may be read now; `light` when it has been read less than its share. After
     * a no it is asked again a millisecond later. Must not touch streams. May be NULL. */
    bool (*may_read)(void *user, const struct stream *stream, bool light);
    void *user;
    size_t lines_a_read; /* on_data of TCP streams gets about so many LFs at most; 0: any number */
    struct fair fair;    /* who waits to be read */
    int64_t visit_ends;  /* for the stream that is being read: what it may have used then */
    size_t spent;        /* in this turn, see receive.c */
    bool held;           /* who waits may not be read now */
    char *read_buffer;   /* forwarded bytes that wait, room for a read, room for a TLS record */
    size_t kept;         /* bytes of it in front of which nothing may be overwritten */
    struct stream_forward *forwards; /* STREAM_FORWARDS */
    size_t forward_count;
    int64_t now_ns;     /* monotonic, when the loop woke up; whoever reads the clock may renew it */
    int64_t uv_told_ns; /* when libuv was last told what time it is */
    int epoll;          /* the streams, and what uv waits for */
    int alarm;          /* a timerfd, for libuv's next timer */
    uint64_t alarm_ms;  /* when it rings, in libuv's time; 0: never */
    unsigned open;      /* streams that have not said on_closed */
    unsigned forgotten; /* lookups in threads that nobody waits for any more … */
    bool leaving;       /* … not even stream_loop_run */
    struct stream *due_first, *due_last; /* have something to do in the next turn */
};
#define STREAM_READ_SIZE 65536
#define STREAM_KEPT_MAX  32768
#define STREAM_FORWARDS  64 /* so that none waits for many */
/* Without a descriptor for it the program ends. */
void stream_loop_init(struct stream_loop *loop, uv_loop_t *uv);
void stream_loop_close(struct stream_loop *loop);
/* What uv_run does, with the streams in it; never call uv_run beside it. UV_RUN_DEFAULT returns
 * when no stream is open and nothing of libuv is active (uv_stop is not looked at), UV_RUN_ONCE
 * after something has come. While streams are open and of libuv only unreferenced handles are
 * active, those sleep. */
void stream_loop_run(struct stream_loop *loop, uv_run_mode mode);

/* The program is about to end: from now on stream_loop_run does not wait for a lookup that was
 * cancelled while a thread is in it, which can take as long as the resolver likes. Returns whether
 * there is one. libuv would wait for it in exit(3) too, so leave by _exit(2) then, and leave the
 * memory of both loops alone: the thread knows them. */
bool stream_loop_leave(struct stream_loop *loop);

struct stream {
    struct stream_loop *loop;
    const struct stream_callbacks *callbacks;
    struct tls_session *tls; /* NULL: plain */
    void *user;              /* the owner's; not touched */
    size_t queued; /* Bytes accepted by stream_write that the kernel has not taken yet; with TLS as
                    * encrypted. Keeps its last value after an error and after stream_close: what
                    * was lost. */

    /* Private from here. The struct stays small: a recorder holds two for each idle session. */
    struct stream_queue *queue; /* NULL: nothing is waiting for the kernel */
    struct stream *next_due;    /* in the loop's list, while `due` */
    struct fair_member fair;    /* waits for its turn to be read */
    int fd;                     /* -1: none */
    int error;                  /* the code on_error gets, once `failed` */
    unsigned reading : 1;       /* the user wants on_data */
    unsigned receiving : 1;     /* the socket is to be read */
    unsigned readable : 1;      /* and may have something */
    unsigned to_the_end : 1;    /* read until nothing comes: a short read does not mean empty */
    unsigned much : 1;          /* the last read was filled */
    unsigned due : 1;
    unsigned shut : 1; /* stream_shutdown was called: nothing may be written any more */
    unsigned closing : 1;
    unsigned failed : 1;        /* an error was met … */
    unsigned reported : 1;      /* … and on_error was called */
    unsigned ended : 1;         /* on_end was called */
    unsigned want_shutdown : 1; /* a FIN is due when the queue is empty */
    unsigned is_local : 1;      /* a Unix socket */
    unsigned hung_up : 1;       /* the kernel has announced a FIN or an error */
    unsigned broken : 1;        /* an error */
};
_Static_assert(sizeof(struct stream) <= 88, "idle sessions must stay cheap");

/* Zeroes it and makes it part of the loop; from here on it ends by stream_close alone. */
void stream_init(struct stream *stream, struct stream_loop *loop,
                 const struct stream_callbacks *callbacks, void *user);

/* Takes a connected socket over, of TCP or local, in any mode; sets TCP_NODELAY and keepalive (TCP
 * only). On failure the socket is closed. */
enum status stream_open(struct stream *stream, int socket) MUST_CHECK;

/* Takes the connection that the listener has announced. */
enum status stream_accept(struct stream *stream, struct listener *listener) MUST_CHECK;

/* From now on everything is TLS, as server or as client; call before the first read or write of
 * payload. Bytes already received from the peer (a PROXY header's rest) may be given in `early`.
 * A client with verification checks `host` (DNS name or address) against the certificate. */
enum status stream_start_tls(struct stream *stream, struct tls_context *context, const char *host,
                             const char *early, size_t early_len, struct error *err) MUST_CHECK;

void stream_read_start(struct stream *stream);
void stream_read_stop(struct stream *stream);
/* Inside on_data: what was read makes so much work beside its bytes, counted in bytes too. */
void stream_charge(struct stream *stream, size_t work);

/* The peer has sent a FIN or has gone, even if what it said before is not read yet. */
static inline bool stream_hung_up(const struct stream *stream)
{
    return stream->hung_up;
}

/* Sends or queues all of it (copied). On a stream that failed or is closing the bytes are dropped;
 * on_error has come or will come. Returns the bytes that went into the kernel at once (for TLS:
 * `len` if nothing had to be queued, else 0). */
size_t stream_write(struct stream *stream, const char *data, size_t len);

/* The same for bytes that on_data has just been given by any stream of the loop, but a little
 * later: when the loop has read what else has come, STREAM_FORWARDS are waiting, or anything else
 * is about to be written, shut, closed or told to anybody. They are not copied. Then on_flushed is
 * called. */
void stream_forward(struct stream *to, const char *data, size_t len, uint64_t tag);
/* Sends what waits, for who wants to know what `queued` is. */
void stream_loop_flush(struct stream_loop *loop);

/* So many bytes at most lie in the kernel without being on their way (TCP_NOTSENT_LOWAT): what a
 * peer that does not read costs, and how soon `queued` shows it. Of a TCP stream. */
void stream_limit_unsent(struct stream *stream, unsigned bytes);

/* Bytes that the peer's kernel has not confirmed, whether they wait here or in ours. */
size_t stream_unconfirmed(const struct stream *stream);

/* For who is about to close: gives on_data, from inside this call, what has come until now, but no
 * more than one turn. */
void stream_read_rest(struct stream *stream);

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

#endif
