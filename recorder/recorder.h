/*
 * recorder.h - the recorder as a whole: loop, listeners, sessions, ring, archive, control socket.
 *
 * Life: recorder_start (data directory, ring, recovery, archive thread, listeners; every failure
 * with a message) → recorder_run (until it is told to stop) → recorder_close. Stopping: no more
 * accepting, what is queued goes out for at most RECORDER_FLUSH_MS, sessions close, the archive
 * writes and seals what is left.
 *
 * Threads: everything here is the loop's; the archive has its own thread and only reads the ring.
 */
#ifndef HASHSCOPE_RECORDER_RECORDER_H
#define HASHSCOPE_RECORDER_RECORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "lib/archive/archive.h"
#include "lib/archive/datadir.h"
#include "lib/base/log.h"
#include "lib/event/listen.h"
#include "lib/event/local.h"
#include "lib/event/tls.h"
#include "lib/upkeep/housekeeper.h"
#include "recorder/config.h"
#include "recorder/pace.h"
#include "recorder/proxy_loop.h"
#include "recorder/session.h"
#include "recorder/tap.h"

#define RECORDER_FLUSH_MS   500
#define RECORDER_ARCHIVE_MS 5000 /* patience with the disk at the end */

struct recorder;

/* A route that listens. */
struct port {
    struct recorder *recorder;
    const struct route *route;
    struct listener *listener;
};

struct recorder {
    const struct config *config;
    uv_loop_t uv;
    struct stream_loop loop;
    struct datadir datadir;
    struct ring_writer *ring;
    char ring_path[4096];
    struct tap_shared tap;
    struct archive *archive;
    struct housekeeper *housekeeper;
    struct housekeeper_status housekept; /* as last counted */
    struct pace pace;
    struct archive_settings archive_settings;
    struct tls_context *tls_server, *tls_client; /* NULL: not needed */
    struct port *ports;                          /* one per route */
    struct local_server *control;
    struct session_list sessions;
    uint32_t session_count;
    /* A session's last words: its streams are closed. Takes it out of the list, does not free it.
     */
    void (*session_gone)(struct recorder *recorder, struct session *session);
    struct proxy_loop_ports *proxy_loop;
    int64_t connect_timeout_ns;
    int64_t started_wall_ns, started_mono_ns;
    struct log_limit connect_log, accept_log, refuse_log;
    uv_timer_t tick, lines, flush;
    uv_timer_t room;        /* runs while newcomers wait for room in the ring */
    uv_signal_t signals[3]; /* TERM, INT, HUP */
    uv_work_t reserve;
    uint64_t reserve_seq;
    uint64_t accept_refusals; /* of all listeners, as last counted */
    bool reserving, stopping, ticking;
    bool in_lookup; /* after recorder_close: end by _exit, see stream_loop_leave */
};

/* `commands` gets what comes on the control socket, with the recorder as its user (control.h). */
enum status recorder_start(struct recorder *recorder, const struct config *config,
                           local_handler *commands, struct error *err) MUST_CHECK;
void recorder_run(struct recorder *recorder);
/* After recorder_run, or after a failed start. */
enum status recorder_close(struct recorder *recorder, struct error *err);

/* Begins to stop; the second call ends the process at once. */
void recorder_stop(struct recorder *recorder);

/* ------------------------------------------------------------------ startup.c */

/* Opens data directory, ring and archive, recovering what the last run left. */
enum status recorder_open_storage(struct recorder *recorder, struct error *err) MUST_CHECK;
enum status recorder_close_storage(struct recorder *recorder, struct error *err);
/* Once a second: tells the housekeeper how the archive does, and counts what it has done. */
void recorder_keep_house(struct recorder *recorder);

#endif
