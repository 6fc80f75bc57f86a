/*
 * rest.h - what all endpoints share, and their tables.
 */
#ifndef HASHSCOPE_API_REQUEST_REST_H
#define HASHSCOPE_API_REQUEST_REST_H

#include "api/request/request.h"
#include "lib/base/options.h"
#include "lib/query/query.h"

struct auth;           /* api/access/auth.h: who may do what */
struct front;          /* api/front/front.h: the sockets */
struct feed;           /* api/live/feed.h: what passes in the ring */
struct live;           /* api/live/live.h: the newest messages, in memory */
struct session_table;  /* api/session/table.h: what the feed has heard of sessions */
struct stats_keeper;   /* api/session/stats.h: figures of sessions that are looked at */
struct reply_cache;    /* reply_cache.h: lists of sessions */
struct operator_state; /* api/session/operator_state.h: what people switched on, kept over restarts
                        */
struct auto_replay;    /* api/control/auto_replay.h: auto-replay */
struct recorder_watch; /* api/control/recorder_watch.h: how the recorder is doing */

/* Set up by api_main before the server starts, and read-only from then on; what it points to looks
 * after its own threads. */
struct rest {
    const struct settings *settings;
    struct query_place place; /* DATA_DIR and its ring */
    const char *control_path; /* the recorder's control socket */
    const char *ui_dir;       /* the pages; NULL: not built */
    const char *share_dir;    /* openapi.yaml and the documentation page lie here */
    unsigned pair_timeout_sec;
    const struct auth *auth;
    struct front *front;
    struct feed *feed;
    struct live *live;
    struct session_table *session_table;
    struct stats_keeper *stats_keeper;
    struct reply_cache *reply_cache;
    struct operator_state *operator_state;
    struct auto_replay *auto_replay;
    struct recorder_watch *watch;
    int64_t started_ns;    /* monotonic */
    _Atomic bool ready;    /* all of this is set; requests wait for it */
    _Atomic bool stopping; /* answers that take long are given up */
};

/* Each module's endpoints; api/rest/server.c asks them in this order. */
struct route_table {
    const struct route *routes;
    size_t count;
};
extern const struct route_table rest_messages, rest_sessions, rest_control, rest_archive,
    rest_status, rest_login, rest_docs, rest_replay;

#endif
