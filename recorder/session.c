/*
 * session.c - how a session comes to life, relays, and ends. See session.h for its phases.
 *
 * Happy path: accept, opened, dial, pool_connected, relay until both sides have sent FIN, closed.
 * What can fail: no descriptors or memory (the miner is closed at once, counted), a bad PROXY
 * header or TLS handshake (closed, reason recorded), a pool that does not answer (backups, then
 * closed), a reset of either side (passed on as a reset). A record of what was read is in the ring
 * before its bytes are written to the other side.
 */
#include "recorder/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/event/listen.h"
#include "recorder/inject.h"
#include "recorder/proxy_header.h"
#include "recorder/recorder.h"
#include "recorder/session_private.h"

static void copy_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text);
}

/* ------------------------------------------------------------------ the end */

void session_maybe_free(struct session *session)
{
    if (session->streams_open)
        return;
    circle_forget(session);
    session->recorder->session_gone(session->recorder, session);
    buffer_close(&session->early);
    free(session);
}

static void on_closed(struct stream *stream)
{
    struct session *session = stream->user;
    session->streams_open--;
    session_maybe_free(session);
}

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
    copy_text(info.closed_by, sizeof info.closed_by, by);
    copy_text(info.reason, sizeof info.reason, reason);
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

/* Both sides have ended: close once everything queued is out. */
static void finish_if_drained(struct session *session)
{
    static const char *const by[2] = {"miner", "pool"};
    if (session->phase == PHASE_FINISH && !session->miner.queued && !session->pool.queued)
        session_close(session, by[session->first_ended], "end", false);
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

/* ------------------------------------------------------------------ relaying */

static struct stream *other_of(struct session *session, enum tap_side side)
{
    return side == TAP_UP ? &session->pool : &session->miner;
}

static enum tap_side side_of(const struct session *session, const struct stream *stream)
{
    return stream == &session->miner ? TAP_UP : TAP_DOWN;
}

static void count_sent(const struct session *session, const struct stream *to, size_t len)
{
    struct ring_counters *counters = session->recorder->tap.counters;
    ring_count(to == &session->pool ? &counters->bytes_to_pools : &counters->bytes_to_miners, len);
}

static void count_read(struct session *session, enum tap_side side, size_t len)
{
    struct ring_counters *counters = session->recorder->tap.counters;
    ring_count(side == TAP_UP ? &counters->bytes_from_miners : &counters->bytes_from_pools, len);
    ring_session_bytes(session->recorder->tap.ring, session->tap.slot,
                       session->tap.received[TAP_UP], session->tap.received[TAP_DOWN]);
}

/* The other side is not read any more while this one has too much to take. */
static void hold_if_full(struct session *session, const struct stream *full)
{
    if (full->queued > SESSION_QUEUE_HIGH)
        stream_read_stop(full == &session->pool ? &session->miner : &session->pool);
}

/* Bytes that came while injected lines wait for their answers: some may be kept from the miner. */
static void relay_withholding(struct session *session, const char *data, size_t len)
{
    struct stream_loop *loop = &session->recorder->loop;
    stream_loop_flush(loop);
    size_t sent = inject_forward(session->inject, data, len);
    loop->now_ns = clock_mono_ns();
    ring_writer_publish(session->recorder->tap.ring, sent == len ? loop->now_ns : 0);
    hold_if_full(session, &session->miner);
}

static void forward(struct session *session, struct stream *to, const char *data, size_t len)
{
    count_sent(session, to, len);
    stream_forward(to, data, len, ring_writer_position(session->recorder->tap.ring));
}

static void relay(struct session *session, enum tap_side side, const char *data, size_t len)
{
    struct tap_shared *shared = &session->recorder->tap;
    struct tap_time now = tap_at(shared, session->recorder->loop.now_ns);
    const struct tap_withhold *withhold =
        side == TAP_DOWN ? inject_withhold(session->inject) : NULL;
    session->active_ns = now.mono_ns;
    tap_push(&session->tap, shared, side, data, len, now, withhold);
    count_read(session, side, len);
    if (withhold)
        relay_withholding(session, data, len);
    else
        forward(session, other_of(session, side), data, len);
    if (side == TAP_UP && session->inject)
        inject_try_send(session->inject);
}

/* What relay has forwarded is with the kernel, or queued where that takes no more. */
void session_forwarded(void *user, const struct stream_forward *done, size_t count)
{
    struct recorder *recorder = user;
    struct ring_writer *ring = recorder->tap.ring;
    int64_t now_ns = recorder->loop.now_ns;
    for (size_t i = 0; i < count; i++) {
        bool sent = done[i].sent == done[i].len;
        bool last = i + 1 == count || (done[i + 1].sent == done[i + 1].len) != sent;
        if (last)
            ring_writer_publish_to(ring, done[i].tag, sent ? now_ns : 0);
        hold_if_full(done[i].to->user, done[i].to);
    }
    pace_keep_off(&recorder->pace, ring, recorder->archive);
}

/* The miner speaks before the pool is there. */
static void keep_early(struct session *session, const char *data, size_t len)
{
    struct tap_shared *shared = &session->recorder->tap;
    struct tap_time now = tap_now(shared);
    session->active_ns = now.mono_ns;
    tap_push(&session->tap, shared, TAP_UP, data, len, now, NULL);
    ring_writer_publish(shared->ring, 0);
    buffer_append(&session->early, data, len);
    count_read(session, TAP_UP, len);
    if (session->early.len >= SESSION_EARLY_MAX)
        stream_read_stop(&session->miner);
}

/* Reads from that side again, unless it has ended. */
static void resume(struct session *session, enum tap_side side)
{
    if (!session->ended[side])
        stream_read_start(side == TAP_UP ? &session->miner : &session->pool);
}

static void on_drain(struct stream *stream)
{
    struct session *session = stream->user;
    if (session->phase == PHASE_FINISH) {
        finish_if_drained(session);
    } else if (session->phase == PHASE_RELAY) {
        if (session->recorder->stopping)
            session_stop(session);
        else
            resume(session, stream == &session->miner ? TAP_DOWN : TAP_UP);
    }
}

static void on_end(struct stream *stream)
{
    struct session *session = stream->user;
    struct tap_shared *shared = &session->recorder->tap;
    enum tap_side side = side_of(session, stream);
    if (!session->begun) {
        session_close(session, "miner", "end", false);
        return;
    }
    session->ended[side] = true;
    if (!session->ended[!side])
        session->first_ended = (uint8_t)side;
    if (side == TAP_DOWN)
        inject_release(session->inject);
    tap_finish(&session->tap, shared, side, tap_now(shared));
    ring_writer_publish(shared->ring, 0);
    if (session->phase != PHASE_RELAY)
        return; /* the miner's FIN waits for the pool, with its bytes */
    stream_shutdown(other_of(session, side));
    if (session->ended[!side]) {
        session->phase = PHASE_FINISH;
        session->deadline_ns = clock_mono_ns() + SESSION_FINISH_NS;
        finish_if_drained(session);
    }
}

void session_joined(struct session *session)
{
    struct tap_shared *shared = &session->recorder->tap;
    session->phase = PHASE_RELAY;
    ring_count(&shared->counters->pool_connects, 1);
    count_sent(session, &session->pool, session->early.len);
    size_t sent = stream_write(&session->pool, session->early.data, session->early.len);
    ring_writer_publish(shared->ring, sent == session->early.len ? clock_mono_ns() : 0);
    buffer_close(&session->early);
    stream_read_start(&session->pool);
    if (session->pool.queued <= SESSION_QUEUE_HIGH)
        resume(session, TAP_UP);
    if (session->ended[TAP_UP])
        stream_shutdown(&session->pool);
}

static void on_error(struct stream *stream, int code)
{
    struct session *session = stream->user;
    char reason[120];
    bool reset = code == UV_ECONNRESET;
    copy_text(reason, sizeof reason, reset ? "reset" : stream_error_text(stream, code));
    if (session->phase == PHASE_POOL_TLS && stream == &session->pool)
        session_next_pool(session, reason);
    else
        session_close(session, stream == &session->miner ? "miner" : "pool", reason,
                      session->phase == PHASE_RELAY || session->phase == PHASE_FINISH);
}

/* ------------------------------------------------------------------ from the miner */

static void begin(struct session *session, const struct sockaddr_storage *peer,
                  const struct sockaddr_storage *listen, const struct sockaddr_storage *via)
{
    struct tap_shared *shared = &session->recorder->tap;
    struct tap_time now = tap_now(shared);
    struct session_info info = {
        .session = uuid_new(now.wall_ns),
        .state = SESSION_CONNECTING,
        .miner_tls = session->route->listen_tls,
        .opened_wall_ns = now.wall_ns,
        .opened_mono_ns = now.mono_ns,
    };
    copy_text(info.route, sizeof info.route, session->route->name);
    address_format(info.miner, peer);
    address_format(info.listen, listen);
    if (via)
        address_format(info.via, via);
    uint32_t slot = ring_session_open(shared->ring, &info);
    tap_open(&session->tap, &info.session, slot);
    tap_event(&session->tap, shared, RECORD_OPENED, &info, now);
    ring_writer_publish(shared->ring, 0);
    session->begun = true;
    session->active_ns = now.mono_ns;
}

static bool is_ourselves(struct session *session, const struct sockaddr_storage *local,
                         const struct sockaddr_storage *peer)
{
    char reason[CIRCLE_REASON_MAX];
    struct session *parent = circle_accepted(session, local, peer, reason);
    if (!parent)
        return false;
    session_close(session, "hashscope", reason, false);
    session_close(parent, "hashscope", reason, false);
    return true;
}

/* opened is recorded; `early` are bytes that came behind a PROXY header. */
static void begun(struct session *session, const char *early, size_t len)
{
    struct recorder *recorder = session->recorder;
    struct error err;
    if (!session->route->listen_tls) {
        session_dial(session);
        if (len && session->phase == PHASE_DIAL)
            keep_early(session, early, len);
        return;
    }
    session->phase = PHASE_MINER_TLS;
    session->deadline_ns = clock_mono_ns() + recorder->connect_timeout_ns;
    if (stream_start_tls(&session->miner, recorder->tls_server, NULL, early, len, &err) !=
        STATUS_OK)
        session_close(session, "hashscope", err.text, false);
}

static void on_header_bytes(struct session *session, const char *data, size_t len)
{
    struct proxy_header header;
    struct sockaddr_storage local, peer;
    struct error err;
    buffer_append(&session->early, data, len);
    enum status status = proxy_header_parse(&header, session->early.data, session->early.len, &err);
    if (status == STATUS_END)
        return;
    stream_addresses(&session->miner, &local, &peer);
    if (status != STATUS_OK) {
        if (log_limit_pass(&session->recorder->accept_log, 20))
            log_warn("route %s: %s", session->route->name, err.text);
        ring_count(&session->recorder->tap.counters->sessions_refused, 1);
        session_close(session, "miner", err.text, false);
        return;
    }
    struct buffer rest = session->early;
    session->early = (struct buffer){0};
    if (header.local)
        begin(session, &peer, &local, NULL);
    else
        begin(session, &header.source, &header.destination, &peer);
    if (!is_ourselves(session, &local, &peer))
        begun(session, rest.data + header.len, rest.len - header.len);
    buffer_close(&rest);
}

/* What is read may become a record of all that the line before has held back. */
bool session_may_read(void *user, const struct stream *stream, bool light)
{
    struct recorder *recorder = user;
    if (stream->callbacks != &session_stream_callbacks)
        return true;
    const struct session *session = stream->user;
    size_t held = tap_held(&session->tap, side_of(session, stream));
    return pace_admits(&recorder->pace, recorder->ring, recorder->archive, held,
                       light ? PACE_LIGHT : PACE_ANYBODY);
}

static void on_data(struct stream *stream, const char *data, size_t len)
{
    struct session *session = stream->user;
    const struct ring_writer *ring = session->recorder->ring;
    uint64_t before = ring_writer_position(ring);
    if (session->phase == PHASE_RELAY || session->phase == PHASE_FINISH)
        relay(session, side_of(session, stream), data, len);
    else if (session->phase == PHASE_HEADER)
        on_header_bytes(session, data, len);
    else if (session->phase != PHASE_CLOSING)
        keep_early(session, data, len);
    stream_charge(stream, ring_writer_position(ring) - before);
}

static void on_tls(struct stream *stream)
{
    struct session *session = stream->user;
    if (session->phase == PHASE_MINER_TLS) {
        session_dial(session);
    } else if (session->phase == PHASE_POOL_TLS && stream == &session->pool) {
        session_pool_ready(session);
    }
}

const struct stream_callbacks session_stream_callbacks = {
    .on_data = on_data,
    .on_end = on_end,
    .on_error = on_error,
    .on_drain = on_drain,
    .on_tls = on_tls,
    .on_closed = on_closed,
};

void session_accept(struct session *session, struct recorder *recorder, const struct route *route,
                    struct listener *listener)
{
    session->recorder = recorder;
    session->route = route;
    session->streams_open = 1;
    stream_init(&session->miner, &recorder->loop, &session_stream_callbacks, session);
    if (stream_accept(&session->miner, listener) != STATUS_OK) {
        ring_count(&recorder->tap.counters->accept_failures, 1);
        session_close(session, "miner", "accept failed", false);
        return;
    }
    ring_count(&recorder->tap.counters->sessions_accepted, 1);
    struct sockaddr_storage local, peer;
    stream_addresses(&session->miner, &local, &peer);
    listener_peer(listener, &peer);
    if (recorder->config->proxy_in) {
        session->phase = PHASE_HEADER;
        session->deadline_ns = clock_mono_ns() + recorder->connect_timeout_ns;
    } else {
        begin(session, &peer, &local, NULL);
        if (!is_ourselves(session, &local, &peer))
            begun(session, NULL, 0);
    }
    if (session->phase != PHASE_CLOSING)
        stream_read_start(&session->miner);
}
