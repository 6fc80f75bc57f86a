/*
 * front_clients.c - clients come (within bounds) and are looked at once a second: whoever was too
 * slow or takes nothing is cut off.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "api/front_private.h"
#include "api/websocket.h"
#include "lib/base/clock.h"
#include "lib/event/connect.h"

/* ---- coming ---- */

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    /* One customer has a whole /64. */
    return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
                  &((const struct sockaddr_in6 *)b)->sin6_addr, 8) == 0;
}

static bool has_room(const struct front *front, const struct front_peer *peer)
{
    unsigned all = 0, same = 0, waiting = 0;

    for (const struct connection *at = front->connections; at != NULL; at = at->next) {
        all++;
        if (!same_address(&at->peer.address, &peer->address))
            continue;
        same++;
        waiting += !at->asked;
    }
    return all < FRONT_CONNECTIONS && same < FRONT_PER_ADDRESS && waiting < FRONT_WAITING;
}

static void join(struct front *front, struct connection *connection)
{
    connection->next = front->connections;
    if (connection->next != NULL)
        connection->next->previous = connection;
    front->connections = connection;
    atomic_fetch_add(&front->counters.open, 1);
    atomic_fetch_add(&front->counters.accepted, 1);
}

void connection_accept(struct front *front, struct listener *listener)
{
    struct connection *connection = calloc(1, sizeof *connection);
    struct sockaddr_storage local;
    struct error err = {""};
    bool welcome;

    if (connection == NULL)
        return;
    connection->front = front;
    stream_init(&connection->client, &front->loop, &connection_callbacks, connection);
    connection->client_open = true;
    if (stream_accept(&connection->client, listener) == STATUS_OK)
        stream_addresses(&connection->client, &local, &connection->peer.address);
    else
        connection->closing = true;
    address_format(connection->peer.text, &connection->peer.address);
    connection->peer.connection = ++front->last_number;
    connection->peer.tls = front->tls != NULL;
    connection->deadline_ns = clock_mono_ns() + FRONT_HEAD_MS * NS_PER_MS;
    welcome = !connection->closing && has_room(front, &connection->peer);
    join(front, connection);
    connection->closing = false;
    if (welcome && front->tls != NULL)
        welcome =
            stream_start_tls(&connection->client, front->tls, NULL, NULL, 0, &err) == STATUS_OK;
    if (welcome) {
        stream_read_start(&connection->client);
        return;
    }
    atomic_fetch_add(&front->counters.refused, 1);
    connection_close(connection, true);
}

/* ---- time ---- */

static void cut(struct connection *connection, int64_t now_ns)
{
    struct front_counters *counters = &connection->front->counters;

    (void)now_ns;
    if (connection->state == CONNECTION_ENDING) {
        connection_close(connection, true);
        return;
    }
    atomic_fetch_add(&counters->cut_slow, 1);
    if (connection->in.len > 0 || connection->asked)
        connection_refuse(connection, 408, "the request did not arrive in time");
    else
        connection_close(connection, false);
}

/* Whether the client has taken nothing of what waits for it for too long. */
static bool is_stalled(struct connection *connection, int64_t now_ns)
{
    size_t queued = connection->client.queued;

    if (queued == 0 || queued != connection->stalled) {
        connection->stalled = queued;
        connection->stalled_ns = now_ns;
        return false;
    }
    return now_ns - connection->stalled_ns > FRONT_STALL_MS * NS_PER_MS;
}

static void tick(struct connection *connection, int64_t now_ns)
{
    if (connection->closing)
        return;
    if (connection->reader != NULL) {
        if (!websocket_tick(connection->reader, now_ns))
            connection_close(connection, true);
        return;
    }
    if (connection->deadline_ns != 0 && now_ns > connection->deadline_ns) {
        cut(connection, now_ns);
    } else if (is_stalled(connection, now_ns)) {
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

void connections_close(struct front *front)
{
    for (struct connection *at = front->connections, *next; at != NULL; at = next) {
        next = at->next;
        connection_close(at, false);
    }
}
