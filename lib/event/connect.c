/*
 * connect.c - one address after the other until one answers.
 *
 *   target ──▶ look up (a numeric host: at once) ──▶ try the first address ──▶ done
 *     ▲               │ fails, times out               │ fails, times out
 *     │               ▼                                ▼
 *     └──────── next target ◀── no more ── try the next address
 *
 * The socket is connected by hand and watched by a poll handle, so that the user's stream is first
 * touched when the connection stands. One timer limits whatever is under way; its closing frees the
 * connector. Lookups and poll handles free themselves: a lookup that is running in a thread cannot
 * be stopped, it is forgotten and its result thrown away.
 *
 * How it can fail: names that do not resolve, addresses that refuse, do not answer or cannot be
 * reached, no descriptor for a socket. Each is written down and the next address tried.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/event/connect.h"
#include "lib/event/stream_private.h"

#define FAILURES_MAX                                                                               \
    400 /* characters kept of what went wrong, a struct error holds little more                    \
         */

struct lookup {
    uv_getaddrinfo_t request;
    struct stream_loop *loop;
    struct connector *connector; /* NULL: nobody waits for it any more */
};

struct connector {
    struct stream_loop *loop;
    const struct connect_target *targets;
    size_t count;
    size_t target; /* the one under way */
    uint32_t timeout_ms;
    struct stream *stream;
    const struct stream_callbacks *callbacks;
    void *stream_user;
    connector_done *done;
    void *done_user;

    uv_timer_t timer;
    struct lookup *lookup;      /* NULL: none is under way */
    struct addrinfo *addresses; /* of this target; NULL: not looked up */
    struct addrinfo *address;   /* the one under way */
    uv_poll_t *poll;            /* on `socket`; NULL: no try is under way */
    int socket;                 /* -1: none */
    struct buffer failures;
    enum status status; /* of the last failure */
    bool finished;
};

static void next_target(struct connector *connector);
static void try_addresses(struct connector *connector);

/* ---- letting go ---- */

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

/* Stops watching the socket and gives it to the caller. */
static int release_socket(struct connector *connector)
{
    int socket = connector->socket;
    connector->socket = -1;
    if (connector->poll != NULL)
        uv_close((uv_handle_t *)connector->poll, on_poll_closed);
    connector->poll = NULL;
    return socket;
}

static void end_try(struct connector *connector)
{
    (void)uv_timer_stop(&connector->timer);
    int socket = release_socket(connector);
    if (socket >= 0)
        (void)close(socket);
}

static void forget_lookup(struct connector *connector)
{
    if (connector->lookup == NULL)
        return;
    connector->lookup->connector = NULL;
    connector->loop->forgotten++;
    (void)uv_cancel((uv_req_t *)&connector->lookup->request);
    connector->lookup = NULL;
}

static void forget_addresses(struct connector *connector)
{
    if (connector->addresses != NULL)
        freeaddrinfo(connector->addresses);
    connector->addresses = NULL;
    connector->address = NULL;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct connector *connector = handle->data;
    buffer_close(&connector->failures);
    free(connector);
}

static void finish(struct connector *connector)
{
    connector->finished = true;
    end_try(connector);
    forget_lookup(connector);
    forget_addresses(connector);
    uv_close((uv_handle_t *)&connector->timer, on_timer_closed);
}

/* ---- how it comes out ---- */

/* "pool.example.com:3333 (203.0.113.9): connection refused", without the brackets while there is
 * no address or where the host is one. */
static void note_failure(struct connector *connector, enum status status, const char *reason)
{
    const struct connect_target *target = &connector->targets[connector->target];
    struct buffer *failures = &connector->failures;
    char numeric[NI_MAXHOST], endpoint[ENDPOINT_TEXT_MAX];
    connector->status = status;
    if (failures->len >= FAILURES_MAX)
        return;
    endpoint_format(endpoint, target->host, target->port);
    buffer_append_format(failures, "%s%s", failures->len > 0 ? "; " : "", endpoint);
    const struct addrinfo *address = connector->address;
    if (address != NULL &&
        getnameinfo(address->ai_addr, address->ai_addrlen, numeric, sizeof numeric, NULL, 0,
                    NI_NUMERICHOST) == 0 &&
        strcmp(numeric, target->host) != 0)
        buffer_append_format(failures, " (%s)", numeric);
    buffer_append_format(failures, ": %s", reason);
}

static void note_errno(struct connector *connector, int errnum)
{
    note_failure(connector, error_errno(NULL, errnum, "connecting"), uv_strerror(-errnum));
}

static void give_up(struct connector *connector)
{
    struct error error;
    const struct buffer *failures = &connector->failures;
    const char *text = failures->len > 0 ? failures->data : "nowhere to connect to";
    int len = failures->len > 0 ? (int)failures->len : (int)strlen(text);
    enum status status = error_set(&error, connector->status, "%.*s", len, text);
    finish(connector);
    connector->done(connector->done_user, status, connector->count, &error);
}

static void succeed(struct connector *connector)
{
    int socket = release_socket(connector);
    struct stream *stream = connector->stream;
    finish(connector);
    stream_init(stream, connector->loop, connector->callbacks, connector->stream_user);
    if (stream_open(stream, socket) != STATUS_OK)
        stream_fail_later(stream, UV_ENOMEM); /* the kernel has no memory to watch it */
    connector->done(connector->done_user, STATUS_OK, connector->target, NULL);
}

/* ---- one address ---- */

/* A port of this machine nobody listens on can be the one the system picks for our end: TCP then
 * connects the socket to itself. */
static bool is_connected_to_itself(int socket)
{
    struct sockaddr_storage local = {0};
    struct sockaddr_storage peer = {0};
    socklen_t local_len = sizeof local;
    socklen_t peer_len = sizeof peer;
    return getsockname(socket, (struct sockaddr *)&local, &local_len) == 0 &&
           getpeername(socket, (struct sockaddr *)&peer, &peer_len) == 0 && local_len == peer_len &&
           memcmp(&local, &peer, local_len) == 0;
}

static int connect_result(int socket)
{
    int errnum = 0;
    socklen_t len = sizeof errnum;
    if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &errnum, &len) != 0)
        return errno;
    if (errnum == 0 && is_connected_to_itself(socket))
        return ECONNREFUSED;
    return errnum;
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
    struct connector *connector = poll->data;
    (void)status; /* SO_ERROR tells more */
    (void)events;
    int errnum = connect_result(connector->socket);
    if (errnum == 0) {
        succeed(connector);
        return;
    }
    end_try(connector);
    note_errno(connector, errnum);
    connector->address = connector->address->ai_next;
    try_addresses(connector);
}

static void on_try_timeout(uv_timer_t *timer)
{
    struct connector *connector = timer->data;
    char reason[64];
    (void)snprintf(reason, sizeof reason, "no answer in %u ms", connector->timeout_ms);
    end_try(connector);
    note_failure(connector, STATUS_TIMEOUT, reason);
    connector->address = connector->address->ai_next;
    try_addresses(connector);
}

static int watch_socket(struct connector *connector)
{
    uv_poll_t *poll = calloc(1, sizeof *poll);
    if (poll == NULL)
        return ENOMEM;
    int result = uv_poll_init(connector->loop->uv, poll, connector->socket);
    if (result < 0) {
        free(poll);
        return -result;
    }
    connector->poll = poll;
    poll->data = connector;
    (void)uv_poll_start(poll, UV_WRITABLE, on_writable);
    (void)uv_timer_start(&connector->timer, on_try_timeout, connector->timeout_ms, 0);
    return 0;
}

/* Returns 0 when the try is under way, or an errno. */
static int try_address(struct connector *connector)
{
    const struct addrinfo *address = connector->address;
    connector->socket =
        socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (connector->socket < 0)
        return errno;
    /* Connected at once or later: the poll handle tells in both cases. */
    if (connect(connector->socket, address->ai_addr, address->ai_addrlen) != 0 &&
        errno != EINPROGRESS && errno != EINTR)
        return errno;
    return watch_socket(connector);
}

static void try_addresses(struct connector *connector)
{
    while (connector->address != NULL) {
        int errnum = try_address(connector);
        if (errnum == 0)
            return;
        end_try(connector);
        note_errno(connector, errnum);
        connector->address = connector->address->ai_next;
    }
    forget_addresses(connector);
    connector->target++;
    next_target(connector);
}

/* ---- names ---- */

static void try_found(struct connector *connector, struct addrinfo *addresses)
{
    connector->addresses = addresses;
    connector->address = addresses;
    try_addresses(connector);
}

static void lookup_failed(struct connector *connector, enum status status, const char *reason)
{
    note_failure(connector, status, reason);
    connector->target++;
    next_target(connector);
}

static void on_looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
    struct lookup *lookup = request->data;
    struct connector *connector = lookup->connector;
    lookup->loop->forgotten -= connector == NULL;
    free(lookup);
    if (connector == NULL) {
        if (addresses != NULL)
            freeaddrinfo(addresses);
        return;
    }
    connector->lookup = NULL;
    (void)uv_timer_stop(&connector->timer);
    if (status == UV_EAI_NONAME || status == UV_EAI_NODATA)
        lookup_failed(connector, STATUS_NOT_FOUND, "no such host");
    else if (status < 0)
        lookup_failed(connector, STATUS_NOT_FOUND, uv_strerror(status));
    else
        try_found(connector, addresses);
}

static void on_lookup_timeout(uv_timer_t *timer)
{
    struct connector *connector = timer->data;
    char reason[64];
    (void)snprintf(reason, sizeof reason, "the name was not resolved in %u ms",
                   connector->timeout_ms);
    forget_lookup(connector);
    lookup_failed(connector, STATUS_TIMEOUT, reason);
}

static int look_up(struct connector *connector, const struct connect_target *target,
                   const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL)
        return UV_ENOMEM;
    lookup->loop = connector->loop;
    lookup->connector = connector;
    lookup->request.data = lookup;
    int result = uv_getaddrinfo(connector->loop->uv, &lookup->request, on_looked_up, target->host,
                                port, &hints);
    if (result < 0) {
        free(lookup);
        return result;
    }
    connector->lookup = lookup;
    return uv_timer_start(&connector->timer, on_lookup_timeout, connector->timeout_ms, 0);
}

static bool is_numeric(const char *host)
{
    struct in_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || strchr(host, ':') != NULL;
}

static void next_target(struct connector *connector)
{
    if (connector->target == connector->count) {
        connector->target = 0;
        give_up(connector);
        return;
    }
    const struct connect_target *target = &connector->targets[connector->target];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", target->port);
    if (is_numeric(target->host)) {
        int result = getaddrinfo(target->host, port, &hints, &addresses);
        if (result != 0)
            lookup_failed(connector, STATUS_NOT_FOUND, gai_strerror(result));
        else
            try_found(connector, addresses);
        return;
    }
    int result = look_up(connector, target, port);
    if (result < 0)
        lookup_failed(connector, STATUS_NOT_FOUND, uv_strerror(result));
}

/* ---- the user's calls ---- */

static void on_start(uv_timer_t *timer)
{
    next_target(timer->data);
}

/* Where to, how long, and what each of stream and connector is to call: nine is what it takes. */
/* NOLINTNEXTLINE(readability-function-size) */
struct connector *connector_start(struct stream_loop *loop, const struct connect_target *targets,
                                  size_t count, uint32_t timeout_ms, struct stream *stream,
                                  const struct stream_callbacks *callbacks, void *stream_user,
                                  connector_done *done, void *done_user)
{
    struct connector *connector = calloc(1, sizeof *connector);
    if (connector == NULL)
        return NULL;
    connector->loop = loop;
    connector->targets = targets;
    connector->count = count;
    connector->timeout_ms = timeout_ms;
    connector->stream = stream;
    connector->callbacks = callbacks;
    connector->stream_user = stream_user;
    connector->done = done;
    connector->done_user = done_user;
    connector->socket = -1;
    connector->status = STATUS_NOT_FOUND;
    (void)uv_timer_init(loop->uv, &connector->timer);
    connector->timer.data = connector;
    (void)uv_timer_start(&connector->timer, on_start, 0, 0);
    return connector;
}

void connector_cancel(struct connector *connector)
{
    if (!connector->finished)
        finish(connector);
}
