/*
 * load_stream.h - one end of a connection, and the epoll loop that all ends share.
 *
 * A stream hashes what it sends and what it receives. At the end of a run the hash of what a miner
 * sent must equal that of what its pool connection received, and the other way round, so no byte
 * was changed, lost, doubled or moved. The hash does not depend on how reads and writes cut the
 * stream.
 *
 * Ownership: struct stream is embedded in its owner and must not move; stream_close frees what it
 * holds. Threads: one. Errors: a failed read or write shows as STREAM_ENDED from stream_read; a
 * failed write only marks the stream, for the reader to find the same fault.
 */
#ifndef HASHSCOPE_BENCH_LOAD_STREAM_H
#define HASHSCOPE_BENCH_LOAD_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/load_traffic.h"

struct stream_sum {
    uint64_t bytes;
    uint64_t hash; /* of all whole 8-byte words so far */
    uint64_t word; /* the bytes behind them */
};
void stream_sum_add(struct stream_sum *sum, const char *data, size_t len);
bool stream_sum_equal(const struct stream_sum *a, const struct stream_sum *b);

enum stream_role {
    STREAM_LISTENER, /* the pool's listening socket */
    STREAM_POOL,     /* the pool's end of a session */
    STREAM_MINER,    /* the miner's end */
};

struct stream_loop;

struct stream {
    enum stream_role role;
    int fd;                 /* -1 when closed */
    struct stream_sum sent; /* counted when queued */
    struct stream_sum received;
    char *out; /* queued bytes: out_done up to out_len */
    size_t out_done, out_len, out_capacity;
    char *partial; /* a line whose end has not arrived */
    size_t partial_len, partial_capacity;
    bool waits_writable; /* epoll watches for room to write */
    bool deferred;       /* in the loop's list: the rest of a cut write follows */
    struct stream *next_deferred;
};

struct stream_loop {
    int epoll_fd;
    bool frag;                    /* cut each write in two */
    struct traffic_random random; /* where to cut */
    struct stream *deferred;
    char *read_buffer;
    uint64_t bytes_sent, bytes_received; /* of all streams */
};

bool stream_loop_init(struct stream_loop *loop, bool frag, uint64_t seed); /* false: errno */
void stream_loop_close(struct stream_loop *loop);

/* Takes over `fd`, which is non-blocking, and watches it for reading. False: errno, fd is closed.
 */
bool stream_open(struct stream_loop *loop, struct stream *stream, enum stream_role role, int fd);
void stream_close(struct stream_loop *loop, struct stream *stream); /* idempotent */

/* Room for `len` more bytes in the queue; what was written there counts with stream_commit. */
char *stream_room(struct stream *stream, size_t len);
void stream_commit(struct stream_loop *loop, struct stream *stream, size_t len);
void stream_put(struct stream_loop *loop, struct stream *stream, const char *data, size_t len);

/* Writes as much of the queue as the socket takes; the rest follows when epoll says so. With frag
 * the first part only: the rest goes out in stream_flush_deferred. */
void stream_flush(struct stream_loop *loop, struct stream *stream);
void stream_flush_deferred(struct stream_loop *loop); /* once a turn, after all events */

enum stream_state {
    STREAM_OPEN,
    STREAM_ENDED, /* end of file, reset, or any other error */
};
/* Reads once and calls `on_line` with every complete line, without its LF. */
typedef void stream_line_fn(void *owner, const char *line, size_t len);
enum stream_state stream_read(struct stream_loop *loop, struct stream *stream,
                              stream_line_fn *on_line, void *owner);

#endif
