/*
 * front.c - the thread, its loop, the listeners, the table of peers. front_private.h says where the
 * rest is.
 *
 * How it can fail: a port is taken, a certificate cannot be read: front_start says so, and nothing
 * is left behind.
 */
#include "api/front/front.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "api/front/front_private.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/event/connect.h"

#define TICK_MS 1000

/* ---- on the thread ---- */

static void on_connection(void *user, struct listener *listener)
{
    connection_accept(user, listener);
}

static void on_tick(uv_timer_t *timer)
{
    connections_tick(timer->data);
}

static void on_soon(uv_timer_t *timer)
{
    struct front *front = timer->data;
    int64_t now_ns = clock_mono_ns();

    connections_release_due(front, now_ns);
    if (!backends_tidy(front, now_ns) && front->delayed.first == NULL)
        uv_timer_stop(timer);
}

void front_soon(struct front *front)
{
    if (!front->stopping && uv_is_active((const uv_handle_t *)&front->soon) == 0)
        uv_timer_start(&front->soon, on_soon, FRONT_SOON_MS, FRONT_SOON_MS);
}

static void on_feed(uv_async_t *async)
{
    struct front *front = async->data;
    struct connection *connection;

    if (front->stopping)
        return;
    while ((connection = subscriptions_next(front->subscriptions)) != NULL)
        connection_serve(connection);
}

static void close_handles(struct front *front)
{
    for (size_t i = 0; i < FRONT_PORTS; i++) {
        if (front->listeners[i] != NULL)
            listener_stop(front->listeners[i], NULL, NULL);
        front->listeners[i] = NULL;
    }
    connections_close(front);
    backends_close(front);
    uv_close((uv_handle_t *)&front->tick, NULL);
    uv_close((uv_handle_t *)&front->soon, NULL);
    uv_close((uv_handle_t *)&front->stop_async, NULL);
    uv_close((uv_handle_t *)&front->feed_async, NULL);
}

static void on_stop(uv_async_t *async)
{
    struct front *front = async->data;

    if (!front->stopping) {
        front->stopping = true;
        close_handles(front);
    }
}

static void *run(void *user)
{
    struct front *front = user;

    stream_loop_run(&front->loop, UV_RUN_DEFAULT);
    return NULL;
}

static void wake(void *user)
{
    struct front *front = user;

    uv_async_send(&front->feed_async);
}

/* ---- starting ---- */

/* A connection needs one descriptor, a backend two. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warn("the limit of open files stays as it is");
}

static void init_loop(struct front *front)
{
    uv_loop_init(&front->uv);
    stream_loop_init(&front->loop, &front->uv);
    uv_async_init(&front->uv, &front->stop_async, on_stop);
    uv_async_init(&front->uv, &front->feed_async, on_feed);
    uv_timer_init(&front->uv, &front->tick);
    uv_timer_init(&front->uv, &front->soon);
    front->stop_async.data = front->feed_async.data = front;
    front->tick.data = front->soon.data = front;
    uv_timer_start(&front->tick, on_tick, TICK_MS, TICK_MS);
}

static enum status listen_on(struct front *front, size_t index, struct error *err)
{
    struct sockaddr_storage address;
    uint16_t port = front->options.ports[index];
    enum status status = address_parse(&address, front->options.host, port, err);

    if (status == STATUS_OK)
        status = listener_start(&front->listeners[index], &front->loop, &address, on_connection,
                                front, err);
    if (status == STATUS_BUSY && index > 0) {
        log_error("UI_PORT: %s; the pages are on API_PORT alone", err->text);
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return error_wrap(err, status, "%s", index == 0 ? "API_HOST, API_PORT" : "UI_PORT");
    front->ports[index] = listener_port(front->listeners[index]);
    return STATUS_OK;
}

static enum status start_listening(struct front *front, struct error *err)
{
    const struct front_options *options = &front->options;
    enum status status = STATUS_OK;

    if (options->tls_certificate != NULL)
        status =
            tls_context_new_server(&front->tls, options->tls_certificate, options->tls_key, err);
    for (size_t i = 0; i < options->port_count && i < FRONT_PORTS && status == STATUS_OK; i++)
        status = listen_on(front, i, err);
    return status;
}

static void front_free(struct front *front)
{
    stream_loop_close(&front->loop);
    uv_loop_close(&front->uv);
    tls_context_free(front->tls);
    subscriptions_free(front->subscriptions);
    pthread_mutex_destroy(&front->lock);
    free(front);
}

enum status front_start(struct front **out, const struct front_options *options, struct error *err)
{
    struct front *front = memory_new(sizeof *front);
    enum status status;

    raise_descriptors();
    front->options = *options;
    front->addresses.seed = random_u64();
    snprintf(front->server.host, sizeof front->server.host, "127.0.0.1");
    front->server.port = options->server_port;
    pthread_mutex_init(&front->lock, NULL);
    front->subscriptions = subscriptions_new(wake, front);
    init_loop(front);
    status = start_listening(front, err);
    if (status == STATUS_OK && pthread_create(&front->thread, NULL, run, front) != 0)
        status = error_set(err, STATUS_FULL, "starting the front's thread");
    *out = front;
    if (status != STATUS_OK) {
        close_handles(front);
        stream_loop_run(&front->loop, UV_RUN_DEFAULT);
        front_free(front);
        *out = NULL;
    }
    return status;
}

void front_stop(struct front *front)
{
    if (front == NULL)
        return;
    uv_async_send(&front->stop_async);
    pthread_join(front->thread, NULL);
    front_free(front);
}

/* ---- asked from elsewhere ---- */

uint16_t front_port(const struct front *front, size_t index)
{
    return index < FRONT_PORTS ? front->ports[index] : 0;
}

struct subscriptions *front_subscriptions(struct front *front)
{
    return front->subscriptions;
}

bool front_peer(const struct front *front, uint16_t local_port, struct front_peer *out)
{
    struct front *lockable = (struct front *)front; /* the lock is no part of what is asked */
    const struct front_peer *peer;

    pthread_mutex_lock(&lockable->lock);
    peer = front->peers[local_port];
    if (peer != NULL)
        *out = *peer;
    pthread_mutex_unlock(&lockable->lock);
    return peer != NULL;
}

void front_facts(const struct front *front, struct front_facts *out)
{
    const struct front_counters *counters = &front->counters;

#define X(name) .name = atomic_load(&counters->name)
    *out = (struct front_facts){X(accepted),  X(refused),      X(pushed_out),   X(requests),
                                X(cut_slow),  X(cut_large),    X(cut_stalled),  X(cut_malformed),
                                X(busy),      X(failed),       X(wrong_tokens), X(open),
                                X(addresses), X(backends),     X(waiting),      X(heavy),
                                X(exports),   X(held),         X(bodies),       X(answers),
                                X(delayed),   X(request_bytes)};
#undef X
}
