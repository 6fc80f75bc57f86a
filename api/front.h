/*
 * front.h - the sockets of the API: what browsers and scripts connect to, on one or two ports, by
 * IPv4 or IPv6, plain or TLS.
 *
 *   client ══TCP/TLS══▶ front ─┬─ GET /api/ws with Upgrade ──▶ a reader (websocket.h)
 *                              └─ all else ──▶ HTTP server on a port of 127.0.0.1
 *
 * The front reads each request's head before anybody behind it sees a byte, and passes on requests
 * that are whole and within bounds: FRONT_HEAD_MAX bytes of head, FRONT_BODY_MAX of body with a
 * Content-Length (chunked requests: 411). A head must be complete FRONT_HEAD_MS after its first
 * byte (the first one after the connection began, TLS included), a body FRONT_BODY_MS after its
 * head; a client that does not read its answer for FRONT_STALL_MS is closed. Connections are
 * bounded in all, per address, and per address while they have not yet asked for anything.
 *
 * Ownership: heap object with a thread and a loop of its own. Threads: start and stop from one;
 * front_peer and front_facts from any.
 */
#ifndef HASHSCOPE_API_FRONT_H
#define HASHSCOPE_API_FRONT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

#define FRONT_HEAD_MAX    (16u << 10)
#define FRONT_BODY_MAX    (1u << 20)
#define FRONT_HEAD_MS     10000
#define FRONT_BODY_MS     30000
#define FRONT_STALL_MS    30000
#define FRONT_CONNECTIONS 4096 /* in all */
#define FRONT_PER_ADDRESS 2048
#define FRONT_WAITING     256 /* per address, without a complete first head */
#define FRONT_PORTS       2

struct auth; /* auth.h */
struct front;
struct subscriptions; /* subscription.h */

struct front_peer {
    struct sockaddr_storage address; /* of the client */
    char text[64];                   /* "192.0.2.7:52114" */
    uint64_t connection;             /* its number */
    bool tls;
    bool ended; /* it has closed its side: most that do have gone */
};

struct front_options {
    const char *host;            /* API_HOST */
    uint16_t ports[FRONT_PORTS]; /* API_PORT, UI_PORT; 0: any free */
    size_t port_count;
    const char *tls_certificate, *tls_key; /* NULL: plain */
    uint16_t server_port;                  /* the HTTP server on 127.0.0.1; 0: none, 404 */

    const struct auth *auth; /* for handshakes */
};

/* STATUS_BUSY when a port is taken, with what to do in the message. */
enum status front_start(struct front **out, const struct front_options *options,
                        struct error *err) MUST_CHECK;
uint16_t front_port(const struct front *front, size_t index);
/* What the feed publishes to; it must have ended before front_stop. */
struct subscriptions *front_subscriptions(struct front *front);
/* Closes the listeners and all connections; returns within a second. NULL is fine. */
void front_stop(struct front *front);

/* Who is behind the connection that reached the HTTP server from this port of 127.0.0.1; false:
 * nobody, it did not come through the front and is to be refused. */
bool front_peer(const struct front *front, uint16_t local_port, struct front_peer *out);

struct front_facts {
    uint64_t accepted, refused; /* connections */
    uint64_t requests;
    uint64_t cut_slow, cut_large, cut_stalled, cut_malformed;
    uint64_t open; /* now */
};
void front_facts(const struct front *front, struct front_facts *out);

#endif
