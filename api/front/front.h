/*
 * front.h - the sockets of the API: what browsers and scripts connect to, on one or two ports, by
 * IPv4 or IPv6, plain or TLS.
 *
 *   client ══TCP/TLS══▶ front ─┬─ GET /api/ws with Upgrade ──▶ a reader (websocket.h)
 *                              ├─ refused, /health, login ───▶ answered here (front_gate)
 *                              └─ all else, whole ──▶ a backend: the HTTP server, 127.0.0.1
 *
 * Nobody outside can hold a thread of the server. A request is judged by its head, then its body is
 * taken, and only what is whole and allowed goes on, with a head made anew (api/http/pass.h). There
 * are FRONT_BACKENDS connections to the server (backends), each with one request at a time; what
 * finds none waits here, for FRONT_QUEUE_MS at most. An answer is taken from the server as fast as
 * it makes it and kept for the client, FRONT_ANSWERS bytes in all; larger ones, and downloads, wait
 * for the client to read (such a backend is "held"): of these there are FRONT_HELD at most, else
 * the one that has stood still for longest is cut off. A client must take FRONT_RATE_BYTES of what
 * waits for it in each FRONT_RATE_MS.
 *
 * What one address may have is bounded as well (an IPv6 /64 counts as one): its newest connections
 * push out its oldest that ask for nothing. Who guesses tokens waits for each answer, longer each
 * time, without holding anything but a connection; the right token passes at once from anywhere,
 * so nobody can be locked out by others behind the same address.
 *
 * Ownership: heap object with a thread and a loop of its own. Threads: start and stop from one;
 * front_peer and front_facts from any.
 */
#ifndef HASHSCOPE_API_FRONT_FRONT_H
#define HASHSCOPE_API_FRONT_FRONT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "api/http/peer.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"

#define FRONT_HEAD_MAX      (16u << 10)
#define FRONT_BODY_MAX      (1u << 20)
#define FRONT_OPEN_BODY_MAX (4u << 10) /* where no token is needed */
#define FRONT_HEAD_MS       10000      /* for a whole head, from its first byte */
#define FRONT_BODY_MS       30000      /* for a body, from the end of its head */
#define FRONT_QUEUE_MS      20000
#define FRONT_RATE_BYTES    (64u << 10)
#define FRONT_RATE_MS       20000
#define FRONT_PORTS         2

/* Bounds in all, and for one address. */
#define FRONT_CONNECTIONS         4096u
#define FRONT_ADDRESS_CONNECTIONS 2048u
#define FRONT_ADDRESS_WAITING     256u /* have not asked for anything yet */
#define FRONT_BACKENDS            144u /* requests with the server; less than it has threads */
#define FRONT_ADDRESS_BACKENDS    48u
#define FRONT_HEAVY               64u /* of them, reading the archive */
#define FRONT_ADDRESS_HEAVY       32u
#define FRONT_EXPORTS             24u /* of these, downloads */
#define FRONT_ADDRESS_EXPORTS     8u
#define FRONT_HELD                48u
#define FRONT_BODIES              (64u << 20) /* bytes announced, until they are with the server */
#define FRONT_ADDRESS_BODIES      (8u << 20)
#define FRONT_REQUESTS            (128u << 20) /* bytes of heads and bodies, as they came and made anew */
#define FRONT_REQUEST_SMALL       (8u << 10)  /* beside its body; that much each may have always */
#define FRONT_ANSWERS             (64u << 20) /* bytes that wait for clients */
#define FRONT_ADDRESS_ANSWERS     (16u << 20)
#define FRONT_ADDRESS_DELAYED     64u /* answers to wrong tokens */

struct auth; /* api/access/auth.h */
struct front;
struct subscriptions; /* api/live/subscription.h */

/* Judges requests, and answers those that need no server, on the front's thread: waits for nothing.
 */
struct http_head; /* api/http/head.h */
struct front_request {
    const struct http_head *head;
    struct span path; /* clean (api/http/pass.h), with a NUL behind it */
    struct span body;
    const struct front_peer *peer;
};
enum front_verdict {
    FRONT_ANSWERED,    /* refused, in front_reply.bytes */
    FRONT_HERE,        /* the gate's `answer` is asked when the body is there */
    FRONT_PASS,        /* to the server … */
    FRONT_PASS_HEAVY,  /* … where it reads the archive */
    FRONT_PASS_EXPORT, /* … and is a download */
};
struct front_reply {
    struct buffer bytes; /* a whole HTTP answer */
    size_t body_max;     /* of the request */
    bool wrong_token;
};
struct front_gate {
    enum front_verdict (*judge)(void *user, const struct front_request *request,
                                struct front_reply *out);
    void (*answer)(void *user, const struct front_request *request, struct front_reply *out);
    void *user;
};

struct front_options {
    const char *host;            /* API_HOST */
    uint16_t ports[FRONT_PORTS]; /* API_PORT, UI_PORT; 0: any free */
    size_t port_count;
    const char *tls_certificate, *tls_key; /* NULL: plain */
    uint16_t server_port;                  /* the HTTP server on 127.0.0.1; 0: none, 404 */

    const struct auth *auth; /* for handshakes */
    struct front_gate gate;  /* without functions: everything passes */
};

/* STATUS_BUSY when the first port is taken, with what to do in the message; another one that is
 * taken is said in the log and done without. */
enum status front_start(struct front **out, const struct front_options *options,
                        struct error *err) MUST_CHECK;
/* 0: it is done without. */
uint16_t front_port(const struct front *front, size_t index);
/* What the feed publishes to; it must have ended before front_stop. */
struct subscriptions *front_subscriptions(struct front *front);
/* Closes the listeners and all connections; returns within a second. NULL is fine. */
void front_stop(struct front *front);

/* Who is behind the connection that reached the HTTP server from this port of 127.0.0.1; false:
 * nobody, it did not come through the front and is to be refused. */
bool front_peer(const struct front *front, uint16_t local_port, struct front_peer *out);

struct front_facts {
    uint64_t accepted, refused, pushed_out; /* connections */
    uint64_t requests;
    uint64_t cut_slow, cut_large, cut_stalled, cut_malformed;
    uint64_t busy;   /* requests refused since there was no place for them */
    uint64_t failed; /* the server gave no answer, or no proper one */
    uint64_t wrong_tokens;
    uint64_t open;              /* now: connections */
    uint64_t addresses;         /* of them */
    uint64_t backends, waiting; /* requests with the server, and waiting for it */
    uint64_t heavy, exports, held;
    uint64_t request_bytes, bodies, answers; /* bytes */
    uint64_t delayed;
};
void front_facts(const struct front *front, struct front_facts *out);

#endif
