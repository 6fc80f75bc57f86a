/*
 * session_pool.c - a session's way to its pool: dialling, TLS, backups.
 *
 * Every address of the first target is tried, then those of its backups; a target whose TLS
 * handshake fails counts as not reached. When nothing is left the session closes with the reason.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "recorder/proxy_header.h"
#include "recorder/recorder.h"
#include "recorder/session_private.h"

static void record_connected(struct session *session)
{
    struct tap_shared *shared = &session->recorder->tap;
    struct tap_time now = tap_now(shared);
    const struct connect_target *target = &session->route->targets[session->target];
    struct sockaddr_storage local, peer;
    struct session_info info;
    stream_addresses(&session->pool, &local, &peer);
    ring_session_get(shared->ring, session->tap.slot, &info);
    info.state = SESSION_OPEN;
    info.connected_wall_ns = now.wall_ns;
    info.pool_tls = target->tls;
    snprintf(info.pool, sizeof info.pool, strchr(target->host, ':') ? "[%.120s]:%u" : "%.120s:%u",
             target->host, target->port);
    address_format(info.address, &peer);
    address_format(info.local, &local);
    tap_event(&session->tap, shared, RECORD_POOL_CONNECTED, &info, now);
    ring_writer_publish(shared->ring, 0);
    ring_session_update(shared->ring, session->tap.slot, &info);
}

static void address_from_text(struct sockaddr_storage *out, const char *text)
{
    struct connect_target target;
    if (connect_target_parse(&target, text, 0, NULL) != STATUS_OK ||
        address_parse(out, target.host, target.port, NULL) != STATUS_OK)
        *out = (struct sockaddr_storage){0};
}

/* Who the miner is, or was said to be by a PROXY header in front of us. */
static void send_proxy_header(struct session *session)
{
    enum proxy_out out = session->recorder->config->proxy_out;
    struct sockaddr_storage local, peer;
    struct session_info info;
    char header[PROXY_HEADER_MAX];
    if (out == PROXY_OUT_OFF)
        return;
    ring_session_get(session->recorder->tap.ring, session->tap.slot, &info);
    address_from_text(&peer, info.miner);
    address_from_text(&local, info.listen);
    size_t len = proxy_header_format(header, out == PROXY_OUT_V1 ? 1 : 2, &peer, &local);
    stream_write(&session->pool, header, len);
}

void session_pool_ready(struct session *session)
{
    record_connected(session);
    session_joined(session);
}

static bool is_ourselves(struct session *session)
{
    char reason[PROXY_LOOP_REASON_MAX];
    struct session *child = proxy_loop_dialed(session, reason);
    if (!child)
        return false;
    session_close(child, "hashscope", reason, false);
    session_close(session, "hashscope", reason, false);
    return true;
}

static void on_dialed(void *user, enum status status, size_t target, const struct error *error)
{
    struct session *session = user;
    struct recorder *recorder = session->recorder;
    struct error err;
    session->connector = NULL;
    if (status != STATUS_OK) {
        ring_count(&recorder->tap.counters->pool_connect_failures, 1);
        if (log_limit_pass(&recorder->connect_log, 20))
            log_warn("route %s: %s", session->route->name, error->text);
        stream_read_rest(&session->miner); /* who it was stands in its first line */
        session_close(session, "hashscope", error->text, false);
        return;
    }
    session->target = (uint8_t)(session->target + target);
    session->has_pool = true;
    session->streams_open++;
    if (is_ourselves(session))
        return;
    send_proxy_header(session);
    const struct connect_target *to = &session->route->targets[session->target];
    if (!to->tls) {
        session_pool_ready(session);
        return;
    }
    session->phase = PHASE_POOL_TLS;
    session->deadline_ns = clock_mono_ns() + recorder->connect_timeout_ns;
    status = stream_start_tls(&session->pool, recorder->tls_client, to->host, NULL, 0, &err);
    if (status != STATUS_OK)
        session_close(session, "hashscope", err.text, false);
    else
        stream_read_start(&session->pool);
}

/* The pool's stream speaks to the same callbacks as the miner's. */
void session_dial(struct session *session)
{
    const struct route *route = session->route;
    session->phase = PHASE_DIAL;
    session->connector = connector_start(
        &session->recorder->loop, route->targets + session->target,
        route->target_count - session->target, session->recorder->config->connect_timeout_ms,
        &session->pool, session->miner.callbacks, session, on_dialed, session);
    if (!session->connector)
        session_close(session, "hashscope", "out of memory", false);
}

/* The pool answered, but its TLS handshake failed: its backups have their turn. The stream's struct
 * is needed again, so the next dial waits for on_closed. */
static void on_rejected_closed(struct stream *stream)
{
    struct session *session = stream->user;
    session->streams_open--;
    session->has_pool = false;
    proxy_loop_forget_pool(session);
    if (session->phase == PHASE_CLOSING)
        session_maybe_free(session);
    else
        session_dial(session);
}

static const struct stream_callbacks rejected_callbacks = {.on_closed = on_rejected_closed};

void session_next_pool(struct session *session, const char *reason)
{
    struct recorder *recorder = session->recorder;
    const struct connect_target *target = &session->route->targets[session->target];
    char text[120];
    snprintf(text, sizeof text, "%.60s: TLS: %.50s", target->host, reason);
    ring_count(&recorder->tap.counters->pool_connect_failures, 1);
    if (log_limit_pass(&recorder->connect_log, 20))
        log_warn("route %s: %s", session->route->name, text);
    if (session->target + 1u >= session->route->target_count) {
        session_close(session, "hashscope", text, false);
        return;
    }
    session->target++;
    session->phase = PHASE_DIAL;
    session->pool.callbacks = &rejected_callbacks;
    stream_close(&session->pool, false);
}
