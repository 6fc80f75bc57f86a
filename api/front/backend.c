/*
 * backend.c - backends, connections to the HTTP server: who gets one, what goes there, and answers
 * on their way back.
 *
 * A backend is kept for IDLE_MS after an answer, far shorter than the server keeps it, for the next
 * request. Addresses that wait have turns, of one request each, as far as the bounds of the address
 * and of the kind of request allow.
 *
 * How it can fail: the server cannot be reached, ends the connection before it has answered or
 * answers something that is no HTTP: 502. A kept backend that turns out to be closed is tried once
 * more, for requests that change nothing. An answer that breaks off ends the client's connection.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "api/front/front_private.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

#define CONNECT_MS      5000
#define IDLE_MS         300
#define ANSWER_HEAD_MAX (64u << 10)

/* ---- who is behind a backend ---- */

static void set_peer(struct backend *backend, struct front_peer *peer)
{
    struct front *front = backend->front;

    if (backend->port == 0)
        return;
    pthread_mutex_lock(&front->lock);
    front->peers[backend->port] = peer;
    pthread_mutex_unlock(&front->lock);
}

static void remember_port(struct backend *backend)
{
    struct sockaddr_storage local, peer;

    stream_addresses(&backend->stream, &local, &peer);
    backend->port = ntohs(((const struct sockaddr_in *)&local)->sin_port);
}

/* ---- the end ---- */

static void set_held(struct backend *backend, bool held)
{
    if (backend->held == held)
        return;
    backend->held = held;
    backend->held_ns = clock_mono_ns();
    if (held)
        atomic_fetch_add(&backend->front->counters.held, 1);
    else
        atomic_fetch_sub(&backend->front->counters.held, 1);
}

static void backend_free(struct backend *backend)
{
    struct front *front = backend->front;

    *(backend->previous ? &backend->previous->next : &front->backends) = backend->next;
    if (backend->next != NULL)
        backend->next->previous = backend->previous;
    front->backend_count--;
    buffer_close(&backend->head);
    free(backend);
}

/* The places that the request took are free. */
static void leave_place(struct connection *connection)
{
    struct front_counters *counters = &connection->front->counters;
    struct front_address *address = connection->address;

    if (!connection->placed)
        return;
    connection->placed = false;
    address->backends--;
    atomic_fetch_sub(&counters->backends, 1);
    if (connection->verdict == FRONT_PASS)
        return;
    address->heavy--;
    atomic_fetch_sub(&counters->heavy, 1);
    if (connection->verdict != FRONT_PASS_EXPORT)
        return;
    address->exports--;
    atomic_fetch_sub(&counters->exports, 1);
}

/* The backend and its connection have nothing to do with each other any more. */
static struct connection *part(struct backend *backend)
{
    struct connection *connection = backend->connection;

    set_held(backend, false);
    set_peer(backend, NULL);
    backend->connection = NULL;
    if (connection != NULL) {
        connection->backend = NULL;
        leave_place(connection);
    }
    return connection;
}

void backend_close(struct backend *backend)
{
    if (backend->closing)
        return;
    backend->closing = true;
    (void)part(backend);
    if (backend->connector != NULL)
        connector_cancel(backend->connector);
    backend->connector = NULL;
    if (backend->open)
        stream_close(&backend->stream, false);
    else
        backend_free(backend);
}

/* ---- answers ---- */

static void fail(struct backend *backend, int code, const char *detail)
{
    struct front *front = backend->front;
    struct connection *connection = part(backend);
    bool begun = backend->begun, again = backend->used && !begun && backend->head.len == 0;

    backend_close(backend);
    if (connection == NULL)
        return;
    if (again && connection->repeatable && !connection->repeated) {
        connection->repeated = true;
        connection_set_state(connection, CONNECTION_WAITING);
        connection_wait(connection, true);
    } else if (begun) {
        connection_end(connection);
    } else {
        atomic_fetch_add(&front->counters.failed, 1);
        connection_refuse(connection, code, detail);
    }
    backends_dispatch(front);
}

static void answer_ended(struct backend *backend)
{
    struct front *front = backend->front;
    bool last = backend->server_closes || backend->body.state == HTTP_BODY_TO_CLOSE;
    struct connection *connection = part(backend);

    backend->used = true;
    backend->begun = false;
    backend->idle_ns = clock_mono_ns();
    if (last)
        backend_close(backend);
    front_soon(front);
    connection_answered(connection);
    backends_dispatch(front);
}

/* The one that has stood still for longest. */
static void cut_stillest(struct front *front)
{
    struct backend *stillest = NULL;

    for (struct backend *at = front->backends; at != NULL; at = at->next) {
        if (at->held && (stillest == NULL || at->held_ns < stillest->held_ns))
            stillest = at;
    }
    if (stillest == NULL)
        return;
    atomic_fetch_add(&front->counters.cut_stalled, 1);
    connection_close(stillest->connection, true);
}

/* Whether there is room for more of this answer. */
static bool has_room(const struct backend *backend)
{
    const struct connection *connection = backend->connection;
    const struct front *front = backend->front;
    size_t queued = connection->client.queued;
    bool full = atomic_load(&front->counters.answers) > FRONT_ANSWERS ||
                connection->address->answers > FRONT_ADDRESS_ANSWERS;

    if (full)
        return queued <= FRONT_QUEUE_SHORT;
    return queued <= FRONT_QUEUE_MOST || backend->body.state == HTTP_BODY_COUNTED;
}

static void give(struct backend *backend, const char *data, size_t len)
{
    struct front *front = backend->front;

    connection_write(backend->connection, data, len);
    if (has_room(backend))
        return;
    stream_read_stop(&backend->stream);
    set_held(backend, true);
    if (atomic_load(&front->counters.held) > FRONT_HELD)
        cut_stillest(front);
}

void backend_resume(struct backend *backend)
{
    if (backend->closing || !backend->held)
        return;
    set_held(backend, false);
    stream_read_start(&backend->stream);
}

/* The head's length; 0: it is not whole yet, or the backend has failed. */
static size_t take_answer_head(struct backend *backend, struct span text)
{
    struct connection *connection = backend->connection;
    struct http_answer answer;
    struct buffer head = {0};
    enum status status = http_answer_parse(&answer, text, connection->to_head);

    if (status == STATUS_END && text.len <= ANSWER_HEAD_MAX)
        return 0;
    if (status != STATUS_OK) {
        backend->used = false; /* it has answered: it is not asked again */
        fail(backend, 502, "the HTTP server gave no proper answer");
        return 0;
    }
    connection_count_body(connection, 0);
    buffer_close(&connection->out);
    connection_count_request(connection);
    connection->keep_alive = connection->keep_alive && !answer.until_close;
    http_answer_write(&head, span_make(text.data, answer.len), connection->keep_alive);
    backend->begun = true;
    backend->server_closes = answer.server_closes || connection->old_http;
    http_body_begin(&backend->body, &answer);
    connection_write(connection, head.data, head.len);
    buffer_close(&head);
    return answer.len;
}

static void take_body(struct backend *backend, const char *data, size_t len)
{
    size_t taken;

    if (!http_body_take(&backend->body, data, len, &taken)) {
        fail(backend, 502, "the HTTP server's answer is malformed");
        return;
    }
    if (taken < len)
        backend->server_closes = true; /* nobody asked for what comes behind */
    if (backend->body.state == HTTP_BODY_ENDED) {
        connection_write(backend->connection, data, taken);
        answer_ended(backend);
    } else if (taken > 0) {
        give(backend, data, taken);
    }
}

/* What comes before the body; mostly all of it at once, and then it is not copied. */
static void take_beginning(struct backend *backend, const char *data, size_t len)
{
    struct buffer gathered = backend->head;
    size_t head;

    backend->head = (struct buffer){0};
    if (gathered.len > 0) {
        buffer_append(&gathered, data, len);
        data = gathered.data;
        len = gathered.len;
    }
    head = take_answer_head(backend, span_make(data, len));
    if (head > 0)
        take_body(backend, data + head, len - head);
    else if (backend->connection != NULL && gathered.len > 0)
        backend->head = gathered;
    else if (backend->connection != NULL)
        buffer_append(&backend->head, data, len);
    if (backend->head.data != gathered.data)
        buffer_close(&gathered);
}

static void on_data(struct stream *stream, const char *data, size_t len)
{
    struct backend *backend = stream->user;

    if (backend->connection == NULL)
        backend_close(backend);
    else if (backend->begun)
        take_body(backend, data, len);
    else
        take_beginning(backend, data, len);
}

/* ---- the connection to the server ---- */

static void on_end(struct stream *stream)
{
    struct backend *backend = stream->user;

    if (backend->begun && backend->body.state == HTTP_BODY_TO_CLOSE)
        answer_ended(backend);
    else
        fail(backend, 502, "the HTTP server gave no answer");
}

static void on_error(struct stream *stream, int code)
{
    (void)code;
    fail(stream->user, 502, "the HTTP server gave no answer");
}

static void on_closed(struct stream *stream)
{
    struct backend *backend = stream->user;
    struct front *front = backend->front;

    backend_free(backend);
    backends_dispatch(front);
}

static const struct stream_callbacks callbacks = {
    .on_data = on_data, .on_end = on_end, .on_error = on_error, .on_closed = on_closed};

static void send_request(struct backend *backend)
{
    struct connection *connection = backend->connection;

    set_peer(backend, &connection->peer);
    stream_write(&backend->stream, connection->out.data, connection->out.len);
}

static void on_connected(void *user, enum status status, size_t target, const struct error *error)
{
    struct backend *backend = user;

    (void)target;
    backend->connector = NULL;
    if (status != STATUS_OK) {
        log_warn("the HTTP server behind the front does not answer: %s", error->text);
        fail(backend, 502, "the HTTP server does not answer");
        return;
    }
    backend->open = true;
    remember_port(backend);
    stream_read_start(&backend->stream);
    send_request(backend);
}

static struct backend *find_idle(const struct front *front)
{
    struct backend *backend = front->backends;

    while (backend != NULL && (backend->connection != NULL || !backend->open || backend->closing))
        backend = backend->next;
    return backend;
}

static struct backend *make_way(struct front *front)
{
    struct backend *backend = memory_new(sizeof *backend);

    backend->front = front;
    backend->next = front->backends;
    if (backend->next != NULL)
        backend->next->previous = backend;
    front->backends = backend;
    front->backend_count++;
    return backend;
}

static void connect_way(struct backend *backend)
{
    struct front *front = backend->front;

    backend->connector =
        connector_start(&front->loop, &front->server, 1, CONNECT_MS, &backend->stream, &callbacks,
                        backend, on_connected, backend);
    if (backend->connector == NULL)
        fail(backend, 503, "out of memory");
}

/* ---- who gets one ---- */

static bool kind_is_full(const struct front *front, enum front_verdict verdict)
{
    const struct front_counters *counters = &front->counters;

    if (verdict == FRONT_PASS)
        return false;
    return atomic_load(&counters->heavy) >= FRONT_HEAVY ||
           (verdict == FRONT_PASS_EXPORT && atomic_load(&counters->exports) >= FRONT_EXPORTS);
}

static bool address_is_full(const struct front_address *address, enum front_verdict verdict)
{
    return address->backends >= FRONT_ADDRESS_BACKENDS ||
           (verdict != FRONT_PASS && address->heavy >= FRONT_ADDRESS_HEAVY) ||
           (verdict == FRONT_PASS_EXPORT && address->exports >= FRONT_ADDRESS_EXPORTS);
}

static void take_place(struct connection *connection)
{
    struct front_counters *counters = &connection->front->counters;
    bool heavy = connection->verdict != FRONT_PASS;
    bool export = connection->verdict == FRONT_PASS_EXPORT;

    connection->placed = true;
    connection->address->backends++;
    connection->address->heavy += heavy;
    connection->address->exports += export;
    atomic_fetch_add(&counters->backends, 1);
    atomic_fetch_add(&counters->heavy, heavy);
    atomic_fetch_add(&counters->exports, export);
}

static void start(struct connection *connection, struct backend *backend)
{
    connection_unwait(connection);
    connection_set_state(connection, CONNECTION_ANSWER);
    take_place(connection);
    connection->backend = backend;
    backend->connection = connection;
    backend->begun = false;
    if (backend->open)
        send_request(backend);
    else
        connect_way(backend);
}

/* One request of the next address whose turn it is. Few can be full at a time, since together they
 * would have more than there is. False: there is none. */
static bool serve_next(struct front *front, enum front_verdict verdict)
{
    unsigned kind = verdict - FRONT_PASS;
    struct front_address *address = front->hungry[kind].first;
    struct backend *backend;

    while (address != NULL && address_is_full(address, verdict))
        address = address->next_hungry[kind];
    if (address == NULL || kind_is_full(front, verdict))
        return false;
    backend = find_idle(front);
    if (backend == NULL && front->backend_count >= FRONT_BACKENDS)
        return false;
    start(address->hungry[kind].first, backend != NULL ? backend : make_way(front));
    if (address->hungry[kind].first != NULL) { /* its next turn comes after the others' */
        front_address_leave_hungry(front, address, kind);
        front_address_join_hungry(front, address, kind);
    }
    return true;
}

void backends_dispatch(struct front *front)
{
    if (front->stopping)
        return;
    for (unsigned verdict = FRONT_PASS; verdict <= FRONT_PASS_EXPORT; verdict++) {
        while (serve_next(front, (enum front_verdict)verdict))
            continue;
    }
}

/* ---- time ---- */

bool backends_tidy(struct front *front, int64_t now_ns)
{
    bool idle = false;

    for (struct backend *at = front->backends, *next; at != NULL; at = next) {
        next = at->next;
        if (at->connection != NULL || at->closing)
            continue;
        if (now_ns - at->idle_ns > IDLE_MS * NS_PER_MS)
            backend_close(at);
        else
            idle = true;
    }
    return idle;
}

void backends_close(struct front *front)
{
    for (struct backend *at = front->backends, *next; at != NULL; at = next) {
        next = at->next;
        backend_close(at);
    }
}
