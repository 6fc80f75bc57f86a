/*
 * load_stream.c - see load_stream.h.
 *
 * Reading goes through one buffer of the loop: a stream's partial line is put in front, one read
 * follows it, whole lines are handed out, and what is left behind the last LF goes back to the
 * stream. Writing collects in the stream's queue, and is flushed once for everything that one read
 * brought about, as a program with a buffered writer does it.
 */
#include "tests/bench/load_stream.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE   (256u * 1024)
#define PARTIAL_MAX (64u * 1024) /* no line of ours is near this; longer ones end the stream */
#define FIRST_QUEUE 512u

/* For one word a bijection in both arguments: two streams that differ in a word differ from there
 * on unless a later difference happens to cancel it, with a chance of about 2^-64. */
static uint64_t fold(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static void word_add(struct stream_sum *sum, char byte)
{
    sum->word |= (uint64_t)(unsigned char)byte << (8 * (sum->bytes & 7));
    sum->bytes++;
    if ((sum->bytes & 7) == 0) {
        sum->hash = fold(sum->hash, sum->word);
        sum->word = 0;
    }
}

void stream_sum_add(struct stream_sum *sum, const char *data, size_t len)
{
    for (; len > 0 && (sum->bytes & 7) != 0; len--) {
        word_add(sum, *data++);
    }
    uint64_t hash = sum->hash;
    for (; len >= 8; len -= 8) {
        uint64_t word;
        memcpy(&word, data, sizeof word);
        hash = fold(hash, le64toh(word));
        data += 8;
        sum->bytes += 8;
    }
    sum->hash = hash;
    for (; len > 0; len--) {
        word_add(sum, *data++);
    }
}

bool stream_sum_equal(const struct stream_sum *a, const struct stream_sum *b)
{
    return a->bytes == b->bytes && a->hash == b->hash && a->word == b->word;
}

bool stream_loop_init(struct stream_loop *loop, bool frag, uint64_t seed)
{
    memset(loop, 0, sizeof *loop);
    loop->frag = frag;
    loop->random.state = seed;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->read_buffer = malloc(PARTIAL_MAX + READ_SIZE);
    return loop->epoll_fd >= 0 && loop->read_buffer != NULL;
}

void stream_loop_close(struct stream_loop *loop)
{
    close(loop->epoll_fd);
    free(loop->read_buffer);
}

bool stream_open(struct stream_loop *loop, struct stream *stream, enum stream_role role, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = stream}};
    memset(stream, 0, sizeof *stream);
    stream->role = role;
    stream->fd = fd;
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0) {
        return true;
    }
    close(fd);
    stream->fd = -1;
    return false;
}

static void deferred_remove(struct stream_loop *loop, struct stream *stream)
{
    struct stream **at = &loop->deferred;
    while (*at != NULL && *at != stream) {
        at = &(*at)->next_deferred;
    }
    if (*at != NULL) {
        *at = stream->next_deferred;
    }
    stream->deferred = false;
}

void stream_close(struct stream_loop *loop, struct stream *stream)
{
    if (stream->fd < 0) {
        return;
    }
    if (stream->deferred) {
        deferred_remove(loop, stream);
    }
    close(stream->fd);
    stream->fd = -1;
    free(stream->out);
    free(stream->partial);
    stream->out = NULL;
    stream->partial = NULL;
    stream->out_len = stream->out_done = stream->out_capacity = 0;
    stream->partial_len = stream->partial_capacity = 0;
}

/* Grows by doubling. A generator without memory has nothing to measure, so it ends. */
static void grow(char **data, size_t *capacity, size_t needed)
{
    if (needed <= *capacity) {
        return;
    }
    size_t size = *capacity ? *capacity : FIRST_QUEUE;
    while (size < needed) {
        size *= 2;
    }
    char *bigger = realloc(*data, size);
    if (bigger == NULL) {
        perror("stratum_load: memory");
        abort();
    }
    *data = bigger;
    *capacity = size;
}

char *stream_room(struct stream *stream, size_t len)
{
    grow(&stream->out, &stream->out_capacity, stream->out_len + len);
    return stream->out + stream->out_len;
}

void stream_commit(struct stream_loop *loop, struct stream *stream, size_t len)
{
    stream_sum_add(&stream->sent, stream->out + stream->out_len, len);
    stream->out_len += len;
    loop->bytes_sent += len;
}

void stream_put(struct stream_loop *loop, struct stream *stream, const char *data, size_t len)
{
    memcpy(stream_room(stream, len), data, len);
    stream_commit(loop, stream, len);
}

static void watch(struct stream_loop *loop, struct stream *stream, bool writable)
{
    if (stream->waits_writable == writable) {
        return;
    }
    struct epoll_event event = {.events = EPOLLIN | (writable ? (uint32_t)EPOLLOUT : 0u),
                                .data = {.ptr = stream}};
    stream->waits_writable = writable;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, stream->fd, &event);
}

/* One write of up to `len` queued bytes. Any error but a full socket drops the queue: the sums then
 * differ, and reading finds the stream ended. */
static void write_some(struct stream_loop *loop, struct stream *stream, size_t len)
{
    const ssize_t n = send(stream->fd, stream->out + stream->out_done, len, MSG_NOSIGNAL);
    if (n >= 0) {
        stream->out_done += (size_t)n;
    } else if (errno != EAGAIN && errno != EINTR) {
        stream->out_done = stream->out_len;
    }
    if (stream->out_done == stream->out_len) {
        stream->out_done = stream->out_len = 0;
    }
    watch(loop, stream, n < (ssize_t)len && stream->out_len > 0);
}

void stream_flush(struct stream_loop *loop, struct stream *stream)
{
    const size_t waiting = stream->out_len - stream->out_done;
    if (waiting == 0 || stream->fd < 0 || stream->deferred) {
        return;
    }
    if (!loop->frag || waiting < 2) {
        write_some(loop, stream, waiting);
        return;
    }
    write_some(loop, stream, 1 + (size_t)(traffic_random_next(&loop->random) % (waiting - 1)));
    stream->deferred = true;
    stream->next_deferred = loop->deferred;
    loop->deferred = stream;
}

void stream_flush_deferred(struct stream_loop *loop)
{
    while (loop->deferred != NULL) {
        struct stream *stream = loop->deferred;
        loop->deferred = stream->next_deferred;
        stream->deferred = false;
        if (stream->out_len > stream->out_done) {
            write_some(loop, stream, stream->out_len - stream->out_done);
        }
    }
}

/* Hands out the lines in the read buffer and keeps what follows the last LF. The owner may close
 * the stream meanwhile. */
static bool take_lines(struct stream_loop *loop, struct stream *stream, size_t len,
                       stream_line_fn *on_line, void *owner)
{
    const char *at = loop->read_buffer;
    const char *end = at + len;
    for (;;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL) {
            break;
        }
        on_line(owner, at, (size_t)(newline - at));
        at = newline + 1;
    }
    const size_t left = (size_t)(end - at);
    if (left > PARTIAL_MAX || stream->fd < 0) {
        return false;
    }
    if (left > 0) {
        grow(&stream->partial, &stream->partial_capacity, left);
        memcpy(stream->partial, at, left);
    }
    stream->partial_len = left;
    return true;
}

enum stream_state stream_read(struct stream_loop *loop, struct stream *stream,
                              stream_line_fn *on_line, void *owner)
{
    const size_t before = stream->partial_len;
    if (before > 0) {
        memcpy(loop->read_buffer, stream->partial, before);
    }
    const ssize_t n = recv(stream->fd, loop->read_buffer + before, READ_SIZE, 0);
    if (n <= 0) {
        return n < 0 && (errno == EAGAIN || errno == EINTR) ? STREAM_OPEN : STREAM_ENDED;
    }
    stream_sum_add(&stream->received, loop->read_buffer + before, (size_t)n);
    loop->bytes_received += (uint64_t)n;
    const bool open = take_lines(loop, stream, before + (size_t)n, on_line, owner);
    return open ? STREAM_OPEN : STREAM_ENDED;
}
