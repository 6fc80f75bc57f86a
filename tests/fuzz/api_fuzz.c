/*
 * api_fuzz.c - whole requests, from their query string through route, parameters and handler to the
 * bytes of the answer, over archives of odd recordings (odd_archive.h) and the live window and
 * table of sessions that the feed would have made of them. No socket: what the HTTP server
 * would send is kept here.
 *
 * Each request is answered, never with 500; the body is as long as its head says; JSON is strict,
 * and a list of all messages has as many as there were, each as long as it says. Where the files
 * are hostile, every request ends.
 */
#include <civetweb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/live/live.h"
#include "api/request/reply_cache.h"
#include "api/request/rest.h"
#include "api/session/operator_state.h"
#include "api/session/stats.h"
#include "api/session/table.h"
#include "tests/fuzz/odd_archive.h"
#include "tests/fuzz/odd_json.h"

#define LIVE_MESSAGES 200
#define LIVE_FEW      4 /* the archive has the rest, and their answers */
#define LIVE_BYTES    (64u << 10)
#define REQUESTS      3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct odd_archive archive;
static struct operator_state *operator_state;
static struct request *current; /* being answered */
static struct buffer answer;    /* what was sent of it */
static uint64_t instance_seq;   /* of some message, for ids */

/* ---- in place of the HTTP server ---- */

int mg_write(struct mg_connection *connection, const void *data, size_t len)
{
    (void)connection;
    buffer_append(&answer, data, len);
    return (int)len;
}

/* Whoever asks wants to know whether the client is still there: it has gone. */
const struct mg_request_info *mg_get_request_info(const struct mg_connection *connection)
{
    static const struct mg_request_info nothing;
    (void)connection;
    current->gone = true;
    return &nothing;
}

void mg_disable_connection_keep_alive(struct mg_connection *connection)
{
    (void)connection;
}

/* ---- the world ---- */

static void end(void)
{
    operator_state_close(operator_state);
    odd_archive_end(&archive);
    buffer_close(&answer);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct error err;
    (void)argc;
    (void)argv;
    odd_archive_begin(&archive);
    odd_require(operator_state_open(&operator_state, archive.folder, &err) == STATUS_OK, err.text);
    atexit(end);
    return 0;
}

static struct rest open_rest(size_t messages)
{
    return (struct rest){.place = {archive.folder, NULL, 0},
                         .pair_timeout_sec = 60,
                         .live = live_new(messages, messages / 2, LIVE_BYTES),
                         .session_table = session_table_new(),
                         .stats_keeper = stats_keeper_new(),
                         .reply_cache = reply_cache_new(),
                         .operator_state = operator_state,
                         .ready = true};
}

static void close_rest(struct rest *rest)
{
    live_free(rest->live);
    session_table_free(rest->session_table);
    stats_keeper_free(rest->stats_keeper);
    reply_cache_free(rest->reply_cache);
}

/* As the feed does it, though it reads the ring: the rows are the same. */
static void feed_rows(struct rest *rest)
{
    const struct query_options options = {.place = rest->place};
    struct query *query;
    struct query_row row;
    struct buffer text = {0};
    struct error err;
    odd_require(query_open(&query, &options, &err) == STATUS_OK, err.text);
    while (query_next(query, &row, &err) == STATUS_OK) {
        if (row.line.numbered) {
            live_add(rest->live, &row);
            session_table_add(rest->session_table, &row);
        }
        if (row.line.is_message) {
            buffer_clear(&text);
            live_write_row(rest->live, &text, &row);
            instance_seq = row.line.seq;
        }
    }
    query_close(query);
    buffer_close(&text);
}

/* ---- requests ---- */

static const char *const texts[] = {"rig",    "x",         "%00", "%C3%A9", "%22", "submit",
                                    "mining", "192.0.2.1", "%5C", "a",      "1",   "mining.submit"};

static void put_id(struct buffer *query, struct odd_tape *tape)
{
    char id[UUID_TEXT_LEN];
    uuid_format(id, &archive.sessions[odd_below(tape, ODD_SESSIONS)]);
    buffer_append(query, id, sizeof id);
}

static void put_time(struct buffer *query, struct odd_tape *tape)
{
    buffer_append_format(query, "2025-11-2%zuT08:26:%02zuZ", 1 + odd_below(tape, 4),
                         odd_below(tape, 60));
}

static void put_choice(struct buffer *query, struct odd_tape *tape, const char *choices)
{
    for (size_t skip = odd_below(tape, 6); skip > 0; skip--) {
        const char *bar = strchr(choices, '|');
        choices = bar ? bar + 1 : choices;
    }
    buffer_append(query, choices, strcspn(choices, "|"));
}

static void put_value(struct buffer *query, struct odd_tape *tape, const struct parameter *known)
{
    switch (known->kind) {
    case PARAMETER_TEXT:
        buffer_append_text(query, texts[odd_below(tape, sizeof texts / sizeof texts[0])]);
        break;
    case PARAMETER_INTEGER:
        buffer_append_format(query, "%zu", odd_below(tape, 256) * 4 + 1);
        break;
    case PARAMETER_CHOICE:
        put_choice(query, tape, known->choices);
        break;
    case PARAMETER_SWITCH:
        buffer_append_text(query, odd_byte(tape) & 1 ? "true" : "false");
        break;
    case PARAMETER_SESSION:
        put_id(query, tape);
        break;
    case PARAMETER_SERIES:
        buffer_append_format(query, "%016zx", odd_below(tape, 256));
        break;
    case PARAMETER_TIME:
        put_time(query, tape);
        break;
    case PARAMETER_MS:
        buffer_append_format(query, "%zu.%zu", odd_below(tape, 256), odd_below(tape, 256));
        break;
    }
}

/* Each parameter one time in four. */
static struct buffer make_query(struct odd_tape *tape, const struct route *route)
{
    struct buffer query = {0};
    for (size_t i = 0; i < route->parameter_count; i++) {
        if (odd_byte(tape) % 4 != 1)
            continue;
        buffer_append_format(&query, "%s%s=", query.len ? "&" : "", route->parameters[i].name);
        put_value(&query, tape, &route->parameters[i]);
    }
    return query;
}

static void choose_id(struct request *request, struct odd_tape *tape)
{
    static const char *const ids[] = {"1", "2", "x", "%", "1122334455667788-0"};
    struct buffer id = {0};
    uint8_t how = odd_byte(tape);
    if (how < 100)
        put_id(&id, tape);
    else if (how < 200)
        query_id_format(request->id, ODD_INSTANCE,
                        1 + instance_seq - (how - 100) % (instance_seq + 1));
    else
        buffer_append_text(&id, ids[how % 5]);
    if (id.len)
        snprintf(request->id, sizeof request->id, "%.*s", (int)id.len, id.data);
    buffer_close(&id);
}

/* Fills in what server.c would; false: the parameters were refused. */
static bool ask(struct request *request, const struct rest *rest, const struct route *route,
                struct span query)
{
    struct error err;
    buffer_clear(&answer);
    request->rest = rest;
    request->route = route;
    request->method = route->method;
    request->path = route->path;
    request->connection =
        (struct mg_connection *)&answer; /* anything but NULL: the front answers then */
    current = request;
    bool taken = parameters_parse(&request->parameters, route->parameters, route->parameter_count,
                                  query, &err) == STATUS_OK;
    if (taken)
        route->handle(request);
    else
        reply_error(request, 422, "%s", err.text);
    return taken;
}

static void forget(struct request *request)
{
    parameters_close(&request->parameters);
    json_decref(request->body);
    buffer_close(&request->headers);
}

/* ---- answers ---- */

static struct span body_of(void)
{
    const char *end = memmem(answer.data, answer.len, "\r\n\r\n", 4);
    odd_require(end != NULL, "an answer has a head and a body");
    return span_make(end + 4, answer.len - (size_t)(end + 4 - answer.data));
}

static bool says(const char *text)
{
    size_t head = answer.len - body_of().len;
    return memmem(answer.data, head, text, strlen(text)) != NULL;
}

/* The JSON of the answer; NULL: it has none. */
static json_t *read_answer(const struct request *request)
{
    char length[48];
    struct span body = body_of();
    odd_require(request->status >= 200 && request->status != 500, "an answer says what it is");
    if (says("Transfer-Encoding: chunked"))
        return NULL;
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", body.len);
    odd_require(says(length), "a body is as long as it says");
    if (archive.hostile)
        return NULL;
    json_t *tree = odd_json(body);
    odd_require(tree != NULL, "an answer is strict JSON");
    return tree;
}

static void check_answer(const struct request *request)
{
    if (request->gone)
        return;
    json_decref(read_answer(request));
}

/* All messages, oldest first: as many as there were, each with its bytes. */
static void check_all(const struct rest *rest, const struct route *route)
{
    struct request request = {.status = 0};
    size_t i;
    json_t *item;
    (void)ask(&request, rest, route, span_text("limit=1000&order=oldest&passwords=shown"));
    json_t *tree = read_answer(&request);
    const json_t *items = json_object_get(tree, "items");
    uint64_t count = archive.messages[0] + archive.messages[1];
    odd_require(request.status == 200 && json_array_size(items) == count,
                "the list has all messages");
    json_array_foreach(items, i, item)
    {
        const json_t *raw = json_object_get(item, "raw"),
                     *base64 = json_object_get(item, "raw_base64");
        double size = json_real_value(json_object_get(item, "size_bytes"));
        size_t len = json_string_length(raw);
        if (json_is_string(raw) && !json_is_string(base64))
            odd_require(len == (size_t)size, "a message is as long as it says");
    }
    json_decref(tree);
    forget(&request);
}

/* ---- all together ---- */

static void ask_something(const struct rest *rest, struct odd_tape *tape)
{
    static const struct route_table *const tables[] = {&rest_messages, &rest_sessions,
                                                       &rest_archive};
    const struct route_table *table = tables[odd_below(tape, 3)];
    const struct route *route = &table->routes[odd_below(tape, table->count)];
    struct request request = {.status = 0};
    if (strcmp(route->method, "GET") != 0)
        return;
    choose_id(&request, tape);
    struct buffer query = make_query(tape, route);
    (void)ask(&request, rest, route, span_make(query.data, query.len));
    check_answer(&request);
    forget(&request);
    buffer_close(&query);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct odd_tape tape = {data, size}, choices = {data, size < 40 ? size : 40};
    tape.at += choices.left;
    tape.left -= choices.left;
    odd_archive_make(&archive, &tape);
    struct rest rest = open_rest(size > 0 && data[size - 1] & 1 ? LIVE_FEW : LIVE_MESSAGES);
    feed_rows(&rest);
    if (!archive.hostile && odd_byte(&choices) % 4 == 0)
        check_all(&rest, &rest_messages.routes[0]);
    for (int i = 0; i < REQUESTS; i++)
        ask_something(&rest, &choices);
    close_rest(&rest);
    return 0;
}
