/*
 * requests.c - what a client asks: its head is judged, its body taken, and then the request
 * answered here or given to the server.
 *
 * One request at a time: what comes behind it waits in the same buffer, and where a client does not
 * take its answers in the kernel. A head that is refused before its body came ends the connection.
 */
#include <stdlib.h>
#include <string.h>

#include "api/access/link.h"
#include "api/front/front_private.h"
#include "api/front/websocket.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#define READER_PATH       "/api/ws"
#define KEPT_BUFFER_BYTES 4096u

/* ---- answers from here ---- */

static void send_now(struct connection *connection, const struct buffer *answer)
{
    connection_write(connection, answer->data, answer->len);
    if (connection->keep_alive)
        connection_set_state(connection, CONNECTION_HEAD);
    else
        connection_end(connection);
}

static void send_later(struct connection *connection, struct buffer *answer, int64_t due_ns)
{
    if (connection->address->delayed >= FRONT_ADDRESS_DELAYED) {
        connection_refuse(connection, 429, "too many wrong tokens came from this address");
        return;
    }
    buffer_close(&connection->out);
    connection->out = *answer;
    *answer = (struct buffer){0};
    connection_set_state(connection, CONNECTION_DELAYED);
    connection->deadline_ns = due_ns;
    connection_wait(connection, false);
    front_soon(connection->front);
}

/* Gives an answer back, for a wrong token not before its time. */
static void answer(struct connection *connection, const struct buffer *bytes, bool wrong_token)
{
    struct front *front = connection->front;
    struct http_answer parsed;
    struct buffer whole = {0};
    int64_t now_ns = clock_mono_ns(), due_ns = now_ns;

    if (http_answer_parse(&parsed, span_make(bytes->data, bytes->len), connection->to_head) !=
        STATUS_OK) {
        connection_refuse(connection, 500, "there is no answer");
        return;
    }
    http_answer_write(&whole, span_make(bytes->data, parsed.len), connection->keep_alive);
    buffer_append(&whole, bytes->data + parsed.len, bytes->len - parsed.len);
    if (wrong_token) {
        atomic_fetch_add(&front->counters.wrong_tokens, 1);
        due_ns = front_address_guessed(front, connection->address, now_ns);
    }
    if (due_ns > now_ns)
        send_later(connection, &whole, due_ns);
    else
        send_now(connection, &whole);
    buffer_close(&whole);
}

/* What was read of a request goes; when the connection ends nothing is left. */
static void consume(struct connection *connection, const struct http_head *head)
{
    size_t len = head->len + (size_t)head->body;

    buffer_consume(&connection->in, len < connection->in.len ? len : connection->in.len);
}

/* The link printed at the start: the cookie in exchange for the token in it. */
static bool take_link(struct connection *connection, const struct http_head *head)
{
    struct buffer bytes = {0};
    bool wrong = false;
    bool taken = link_answer(connection->front->options.auth, head, &bytes, &wrong);

    if (taken) {
        connection->keep_alive = false;
        log_info("access: %s %s the link", connection->peer.text, wrong ? "guesses" : "opened");
        answer(connection, &bytes, wrong);
    }
    buffer_close(&bytes);
    return taken;
}

static void refuse_reader(struct connection *connection, const struct http_head *head, int code,
                          const char *detail)
{
    struct buffer bytes = {0};
    bool guessed = head->authorization.len > 0 || head->cookie.len > 0;

    connection->keep_alive = false;
    http_refusal(&bytes, code, detail, code == 401 ? "WWW-Authenticate: Bearer\r\n" : "");
    log_info("access: %s refused %d: %s", connection->peer.text, code, detail);
    answer(connection, &bytes, code == 401 && guessed);
    buffer_close(&bytes);
}

static void become_reader(struct connection *connection, const struct http_head *head)
{
    struct front *front = connection->front;
    struct error err = {""};
    int code = websocket_open(&connection->reader, front->options.auth, front->subscriptions, head,
                              &connection->client, connection, &err);

    if (code != 0) {
        refuse_reader(connection, head, code, err.text);
        return;
    }
    log_info("access: %s reads %s", connection->peer.text, READER_PATH);
    connection_set_state(connection, CONNECTION_READER);
}

/* ---- to the server ---- */

static void give_to_server(struct connection *connection, const struct front_request *request)
{
    http_pass_head(&connection->out, request->head, request->path);
    buffer_append(&connection->out, request->body.data, request->body.len);
    connection->repeated = false;
    connection->repeatable = span_equal_text(request->head->method, "GET") || connection->to_head;
    connection_set_state(connection, CONNECTION_WAITING);
    connection->deadline_ns = clock_mono_ns() + FRONT_QUEUE_MS * NS_PER_MS;
    connection_wait(connection, false);
    backends_dispatch(connection->front);
}

static void answer_here(struct connection *connection, const struct front_request *request)
{
    const struct front_gate *gate = &connection->front->options.gate;
    struct front_reply reply = {.body_max = 0};

    gate->answer(gate->user, request, &reply);
    connection_count_body(connection, 0);
    answer(connection, &reply.bytes, reply.wrong_token);
    buffer_close(&reply.bytes);
}

static void take_whole(struct connection *connection, struct front_request *request)
{
    const struct http_head *head = request->head;

    request->body = span_make(connection->in.data + head->len, (size_t)head->body);
    if (connection->verdict == FRONT_HERE)
        answer_here(connection, request);
    else
        give_to_server(connection, request);
    consume(connection, head);
}

/* ---- judging ---- */

/* Takes the body if there is room for it, and what is there of it. */
static void begin_body(struct connection *connection, const struct http_head *head, size_t most)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct front_counters *counters = &connection->front->counters;
    size_t bytes = (size_t)head->body;

    if (head->body > most) {
        atomic_fetch_add(&counters->cut_large, 1);
        connection_refuse(connection, 413, "the body is longer than 4 KiB");
    } else if (atomic_load(&counters->bodies) + bytes > FRONT_BODIES ||
               connection->address->bodies + bytes > FRONT_ADDRESS_BODIES) {
        atomic_fetch_add(&counters->busy, 1);
        connection_refuse(connection, 503, "too many bodies are on their way already");
    } else {
        connection_count_body(connection, bytes);
        connection->wanted = head->len + bytes;
        connection_set_state(connection, CONNECTION_BODY);
        connection->deadline_ns = clock_mono_ns() + FRONT_BODY_MS * NS_PER_MS;
        if (head->expects_continue && bytes > 0 && connection->in.len == head->len)
            connection_write(connection, go_on, sizeof go_on - 1);
    }
}

static void judge(struct connection *connection, struct front_request *request)
{
    const struct front_options *options = &connection->front->options;
    struct front_reply reply = {.body_max = FRONT_BODY_MAX};
    bool whole = connection->in.len - request->head->len >= request->head->body;

    connection->verdict = FRONT_PASS;
    if (options->gate.judge != NULL)
        connection->verdict = options->gate.judge(options->gate.user, request, &reply);
    if (connection->verdict == FRONT_ANSWERED) {
        connection->keep_alive = connection->keep_alive && whole;
        answer(connection, &reply.bytes, reply.wrong_token);
        consume(connection, request->head);
    } else if (options->server_port == 0 && connection->verdict != FRONT_HERE) {
        connection_refuse(connection, 404, "there is no such endpoint");
    } else {
        begin_body(connection, request->head, reply.body_max);
    }
    buffer_close(&reply.bytes);
}

static void ask(struct connection *connection, const struct http_head *head)
{
    struct buffer path = {0};
    struct front_request request = {.head = head, .peer = &connection->peer};

    if (head->websocket && span_equal_text(head->path, READER_PATH)) {
        become_reader(connection, head);
        consume(connection, head);
    } else if (take_link(connection, head)) {
        consume(connection, head);
    } else if (head->websocket) {
        connection_refuse(connection, 404, "there is no such endpoint");
    } else if (!http_path_clean(&path, head->path)) {
        connection_refuse(connection, 400, "the request is malformed");
    } else {
        buffer_append_char(&path, '\0');
        request.path = span_make(path.data, path.len - 1);
        judge(connection, &request);
    }
    buffer_close(&path);
}

/* ---- heads ---- */

static const char *fault_of(int code)
{
    if (code == 411)
        return "a body needs Content-Length";
    if (code == 417)
        return "the only expectation that is met is 100-continue";
    return code == 431 ? "the request's head has more than 64 lines" : "the request is malformed";
}

/* False: no whole head is there yet. */
static bool take_head(struct connection *connection)
{
    struct front_counters *counters = &connection->front->counters;
    struct buffer *in = &connection->in;
    struct http_head head;
    int code;
    enum status status = http_head_parse(&head, span_make(in->data, in->len), &code);

    if (status == STATUS_END && in->len <= FRONT_HEAD_MAX)
        return false;
    if (status == STATUS_END || (status == STATUS_OK && head.len > FRONT_HEAD_MAX)) {
        atomic_fetch_add(&counters->cut_large, 1);
        connection_refuse(connection, 431, "the request's head is longer than 16 KiB");
        return true;
    }
    if (status != STATUS_OK) {
        atomic_fetch_add(&counters->cut_malformed, 1);
        connection_refuse(connection, code, fault_of(code));
        return true;
    }
    if (head.body > FRONT_BODY_MAX) {
        atomic_fetch_add(&counters->cut_large, 1);
        connection_refuse(connection, 413, "the body is longer than 1 MiB");
        return true;
    }
    atomic_fetch_add(&counters->requests, 1);
    connection->address->waiting -= !connection->asked;
    connection->asked = true;
    connection->keep_alive = head.keep_alive;
    connection->old_http = head.old;
    connection->to_head = span_equal_text(head.method, "HEAD");
    ask(connection, &head);
    return true;
}

static void take_body(struct connection *connection)
{
    struct buffer path = {0};
    struct http_head head;
    struct front_request request = {.head = &head, .peer = &connection->peer};
    int code;

    /* It was whole before: nothing new can come of it. */
    if (http_head_parse(&head, span_make(connection->in.data, connection->in.len), &code) !=
            STATUS_OK ||
        !http_path_clean(&path, head.path)) {
        connection_refuse(connection, 400, "the request is malformed");
    } else {
        buffer_append_char(&path, '\0');
        request.path = span_make(path.data, path.len - 1);
        take_whole(connection, &request);
    }
    buffer_close(&path);
}

/* False: it has to wait for more, or for something else. */
static bool read_some(struct connection *connection)
{
    if (connection->closing || connection->client.queued > FRONT_QUEUE_SHORT)
        return false;
    if (connection->state == CONNECTION_BODY) {
        if (connection->in.len < connection->wanted)
            return false;
        take_body(connection);
        return true;
    }
    return connection->state == CONNECTION_HEAD && connection->in.len > 0 && take_head(connection);
}

void connection_read_requests(struct connection *connection)
{
    struct buffer *in = &connection->in;

    while (read_some(connection))
        continue;
    if (connection->closing)
        return;
    if (connection->state == CONNECTION_READER) {
        connection_begin_reader(connection);
        return;
    }
    if (connection->state == CONNECTION_HEAD && connection->client.queued <= FRONT_QUEUE_SHORT) {
        if (connection->client_ended) {
            connection_end(connection);
            return;
        }
        if (in->len > 0 && connection->deadline_ns == 0)
            connection->deadline_ns = clock_mono_ns() + FRONT_HEAD_MS * NS_PER_MS;
    }
    if (in->len == 0 && in->capacity > KEPT_BUFFER_BYTES)
        buffer_close(in);
    connection_regulate(connection);
}
