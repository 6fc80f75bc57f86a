/*
 * connection.c - one client: its states, what is written to it, and its end. What it asks is
 * read in requests.c.
 *
 * How it can fail: any error of the stream closes the connection, and with it the backend that
 * served it.
 */
#include <stdlib.h>
#include <string.h>

#include "api/front/front_private.h"
#include "api/front/websocket.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

#define ENDING_MS 5000

/* ---- states ---- */

static void leave_list(struct connection *connection)
{
    struct connection_list *list = connection->among;
    struct connection *next = connection->next_among, *previous = connection->previous_among;

    if (list == NULL)
        return;
    *(previous ? &previous->next_among : &list->first) = next;
    *(next ? &next->previous_among : &list->last) = previous;
    connection->among = NULL;
}

static void join_list(struct connection *connection, struct connection_list *list)
{
    connection->among = list;
    if (list == NULL)
        return;
    connection->next_among = NULL;
    connection->previous_among = list->last;
    *(list->last ? &list->last->next_among : &list->first) = connection;
    list->last = connection;
}

/* Who may be pushed out: whoever the server and the readers' queues do not know of. */
static struct connection_list *list_of(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_HEAD:
        return &connection->address->quiet;
    case CONNECTION_BODY:
    case CONNECTION_DELAYED:
    case CONNECTION_ENDING:
        return connection->closing ? NULL : &connection->address->brief;
    case CONNECTION_WAITING:
    case CONNECTION_ANSWER:
    case CONNECTION_READER:
        break;
    }
    return NULL;
}

void connection_set_state(struct connection *connection, enum connection_state state)
{
    leave_list(connection);
    connection->state = state;
    connection->deadline_ns = 0;
    join_list(connection, list_of(connection));
}

/* ---- the lists of those that wait ---- */

static struct connection_list *waiting_list(struct connection *connection)
{
    if (connection->state == CONNECTION_DELAYED)
        return &connection->front->delayed;
    return &connection->address->hungry[connection->verdict - FRONT_PASS];
}

void connection_wait(struct connection *connection, bool in_front)
{
    struct front *front = connection->front;
    struct connection_list *list = waiting_list(connection);
    bool backend = connection->state == CONNECTION_WAITING;

    if (backend && list->first == NULL)
        front_address_join_hungry(front, connection->address, connection->verdict - FRONT_PASS);
    connection->previous_due = in_front ? NULL : list->last;
    connection->next_due = in_front ? list->first : NULL;
    *(connection->previous_due ? &connection->previous_due->next_due : &list->first) = connection;
    *(connection->next_due ? &connection->next_due->previous_due : &list->last) = connection;
    connection->address->delayed += !backend;
    atomic_fetch_add(backend ? &front->counters.waiting : &front->counters.delayed, 1);
}

void connection_unwait(struct connection *connection)
{
    struct front *front = connection->front;
    struct connection_list *list = waiting_list(connection);
    bool backend = connection->state == CONNECTION_WAITING;

    *(connection->previous_due ? &connection->previous_due->next_due : &list->first) =
        connection->next_due;
    *(connection->next_due ? &connection->next_due->previous_due : &list->last) =
        connection->previous_due;
    connection->next_due = connection->previous_due = NULL;
    if (backend && list->first == NULL)
        front_address_leave_hungry(front, connection->address, connection->verdict - FRONT_PASS);
    connection->address->delayed -= !backend;
    atomic_fetch_sub(backend ? &front->counters.waiting : &front->counters.delayed, 1);
}

/* ---- what is counted ---- */

void connection_count_answer(struct connection *connection)
{
    size_t now = connection->closing ? 0 : connection->client.queued;
    size_t before = connection->answer_counted;

    connection->answer_counted = now;
    connection->address->answers += now - before;
    atomic_fetch_add(&connection->front->counters.answers, now - before); /* modulo 2^64 */
}

void connection_count_request(struct connection *connection)
{
    size_t before = connection->counted;

    connection->counted = connection->in.capacity + connection->out.capacity;
    atomic_fetch_add(&connection->front->counters.request_bytes, connection->counted - before);
}

void connection_count_body(struct connection *connection, size_t bytes)
{
    size_t before = connection->body_counted;

    connection->body_counted = bytes;
    connection->address->bodies += bytes - before;
    atomic_fetch_add(&connection->front->counters.bodies, bytes - before);
}

/* ---- the end ---- */

static void free_when_closed(struct connection *connection)
{
    struct front *front = connection->front;

    if (connection->client_open)
        return;
    *(connection->previous ? &connection->previous->next : &front->connections) = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    if (!connection->asked)
        connection->address->waiting--;
    front_address_leave(front, connection->address);
    atomic_fetch_sub(&front->counters.open, 1);
    buffer_close(&connection->in);
    buffer_close(&connection->out);
    free(connection);
}

/* Lets go of everything but the client itself. */
static void let_go(struct connection *connection)
{
    if (connection->state == CONNECTION_WAITING || connection->state == CONNECTION_DELAYED)
        connection_unwait(connection);
    if (connection->backend != NULL)
        backend_close(connection->backend);
    websocket_free(connection->reader);
    connection->reader = NULL;
    connection_count_body(connection, 0);
    buffer_close(&connection->in);
    buffer_close(&connection->out);
    connection_count_request(connection);
    connection_set_state(connection, CONNECTION_ENDING);
}

void connection_close(struct connection *connection, bool reset)
{
    if (connection->closing)
        return;
    connection->closing = true;
    let_go(connection);
    connection_count_answer(connection);
    stream_close(&connection->client, reset);
}

void connection_end(struct connection *connection)
{
    if (connection->closing || connection->state == CONNECTION_ENDING)
        return;
    let_go(connection);
    connection->deadline_ns = clock_mono_ns() + ENDING_MS * NS_PER_MS;
    stream_shutdown(&connection->client);
    stream_read_start(&connection->client); /* so that its last bytes bring no RST upon ours */
}

void connection_refuse(struct connection *connection, int code, const char *detail)
{
    struct buffer answer = {0};
    const char *extra = code == 401                  ? "WWW-Authenticate: Bearer\r\n"
                        : code == 503 || code == 429 ? "Retry-After: 1\r\n"
                                                     : "";

    http_refusal(&answer, code, detail, extra);
    connection_write(connection, answer.data, answer.len);
    buffer_close(&answer);
    log_info("access: %s refused %d: %s", connection->peer.text, code, detail);
    connection_end(connection);
}

/* ---- writing ---- */

void connection_write(struct connection *connection, const char *data, size_t len)
{
    if (connection->closing || len == 0)
        return;
    connection->given += len;
    (void)stream_write(&connection->client, data, len);
    connection_count_answer(connection);
}

void connection_answered(struct connection *connection)
{
    connection_set_state(connection, CONNECTION_HEAD);
    if (!connection->keep_alive)
        connection_end(connection);
    else
        connection_read_requests(connection);
}

void connection_release(struct connection *connection)
{
    connection_unwait(connection);
    connection_write(connection, connection->out.data, connection->out.len);
    buffer_close(&connection->out);
    connection_answered(connection);
}

/* ---- the client's stream ---- */

static struct connection *owner_of(struct stream *stream)
{
    return stream->user;
}

/* Sends ahead while all together do so too much. A body is there twice when it is passed on. */
static bool is_greedy(const struct connection *connection)
{
    return atomic_load(&connection->front->counters.request_bytes) > FRONT_REQUESTS &&
           connection->counted > 2 * connection->body_counted + FRONT_REQUEST_SMALL;
}

void connection_regulate(struct connection *connection)
{
    size_t most = connection->state == CONNECTION_BODY ? connection->wanted : FRONT_HEAD_MAX;
    bool reads = connection->state == CONNECTION_READER || connection->state == CONNECTION_ENDING ||
                 connection->in.len <= most;

    if (connection->closing)
        return;
    connection_count_request(connection);
    if (is_greedy(connection)) {
        atomic_fetch_add(&connection->front->counters.cut_large, 1);
        connection_close(connection, true);
    } else if (reads)
        stream_read_start(&connection->client);
    else
        stream_read_stop(&connection->client);
}

static void take_for_reader(struct connection *connection, const char *data, size_t len)
{
    if (!websocket_data(connection->reader, data, len))
        connection_end(connection);
}

void connection_begin_reader(struct connection *connection)
{
    struct buffer in = connection->in;

    connection->in = (struct buffer){0};
    connection_count_request(connection);
    if (in.len > 0)
        take_for_reader(connection, in.data, in.len);
    buffer_close(&in);
}

static void on_data(struct stream *stream, const char *data, size_t len)
{
    struct connection *connection = owner_of(stream);

    switch (connection->state) {
    case CONNECTION_HEAD:
    case CONNECTION_BODY:
        buffer_append(&connection->in, data, len);
        connection_read_requests(connection);
        return;
    case CONNECTION_WAITING:
    case CONNECTION_ANSWER:
    case CONNECTION_DELAYED:
        buffer_append(&connection->in, data, len);
        connection_regulate(connection);
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
    switch (connection->state) {
    case CONNECTION_WAITING:
    case CONNECTION_ANSWER:
    case CONNECTION_DELAYED:
        return; /* it may still want its answer */
    case CONNECTION_HEAD:
    case CONNECTION_BODY:
        if (connection->client.queued > 0) {
            connection_end(connection);
            return;
        }
        break;
    case CONNECTION_ENDING:
        if (connection->client.queued > 0)
            return; /* it still takes its answer */
        break;
    case CONNECTION_READER:
        break;
    }
    connection_close(connection, false);
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

    connection->rate_ns = 0;
    connection_count_answer(connection);
    if (connection->reader != NULL)
        websocket_serve(connection->reader);
    else if (connection->backend != NULL)
        backend_resume(connection->backend);
    else if (connection->state == CONNECTION_HEAD)
        connection_read_requests(connection);
    else if (connection->state == CONNECTION_ENDING && connection->client_ended)
        connection_close(connection, false);
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
