/*
 * stream.c - the life of a stream: open, fail, finish, close. loop.c calls it, receive.c reads,
 * forward.c writes, TLS (tls_read.c, tls_write.c) lies between these and the user when the stream
 * is encrypted.
 *
 * An error met inside a user's call cannot be reported there; it is kept in `error` and the stream
 * becomes due. A FIN is sent with shutdown(2) as soon as the queue is empty (queue.c), an RST by
 * closing with SO_LINGER 0; the descriptor is closed at once, the memory is the user's again in the
 * stream's next turn.
 *
 * How it can fail: the peer resets or vanishes (a read or write returns an error); memory for a
 * queue runs out (memory.h ends the program).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/event/visit.h"

#define KEEPALIVE_SEC 60
#define CLOSE_WORK    (16u << 10) /* closing costs as much as reading this, see receive.c */

void stream_init(struct stream *stream, struct stream_loop *loop,
                 const struct stream_callbacks *callbacks, void *user)
{
    *stream = (struct stream){.loop = loop, .callbacks = callbacks, .user = user, .fd = -1};
    fair_join(&loop->fair, &stream->fair);
    loop->open++;
}

/* A peer that has gone already makes these fail; the first read will tell. */
static void set_options(int socket)
{
    const int on = 1, idle = KEEPALIVE_SEC;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
}

void stream_limit_unsent(struct stream *stream, unsigned bytes)
{
    (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

size_t stream_unconfirmed(const struct stream *stream)
{
    int bytes = 0;
    if (stream->fd < 0 || ioctl(stream->fd, SIOCOUTQ, &bytes) != 0)
        bytes = 0;
    return stream->queued + (size_t)bytes;
}

static bool is_local_socket(int socket)
{
    int domain = 0;
    socklen_t len = sizeof domain;
    return getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

enum status stream_open(struct stream *stream, int socket)
{
    int flags = fcntl(socket, F_GETFL);
    stream->is_local = is_local_socket(socket);
    stream->to_the_end = stream->is_local;
    stream->fd = socket;
    int errnum = flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) < 0 ? errno : 0;
    if (errnum == 0)
        errnum = loop_watch(stream);
    if (errnum != 0) {
        stream->fd = -1;
        (void)close(socket);
        return error_errno(NULL, errnum, "opening a stream");
    }
    if (!stream->is_local)
        set_options(socket);
    return STATUS_OK;
}

enum status stream_accept(struct stream *stream, struct listener *listener)
{
    int socket = listener_take(listener);
    if (socket < 0)
        return error_errno(NULL, EAGAIN, "accepting");
    return stream_open(stream, socket);
}

/* ---- reading ---- */

void stream_read_start(struct stream *stream)
{
    if (stream->reading || stream->closing || stream->reported || stream->ended)
        return;
    stream->reading = 1;
    stream_receive_start(stream);
}

void stream_read_stop(struct stream *stream)
{
    if (!stream->reading || stream->closing)
        return;
    stream->reading = 0;
    if (stream->tls != NULL)
        tls_session_read_stop(stream);
    else
        stream_receive_stop(stream);
}

/* ---- the last word ---- */

void stream_shutdown(struct stream *stream)
{
    loop_settle(stream->loop);
    if (stream->shut || stream->failed || stream->closing)
        return;
    stream->shut = 1;
    if (stream->tls != NULL)
        tls_session_shutdown(stream);
    else
        stream_finish(stream);
}

/* ---- closing ---- */

static void set_reset_on_close(const struct stream *stream)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

void stream_close(struct stream *stream, bool reset)
{
    loop_settle(stream->loop);
    if (stream->closing)
        return;
    if (!stream->failed)
        stream_count_queued(stream);
    stream->closing = 1;
    stream_receive_stop(stream);
    stream->loop->spent += CLOSE_WORK;
    if (stream->fd >= 0) {
        if (reset && !stream->is_local)
            set_reset_on_close(stream);
        loop_forget(stream);
        (void)close(stream->fd);
        stream->fd = -1;
    }
    loop_due(stream);
}

static void closed(struct stream *stream)
{
    if (stream->queue != NULL)
        queue_free(stream);
    if (stream->tls != NULL)
        tls_session_free(stream);
    stream->loop->open--;
    loop_settle(stream->loop);
    stream->callbacks->on_closed(stream);
}

/* ---- the loop's calls ---- */

static void send_rest(struct stream *stream)
{
    int code = queue_resume(stream);
    if (code != 0)
        stream_fail_writing(stream, code);
    else if (stream->queue == NULL)
        stream_drained(stream);
}

void stream_events(struct stream *stream, uint32_t events)
{
    if (stream->closing)
        return;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI))
        stream->to_the_end = 1;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI))
        stream->readable = 1;
    stream->hung_up |= (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    stream->broken |= (events & EPOLLERR) != 0;
    receive(stream);
    stream_fail_if_broken(stream);
    if (stream->queue != NULL && !stream->closing && !stream->failed)
        send_rest(stream);
}

void stream_turn(struct stream *stream)
{
    if (stream->closing) {
        closed(stream);
        return;
    }
    if (stream->failed && !stream->reported) {
        stream_fail_writing(stream, stream->error);
        return;
    }
    receive(stream);
}

/* ---- questions ---- */

void stream_addresses(const struct stream *stream, struct sockaddr_storage *local,
                      struct sockaddr_storage *peer)
{
    memset(local, 0, sizeof *local);
    memset(peer, 0, sizeof *peer);
    if (stream->is_local)
        return;
    socklen_t len = sizeof *local;
    if (getsockname(stream->fd, (struct sockaddr *)local, &len) < 0)
        memset(local, 0, sizeof *local);
    len = sizeof *peer;
    if (getpeername(stream->fd, (struct sockaddr *)peer, &len) < 0)
        memset(peer, 0, sizeof *peer);
    address_unmap(local);
    address_unmap(peer);
}

const char *stream_error_text(const struct stream *stream, int code)
{
    const char *text = NULL;
    if (code == UV_EPROTO && stream->tls != NULL)
        text = tls_session_error(stream);
    return text != NULL ? text : uv_strerror(code);
}
