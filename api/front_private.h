/* front_private.h - what front.c (listeners, thread) and front_connection.c (one client) share. */
#ifndef HASHSCOPE_API_FRONT_PRIVATE_H
#define HASHSCOPE_API_FRONT_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/front.h"
#include "api/subscription.h"
#include "lib/base/bytes.h"
#include "lib/event/connect.h"
#include "lib/event/listen.h"
#include "lib/event/stream.h"
#include "lib/event/tls.h"

#define HOST_PORTS 65536

struct connection;
struct websocket; /* websocket.h */

struct front_counters {
    atomic_ullong accepted, refused, requests;
    atomic_ullong cut_slow, cut_large, cut_stalled, cut_malformed, open;
};

struct front {
    struct front_options options;
    pthread_t thread;
    uv_loop_t uv;
    struct stream_loop loop;
    uv_async_t stop_async, feed_async;
    uv_timer_t tick;
    struct listener *listeners[FRONT_PORTS];
    uint16_t ports[FRONT_PORTS];
    struct tls_context *tls;
    struct subscriptions *subscriptions;
    struct connection *connections; /* all of them */
    uint64_t last_number;
    bool stopping;
    struct front_counters counters;
    pthread_mutex_t lock;                 /* of the table below */
    struct front_peer *peers[HOST_PORTS]; /* by the local port of the way to the server */
};

/* What it waits for: see front_connection.c. */
enum connection_state { CONNECTION_HEAD, CONNECTION_BODY, CONNECTION_READER, CONNECTION_ENDING };

struct connection {
    struct front *front;
    struct connection *next, *previous;
    enum connection_state state;
    struct stream client, server;
    struct connector *connector;
    struct connect_target target;
    bool server_open, client_open, closing;
    bool asked;        /* a first head was complete */
    bool client_ended; /* it has sent its FIN */
    struct buffer in;  /* of a head that is not complete */
    struct buffer out; /* for the server, until the way is open */
    uint64_t body_left;
    int64_t deadline_ns; /* 0: none */
    size_t stalled;      /* what was queued for the client when it last moved */
    int64_t stalled_ns;
    struct websocket *reader;
    struct front_peer peer;
    uint16_t server_port; /* the key in the table of peers; 0: not in it */
};

extern const struct stream_callbacks connection_callbacks; /* of the client's side */

/* Answers with {"detail": …}, and closes when that is sent. */
void connection_refuse(struct connection *connection, int code, const char *detail);
void connection_close(struct connection *connection, bool reset);

/* Takes what the listener announces, or refuses it. */
void connection_accept(struct front *front, struct listener *listener);
/* A reader has something waiting. */
void connection_serve(struct connection *connection);
void connections_tick(struct front *front);
void connections_close(struct front *front);

#endif
