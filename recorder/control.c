/*
 * control.c - see control.h. An answer is built whole and handed to the server, which sends it as
 * the client takes it; that of an injection comes when the pool's has. Ring and relay are touched
 * only through what they offer to everybody, so nothing here can hold a miner up but for the
 * microseconds it takes. What can fail is the request, and the answer says so.
 */
#include "recorder/control.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"
#include "recorder/inject.h"
#include "recorder/recorder.h"

#define SESSIONS_MOST 1000

/* ------------------------------------------------------------------ writing answers */

static void put_name(struct buffer *out, const char *name)
{
    if (out->len && out->data[out->len - 1] != '{')
        buffer_append_char(out, ',');
    json_append_text(out, name);
    buffer_append_char(out, ':');
}

static void put_u64(struct buffer *out, const char *name, uint64_t value)
{
    put_name(out, name);
    buffer_append_u64(out, value);
}

static void put_text(struct buffer *out, const char *name, const char *text)
{
    put_name(out, name);
    json_append_text(out, text);
}

static void put_bool(struct buffer *out, const char *name, bool value)
{
    put_name(out, name);
    buffer_append_text(out, value ? "true" : "false");
}

static void put_time(struct buffer *out, const char *name, int64_t wall_ns)
{
    char text[CLOCK_TEXT_LEN];
    if (!wall_ns)
        return;
    clock_format(text, wall_ns);
    put_name(out, name);
    json_append_string(out, text, sizeof text);
}

static void answer(struct local_request *request, struct buffer *out)
{
    local_answer(request, out->data, out->len);
    buffer_close(out);
}

static void answer_error(struct local_request *request, const char *text)
{
    struct buffer out = {0};
    buffer_append_char(&out, '{');
    put_text(&out, "error", text);
    buffer_append_char(&out, '}');
    answer(request, &out);
    local_finish(request);
}

static void answer_ok(struct local_request *request)
{
    local_answer(request, "{\"ok\":true}", strlen("{\"ok\":true}"));
    local_finish(request);
}

/* ------------------------------------------------------------------ status */

static void put_counters(struct buffer *out, struct ring_counters *counters)
{
    put_name(out, "counters");
    buffer_append_char(out, '{');
#define X(name) put_u64(out, #name, counters->name);
    RING_COUNTERS(X)
#undef X
    buffer_append_char(out, '}');
}

static void put_archive(struct buffer *out, struct recorder *recorder)
{
    struct archive_status status;
    archive_status_get(recorder->archive, &status);
    put_name(out, "archive");
    buffer_append_char(out, '{');
    put_bool(out, "degraded", status.degraded);
    if (status.degraded)
        put_text(out, "reason", status.reason);
    put_text(out, "file", status.file);
    put_u64(out, "file_bytes", status.file_bytes);
    put_u64(out, "archived_seq", status.archived_seq);
    put_u64(out, "synced_seq", status.synced_seq);
    put_u64(out, "lag_bytes", status.lag_bytes);
    buffer_append_char(out, '}');
}

/* What retention and recompression do, and what keeps them from it. */
static void put_housekeeping(struct buffer *out, const struct recorder *recorder)
{
    struct housekeeper_status status;
    housekeeper_status_get(recorder->housekeeper, &status);
    put_name(out, "housekeeping");
    buffer_append_char(out, '{');
    put_u64(out, "files", status.files);
    put_u64(out, "bytes", status.bytes);
    put_u64(out, "free_bytes", status.free_bytes);
    put_u64(out, "min_free_bytes", status.min_free_bytes);
    put_bool(out, "bytes_exceeded", status.bytes_exceeded);
    put_bool(out, "room_missing", status.room_missing);
    put_bool(out, "age_paused", status.age_paused);
    if (status.age_paused)
        put_u64(out, "age_pause_seconds", (uint64_t)status.age_pause_seconds);
    put_u64(out, "removed_files", status.removed_files);
    put_u64(out, "removed_bytes", status.removed_bytes);
    put_u64(out, "recompressed_files", status.recompressed_files);
    put_u64(out, "recompressed_saved_bytes", status.recompressed_saved);
    put_u64(out, "recompress_failures", status.recompress_failures);
    put_u64(out, "recompress_backlog_files", status.backlog_files);
    put_u64(out, "recompress_backlog_bytes", status.backlog_bytes);
    put_u64(out, "footers_missing", status.footers_missing);
    put_u64(out, "footers_added", status.footers_added);
    if (status.recompressing)
        put_u64(out, "recompressing", status.recompressing);
    if (status.pause != HOUSEKEEPER_RUNS)
        put_text(out, "recompress_paused", housekeeper_pause_text(status.pause));
    buffer_append_char(out, '}');
}

static void put_routes(struct buffer *out, const struct recorder *recorder)
{
    char text[ENDPOINT_TEXT_MAX], url[ENDPOINT_TEXT_MAX + 16];
    put_name(out, "routes");
    buffer_append_char(out, '[');
    for (size_t i = 0; i < recorder->config->route_count; i++) {
        const struct route *route = &recorder->config->routes[i];
        buffer_append_text(out, i ? ",{" : "{");
        put_text(out, "route", route->name);
        endpoint_format(text, route->listen_host, listener_port(recorder->ports[i].listener));
        put_text(out, "listen", text);
        put_bool(out, "tls", route->listen_tls);
        put_name(out, "pools");
        for (size_t k = 0; k < route->target_count; k++) {
            const struct connect_target *pool = &route->targets[k];
            endpoint_format(text, pool->host, pool->port);
            snprintf(url, sizeof url, "stratum+%s://%s", pool->tls ? "ssl" : "tcp", text);
            buffer_append_char(out, k ? ',' : '[');
            json_append_text(out, url);
        }
        buffer_append_text(out, "]}");
    }
    buffer_append_char(out, ']');
}

static void handle_status(struct recorder *recorder, struct local_request *request)
{
    struct buffer out = {0};
    char instance[17];
    snprintf(instance, sizeof instance, "%016" PRIx64, recorder->datadir.instance);
    buffer_append_char(&out, '{');
    put_text(&out, "program", "hashscope-recorder");
    put_u64(&out, "pid", (uint64_t)getpid());
    put_text(&out, "instance", instance);
    put_time(&out, "started", recorder->started_wall_ns);
    put_u64(&out, "uptime_seconds",
            (uint64_t)((clock_mono_ns() - recorder->started_mono_ns) / NS_PER_S));
    put_bool(&out, "stopping", recorder->stopping);
    put_u64(&out, "sessions_open", recorder->session_count);
    put_u64(&out, "max_sessions", recorder->config->max_sessions);
    put_u64(&out, "last_seq", ring_writer_next_seq(recorder->ring) - 1);
    put_routes(&out, recorder);
    put_archive(&out, recorder);
    put_housekeeping(&out, recorder);
    put_counters(&out, recorder->tap.counters);
    buffer_append_char(&out, '}');
    answer(request, &out);
    local_finish(request);
}

/* ------------------------------------------------------------------ sessions */

static void put_session(struct buffer *out, const struct session_info *info)
{
    char id[UUID_TEXT_LEN];
    uuid_format(id, &info->session);
    buffer_append_char(out, '{');
    put_name(out, "session");
    json_append_string(out, id, sizeof id);
    put_u64(out, "number", info->number);
    put_text(out, "state", session_state_name((enum session_state)info->state));
    put_text(out, "route", info->route);
    put_text(out, "miner", info->miner);
    put_text(out, "listen", info->listen);
    if (*info->via)
        put_text(out, "via", info->via);
    put_text(out, "pool", info->pool);
    put_text(out, "address", info->address);
    put_text(out, "local", info->local);
    put_bool(out, "miner_tls", info->miner_tls);
    put_bool(out, "pool_tls", info->pool_tls);
    put_time(out, "opened", info->opened_wall_ns);
    put_time(out, "connected", info->connected_wall_ns);
    put_time(out, "closed", info->closed_wall_ns);
    if (info->state == SESSION_CLOSED) {
        put_text(out, "by", info->closed_by);
        put_text(out, "reason", info->reason);
    }
    put_u64(out, "bytes_up", info->bytes_up);
    put_u64(out, "bytes_down", info->bytes_down);
    put_u64(out, "unasked", info->unasked);
    buffer_append_char(out, '}');
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const struct session_info *)a)->number;
    uint64_t y = ((const struct session_info *)b)->number;
    return (x > y) - (x < y);
}

/* Copies the sessions wanted out of the table; the caller frees. */
static size_t collect_sessions(struct recorder *recorder, bool all, uint64_t after,
                               struct session_info **out)
{
    struct ring_reader *reader = ring_reader_attach(recorder->ring);
    struct session_info info;
    size_t count = 0, room = 0;
    enum status status;
    *out = NULL;
    for (uint32_t slot = 0; (status = ring_reader_session(reader, slot, &info)) != STATUS_END;
         slot++) {
        if (status != STATUS_OK || info.number <= after || (!all && info.state == SESSION_CLOSED))
            continue;
        if (count == room)
            *out = memory_resize(*out, (room = room ? 2 * room : 64) * sizeof **out);
        (*out)[count++] = info;
    }
    ring_reader_close(reader);
    if (count)
        qsort(*out, count, sizeof **out, by_number);
    return count;
}

static void handle_sessions(struct recorder *recorder, struct local_request *request,
                            const json_t *body)
{
    const char *state = json_string_value(json_object_get(body, "state"));
    json_int_t after = json_integer_value(json_object_get(body, "after"));
    json_int_t limit = json_integer_value(json_object_get(body, "limit"));
    struct session_info *infos;
    if (state && strcmp(state, "open") != 0 && strcmp(state, "all") != 0) {
        answer_error(request, "state: expected \"open\" or \"all\"");
        return;
    }
    bool all = state && strcmp(state, "all") == 0;
    size_t most = limit > 0 && limit < SESSIONS_MOST ? (size_t)limit : SESSIONS_MOST;
    size_t count = collect_sessions(recorder, all, after > 0 ? (uint64_t)after : 0, &infos);
    for (size_t i = 0; i < count && i < most; i++) {
        struct buffer out = {0};
        put_session(&out, &infos[i]);
        answer(request, &out);
    }
    free(infos);
    local_finish(request);
}

static bool has_id(const struct session *session, const struct uuid *uuid, uint64_t number)
{
    struct session_info info;
    if (!session->begun || session->phase == PHASE_CLOSING)
        return false;
    if (!number)
        return uuid_equal(&session->tap.session, uuid);
    ring_session_get(session->recorder->tap.ring, session->tap.slot, &info);
    return info.number == number;
}

/* The open session that the request names; NULL and an answer when there is none. */
static struct session *find_session(struct recorder *recorder, struct local_request *request,
                                    const json_t *body)
{
    const json_t *id = json_object_get(body, "session");
    const char *text = json_string_value(id);
    struct uuid uuid = {0};
    uint64_t number = json_is_integer(id) ? (uint64_t)json_integer_value(id) : 0;
    if (text && !uuid_parse(&uuid, text, strlen(text))) {
        char *end;
        number = strtoull(text, &end, 10);
        if (*end)
            number = 0;
    }
    struct session *session;
    TAILQ_FOREACH(session, &recorder->sessions, link)
    if (has_id(session, &uuid, number))
        return session;
    answer_error(request, "session: expected the UUID or number of an open session");
    return NULL;
}

static void handle_disconnect(struct recorder *recorder, struct local_request *request,
                              const json_t *body)
{
    struct session *session = find_session(recorder, request, body);
    if (!session)
        return;
    session_close(session, "hashscope", "disconnected on request", false);
    answer_ok(request);
}

/* ------------------------------------------------------------------ injection */

static void injected(void *user, const struct inject_outcome *outcome)
{
    struct local_request *request = user;
    struct buffer out = {0};
    buffer_append_char(&out, '{');
    if (outcome->error)
        put_text(&out, "error", outcome->error);
    if (outcome->id) {
        put_u64(&out, "id", (uint64_t)outcome->id);
        put_u64(&out, "seq", outcome->seq);
        put_name(&out, "sent");
        json_append_string(&out, outcome->sent.data, outcome->sent.len);
    }
    if (!outcome->error) {
        put_u64(&out, "answer_seq", outcome->answer_seq);
        put_u64(&out, "latency_us", (uint64_t)(outcome->latency_ns / NS_PER_US));
        put_bool(&out, "withheld", outcome->withheld);
        put_name(&out, "answer");
        json_append_string(&out, outcome->answer.data, outcome->answer.len);
    }
    buffer_append_char(&out, '}');
    answer(request, &out);
    local_finish(request);
}

static void handle_inject(struct recorder *recorder, struct local_request *request,
                          const json_t *body)
{
    const json_t *line = json_object_get(body, "line");
    if (!json_is_string(line)) {
        answer_error(request, "line: expected a string that holds one JSON object");
        return;
    }
    struct session *session = find_session(recorder, request, body);
    if (session)
        inject_line(session, json_string_value(line), json_string_length(line), injected, request);
}

/* ------------------------------------------------------------------ dispatch */

static void handle(struct recorder *recorder, struct local_request *request, const json_t *body)
{
    const char *command = json_string_value(json_object_get(body, "command"));
    if (!command)
        command = "";
    if (strcmp(command, "status") == 0) {
        handle_status(recorder, request);
    } else if (strcmp(command, "sessions") == 0) {
        handle_sessions(recorder, request, body);
    } else if (strcmp(command, "disconnect") == 0) {
        handle_disconnect(recorder, request, body);
    } else if (strcmp(command, "inject") == 0) {
        handle_inject(recorder, request, body);
    } else if (strcmp(command, "rotate") == 0) {
        archive_rotate(recorder->archive);
        answer_ok(request);
    } else if (strcmp(command, "stop") == 0) {
        answer_ok(request);
        if (!recorder->stopping)
            recorder_stop(recorder);
    } else {
        answer_error(request, "command: expected status, sessions, disconnect, inject, rotate or "
                              "stop");
    }
}

void control_handle(void *user, struct local_request *request, const char *line, size_t len)
{
    json_error_t fault;
    json_t *body = json_loadb(line, len, JSON_ALLOW_NUL, &fault);
    if (!json_is_object(body))
        answer_error(request, "expected one JSON object a line");
    else
        handle(user, request, body);
    json_decref(body);
}
