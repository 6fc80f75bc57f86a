/*
 * clients.c - clients come (within bounds) and are looked at once a second: whoever was too
 * slow or takes too little is cut off.
 *
 * Where a bound is reached the newest connection pushes out the one that has asked for nothing for
 * longest, else one that is slow with its body or its end: of its own address, or, when the front
 * is full, of the address that has most.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "api/front/front_private.h"
#include "api/front/websocket.h"
#include "lib/base/clock.h"

#define UNSENT_MOST (256u << 10) /* bytes in the kernel that are not on their way yet */

/* ---- coming ---- */

static bool push_out(struct connection *spare)
{
    if (spare == NULL)
        return false;
    atomic_fetch_add(&spare->front->counters.pushed_out, 1);
    connection_close(spare, true);
    return true;
}

/* Its own connection is counted already. */
static bool has_room(struct front *front, const struct connection *connection)
{
    struct front_address *own = connection->address;

    if (own->connections > FRONT_ADDRESS_CONNECTIONS || own->waiting > FRONT_ADDRESS_WAITING)
        return push_out(front_address_spare(own, connection));
    if (atomic_load(&front->counters.open) > FRONT_CONNECTIONS)
        return push_out(front_spare(front, connection));
    return true;
}

static void join(struct front *front, struct connection *connection)
{
    connection->next = front->connections;
    if (connection->next != NULL)
        connection->next->previous = connection;
    front->connections = connection;
    connection->address = front_address_join(front, &connection->peer.address);
    connection->address->waiting++;
    connection_set_state(connection, CONNECTION_HEAD);
    connection->deadline_ns = clock_mono_ns() + FRONT_HEAD_MS * NS_PER_MS;
    atomic_fetch_add(&front->counters.open, 1);
    atomic_fetch_add(&front->counters.accepted, 1);
}

static bool welcome(struct front *front, struct connection *connection)
{
    struct error err = {""};

    return has_room(front, connection) &&
           (front->tls == NULL ||
            stream_start_tls(&connection->client, front->tls, NULL, NULL, 0, &err) == STATUS_OK);
}

void connection_accept(struct front *front, struct listener *listener)
{
    struct connection *connection = calloc(1, sizeof *connection);
    struct sockaddr_storage local;
    bool accepted;

    if (connection == NULL)
        return;
    connection->front = front;
    stream_init(&connection->client, &front->loop, &connection_callbacks, connection);
    connection->client_open = true;
    accepted = stream_accept(&connection->client, listener) == STATUS_OK;
    if (accepted)
        stream_addresses(&connection->client, &local, &connection->peer.address);
    address_format(connection->peer.text, &connection->peer.address);
    connection->peer.connection = ++front->last_number;
    connection->peer.tls = front->tls != NULL;
    join(front, connection);
    if (accepted && welcome(front, connection)) {
        stream_limit_unsent(&connection->client, UNSENT_MOST);
        stream_read_start(&connection->client);
        return;
    }
    atomic_fetch_add(&front->counters.refused, 1);
    connection_close(connection, true);
}

/* ---- time ---- */

static void cut(struct connection *connection)
{
    struct front_counters *counters = &connection->front->counters;

    switch (connection->state) {
    case CONNECTION_WAITING:
        atomic_fetch_add(&counters->busy, 1);
        connection_refuse(connection, 503,
                          "too many requests are running already, in all or from this address");
        return;
    case CONNECTION_HEAD:
    case CONNECTION_BODY:
        atomic_fetch_add(&counters->cut_slow, 1);
        if (connection->in.len > 0 || connection->asked)
            connection_refuse(connection, 408, "the request did not arrive in time");
        else
            connection_close(connection, false);
        return;
    case CONNECTION_ANSWER:
    case CONNECTION_DELAYED:
    case CONNECTION_READER:
    case CONNECTION_ENDING:
        break;
    }
    connection_close(connection, true);
}

/* Whether the client takes less than FRONT_RATE_BYTES of what waits for it in FRONT_RATE_MS. */
static bool is_stalled(struct connection *connection, size_t queued, int64_t now_ns)
{
    uint64_t taken = connection->given - queued;

    connection_count_answer(connection);
    if (queued == 0) {
        connection->rate_ns = 0;
    } else if (connection->rate_ns == 0) {
        connection->rate_ns = now_ns;
        connection->rate_taken = taken;
    } else if (now_ns - connection->rate_ns >= FRONT_RATE_MS * NS_PER_MS) {
        if ((int64_t)(taken - connection->rate_taken) < (int64_t)FRONT_RATE_BYTES)
            return true;
        connection->rate_ns = now_ns;
        connection->rate_taken = taken;
    }
    return false;
}

/* Closing takes away what the client does not have yet, so at the end that counts, too. */
static size_t waits_for(const struct connection *connection)
{
    if (connection->state == CONNECTION_ENDING)
        return stream_unconfirmed(&connection->client);
    return connection->client.queued;
}

static void tick(struct connection *connection, int64_t now_ns)
{
    bool late = connection->deadline_ns != 0 && now_ns > connection->deadline_ns;
    size_t queued;

    if (connection->closing)
        return;
    queued = waits_for(connection);
    late = late && (connection->state != CONNECTION_ENDING || queued == 0);
    if (connection->reader != NULL) {
        if (!websocket_tick(connection->reader, now_ns))
            connection_close(connection, true);
    } else if (late && connection->state != CONNECTION_DELAYED) {
        cut(connection);
    } else if (is_stalled(connection, queued, now_ns)) {
        atomic_fetch_add(&connection->front->counters.cut_stalled, 1);
        connection_close(connection, true);
    }
}

void connections_tick(struct front *front)
{
    int64_t now = clock_mono_ns();

    for (struct connection *at = front->connections, *next; at != NULL; at = next) {
        next = at->next;
        tick(at, now);
    }
}

void connections_release_due(struct front *front, int64_t now_ns)
{
    for (struct connection *at = front->delayed.first, *next; at != NULL; at = next) {
        next = at->next_due;
        if (now_ns >= at->deadline_ns)
            connection_release(at);
    }
}

void connections_close(struct front *front)
{
    for (struct connection *at = front->connections, *next; at != NULL; at = next) {
        next = at->next;
        connection_close(at, false);
    }
}
