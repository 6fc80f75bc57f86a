/*
 * status.c - GET config, status, /health, /metrics, /openapi.yaml.
 *
 * Nothing here waits for the recorder: api/control/recorder_watch.h has asked it before. /health
 * reads no file at all.
 */
#include <string.h>

#include "api/control/recorder_watch.h"
#include "api/front/front.h"
#include "api/live/feed.h"
#include "api/live/live.h"
#include "api/live/subscription.h"
#include "api/request/rest.h"
#include "api/rest/metrics.h"
#include "api/rest/pages.h"
#include "api/rest/request_counts.h"
#include "api/rest/segments.h"
#include "lib/base/clock.h"
#include "lib/base/option_value.h"
#include "lib/base/version.h"
#include "lib/upkeep/retention.h"

#define SECRET "\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2" /* four bullets */

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

/* ---- config ---- */

static json_t *typed(const struct option_row *row, const char *text, int64_t value)
{
    switch (row->type) {
    case OPTION_INTEGER:
    case OPTION_SIZE:
        return json_integer(value);
    case OPTION_BOOLEAN:
        return json_boolean(value);
    case OPTION_TEXT:
    case OPTION_CHOICE:
    case OPTION_PATH:
        break;
    }
    return text ? json_string(text) : json_null();
}

static json_t *default_of(const struct option_row *row)
{
    int64_t value;
    if (!row->default_value || !option_parse(row, row->default_value, &value))
        return json_null();
    return typed(row, row->default_value, value);
}

static json_t *value_of(const struct settings *settings, const struct option_row *row)
{
    switch (row->type) {
    case OPTION_INTEGER:
    case OPTION_SIZE:
        return json_integer(settings_integer(settings, row->name));
    case OPTION_BOOLEAN:
        return json_boolean(settings_boolean(settings, row->name));
    case OPTION_TEXT:
    case OPTION_CHOICE:
    case OPTION_PATH:
        break;
    }
    const char *text = settings_text(settings, row->name);
    return typed(row, text && row->secret ? SECRET : text, 0);
}

static const char *source_of(const struct settings *settings, const struct option_row *row)
{
    static const char *const names[] = {[SOURCE_DEFAULT] = "default",
                                        [SOURCE_FILE] = "file",
                                        [SOURCE_ENVIRONMENT] = "environment",
                                        [SOURCE_COMMAND_LINE] = "command line"};
    return names[settings_source(settings, row->name)];
}

static void get_config(struct request *request)
{
    const struct settings *settings = request->rest->settings;
    json_t *list = json_array();
    for (size_t i = 0; i < option_count; i++) {
        const struct option_row *row = &option_table[i];
        (void)json_array_append_new(
            list, json_pack("{s:s, s:o, s:o, s:s, s:s, s:b}", "name", row->name, "value",
                            value_of(settings, row), "default", default_of(row), "source",
                            source_of(settings, row), "help", row->help, "secret", row->secret));
    }
    reply_tree(request, 200, json_pack("{s:o}", "settings", list));
}

/* ---- status ---- */

static json_t *describe_api(const struct rest *rest)
{
    struct request_counts server;
    struct front_facts front;
    struct subscription_facts readers;
    struct feed_facts feed;
    request_counts_read(&server);
    front_facts(rest->front, &front);
    subscriptions_facts(front_subscriptions(rest->front), &readers);
    feed_facts(rest->feed, &feed);
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o}", "uptime_seconds",
        number((uint64_t)((clock_mono_ns() - rest->started_ns) / NS_PER_S)), "connections",
        number(front.open), "requests", number(server.requests), "requests_failed",
        number(server.failed), "requests_busy", number(server.busy), "readers",
        number(readers.count), "reader_bytes", number(readers.bytes), "messages_sent",
        number(readers.sent), "messages_skipped", number(readers.skipped), "following",
        feed.connected, "rows", number(feed.rows), "rows_missed", number(feed.missed));
}

static json_t *describe_recorder(const struct rest *rest)
{
    struct recorder_watch_view view;
    recorder_watch_look(rest->watch, &view);
    json_t *tree = json_pack("{s:b, s:s?}", "running", view.running, "error",
                             view.running ? NULL : view.error);
    if (view.running)
        (void)json_object_update_missing(tree, view.status);
    recorder_watch_view_close(&view);
    return tree;
}

static enum status describe_archive(const struct rest *rest, json_t **out, struct error *err)
{
    struct segments_sum sum;
    uint64_t free_bytes = 0, total_bytes = 0;
    enum status status = segments_add_up(&rest->place, &sum, err);
    bool known = retention_room(rest->place.data_dir, &free_bytes, &total_bytes, NULL) == STATUS_OK;
    if (status != STATUS_OK)
        return status;
    *out =
        json_pack("{s:o, s:o, s:o, s:o, s:o}", "segments", number(sum.count), "bytes",
                  number(sum.bytes), "from", segments_time(sum.from_ns), "to",
                  segments_time(sum.to_ns), "free_bytes", known ? number(free_bytes) : json_null());
    return STATUS_OK;
}

static json_t *describe_live(const struct rest *rest)
{
    struct live_facts facts;
    live_facts(rest->live, &facts);
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "messages", number(facts.messages), "bytes",
                     number(facts.bytes), "sessions", number(facts.sessions), "first_seq",
                     facts.first_seq ? number(facts.first_seq) : json_null(), "last_seq",
                     facts.last_seq ? number(facts.last_seq) : json_null());
}

static void get_status(struct request *request)
{
    const struct rest *rest = request->rest;
    struct error err;
    json_t *archive;
    enum status status = describe_archive(rest, &archive, &err);
    if (status != STATUS_OK) {
        reply_failure(request, status, &err);
        return;
    }
    reply_tree(request, 200,
               json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "version", HASHSCOPE_VERSION, "now",
                         segments_time(clock_wall_ns()), "api", describe_api(rest), "recorder",
                         describe_recorder(rest), "archive", archive, "live", describe_live(rest)));
}

/* ---- health ---- */

static bool is_set(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

/* Of a recorder that runs; true: something is being lost. */
static bool find_reasons(const struct recorder_watch_view *view, json_t *reasons)
{
    const json_t *archive = json_object_get(view->status, "archive");
    const json_t *house = json_object_get(view->status, "housekeeping");
    const char *reason = json_string_value(json_object_get(archive, "reason"));
    if (view->lost)
        (void)json_array_append_new(
            reasons, json_sprintf("%llu records were overwritten before they reached the archive",
                                  (unsigned long long)view->lost));
    if (is_set(archive, "degraded"))
        (void)json_array_append_new(reasons, json_sprintf("the archive cannot be written: %s",
                                                          reason ? reason : "not known why"));
    if (is_set(view->status, "stopping"))
        (void)json_array_append_new(reasons, json_string("the recorder is stopping"));
    if (is_set(house, "room_missing"))
        (void)json_array_append_new(
            reasons, json_string("the disk has less room than MIN_FREE_BYTES, and nothing is left "
                                 "to remove"));
    if (is_set(house, "bytes_exceeded"))
        (void)json_array_append_new(reasons, json_string("the archive is larger than RETAIN_BYTES, "
                                                         "and nothing is left to remove"));
    return view->lost > 0;
}

static void get_health(struct request *request)
{
    struct recorder_watch_view view;
    struct feed_facts feed;
    json_t *reasons = json_array();
    recorder_watch_look(request->rest->watch, &view);
    feed_facts(request->rest->feed, &feed);
    bool down = !view.running;
    if (down)
        (void)json_array_append_new(reasons, json_string(view.error));
    else
        down = find_reasons(&view, reasons);
    if (view.running && !feed.connected)
        (void)json_array_append_new(reasons, json_string("the live ring cannot be read"));
    recorder_watch_view_close(&view);
    const char *state = "ok";
    if (json_array_size(reasons) > 0)
        state = down ? "down" : "degraded";
    buffer_append_text(&request->headers, "Cache-Control: no-store\r\n");
    reply_tree(request, down ? 503 : 200,
               json_pack("{s:s, s:o}", "status", state, "reasons", reasons));
}

/* ---- the rest ---- */

static void get_metrics(struct request *request)
{
    struct buffer text = {0};
    metrics_write(&text, request->rest);
    reply_bytes(request, 200, "text/plain; version=0.0.4; charset=utf-8",
                span_make(text.data, text.len));
    buffer_close(&text);
}

static void get_description(struct request *request)
{
    pages_file(request, request->rest->share_dir, "openapi.yaml");
}

static const struct route routes[] = {
    {"GET", "/health", get_health, NULL, 0, ROUTE_OPEN | ROUTE_FRONT},
    {"GET", "/api/status", get_status, NULL, 0, 0},
    {"GET", "/api/config", get_config, NULL, 0, 0},
    {"GET", "/metrics", get_metrics, NULL, 0, 0},
    {"GET", "/openapi.yaml", get_description, NULL, 0, ROUTE_OPEN},
};
const struct route_table rest_status = {routes, sizeof routes / sizeof routes[0]};
