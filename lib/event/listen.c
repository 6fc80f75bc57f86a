/*
 * listen.c - accepting: a poll handle on the listening socket, accept4 until there is nothing more
 * (or ACCEPTS_A_TURN are taken: other streams want their turn too), a timer for the back-off.
 *
 * The descriptor just accepted waits in `accepted` while the user's callback runs; stream_accept
 * takes it.
 *
 * How it can fail: bind and listen (at the start, with a message); accept for want of descriptors
 * or memory (back-off); accept because the connection has died in the backlog (ignored).
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/event/connect.h"
#include "lib/event/listen.h"
#include "lib/event/stream_private.h"

#define ACCEPTS_A_TURN  8    /* about a millisecond */
#define BACKOFF_FIRST   100u /* milliseconds */
#define BACKOFF_LONGEST 1000u

struct listener {
    uv_poll_t poll;
    uv_timer_t timer;
    int socket;
    int accepted; /* -1: none */
    struct sockaddr_storage peer;
    char *name;
    listener_connection *on_connection;
    void *user;
    bool paused;      /* by the user */
    bool backing_off; /* the timer runs */
    unsigned handles; /* open ones */
    unsigned wait_ms; /* the last back-off, 0: none since the last success */
    uint64_t refusals;
    struct log_limit limit;
    void (*closed)(void *user);
    void *closed_user;
};

static void on_readable(uv_poll_t *poll, int status, int events);

static bool is_stopped(const struct listener *listener)
{
    return listener->socket < 0;
}

static void poll_update(struct listener *listener)
{
    if (is_stopped(listener))
        return;
    if (listener->paused || listener->backing_off)
        (void)uv_poll_stop(&listener->poll);
    else
        (void)uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

static void on_backoff_over(uv_timer_t *timer)
{
    struct listener *listener = timer->data;
    listener->backing_off = false;
    poll_update(listener);
}

static void back_off(struct listener *listener, int errnum)
{
    listener->refusals++;
    unsigned wait = listener->wait_ms == 0 ? BACKOFF_FIRST : listener->wait_ms * 2;
    listener->wait_ms = wait < BACKOFF_LONGEST ? wait : BACKOFF_LONGEST;
    listener->backing_off = true;
    (void)uv_timer_start(&listener->timer, on_backoff_over, listener->wait_ms, 0);
    poll_update(listener);
    if (log_limit_pass(&listener->limit, 1))
        log_warn("%s: accepting connections pauses, newcomers wait: %s", listener->name,
                 uv_strerror(-errnum));
}

/* accept(2): the network errors of a connection that died in the backlog come here too. */
static bool concerns_one_connection(int errnum)
{
    static const int codes[] = {EINTR,        ECONNABORTED, EPROTO,      EPERM,
                                ENETDOWN,     ENOPROTOOPT,  EHOSTDOWN,   ENONET,
                                EHOSTUNREACH, EOPNOTSUPP,   ENETUNREACH, ETIMEDOUT};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i] == errnum)
            return true;
    }
    return false;
}

static void hand_over(struct listener *listener, int descriptor)
{
    listener->wait_ms = 0;
    listener->accepted = descriptor;
    listener->on_connection(listener->user, listener);
    if (listener->accepted >= 0)
        (void)close(listener->accepted);
    listener->accepted = -1;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;
    (void)status; /* accept4 tells more */
    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        if (is_stopped(listener) || listener->paused)
            return;
        socklen_t len = sizeof listener->peer;
        int descriptor = accept4(listener->socket, (struct sockaddr *)&listener->peer, &len,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor >= 0) {
            hand_over(listener, descriptor);
        } else if (errno == EAGAIN) {
            return;
        } else if (!concerns_one_connection(errno)) {
            back_off(listener, errno);
            return;
        }
    }
}

int listener_take(struct listener *listener)
{
    int descriptor = listener->accepted;
    listener->accepted = -1;
    return descriptor;
}

void listener_peer(const struct listener *listener, struct sockaddr_storage *peer)
{
    *peer = listener->peer;
    address_unmap(peer);
}

/* ---- starting ---- */

enum status listener_start_socket(struct listener **out, struct stream_loop *loop, int socket,
                                  const char *name, listener_connection *on_connection, void *user,
                                  struct error *err)
{
    struct listener *listener = memory_new(sizeof *listener);
    int result = uv_poll_init(loop->uv, &listener->poll, socket);
    if (result < 0) {
        free(listener);
        (void)close(socket);
        return error_errno(err, -result, "listening on %s", name);
    }
    (void)uv_timer_init(loop->uv, &listener->timer);
    listener->handles = 2;
    listener->poll.data = listener;
    listener->timer.data = listener;
    listener->socket = socket;
    listener->accepted = -1;
    listener->name = memory_text(name);
    listener->on_connection = on_connection;
    listener->user = user;
    poll_update(listener);
    *out = listener;
    return STATUS_OK;
}

static socklen_t address_size(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? (socklen_t)sizeof(struct sockaddr_in6)
                                          : (socklen_t)sizeof(struct sockaddr_in);
}

/* Returns the socket, or a negative errno. */
static int socket_listen(const struct sockaddr_storage *address, bool ipv6_only)
{
    const int on = 1;
    const int only = ipv6_only;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ss_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (bind(fd, (const struct sockaddr *)address, address_size(address)) != 0 ||
        listen(fd, LISTENER_BACKLOG) != 0) {
        int errnum = errno;
        (void)close(fd);
        return -errnum;
    }
    return fd;
}

static bool is_any_ipv6(const struct sockaddr_storage *address)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    return address->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
}

static void get_address(int fd, struct sockaddr_storage *address)
{
    socklen_t len = sizeof *address;
    (void)getsockname(fd, (struct sockaddr *)address, &len);
}

enum status listener_start(struct listener **out, struct stream_loop *loop,
                           const struct sockaddr_storage *address,
                           listener_connection *on_connection, void *user, struct error *err)
{
    char name[ADDRESS_TEXT_MAX];
    address_format(name, address);
    int fd = socket_listen(address, false);
    if (fd == -EADDRINUSE && is_any_ipv6(address)) {
        fd = socket_listen(address, true);
        if (fd >= 0)
            log_info("%s: another socket has this port for IPv4, listening for IPv6 only", name);
    }
    if (fd < 0)
        return error_errno(err, -fd, "listening on %s", name);
    struct sockaddr_storage bound = *address;
    get_address(fd, &bound);
    address_format(name, &bound); /* with the port that was taken */
    return listener_start_socket(out, loop, fd, name, on_connection, user, err);
}

/* ---- the user's calls ---- */

uint16_t listener_port(const struct listener *listener)
{
    struct sockaddr_storage address = {0};
    if (is_stopped(listener))
        return 0;
    get_address(listener->socket, &address);
    if (address.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address)->sin6_port);
    if (address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&address)->sin_port);
    return 0;
}

void listener_pause(struct listener *listener)
{
    listener->paused = true;
    poll_update(listener);
}

void listener_resume(struct listener *listener)
{
    listener->paused = false;
    poll_update(listener);
}

uint64_t listener_refusals(const struct listener *listener)
{
    return listener->refusals;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct listener *listener = handle->data;
    if (--listener->handles > 0)
        return;
    void (*closed)(void *) = listener->closed;
    void *user = listener->closed_user;
    free(listener->name);
    free(listener);
    if (closed != NULL)
        closed(user);
}

void listener_stop(struct listener *listener, void (*closed)(void *user), void *user)
{
    if (is_stopped(listener))
        return;
    listener->closed = closed;
    listener->closed_user = user;
    uv_close((uv_handle_t *)&listener->poll, on_handle_closed);
    uv_close((uv_handle_t *)&listener->timer, on_handle_closed);
    (void)close(listener->socket);
    listener->socket = -1;
}
