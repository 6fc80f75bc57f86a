/*
 * websocket.h - one reader of /api/ws on a stream of the front: frames out of its subscription as
 * fast as it takes them, pings, and the end.
 *
 * What a reader gets is never silent for long, so that it can tell a dead connection from a quiet
 * one: with a beat of WEBSOCKET_BEAT_MS, looked at once a second, something comes every 4 s.
 *
 * At most WEBSOCKET_QUEUE bytes wait in the stream; everything else waits in the subscription,
 * which is bounded and counts what it leaves out. What the reader sends is ignored, but control
 * frames are answered as RFC 6455 wants. A reader from which nothing came for WEBSOCKET_DEAD_MS,
 * though it was pinged, is gone.
 *
 * Ownership: heap object of the front's connection. Threads: the front's.
 */
#ifndef HASHSCOPE_API_FRONT_WEBSOCKET_H
#define HASHSCOPE_API_FRONT_WEBSOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "api/access/auth.h"
#include "api/http/head.h"
#include "api/live/subscription.h"
#include "lib/event/stream.h"

#define WEBSOCKET_QUEUE   (64u << 10)
#define WEBSOCKET_BEAT_MS 2500  /* {"type":"ping"} when nothing was sent for so long */
#define WEBSOCKET_PING_MS 30000 /* a ping of RFC 6455 when nothing was heard for so long */
#define WEBSOCKET_DEAD_MS 95000
#define WEBSOCKET_LONGEST (64u << 10) /* of a frame received */

struct websocket;

/* Answers the handshake. 0: *out is the reader, its subscription calls back with `user`; else the
 * code of the refusal, with its text in err. */
int websocket_open(struct websocket **out, const struct auth *auth,
                   struct subscriptions *subscriptions, const struct http_head *head,
                   struct stream *stream, void *user, struct error *err);
void websocket_free(struct websocket *websocket); /* NULL is fine */

/* False: the connection is to be closed, after what is queued. */
bool websocket_data(struct websocket *websocket, const char *data, size_t len);
/* Something is waiting, or the stream has drained. */
void websocket_serve(struct websocket *websocket);
/* Once a second. False: nobody is there any more. */
bool websocket_tick(struct websocket *websocket, int64_t now_ns);

#endif
