/*
 * queue.c - the bytes of a stream on their way out.
 *
 * Nearly always the kernel takes everything at once (send_now) and nothing is allocated. What it
 * refuses is copied into chunks of 4 to 64 KiB. A queue exists exactly while something is in it;
 * later bytes are appended behind, so the order is kept. When the kernel has room again (an event
 * of the loop) the chunks follow until it refuses or none is left; then the queue is freed. A FIN
 * goes behind it.
 *
 * What can fail: a send. From queue_send (inside the user's call) the error is reported later from
 * the loop; queue_resume returns it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/memory.h"
#include "lib/event/stream_private.h"

#define CHUNK_MIN 4096u
#define CHUNK_MAX 65536u

struct chunk {
    struct chunk *next;
    size_t len;
    size_t capacity;
    char data[];
};

struct stream_queue {
    struct chunk *first, *last;
    size_t sent;  /* of the first chunk */
    size_t bytes; /* not yet sent */
};

static void chunks_free(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

static struct chunk *chunk_append(struct stream_queue *queue, size_t wanted)
{
    size_t capacity = wanted < CHUNK_MIN ? CHUNK_MIN : wanted > CHUNK_MAX ? CHUNK_MAX : wanted;
    struct chunk *chunk = memory_resize(NULL, sizeof *chunk + capacity);
    chunk->next = NULL;
    chunk->len = 0;
    chunk->capacity = capacity;
    if (queue->last == NULL)
        queue->first = chunk;
    else
        queue->last->next = chunk;
    queue->last = chunk;
    return chunk;
}

static void queue_copy(struct stream_queue *queue, const char *data, size_t len)
{
    while (len > 0) {
        struct chunk *chunk = queue->last;
        if (chunk == NULL || chunk->len == chunk->capacity)
            chunk = chunk_append(queue, len);
        size_t room = chunk->capacity - chunk->len;
        size_t part = len < room ? len : room;
        memcpy(chunk->data + chunk->len, data, part);
        chunk->len += part;
        queue->bytes += part;
        data += part;
        len -= part;
    }
}

void queue_free(struct stream *stream)
{
    chunks_free(stream->queue->first);
    free(stream->queue);
    stream->queue = NULL;
}

size_t queue_bytes(const struct stream *stream)
{
    return stream->queue == NULL ? 0 : stream->queue->bytes;
}

void stream_count_queued(struct stream *stream)
{
    stream->queued = queue_bytes(stream);
    if (stream->tls != NULL)
        stream->queued += tls_session_unsent(stream);
}

/* Bytes taken, or a UV_E… code. */
static ssize_t send_now(const struct stream *stream, const char *data, size_t len)
{
    ssize_t sent;
    do
        sent = socket_send(stream->fd, data, len);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return sent;
    return errno == EWOULDBLOCK || errno == ENOBUFS ? UV_EAGAIN : uv_translate_sys_error(errno);
}

static void drop_sent(struct stream_queue *queue, size_t sent)
{
    struct chunk *chunk = queue->first;
    queue->sent += sent;
    queue->bytes -= sent;
    if (queue->sent < chunk->len)
        return;
    queue->first = chunk->next;
    queue->sent = 0;
    if (queue->first == NULL)
        queue->last = NULL;
    free(chunk);
}

/* Sends until the kernel refuses, which it does with an event to come, or nothing is left. 0, or a
 * UV_E… code. */
static int queue_flush(struct stream *stream)
{
    struct stream_queue *queue = stream->queue;
    while (queue->first != NULL) {
        const struct chunk *chunk = queue->first;
        ssize_t sent = send_now(stream, chunk->data + queue->sent, chunk->len - queue->sent);
        if (sent < 0)
            return sent == UV_EAGAIN ? 0 : (int)sent;
        drop_sent(queue, (size_t)sent);
    }
    queue_free(stream);
    return 0;
}

int queue_resume(struct stream *stream)
{
    int code = queue_flush(stream);
    if (code != 0)
        queue_free(stream);
    else
        stream_count_queued(stream);
    return code;
}

/* The kernel has not taken all: the rest becomes a queue. Room may have come up in the meantime;
 * returns what the kernel has after all. */
static size_t queue_rest(struct stream *stream, const char *data, size_t len, size_t taken)
{
    stream->queue = memory_new(sizeof *stream->queue);
    queue_copy(stream->queue, data + taken, len - taken);
    int code = queue_flush(stream);
    stream_count_queued(stream);
    if (code == 0)
        return len - queue_bytes(stream);
    queue_free(stream);
    stream_fail_later(stream, code);
    return 0;
}

size_t queue_send(struct stream *stream, const char *data, size_t len)
{
    if (stream->queue != NULL) {
        queue_copy(stream->queue, data, len);
        stream_count_queued(stream);
        return 0;
    }
    ssize_t sent = send_now(stream, data, len);
    if (sent >= 0 && (size_t)sent == len)
        return len;
    if (sent < 0 && sent != UV_EAGAIN) {
        stream_fail_later(stream, (int)sent);
        return 0;
    }
    return queue_rest(stream, data, len, sent > 0 ? (size_t)sent : 0);
}

static void send_fin(struct stream *stream)
{
    stream->want_shutdown = 0;
    (void)shutdown(stream->fd, SHUT_WR); /* fails only when the peer has gone */
}

void stream_finish(struct stream *stream)
{
    if (stream->queue == NULL)
        send_fin(stream);
    else
        stream->want_shutdown = 1;
}
