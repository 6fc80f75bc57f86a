/*
 * front_private.h - what the parts of the front share: front.c (listeners, thread), clients.c
 * (who comes, who is cut off), address.c (what one address has), connection.c (one
 * client), requests.c (what it asks), backend.c (connections to the server).
 */
#ifndef HASHSCOPE_API_FRONT_FRONT_PRIVATE_H
#define HASHSCOPE_API_FRONT_FRONT_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/front/front.h"
#include "api/http/head.h"
#include "api/http/pass.h"
#include "api/live/subscription.h"
#include "lib/base/bytes.h"
#include "lib/event/connect.h"
#include "lib/event/listen.h"
#include "lib/event/stream.h"
#include "lib/event/tls.h"

#define HOST_PORTS         65536
#define FRONT_QUEUE_MOST   (256u << 10) /* bytes for one client, outside of FRONT_ANSWERS */
#define FRONT_QUEUE_SHORT  (16u << 10)  /* the same, when FRONT_ANSWERS is used up */
#define FRONT_ADDRESS_LIST 4096u
#define FRONT_GUESSERS     1024u

struct connection;
struct websocket; /* websocket.h */

/* Written by the front's thread alone; read by any. */
struct front_counters {
    atomic_ullong accepted, refused, pushed_out, requests;
    atomic_ullong cut_slow, cut_large, cut_stalled, cut_malformed, busy, failed, wrong_tokens;
    atomic_ullong open, addresses, backends, waiting, heavy, exports, held, bodies, answers,
        delayed, request_bytes;
};

/* ---- addresses ---- */

struct address_key {
    unsigned char bytes[9]; /* the family, and an IPv4 address or an IPv6 network */
};

struct connection_list {
    struct connection *first, *last;
};

/* Kinds of requests that wait for a backend each by themselves. */
enum { FRONT_KINDS = FRONT_PASS_EXPORT - FRONT_PASS + 1 };

/* What one address has; there while it has connections. */
struct front_address {
    struct address_key key;
    struct front_address *next_hashed;
    unsigned connections, waiting, backends, heavy, exports, delayed;
    size_t bodies, answers;
    struct connection_list quiet; /* ask for nothing; for longest first */
    struct connection_list brief; /* hold nothing but themselves; those that came into it first */
    struct connection_list hungry[FRONT_KINDS]; /* wait for a backend, by kind */
    struct front_address *next_hungry[FRONT_KINDS], *previous_hungry[FRONT_KINDS];
};

/* Who sent wrong tokens; another with the same place in the table takes it over. */
struct front_guesser {
    struct address_key key;
    unsigned count;
    int64_t last_ns, next_ns; /* the last wrong one; when the next answer may go */
};

struct front_addresses {
    uint64_t seed;
    struct front_address *lists[FRONT_ADDRESS_LIST];
    struct front_guesser guessers[FRONT_GUESSERS];
};

/* Found or made, with one connection more. */
struct front_address *front_address_join(struct front *front, const struct sockaddr_storage *of);
void front_address_leave(struct front *front, struct front_address *address);
/* Whom a newcomer can push out of these: one that asks for nothing, else one whose body, answer or
 * end takes its time. NULL: nobody, or the newcomer alone. */
struct connection *front_address_spare(const struct front_address *address,
                                       const struct connection *newcomer);
/* The same, of the address that has most connections. */
struct connection *front_spare(const struct front *front, const struct connection *newcomer);
/* It has something waiting from now on, or nothing more; in the kind's list of such addresses. */
void front_address_join_hungry(struct front *front, struct front_address *address, unsigned kind);
void front_address_leave_hungry(struct front *front, struct front_address *address, unsigned kind);
/* When the answer to a wrong token may go. */
int64_t front_address_guessed(struct front *front, const struct front_address *address,
                              int64_t now_ns);

/* ---- backends ---- */

/* A connection to the HTTP server: serves one request at a time. */
struct backend {
    struct front *front;
    struct backend *next, *previous;
    struct connection *connection; /* whose request it serves; NULL: nobody's */
    struct stream stream;
    struct connector *connector;
    bool open, closing;
    bool used; /* has served before: the server may have closed it meanwhile */
    bool held; /* its answer waits for the client … */
    int64_t held_ns, idle_ns;
    uint16_t port;      /* the key in the table of peers */
    struct buffer head; /* of the answer, until it is whole */
    struct http_body body;
    bool begun;         /* the head was passed on */
    bool server_closes; /* after this answer */
};

/* Gives waiting requests to backends, as far as bounds allow. */
void backends_dispatch(struct front *front);
/* The client of this backend has taken what waited for it. */
void backend_resume(struct backend *backend);
/* It goes, whatever it was doing; its connection is on its own. */
void backend_close(struct backend *backend);
/* Those that nobody needs; true: there are some that may still be needed. */
bool backends_tidy(struct front *front, int64_t now_ns);
void backends_close(struct front *front);

/* ---- the front ---- */

struct front {
    struct front_options options;
    pthread_t thread;
    uv_loop_t uv;
    struct stream_loop loop;
    uv_async_t stop_async, feed_async;
    uv_timer_t tick; /* once a second */
    uv_timer_t soon; /* every FRONT_SOON_MS while answers are delayed or backends idle */
    struct listener *listeners[FRONT_PORTS];
    uint16_t ports[FRONT_PORTS];
    struct tls_context *tls;
    struct subscriptions *subscriptions;
    struct connection *connections; /* all of them */
    struct front_addresses addresses;
    struct connect_target server;
    struct backend *backends; /* all of them, idle ones as well */
    unsigned backend_count;
    struct {
        struct front_address *first, *last;
    } hungry[FRONT_KINDS];          /* addresses that wait for a backend; they have turns */
    struct connection_list delayed; /* answers to wrong tokens */
    uint64_t last_number;
    bool stopping;
    struct front_counters counters;
    pthread_mutex_t lock;                 /* of the table below */
    struct front_peer *peers[HOST_PORTS]; /* by the local port of the backend */
};

#define FRONT_SOON_MS 50
void front_soon(struct front *front);

/* ---- connections ---- */

/* What it waits for:
 *
 *   HEAD ──judged──▶ BODY ──whole──▶ WAITING ──a backend──▶ ANSWER ──▶ HEAD …
 *    │  ╲                    ╲
 *    │   ──/api/ws──▶ READER  ──▶ DELAYED, for a wrong token ──▶ HEAD …
 *    └──refused──▶ ENDING ◀── any, until what is queued is gone */
enum connection_state {
    CONNECTION_HEAD,
    CONNECTION_BODY,
    CONNECTION_WAITING,
    CONNECTION_ANSWER,
    CONNECTION_DELAYED,
    CONNECTION_READER,
    CONNECTION_ENDING,
};

struct connection {
    struct front *front;
    struct front_address *address;
    struct connection *next, *previous;             /* all */
    struct connection_list *among;                  /* of its address, that may be pushed out … */
    struct connection *next_among, *previous_among; /* … NULL: it may not */
    struct connection *next_due, *previous_due;     /* waiting or delayed */
    enum connection_state state;
    struct stream client;
    struct backend *backend; /* in state ANSWER */
    bool client_open, closing;
    bool asked;        /* a first head was complete */
    bool client_ended; /* it has sent its FIN */

    /* The request. */
    struct buffer in;  /* what came of it: head and body */
    struct buffer out; /* for the server; of DELAYED: the answer */
    size_t wanted;     /* bytes of `in` until it is whole, in state BODY */
    enum front_verdict verdict;
    bool keep_alive, to_head, repeatable, repeated;
    bool old_http;       /* HTTP/1.0 */
    bool placed;         /* counted among those with the server */
    size_t body_counted; /* in FRONT_BODIES */
    size_t counted;      /* in FRONT_REQUESTS */

    /* The answer. */
    size_t answer_counted; /* in FRONT_ANSWERS */
    uint64_t given;        /* bytes, to the stream */
    int64_t rate_ns;       /* since when something waits for the client; 0: nothing does */
    uint64_t rate_taken;   /* what it had taken then */

    int64_t deadline_ns; /* 0: none */
    struct websocket *reader;
    struct front_peer peer;
};

extern const struct stream_callbacks connection_callbacks; /* of the client's side */

void connection_set_state(struct connection *connection, enum connection_state state);
/* Bytes for the client. */
void connection_write(struct connection *connection, const char *data, size_t len);
/* Brings the sum of what waits for clients up to date. */
void connection_count_answer(struct connection *connection);
void connection_count_body(struct connection *connection, size_t bytes);
/* The same of what is held of requests. */
void connection_count_request(struct connection *connection);
/* The answer is whole: the next request, or the end. */
void connection_answered(struct connection *connection);
/* Answers with {"detail": …}, and closes when that is sent. */
void connection_refuse(struct connection *connection, int code, const char *detail);
/* Lets the client have what is queued for it, and closes. */
void connection_end(struct connection *connection);
void connection_close(struct connection *connection, bool reset);
/* Reads from the client, or stops, as its state wants it. */
void connection_regulate(struct connection *connection);
/* Goes through what has come: requests, one after the other. */
void connection_read_requests(struct connection *connection);
/* It has become a reader: what came right behind the handshake is for that. */
void connection_begin_reader(struct connection *connection);
/* The delayed answer goes. */
void connection_release(struct connection *connection);

/* Among those of its address that wait for a backend, or among those whose answer is delayed. */
void connection_wait(struct connection *connection, bool in_front);
void connection_unwait(struct connection *connection);

/* Takes what the listener announces, or refuses it. */
void connection_accept(struct front *front, struct listener *listener);
/* A reader has something waiting. */
void connection_serve(struct connection *connection);
void connections_tick(struct front *front);
void connections_release_due(struct front *front, int64_t now_ns);
void connections_close(struct front *front);

#endif
