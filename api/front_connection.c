/*
 * front_connection.c - one client: request heads are gathered, checked and passed on with their
 * bodies; answers are relayed as they come.
 *
 *   HEAD ──complete──▶ BODY ──all there──▶ HEAD …          a request after the other
 *    │                  │
 *    ├──/api/ws────▶ READER                                websocket.h
 *    └──refused──▶ ENDING ◀── server closed ── any          until what is queued is gone
 *
 * The way to the server is opened with the first request. What waits for one side stops the reading
 * of the other (QUEUE_MOST).
 *
 * How it can fail: the server does not answer: 502; any error of a stream closes both.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/front_private.h"
#include "api/http_head.h"
#include "api/link.h"
#include "api/websocket.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/event/connect.h"

#define QUEUE_MOST        (256u << 10)
#define CONNECT_MS        5000
#define ENDING_MS         5000
#define READER_PATH       "/api/ws"
#define KEPT_BUFFER_BYTES 4096u

/* ---- the end ---- */

static void forget_peer(struct connection *connection)
{
    struct front *front = connection->front;

    if (connection->server_port == 0)
        return;
    pthread_mutex_lock(&front->lock);
    if (front->peers[connection->server_port] == &connection->peer)
        front->peers[connection->server_port] = NULL;
    pthread_mutex_unlock(&front->lock);
    connection->server_port = 0;
}

static void free_when_closed(struct connection *connection)
{
    struct front *front = connection->front;

    if (connection->client_open || connection->server_open)
        return;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        front->connections = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    atomic_fetch_sub(&front->counters.open, 1);
    buffer_close(&connection->in);
    buffer_close(&connection->out);
    free(connection);
}

static void close_server(struct connection *connection)
{
    if (connection->connector != NULL)
        connector_cancel(connection->connector);
    connection->connector = NULL;
    forget_peer(connection);
    if (connection->server_open)
        stream_close(&connection->server, false);
}

void connection_close(struct connection *connection, bool reset)
{
    if (connection->closing)
        return;
    connection->closing = true;
    websocket_free(connection->reader);
    connection->reader = NULL;
    close_server(connection);
    stream_close(&connection->client, reset);
}

/* Lets the client have what is queued for it, and closes. */
static void end_softly(struct connection *connection)
{
    if (connection->closing || connection->state == CONNECTION_ENDING)
        return;
    connection->state = CONNECTION_ENDING;
    connection->deadline_ns = clock_mono_ns() + ENDING_MS * NS_PER_MS;
    websocket_free(connection->reader);
    connection->reader = NULL;
    close_server(connection);
    stream_shutdown(&connection->client);
    stream_read_start(&connection->client); /* so that its last bytes bring no RST upon ours */
}

void connection_refuse(struct connection *connection, int code, const char *detail)
{
    struct buffer answer = {0};

    http_refusal(&answer, code, detail,
                 code == 401 ? "WWW-Authenticate: Bearer realm=\"hashscope\"\r\n" : "");
    stream_write(&connection->client, answer.data, answer.len);
    buffer_close(&answer);
    log_info("access: %s refused %d: %s", connection->peer.text, code, detail);
    end_softly(connection);
}

/* ---- the way to the server ---- */

static struct connection *owner_of(struct stream *stream)
{
    return stream->user;
}

static void on_server_data(struct stream *stream, const char *data, size_t len)
{
    struct connection *connection = owner_of(stream);

    stream_write(&connection->client, data, len);
    if (connection->client.queued > QUEUE_MOST)
        stream_read_stop(stream);
}

static void on_server_end(struct stream *stream)
{
    end_softly(owner_of(stream));
}

static void on_server_error(struct stream *stream, int code)
{
    (void)code;
    end_softly(owner_of(stream));
}

static void on_server_drain(struct stream *stream)
{
    struct connection *connection = owner_of(stream);

    if (!connection->closing)
        stream_read_start(&connection->client);
}

static void on_server_closed(struct stream *stream)
{
    struct connection *connection = owner_of(stream);

    connection->server_open = false;
    free_when_closed(connection);
}

static const struct stream_callbacks server_callbacks = {
    .on_data = on_server_data,
    .on_end = on_server_end,
    .on_error = on_server_error,
    .on_drain = on_server_drain,
    .on_closed = on_server_closed,
};

static void remember_peer(struct connection *connection)
{
    struct front *front = connection->front;
    struct sockaddr_storage local, peer;

    stream_addresses(&connection->server, &local, &peer);
    connection->server_port = ntohs(((const struct sockaddr_in *)&local)->sin_port);
    pthread_mutex_lock(&front->lock);
    front->peers[connection->server_port] = &connection->peer;
    pthread_mutex_unlock(&front->lock);
}

static void on_connected(void *user, enum status status, size_t target, const struct error *error)
{
    struct connection *connection = user;

    (void)target;
    connection->connector = NULL;
    if (status != STATUS_OK) {
        log_warn("the HTTP server behind the front does not answer: %s", error->text);
        connection_refuse(connection, 502, "the HTTP server does not answer");
        return;
    }
    connection->server_open = true;
    remember_peer(connection);
    stream_read_start(&connection->server);
    stream_write(&connection->server, connection->out.data, connection->out.len);
    buffer_close(&connection->out);
    if (connection->server.queued == 0)
        stream_read_start(&connection->client); /* else when that has drained */
    if (connection->client_ended)
        stream_shutdown(&connection->server);
}

static void pass_on(struct connection *connection, const char *data, size_t len)
{
    if (connection->server_open) {
        stream_write(&connection->server, data, len);
        if (connection->server.queued > QUEUE_MOST)
            stream_read_stop(&connection->client);
        return;
    }
    buffer_append(&connection->out, data, len);
    if (connection->out.len > QUEUE_MOST)
        stream_read_stop(&connection->client);
    if (connection->connector != NULL)
        return;
    snprintf(connection->target.host, sizeof connection->target.host, "127.0.0.1");
    connection->target.port = connection->front->options.server_port;
    connection->connector = connector_start(&connection->front->loop, &connection->target, 1,
                                            CONNECT_MS, &connection->server, &server_callbacks,
                                            connection, on_connected, connection);
    if (connection->connector == NULL)
        connection_refuse(connection, 503, "out of memory");
}

/* ---- requests ---- */

static void become_reader(struct connection *connection, const struct http_head *head)
{
    struct front *front = connection->front;
    struct error err = {""};
    int code = websocket_open(&connection->reader, front->options.auth, front->subscriptions, head,
                              &connection->client, connection, &err);

    if (code != 0) {
        connection_refuse(connection, code, err.text);
        return;
    }
    log_info("access: %s reads %s", connection->peer.text, READER_PATH);
    connection->state = CONNECTION_READER;
    connection->deadline_ns = 0;
}

/* The link printed at the start: the cookie in exchange for the token in it. */
static bool take_link(struct connection *connection, const struct http_head *head)
{
    struct buffer answer = {0};
    bool taken = link_answer(connection->front->options.auth, head, &answer);

    if (taken) {
        stream_write(&connection->client, answer.data, answer.len);
        log_info("access: %s opened the link", connection->peer.text);
        end_softly(connection);
    }
    buffer_close(&answer);
    return taken;
}

/* False: no whole head is there, or the connection does not go on as HTTP. */
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
    } else if (status != STATUS_OK) {
        atomic_fetch_add(&counters->cut_malformed, 1);
        connection_refuse(connection, code,
                          code == 411 ? "a body needs Content-Length" : "the request is malformed");
    } else if (head.body > FRONT_BODY_MAX) {
        atomic_fetch_add(&counters->cut_large, 1);
        connection_refuse(connection, 413, "the body is longer than 1 MiB");
    } else {
        atomic_fetch_add(&counters->requests, 1);
        connection->asked = true;
        connection->deadline_ns = 0;
        if (head.websocket && span_equal_text(head.path, READER_PATH)) {
            become_reader(connection, &head);
        } else if (take_link(connection, &head)) {
            return false;
        } else if (head.websocket || connection->front->options.server_port == 0) {
            connection_refuse(connection, 404, "there is no such endpoint");
        } else {
            connection->body_left = head.body;
            connection->state = CONNECTION_BODY;
            pass_on(connection, in->data, head.len);
        }
        buffer_consume(in, head.len);
        return !connection->closing && connection->state != CONNECTION_ENDING;
    }
    return false;
}

static void take_body(struct connection *connection)
{
    struct buffer *in = &connection->in;
    size_t len = in->len < connection->body_left ? in->len : (size_t)connection->body_left;

    if (len > 0)
        pass_on(connection, in->data, len);
    buffer_consume(in, len);
    connection->body_left -= len;
    if (connection->body_left > 0 && connection->deadline_ns == 0)
        connection->deadline_ns = clock_mono_ns() + FRONT_BODY_MS * NS_PER_MS;
    if (connection->body_left == 0 && connection->state == CONNECTION_BODY) {
        connection->state = CONNECTION_HEAD;
        connection->deadline_ns = 0;
    }
}

static void read_requests(struct connection *connection)
{
    struct buffer *in = &connection->in;

    while (!connection->closing) {
        if (connection->state == CONNECTION_BODY) {
            take_body(connection);
            if (connection->body_left > 0)
                break;
        }
        if (connection->state != CONNECTION_HEAD || in->len == 0 || !take_head(connection))
            break;
    }
    if (connection->state == CONNECTION_HEAD && in->len > 0 && connection->deadline_ns == 0)
        connection->deadline_ns = clock_mono_ns() + FRONT_HEAD_MS * NS_PER_MS;
    if (in->len == 0 && in->capacity > KEPT_BUFFER_BYTES)
        buffer_close(in);
}

static void take_for_reader(struct connection *connection, const char *data, size_t len)
{
    if (!websocket_data(connection->reader, data, len))
        end_softly(connection);
}

static void on_data(struct stream *stream, const char *data, size_t len)
{
    struct connection *connection = owner_of(stream);

    switch (connection->state) {
    case CONNECTION_HEAD:
    case CONNECTION_BODY:
        buffer_append(&connection->in, data, len);
        read_requests(connection);
        if (connection->state != CONNECTION_READER || connection->in.len == 0)
            return;
        /* what came right behind the handshake */
        take_for_reader(connection, connection->in.data, connection->in.len);
        buffer_close(&connection->in);
        return;
    case CONNECTION_READER:
        take_for_reader(connection, data, len);
        return;
    case CONNECTION_ENDING:
        return;
    }
}

static void on_end(struct stream *stream)
{
    struct connection *connection = owner_of(stream);

    connection->client_ended = true;
    pthread_mutex_lock(&connection->front->lock);
    connection->peer.ended = true;
    pthread_mutex_unlock(&connection->front->lock);
    if (connection->state == CONNECTION_ENDING || connection->state == CONNECTION_READER ||
        (!connection->server_open && connection->connector == NULL))
        connection_close(connection, false);
    else if (connection->server_open)
        stream_shutdown(&connection->server);
}

static void on_error(struct stream *stream, int code)
{
    struct connection *connection = owner_of(stream);

    log_debug("access: %s: %s", connection->peer.text, stream_error_text(stream, code));
    connection_close(connection, false);
}

static void on_drain(struct stream *stream)
{
    struct connection *connection = owner_of(stream);

    if (connection->reader != NULL)
        websocket_serve(connection->reader);
    else if (connection->server_open && !connection->closing)
        stream_read_start(&connection->server);
}

static void on_closed(struct stream *stream)
{
    struct connection *connection = owner_of(stream);

    connection->client_open = false;
    free_when_closed(connection);
}

const struct stream_callbacks connection_callbacks = {
    .on_data = on_data,
    .on_end = on_end,
    .on_error = on_error,
    .on_drain = on_drain,
    .on_closed = on_closed,
};

void connection_serve(struct connection *connection)
{
    if (connection->reader != NULL)
        websocket_serve(connection->reader);
}
