/* replay.c - POST messages/{id}/replay: a miner's message is said again, as it was or changed.
 */
#include <stdatomic.h>
#include <string.h>

#include "api/control/recorder_client.h"
#include "api/live/live.h"
#include "api/request/json_out.h"
#include "api/request/rest.h"
#include "api/session/find.h"
#include "lib/stratum/strict.h"

#define REPLAY_LINE_MAX (64u << 10) /* bytes that the recorder takes */
#define REPLAYS_MAX     16          /* at a time: each waits for its pool, half a minute at most */

static atomic_int running;

struct replay {
    struct page page; /* the message */
    struct uuid session;
    struct buffer line;
};

/* ---- the message ---- */

static enum status find_message(const struct rest *rest, const char *id, struct page *page,
                                struct error *err)
{
    uint64_t instance, seq;
    struct query *query;
    struct query_row row;
    if (!query_id_parse(id, &instance, &seq))
        return error_set(err, STATUS_INVALID, "%s is no id of a message", id);
    if (live_find(rest->live, instance, seq, page))
        return STATUS_OK;
    enum status status = query_find(&query, &rest->place, id, &row, err);
    if (status != STATUS_OK)
        return status;
    (void)page_add(page, row.line.text, row.line.seq);
    query_close(query);
    return STATUS_OK;
}

/* Its session, and its bytes as the line to be sent. False: no message that a miner sends. */
static bool take_message(struct replay *replay)
{
    struct query_row row = {0};
    struct buffer scratch = {0};
    struct stratum_scan scan;
    struct span bytes, text = page_line(&replay->page, &replay->page.rows[0]);
    if (segment_line_parse(&row.line, text.data, text.len) != STATUS_OK || !row.line.is_message ||
        !uuid_parse(&replay->session, row.line.session.data ? row.line.session.data : "",
                    row.line.session.len) ||
        (row.line.direction != DIRECTION_MINER_TO_POOL &&
         row.line.direction != DIRECTION_HASHSCOPE_TO_POOL) ||
        row.line.is_fragment || query_row_bytes(&row, &scratch, &bytes) != STATUS_OK)
        return false;
    stratum_scan_line(&scan, bytes.data, bytes.len);
    bool fits = scan.fault == STRATUM_FAULT_NONE &&
                (scan.kind == STRATUM_REQUEST || scan.kind == STRATUM_NOTIFICATION);
    buffer_append(&replay->line, bytes.data, bytes.len);
    buffer_close(&scratch);
    return fits;
}

/* ---- what is to be sent instead ---- */

/* What the recorder takes. */
static bool is_request(struct span line)
{
    json_t *tree = stratum_exact_parse(line);
    const json_t *method = json_object_get(tree, "method");
    bool fits = json_is_string(method) && !stratum_is_exact_number(method);
    json_decref(tree);
    return fits;
}

/* False: it has been answered. */
static bool take_modified(struct request *request, struct replay *replay)
{
    const json_t *modified = json_object_get(request->body, "modified_message");
    if (!modified || json_is_null(modified))
        return true;
    buffer_clear(&replay->line);
    if (json_is_string(modified))
        buffer_append(&replay->line, json_string_value(modified), json_string_length(modified));
    else
        stratum_exact_dump(&replay->line, modified);
    while (replay->line.len > 0 && strchr("\r\n", replay->line.data[replay->line.len - 1]))
        replay->line.len--;
    if (replay->line.len > REPLAY_LINE_MAX) {
        reply_error(request, 422, "modified_message: longer than %u bytes", REPLAY_LINE_MAX);
        return false;
    }
    if (!is_request(span_make(replay->line.data, replay->line.len))) {
        reply_error(request, 422,
                    "modified_message: one JSON object with a method is wanted, or a text that "
                    "holds one");
        return false;
    }
    return true;
}

/* ---- sending ---- */

static void put_response(struct buffer *out, const json_t *text)
{
    out_name(out, "pool_response");
    if (!json_is_string(text) ||
        !stratum_strict_append(out, span_make(json_string_value(text), json_string_length(text))))
        buffer_append_text(out, "null");
}

static void reply_outcome(struct request *request, const json_t *answer)
{
    const char *error = json_string_value(json_object_get(answer, "error"));
    json_int_t latency_us = json_integer_value(json_object_get(answer, "latency_us"));
    struct buffer out = {0};
    buffer_append_char(&out, '{');
    out_bool(&out, "success", error == NULL);
    put_response(&out, error ? NULL : json_object_get(answer, "answer"));
    out_text(&out, "error", error ? span_text(error) : span_text(""));
    out_number(&out, "latency_ms", error ? -1 : (double)latency_us / 1000, 12);
    buffer_append_char(&out, '}');
    reply_json(request, 200, &out);
}

static void send_line(struct request *request, struct replay *replay)
{
    struct error err = {""};
    json_t *answer;
    json_t *command = recorder_command("inject", &replay->session,
                                       span_make(replay->line.data, replay->line.len));
    enum status status =
        recorder_call(request->rest->control_path, command, RECORDER_INJECT_MS, &answer, &err);
    const char *error = json_string_value(json_object_get(answer, "error"));
    if (status != STATUS_OK)
        reply_failure(request, status, &err);
    else if (error && strncmp(error, "session:", 8) == 0)
        reply_error(request, 409, "its session is closed");
    else
        reply_outcome(request, answer);
    json_decref(answer);
}

static void replay_found(struct request *request, struct replay *replay)
{
    const struct rest *rest = request->rest;
    if (!take_message(replay)) {
        reply_error(request, 409, "it is no message that a miner sends");
        return;
    }
    if (!take_modified(request, replay))
        return;
    if (session_presence(&rest->place, &replay->session) != SESSION_IS_OPEN)
        reply_error(request, 409, "its session is closed");
    else
        send_line(request, replay);
}

static void replay_message(struct request *request)
{
    struct replay replay = {.session = {{0}}};
    struct error err = {""};
    if (atomic_fetch_add(&running, 1) >= REPLAYS_MAX) {
        reply_error(request, 503, "%d replays are waiting for their pools already", REPLAYS_MAX);
    } else {
        page_open(&replay.page, QUERY_NEWEST_FIRST, 1);
        enum status status = find_message(request->rest, request->id, &replay.page, &err);
        if (status == STATUS_OK)
            replay_found(request, &replay);
        else
            reply_failure(request, status, &err);
        page_close(&replay.page);
        buffer_close(&replay.line);
    }
    atomic_fetch_sub(&running, 1);
}

static const struct route routes[] = {
    {"POST", "/api/messages/{id}/replay", replay_message, NULL, 0, ROUTE_BODY | ROUTE_EXACT},
};
const struct route_table rest_replay = {routes, sizeof routes / sizeof routes[0]};
