/*
 * stream.c - the life of a stream: open, read, fail, finish, close. queue.c writes, tls_session.c
 * sits between both and the user when the stream is encrypted.
 *
 * Reading is libuv's, into the buffer of the loop. An error met inside a user's call cannot be
 * reported there; it is kept in `error`, and a write of no bytes is queued: libuv calls back from
 * the loop when it is done, at no cost to streams that never fail. A FIN is sent with shutdown(2)
 * as soon as the queue is empty, an RST by closing with SO_LINGER 0; neither needs a request.
 *
 * How it can fail: the peer resets or vanishes (a read or write returns an error); memory for a
 * queue runs out (memory.h ends the program).
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/event/stream_private.h"

#define TLS_RECORD_ROOM                                                                            \
    16384 /* RFC 8446, section 5.1: a record's content is at most 2^14 bytes                       \
           */
#define KEEPALIVE_SEC 60

void stream_loop_init(struct stream_loop *loop, uv_loop_t *uv)
{
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) &&
        action.sa_handler == SIG_DFL)
        (void)signal(SIGPIPE, SIG_IGN);
    loop->uv = uv;
    loop->read_buffer = memory_new(STREAM_READ_SIZE + TLS_RECORD_ROOM);
}

void stream_loop_close(struct stream_loop *loop)
{
    free(loop->read_buffer);
    *loop = (struct stream_loop){0};
}

static void stream_init(struct stream *stream, struct stream_loop *loop,
                        const struct stream_callbacks *callbacks, void *user)
{
    memset(stream, 0, sizeof *stream);
    stream->loop = loop;
    stream->callbacks = callbacks;
    stream->user = user;
}

void stream_init_tcp(struct stream *stream, struct stream_loop *loop,
                     const struct stream_callbacks *callbacks, void *user)
{
    stream_init(stream, loop, callbacks, user);
    (void)uv_tcp_init(loop->uv, &stream->uv.tcp); /* cannot fail: makes no socket yet */
    stream->uv.handle.data = stream;
}

void stream_init_pipe(struct stream *stream, struct stream_loop *loop,
                      const struct stream_callbacks *callbacks, void *user)
{
    stream_init(stream, loop, callbacks, user);
    stream->is_pipe = 1;
    (void)uv_pipe_init(loop->uv, &stream->uv.pipe, 0);
    stream->uv.handle.data = stream;
}

static int accept_descriptor(struct stream *stream, int descriptor)
{
    if (descriptor < 0)
        return UV_EAGAIN;
    int result = stream->is_pipe ? uv_pipe_open(&stream->uv.pipe, descriptor)
                                 : uv_tcp_open(&stream->uv.tcp, descriptor);
    if (result < 0)
        (void)close(descriptor);
    return result;
}

enum status stream_accept(struct stream *stream, uv_stream_t *listener)
{
    int result = listener->type == UV_UNKNOWN_HANDLE
                     ? accept_descriptor(stream, listener_take(listener))
                     : uv_accept(listener, &stream->uv.stream);
    if (result < 0)
        return error_errno(NULL, -result, "accepting");
    if (!stream->is_pipe) {
        /* A peer that has gone already makes these fail; the first read will tell. */
        (void)uv_tcp_nodelay(&stream->uv.tcp, 1);
        (void)uv_tcp_keepalive(&stream->uv.tcp, 1, KEEPALIVE_SEC);
    }
    return STATUS_OK;
}

/* ---- errors and ends ---- */

void stream_fail(struct stream *stream, int code)
{
    if (stream->closing || stream->reported)
        return;
    if (!stream->failed)
        stream->error = code;
    stream->failed = 1;
    stream->reported = 1;
    stream_receive_stop(stream);
    stream->callbacks->on_error(stream, stream->error);
}

static void on_fail_later(uv_write_t *request, int status)
{
    (void)status;
    struct stream *stream = request->data;
    free(request);
    if (!stream->closing)
        stream_fail_writing(stream, stream->error);
}

void stream_fail_later(struct stream *stream, int code)
{
    if (stream->failed || stream->closing)
        return;
    stream->failed = 1;
    stream->error = code;
    uv_write_t *request = memory_new(sizeof *request);
    request->data = stream;
    uv_buf_t nothing = uv_buf_init(NULL, 0);
    if (uv_write(request, &stream->uv.stream, &nothing, 1, on_fail_later) < 0)
        free(request); /* only on a stream that never was open: a fault of the caller */
}

static void stream_receive(struct stream *stream, const char *data, size_t len)
{
    if (stream->tls != NULL)
        tls_session_receive(stream, data, len);
    else
        stream->callbacks->on_data(stream, data, len);
}

/* After a reset Linux still hands out what had arrived before it; a miner wants to see why its pool
 * threw it out. Ends by itself: the peer can send no more. */
static void read_last_words(struct stream *stream)
{
    uv_os_fd_t descriptor;
    if (uv_fileno(&stream->uv.handle, &descriptor) < 0)
        return;
    while (stream->reading && !stream->ended && !stream->closing) {
        ssize_t count = read(descriptor, stream->loop->read_buffer, STREAM_READ_SIZE);
        if (count <= 0)
            return;
        stream_receive(stream, stream->loop->read_buffer, (size_t)count);
    }
}

void stream_fail_writing(struct stream *stream, int code)
{
    if (!stream->failed)
        stream->error = code;
    stream->failed = 1;
    if (!stream->reported)
        read_last_words(stream);
    stream_fail(stream, code);
}

void stream_end(struct stream *stream)
{
    if (stream->closing || stream->reported || stream->ended)
        return;
    if (stream->failed) { /* the reset was met while writing, and reading then sees only an end */
        stream_fail(stream, stream->error);
        return;
    }
    stream->ended = 1;
    stream_receive_stop(stream);
    stream->callbacks->on_end(stream);
}

/* ---- reading ---- */

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    const struct stream *stream = handle->data;
    *out = uv_buf_init(stream->loop->read_buffer, STREAM_READ_SIZE);
}

static void on_read(uv_stream_t *handle, ssize_t count, const uv_buf_t *buffer)
{
    struct stream *stream = handle->data;
    if (count > 0)
        stream_receive(stream, buffer->base, (size_t)count);
    else if (count == UV_EOF && stream->tls != NULL)
        tls_session_receive_end(stream);
    else if (count == UV_EOF)
        stream_end(stream);
    else if (count < 0)
        stream_fail(stream, (int)count);
}

void stream_receive_start(struct stream *stream)
{
    (void)uv_read_start(&stream->uv.stream, on_allocate, on_read);
}

void stream_receive_stop(struct stream *stream)
{
    (void)uv_read_stop(&stream->uv.stream);
}

void stream_read_start(struct stream *stream)
{
    if (stream->reading || stream->closing || stream->reported || stream->ended)
        return;
    stream->reading = 1;
    if (stream->tls != NULL)
        tls_session_read_start(stream);
    else
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

/* ---- writing ---- */

void stream_count_queued(struct stream *stream)
{
    stream->queued = queue_bytes(stream);
    if (stream->tls != NULL)
        stream->queued += tls_session_unsent(stream);
}

size_t stream_write(struct stream *stream, const char *data, size_t len)
{
    if (len == 0 || stream->failed || stream->closing || stream->shut)
        return 0;
    if (stream->tls != NULL)
        return tls_session_write(stream, data, len);
    return queue_send(stream, data, len);
}

static void send_fin(struct stream *stream)
{
    uv_os_fd_t descriptor;
    stream->want_shutdown = 0;
    if (uv_fileno(&stream->uv.handle, &descriptor) == 0)
        (void)shutdown(descriptor, SHUT_WR); /* fails only when the peer has gone */
}

void stream_drained(struct stream *stream)
{
    if (stream->queued > 0 || stream->failed)
        return;
    if (stream->want_shutdown)
        send_fin(stream);
    if (stream->callbacks->on_drain != NULL)
        stream->callbacks->on_drain(stream);
}

void stream_finish(struct stream *stream)
{
    if (stream->queue == NULL)
        send_fin(stream);
    else
        stream->want_shutdown = 1;
}

void stream_shutdown(struct stream *stream)
{
    if (stream->shut || stream->failed || stream->closing)
        return;
    stream->shut = 1;
    if (stream->tls != NULL)
        tls_session_shutdown(stream);
    else
        stream_finish(stream);
}

/* ---- closing ---- */

static void on_uv_closed(uv_handle_t *handle)
{
    struct stream *stream = handle->data;
    if (stream->tls != NULL)
        tls_session_free(stream);
    stream->callbacks->on_closed(stream);
}

/* Not uv_tcp_close_reset: that refuses a stream whose write side libuv has shut. */
static void set_reset_on_close(struct stream *stream)
{
    uv_os_fd_t descriptor;
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (uv_fileno(&stream->uv.handle, &descriptor) == 0)
        (void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

void stream_close(struct stream *stream, bool reset)
{
    if (stream->closing)
        return;
    if (!stream->failed)
        stream_count_queued(stream);
    stream->closing = 1;
    if (reset && !stream->is_pipe)
        set_reset_on_close(stream);
    if (stream->tls != NULL)
        tls_session_close(stream);
    uv_close(&stream->uv.handle, on_uv_closed);
}

/* ---- questions ---- */

static void unmap_address(struct sockaddr_storage *address)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
    if (address->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
        return;
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = in6->sin6_port};
    memcpy(&in4.sin_addr, &in6->sin6_addr.s6_addr[12], sizeof in4.sin_addr);
    memset(address, 0, sizeof *address);
    memcpy(address, &in4, sizeof in4);
}

void stream_addresses(const struct stream *stream, struct sockaddr_storage *local,
                      struct sockaddr_storage *peer)
{
    memset(local, 0, sizeof *local);
    memset(peer, 0, sizeof *peer);
    if (stream->is_pipe)
        return;
    int len = (int)sizeof *local;
    if (uv_tcp_getsockname(&stream->uv.tcp, (struct sockaddr *)local, &len) < 0)
        memset(local, 0, sizeof *local);
    len = (int)sizeof *peer;
    if (uv_tcp_getpeername(&stream->uv.tcp, (struct sockaddr *)peer, &len) < 0)
        memset(peer, 0, sizeof *peer);
    unmap_address(local);
    unmap_address(peer);
}

const char *stream_error_text(const struct stream *stream, int code)
{
    const char *text = NULL;
    if (code == UV_EPROTO && stream->tls != NULL)
        text = tls_session_error(stream);
    return text != NULL ? text : uv_strerror(code);
}
