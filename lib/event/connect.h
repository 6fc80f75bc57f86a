/*
 * connect.h - connecting a stream to a host name: every address in turn, with a time limit each.
 *
 * Names are resolved on libuv's thread pool, also for at most timeout_ms (numeric addresses need no
 * thread); the addresses are tried in the order getaddrinfo gives
 * (RFC 6724), each for at most timeout_ms, the next one when it refuses, fails or times out. The
 * first that answers wins. A connector is one attempt over a list of targets: when all addresses of
 * the first are used up the next target (a backup) follows.
 *
 * Ownership: the connector is a heap object that frees itself; targets and the stream's memory must
 * outlive it. connector_cancel may be called at any time before `done`, which then does not come;
 * after `done` has been called, and from inside it, the connector is no longer there.
 * Threads: the loop's own.
 */
#ifndef HASHSCOPE_EVENT_CONNECT_H
#define HASHSCOPE_EVENT_CONNECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/base/error.h"
#include "lib/event/stream.h"

struct connect_target {
    char host[256];
    uint16_t port;
    bool tls; /* for the caller: the connector itself makes only the TCP connection */
};

/* Reads `stratum+tcp://host:port`, `stratum+ssl://…`, `stratum+tls://…`, `tcp://`, `ssl://`,
 * `tls://`, a bare `host`, `host:port`, `[v6]:port`, `[v6]`; `default_port` where none is named.
 * User info, paths and anything else are refused with a clear message. */
enum status connect_target_parse(struct connect_target *out, const char *text,
                                 uint16_t default_port, struct error *err) MUST_CHECK;

/* "203.0.113.9:3333", "[2001:db8::1]:3333", or "" for an unknown family; NUL-terminated. An IPv4
 * address mapped into IPv6 is written as the IPv4 address. */
#define ADDRESS_TEXT_MAX 64
void address_format(char out[ADDRESS_TEXT_MAX], const struct sockaddr_storage *address);

/* A host as people gave it and its port, IPv6 addresses in brackets: "pool.example.com:3333". */
#define ENDPOINT_TEXT_MAX 272
void endpoint_format(char out[ENDPOINT_TEXT_MAX], const char *host, uint16_t port);

/* A numeric address and port into a sockaddr, for bind: "0.0.0.0", "::", "127.0.0.1". */
enum status address_parse(struct sockaddr_storage *out, const char *host, uint16_t port,
                          struct error *err) MUST_CHECK;

/* ::ffff:192.0.2.1 becomes 192.0.2.1. */
void address_unmap(struct sockaddr_storage *address);

struct connector; /* heap object, see below */

/* On success `stream` has been set up as an open TCP stream (NODELAY, keepalive) and `target` says
 * which it is. On failure `error` tells what was tried and what came ("pool.example.com:3333
 * (203.0.113.9): connection refused; …"), the stream is untouched and not to be closed; the status
 * is that of the last try (TIMEOUT, NOT_FOUND for names, FULL for want of descriptors, else IO).
 * The stream is initialised by the connector with the callbacks and user given at start. */
typedef void connector_done(void *user, enum status status, size_t target,
                            const struct error *error);

/* Returns NULL only when memory is short. Calls `done` exactly once from the loop, unless
 * cancelled; the connector frees itself after `done` or cancel. If it is cancelled while a try is
 * under way the stream's on_closed is NOT called: the connector uses a handle of its own until the
 * connection stands. */
struct connector *connector_start(struct stream_loop *loop, const struct connect_target *targets,
                                  size_t count, uint32_t timeout_ms, struct stream *stream,
                                  const struct stream_callbacks *callbacks, void *stream_user,
                                  connector_done *done, void *done_user);
void connector_cancel(struct connector *connector);

#endif
