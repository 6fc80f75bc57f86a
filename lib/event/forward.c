/*
 * forward.c - bytes on their way out, plain or through TLS, at once or with what else is forwarded
 * from one stream to another; see stream.h.
 *
 * A turn of the loop so has two halves: it reads all that has come, then it writes. Each system
 * call finds its code and data warm, the peers' processors are woken once and find all their
 * messages, and what the user does for each of them (a clock, a publication) is done once for all.
 *
 * How it can fail: as any write; stream_fail_later reports it.
 */
#include "lib/event/stream_private.h"

/* Longer pieces are sent at once: they pay for their system call, and would fill the buffer. */
#define PIECE_MAX 4096

static bool stays_in_place(const struct stream_loop *loop, const char *data, size_t len)
{
    const char *end = loop->read_buffer + STREAM_KEPT_MAX + STREAM_READ_SIZE;
    return len <= PIECE_MAX && data >= loop->read_buffer && data < end;
}

void stream_forward(struct stream *to, const char *data, size_t len, uint64_t tag)
{
    struct stream_loop *loop = to->loop;
    bool waits = stays_in_place(loop, data, len);
    if (!waits || loop->forward_count == STREAM_FORWARDS)
        stream_loop_flush(loop);
    loop->forwards[loop->forward_count++] =
        (struct stream_forward){.to = to, .data = data, .len = len, .tag = tag};
    if (!waits)
        stream_loop_flush(loop);
    else
        loop->kept = ((size_t)(data - loop->read_buffer) + len + 63) & ~(size_t)63;
}

static size_t send_bytes(struct stream *stream, const char *data, size_t len)
{
    if (len == 0 || stream->failed || stream->closing || stream->shut)
        return 0;
    if (stream->tls != NULL)
        return tls_session_write(stream, data, len);
    return queue_send(stream, data, len);
}

void stream_loop_flush(struct stream_loop *loop)
{
    size_t count = loop->forward_count;
    loop->forward_count = 0;
    loop->kept = 0;
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        struct stream_forward *forward = &loop->forwards[i];
        forward->sent = send_bytes(forward->to, forward->data, forward->len);
    }
    loop->now_ns = clock_mono_ns();
    if (loop->on_flushed != NULL)
        loop->on_flushed(loop->user, loop->forwards, count);
}

size_t stream_write(struct stream *stream, const char *data, size_t len)
{
    loop_settle(stream->loop);
    return send_bytes(stream, data, len);
}
