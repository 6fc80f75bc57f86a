/*
 * backend.c - the ways to the HTTP server: who gets one, what goes there, and answers on their
 * way back.
 *
 * A way is kept for IDLE_MS after an answer, far shorter than the server keeps it, for the next
 * request. Addresses that wait have turns, of one request each, as far as the bounds of the address
 * and of the kind of request allow.
 *
 * How it can fail: the server cannot be reached, ends the connection before it has answered or
 * answers something that is no HTTP: 502. A kept way that turns out to be closed is tried once
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

/* ---- who is behind a way ---- */

static void set_peer(struct way *way, struct front_peer *peer)
{
    struct front *front = way->front;

    if (way->port == 0)
        return;
    pthread_mutex_lock(&front->lock);
    front->peers[way->port] = peer;
    pthread_mutex_unlock(&front->lock);
}

static void remember_port(struct way *way)
{
    struct sockaddr_storage local, peer;

    stream_addresses(&way->stream, &local, &peer);
    way->port = ntohs(((const struct sockaddr_in *)&local)->sin_port);
}

/* ---- the end ---- */

static void set_held(struct way *way, bool held)
{
    if (way->held == held)
        return;
    way->held = held;
    way->held_ns = clock_mono_ns();
    if (held)
        atomic_fetch_add(&way->front->counters.held, 1);
    else
        atomic_fetch_sub(&way->front->counters.held, 1);
}

static void way_free(struct way *way)
{
    struct front *front = way->front;

    *(way->previous ? &way->previous->next : &front->ways) = way->next;
    if (way->next != NULL)
        way->next->previous = way->previous;
    front->way_count--;
    buffer_close(&way->head);
    free(way);
}

/* The places that the request took are free. */
static void leave_place(struct connection *connection)
{
    struct front_counters *counters = &connection->front->counters;
    struct front_address *address = connection->address;

    if (!connection->placed)
        return;
    connection->placed = false;
    address->ways--;
    atomic_fetch_sub(&counters->ways, 1);
    if (connection->verdict == FRONT_PASS)
        return;
    address->heavy--;
    atomic_fetch_sub(&counters->heavy, 1);
    if (connection->verdict != FRONT_PASS_EXPORT)
        return;
    address->exports--;
    atomic_fetch_sub(&counters->exports, 1);
}

/* The way and its connection have nothing to do with each other any more. */
static struct connection *part(struct way *way)
{
    struct connection *connection = way->connection;

    set_held(way, false);
    set_peer(way, NULL);
    way->connection = NULL;
    if (connection != NULL) {
        connection->way = NULL;
        leave_place(connection);
    }
    return connection;
}

void way_close(struct way *way)
{
    if (way->closing)
        return;
    way->closing = true;
    (void)part(way);
    if (way->connector != NULL)
        connector_cancel(way->connector);
    way->connector = NULL;
    if (way->open)
        stream_close(&way->stream, false);
    else
        way_free(way);
}

/* ---- answers ---- */

static void fail(struct way *way, int code, const char *detail)
{
    struct front *front = way->front;
    struct connection *connection = part(way);
    bool begun = way->begun, again = way->used && !begun && way->head.len == 0;

    way_close(way);
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
    ways_dispatch(front);
}

static void answer_ended(struct way *way)
{
    struct front *front = way->front;
    bool last = way->server_closes || way->body.state == HTTP_BODY_TO_CLOSE;
    struct connection *connection = part(way);

    way->used = true;
    way->begun = false;
    way->idle_ns = clock_mono_ns();
    if (last)
        way_close(way);
    front_soon(front);
    connection_answered(connection);
    ways_dispatch(front);
}

/* The one that has stood still for longest. */
static void cut_stillest(struct front *front)
{
    struct way *stillest = NULL;

    for (struct way *at = front->ways; at != NULL; at = at->next) {
        if (at->held && (stillest == NULL || at->held_ns < stillest->held_ns))
            stillest = at;
    }
    if (stillest == NULL)
        return;
    atomic_fetch_add(&front->counters.cut_stalled, 1);
    connection_close(stillest->connection, true);
}

/* Whether there is room for more of this answer. */
static bool has_room(const struct way *way)
{
    const struct connection *connection = way->connection;
    const struct front *front = way->front;
    size_t queued = connection->client.queued;
    bool full = atomic_load(&front->counters.answers) > FRONT_ANSWERS ||
                connection->address->answers > FRONT_ADDRESS_ANSWERS;

    if (full)
        return queued <= FRONT_QUEUE_SHORT;
    return queued <= FRONT_QUEUE_MOST || way->body.state == HTTP_BODY_COUNTED;
}

static void give(struct way *way, const char *data, size_t len)
{
    struct front *front = way->front;

    connection_write(way->connection, data, len);
    if (has_room(way))
        return;
    stream_read_stop(&way->stream);
    set_held(way, true);
    if (atomic_load(&front->counters.held) > FRONT_HELD)
        cut_stillest(front);
}

void way_resume(struct way *way)
{
    if (way->closing || !way->held)
        return;
    set_held(way, false);
    stream_read_start(&way->stream);
}

/* The head's length; 0: it is not whole yet, or the way has failed. */
static size_t take_answer_head(struct way *way, struct span text)
{
    struct connection *connection = way->connection;
    struct http_answer answer;
    struct buffer head = {0};
    enum status status = http_answer_parse(&answer, text, connection->to_head);

    if (status == STATUS_END && text.len <= ANSWER_HEAD_MAX)
        return 0;
    if (status != STATUS_OK) {
        way->used = false; /* it has answered: it is not asked again */
        fail(way, 502, "the HTTP server gave no proper answer");
        return 0;
    }
    connection_count_body(connection, 0);
    buffer_close(&connection->out);
    connection_count_request(connection);
    connection->keep_alive = connection->keep_alive && !answer.until_close;
    http_answer_write(&head, span_make(text.data, answer.len), connection->keep_alive);
    way->begun = true;
    way->server_closes = answer.server_closes || connection->old_http;
    http_body_begin(&way->body, &answer);
    connection_write(connection, head.data, head.len);
    buffer_close(&head);
    return answer.len;
}

static void take_body(struct way *way, const char *data, size_t len)
{
    size_t taken;

    if (!http_body_take(&way->body, data, len, &taken)) {
        fail(way, 502, "the HTTP server's answer is malformed");
        return;
    }
    if (taken < len)
        way->server_closes = true; /* nobody asked for what comes behind */
    if (way->body.state == HTTP_BODY_ENDED) {
        connection_write(way->connection, data, taken);
        answer_ended(way);
    } else if (taken > 0) {
        give(way, data, taken);
    }
}

/* What comes before the body; mostly all of it at once, and then it is not copied. */
static void take_beginning(struct way *way, const char *data, size_t len)
{
    struct buffer gathered = way->head;
    size_t head;

    way->head = (struct buffer){0};
    if (gathered.len > 0) {
        buffer_append(&gathered, data, len);
        data = gathered.data;
        len = gathered.len;
    }
    head = take_answer_head(way, span_make(data, len));
    if (head > 0)
        take_body(way, data + head, len - head);
    else if (way->connection != NULL && gathered.len > 0)
        way->head = gathered;
    else if (way->connection != NULL)
        buffer_append(&way->head, data, len);
    if (way->head.data != gathered.data)
        buffer_close(&gathered);
}

static void on_data(struct stream *stream, const char *data, size_t len)
{
    struct way *way = stream->user;

    if (way->connection == NULL)
        way_close(way);
    else if (way->begun)
        take_body(way, data, len);
    else
        take_beginning(way, data, len);
}

/* ---- the connection to the server ---- */

static void on_end(struct stream *stream)
{
    struct way *way = stream->user;

    if (way->begun && way->body.state == HTTP_BODY_TO_CLOSE)
        answer_ended(way);
    else
        fail(way, 502, "the HTTP server gave no answer");
}

static void on_error(struct stream *stream, int code)
{
    (void)code;
    fail(stream->user, 502, "the HTTP server gave no answer");
}

static void on_closed(struct stream *stream)
{
    struct way *way = stream->user;
    struct front *front = way->front;

    way_free(way);
    ways_dispatch(front);
}

static const struct stream_callbacks callbacks = {
    .on_data = on_data, .on_end = on_end, .on_error = on_error, .on_closed = on_closed};

static void send_request(struct way *way)
{
    struct connection *connection = way->connection;

    set_peer(way, &connection->peer);
    stream_write(&way->stream, connection->out.data, connection->out.len);
}

static void on_connected(void *user, enum status status, size_t target, const struct error *error)
{
    struct way *way = user;

    (void)target;
    way->connector = NULL;
    if (status != STATUS_OK) {
        log_warn("the HTTP server behind the front does not answer: %s", error->text);
        fail(way, 502, "the HTTP server does not answer");
        return;
    }
    way->open = true;
    remember_port(way);
    stream_read_start(&way->stream);
    send_request(way);
}

static struct way *find_idle(const struct front *front)
{
    struct way *way = front->ways;

    while (way != NULL && (way->connection != NULL || !way->open || way->closing))
        way = way->next;
    return way;
}

static struct way *make_way(struct front *front)
{
    struct way *way = memory_new(sizeof *way);

    way->front = front;
    way->next = front->ways;
    if (way->next != NULL)
        way->next->previous = way;
    front->ways = way;
    front->way_count++;
    return way;
}

static void connect_way(struct way *way)
{
    struct front *front = way->front;

    way->connector = connector_start(&front->loop, &front->server, 1, CONNECT_MS, &way->stream,
                                     &callbacks, way, on_connected, way);
    if (way->connector == NULL)
        fail(way, 503, "out of memory");
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
    return address->ways >= FRONT_ADDRESS_WAYS ||
           (verdict != FRONT_PASS && address->heavy >= FRONT_ADDRESS_HEAVY) ||
           (verdict == FRONT_PASS_EXPORT && address->exports >= FRONT_ADDRESS_EXPORTS);
}

static void take_place(struct connection *connection)
{
    struct front_counters *counters = &connection->front->counters;
    bool heavy = connection->verdict != FRONT_PASS;
    bool export = connection->verdict == FRONT_PASS_EXPORT;

    connection->placed = true;
    connection->address->ways++;
    connection->address->heavy += heavy;
    connection->address->exports += export;
    atomic_fetch_add(&counters->ways, 1);
    atomic_fetch_add(&counters->heavy, heavy);
    atomic_fetch_add(&counters->exports, export);
}

static void start(struct connection *connection, struct way *way)
{
    connection_unwait(connection);
    connection_set_state(connection, CONNECTION_ANSWER);
    take_place(connection);
    connection->way = way;
    way->connection = connection;
    way->begun = false;
    if (way->open)
        send_request(way);
    else
        connect_way(way);
}

/* One request of the next address whose turn it is. Few can be full at a time, since together they
 * would have more than there is. False: there is none. */
static bool serve_next(struct front *front, enum front_verdict verdict)
{
    unsigned kind = verdict - FRONT_PASS;
    struct front_address *address = front->hungry[kind].first;
    struct way *way;

    while (address != NULL && address_is_full(address, verdict))
        address = address->next_hungry[kind];
    if (address == NULL || kind_is_full(front, verdict))
        return false;
    way = find_idle(front);
    if (way == NULL && front->way_count >= FRONT_WAYS)
        return false;
    start(address->hungry[kind].first, way != NULL ? way : make_way(front));
    if (address->hungry[kind].first != NULL) { /* its next turn comes after the others' */
        front_address_leave_hungry(front, address, kind);
        front_address_join_hungry(front, address, kind);
    }
    return true;
}

void ways_dispatch(struct front *front)
{
    if (front->stopping)
        return;
    for (unsigned verdict = FRONT_PASS; verdict <= FRONT_PASS_EXPORT; verdict++) {
        while (serve_next(front, (enum front_verdict)verdict))
            continue;
    }
}

/* ---- time ---- */

bool ways_tidy(struct front *front, int64_t now_ns)
{
    bool idle = false;

    for (struct way *at = front->ways, *next; at != NULL; at = next) {
        next = at->next;
        if (at->connection != NULL || at->closing)
            continue;
        if (now_ns - at->idle_ns > IDLE_MS * NS_PER_MS)
            way_close(at);
        else
            idle = true;
    }
    return idle;
}

void ways_close(struct front *front)
{
    for (struct way *at = front->ways, *next; at != NULL; at = next) {
        next = at->next;
        way_close(at);
    }
}
