/*
 * session.c - how a session comes to life, and what its streams say. See session.h for its phases.
 *
 * Happy path: accept, opened, dial (session_pool.c), pool_connected, relay until both sides have
 * sent FIN (session_relay.c), closed (session_end.c). What can fail: no descriptors or memory (the
 * miner is closed at once, counted), a bad PROXY header or TLS handshake (closed, reason recorded),
 * a pool that does not answer (backups, then closed), a reset of either side (passed on as a
 * reset).
 *
 *   session.c, session_time.c ─▶ session_pool.c ─▶ session_relay.c ─▶ session_end.c
 */
#include "recorder/session.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/event/listen.h"
#include "recorder/proxy_header.h"
#include "recorder/recorder.h"
#include "recorder/session_private.h"

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
    snprintf(info.route, sizeof info.route, "%s", session->route->name);
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
    char reason[PROXY_LOOP_REASON_MAX];
    struct session *parent = proxy_loop_accepted(session, local, peer, reason);
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
            session_keep_early(session, early, len);
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

/* ------------------------------------------------------------------ what the streams say */

static void on_early_data(struct stream *stream, const char *data, size_t len)
{
    struct session *session = stream->user;
    const struct ring_writer *ring = session->recorder->ring;
    uint64_t before = ring_writer_position(ring);
    if (session->phase == PHASE_HEADER)
        on_header_bytes(session, data, len);
    else if (session->phase != PHASE_CLOSING)
        session_keep_early(session, data, len);
    stream_charge(stream, ring_writer_position(ring) - before);
}

static void on_data(struct stream *stream, const char *data, size_t len)
{
    const struct session *session = stream->user;
    if (session->phase == PHASE_RELAY || session->phase == PHASE_FINISH)
        session_relay(stream, data, len);
    else
        on_early_data(stream, data, len);
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

static void on_error(struct stream *stream, int code)
{
    struct session *session = stream->user;
    char reason[120];
    bool reset = code == UV_ECONNRESET;
    snprintf(reason, sizeof reason, "%s", reset ? "reset" : stream_error_text(stream, code));
    if (session->phase == PHASE_POOL_TLS && stream == &session->pool)
        session_next_pool(session, reason);
    else
        session_close(session, stream == &session->miner ? "miner" : "pool", reason,
                      session->phase == PHASE_RELAY || session->phase == PHASE_FINISH);
}

static void on_closed(struct stream *stream)
{
    struct session *session = stream->user;
    session->streams_open--;
    session_maybe_free(session);
}

static const struct stream_callbacks callbacks = {
    .on_data = on_data,
    .on_end = session_side_ended,
    .on_error = on_error,
    .on_drain = session_drained,
    .on_tls = on_tls,
    .on_closed = on_closed,
};

/* What is read may become a record of all that the line before has held back. */
bool session_may_read(void *user, const struct stream *stream, bool light)
{
    struct recorder *recorder = user;
    if (stream->callbacks != &callbacks)
        return true;
    const struct session *session = stream->user;
    size_t held = tap_held(&session->tap, session_side(session, stream));
    return pace_admits(&recorder->pace, recorder->ring, recorder->archive, held,
                       light ? PACE_LIGHT : PACE_ANYBODY);
}

void session_accept(struct session *session, struct recorder *recorder, const struct route *route,
                    struct listener *listener)
{
    session->recorder = recorder;
    session->route = route;
    session->streams_open = 1;
    stream_init(&session->miner, &recorder->loop, &callbacks, session);
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
