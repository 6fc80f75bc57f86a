/*
 * queue.c - the bytes of a stream on their way out.
 *
 * Nearly always the kernel takes everything at once (send_now) and nothing is allocated. What
 * it refuses is copied into chunks of 4 to 64 KiB. A queue exists exactly while one uv_write is in
 * flight over its first chunks (`sending`); later bytes are appended behind (`waiting`), so the
 * order is kept, and when the write is complete the next chunks follow, or the queue is freed and
 * the stream told that it has drained.
 *
 * What can fail: a write. From send_now (inside the user's call) the error is reported later
 * from the loop, from the uv_write in flight at once. Closing the stream makes libuv cancel the
 * write, whose callback then frees the queue.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/memory.h"
#include "lib/event/stream_private.h"

#define CHUNK_MIN   4096u
#define CHUNK_MAX   65536u
#define SENDING_MAX 4 /* chunks a write: as many as uv_write_t has room for without allocating */

struct chunk {
    struct chunk *next;
    size_t len;
    size_t capacity;
    char data[];
};

struct stream_queue {
    uv_write_t request; /* its `data` is the stream */
    struct chunk *sending;
    struct chunk *waiting;
    struct chunk *filling; /* the last one waiting; NULL: none */
    size_t waiting_bytes;
};

static void on_written(uv_write_t *request, int status);

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
    if (queue->filling == NULL)
        queue->waiting = chunk;
    else
        queue->filling->next = chunk;
    queue->filling = chunk;
    return chunk;
}

static void queue_copy(struct stream_queue *queue, const char *data, size_t len)
{
    while (len > 0) {
        struct chunk *chunk = queue->filling;
        if (chunk == NULL || chunk->len == chunk->capacity)
            chunk = chunk_append(queue, len);
        size_t room = chunk->capacity - chunk->len;
        size_t part = len < room ? len : room;
        memcpy(chunk->data + chunk->len, data, part);
        chunk->len += part;
        queue->waiting_bytes += part;
        data += part;
        len -= part;
    }
}

static void queue_free(struct stream *stream)
{
    chunks_free(stream->queue->sending);
    chunks_free(stream->queue->waiting);
    free(stream->queue);
    stream->queue = NULL;
}

/* Hands the first waiting chunks to libuv, which tries at once and then whenever there is room. */
static void queue_start(struct stream *stream)
{
    struct stream_queue *queue = stream->queue;
    uv_buf_t buffers[SENDING_MAX];
    unsigned count = 0;
    struct chunk **end = &queue->sending;
    queue->sending = queue->waiting;
    while (*end != NULL && count < SENDING_MAX) {
        buffers[count++] = uv_buf_init((*end)->data, (unsigned)(*end)->len);
        queue->waiting_bytes -= (*end)->len;
        end = &(*end)->next;
    }
    queue->waiting = *end;
    *end = NULL;
    if (queue->waiting == NULL)
        queue->filling = NULL;
    queue->request.data = stream;
    int result = uv_write(&queue->request, &stream->uv.stream, buffers, count, on_written);
    if (result < 0) {
        queue_free(stream);
        stream_fail_later(stream, result);
    }
}

static void on_written(uv_write_t *request, int status)
{
    struct stream *stream = request->data;
    struct stream_queue *queue = stream->queue;
    if (stream->closing || status < 0) {
        queue_free(stream);
        if (!stream->closing)
            stream_fail_writing(stream, status);
        return;
    }
    chunks_free(queue->sending);
    queue->sending = NULL;
    if (queue->waiting != NULL) {
        queue_start(stream);
        stream_count_queued(stream);
        return;
    }
    queue_free(stream);
    stream_count_queued(stream);
    stream_drained(stream);
}

size_t queue_bytes(const struct stream *stream)
{
    if (stream->queue == NULL)
        return 0;
    return stream->uv.stream.write_queue_size + stream->queue->waiting_bytes;
}

/* The kernel has not taken all: the rest, from `taken` on, becomes a queue. Room may have come up
 * in the meantime; returns what the kernel has after all. */
static size_t queue_rest(struct stream *stream, const char *data, size_t len, size_t taken)
{
    stream->queue = memory_new(sizeof *stream->queue);
    queue_copy(stream->queue, data + taken, len - taken);
    queue_start(stream);
    stream_count_queued(stream);
    return stream->failed ? 0 : len - queue_bytes(stream);
}

/* What uv_try_write does, by send(2), which costs a few percent less of a message's whole way than
 * the write(2) of libuv. Bytes taken, or a UV_E… code. */
static ssize_t send_now(struct stream *stream, const char *data, size_t len)
{
    uv_os_fd_t descriptor;
    ssize_t sent;
    if (uv_fileno(&stream->uv.handle, &descriptor) < 0)
        return UV_EBADF;
    do
        sent = send(descriptor, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return sent;
    return errno == EWOULDBLOCK || errno == ENOBUFS ? UV_EAGAIN : uv_translate_sys_error(errno);
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
