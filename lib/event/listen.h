/*
 * listen.h - a listening TCP socket that bears a shortage of descriptors.
 *
 * When the system refuses to accept (EMFILE, ENFILE, ENOBUFS, ENOMEM) the listener stops looking at
 * its socket for 100 ms, then twice as long, up to 1 s, until an accept succeeds; the connections
 * wait in the backlog meanwhile and none is dropped. This is logged once a minute. (libuv's own
 * listening would close such connections without a word, which is why it is not used here.)
 *
 * Ownership: heap object, gone when `closed` is called. Threads: the loop's own.
 */
#ifndef HASHSCOPE_EVENT_LISTEN_H
#define HASHSCOPE_EVENT_LISTEN_H

#include <stdint.h>
#include <sys/socket.h>

#include "lib/base/error.h"
#include "lib/event/stream.h"

#define LISTENER_BACKLOG 4096 /* the system may allow less (net.core.somaxconn) */

struct listener;

/* A connection is there: take it with stream_accept(stream, listener), which must be called before
 * returning, else the connection is closed. It may pause or stop the listener. */
typedef void listener_connection(void *user, struct listener *listener);

/* Whose connection that is, from inside the callback. Known also when the peer has reset it already
 * and stream_addresses cannot tell any more. */
void listener_peer(const struct listener *listener, struct sockaddr_storage *peer);

/* Binds and listens with SO_REUSEADDR; port 0 takes a free one. "::" takes IPv4 too, unless
 * another socket has the port for IPv4 already: then IPv6 alone, and a line in the log says so.
 * STATUS_BUSY when the address is taken, with the address in the message. */
enum status listener_start(struct listener **out, struct stream_loop *loop,
                           const struct sockaddr_storage *address,
                           listener_connection *on_connection, void *user,
                           struct error *err) MUST_CHECK;

/* The same over a socket that listens already, of any family; it belongs to the listener from here,
 * also when this fails. `name` (copied) stands for it in the log. */
enum status listener_start_socket(struct listener **out, struct stream_loop *loop, int socket,
                                  const char *name, listener_connection *on_connection, void *user,
                                  struct error *err) MUST_CHECK;

uint16_t listener_port(const struct listener *listener); /* 0: not a TCP socket */

/* Connections wait in the backlog while paused. Both are harmless when it is so already. */
void listener_pause(struct listener *listener);
void listener_resume(struct listener *listener);

/* How often accepting was refused for want of descriptors or memory. */
uint64_t listener_refusals(const struct listener *listener);

/* Closes the socket at once; `closed` (may be NULL) is called when the memory is gone. */
void listener_stop(struct listener *listener, void (*closed)(void *user), void *user);

#endif
