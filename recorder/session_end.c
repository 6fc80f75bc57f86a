/*
 * session_end.c - how a session ends, whoever ends it and in whatever phase.
 *
 * Closing records what is left of the last lines and `closed`, and lets both streams go; what they
 * still had to send is counted as dropped. The memory goes when both streams are closed. Nothing
 * here can fail.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/log.h"
#include "recorder/inject.h"
#include "recorder/recorder.h"
#include "recorder/session_private.h"

static void record_closed(struct session *session, const char *by, const char *reason)
{
    struct tap_shared *shared = &session->recorder->tap;
    struct tap_time now = tap_now(shared);
    struct session_info info;
    tap_finish(&session->tap, shared, TAP_UP, now);
    tap_finish(&session->tap, shared, TAP_DOWN, now);
    ring_session_get(shared->ring, session->tap.slot, &info);
    info.state = SESSION_CLOSED;
    info.closed_wall_ns = now.wall_ns;
    info.bytes_up = session->tap.received[TAP_UP];
    info.bytes_down = session->tap.received[TAP_DOWN];
    info.opaque = tap_opaque(&session->tap);
    snprintf(info.closed_by, sizeof info.closed_by, "%s", by);
    snprintf(info.reason, sizeof info.reason, "%s", reason);
    tap_event(&session->tap, shared, RECORD_CLOSED, &info, now);
    ring_writer_publish(shared->ring, 0);
    ring_session_update(shared->ring, session->tap.slot, &info);
    log_debug("session %llu: closed by %s: %s", (unsigned long long)info.number, by, reason);
}

/* What the closing streams still had to send, and what waited for a pool that never came. */
static void count_dropped(const struct session *session)
{
    size_t dropped = session->miner.queued + (session->has_pool ? session->pool.queued : 0);
    if (session->begun)
        dropped += session->early.len;
    ring_count(&session->recorder->tap.counters->bytes_dropped, dropped);
}

void session_close(struct session *session, const char *by, const char *reason, bool reset)
{
    if (session->phase == PHASE_CLOSING)
        return;
    session->phase = PHASE_CLOSING;
    if (session->connector)
        connector_cancel(session->connector);
    session->connector = NULL;
    inject_free(session->inject);
    session->inject = NULL;
    if (session->begun)
        record_closed(session, by, reason);
    tap_close(&session->tap, &session->recorder->tap);
    stream_close(&session->miner, reset);
    if (session->has_pool)
        stream_close(&session->pool, reset);
    count_dropped(session);
}

void session_stop(struct session *session)
{
    stream_loop_flush(&session->recorder->loop);
    if (session->phase == PHASE_RELAY || session->phase == PHASE_FINISH) {
        stream_read_stop(&session->miner);
        stream_read_stop(&session->pool);
        if (session->miner.queued || session->pool.queued)
            return; /* on_drain, or the recorder's patience, ends it */
    }
    session_close(session, "hashscope", "stop", false);
}

void session_maybe_free(struct session *session)
{
    if (session->streams_open)
        return;
    proxy_loop_forget(session);
    session->recorder->session_gone(session->recorder, session);
    buffer_close(&session->early);
    free(session);
}
