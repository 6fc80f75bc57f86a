/*
 * relay_uv.c - relay_uv, the floor that the recorder is measured against: the least that a TCP
 * relay on libuv can do. It records nothing, checks nothing and has no settings.
 *
 *     relay_uv LISTEN_PORT POOL_PORT        (both on 127.0.0.1; ends on SIGTERM)
 *
 * How it works: one loop, one read buffer for all connections. What was read is written to the
 * other side at once with uv_try_write; only what the socket did not take is copied, and reading
 * stops until that has gone out. The end of one direction is passed on with a shutdown, so the
 * other goes on; when both have ended the pair is closed. Any error closes the pair.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define BACKLOG   4096
#define READ_SIZE (64u * 1024)

struct pair;

/* One connection of a pair. The handle is first, so that its callbacks find the side. */
struct side {
    uv_tcp_t handle;
    struct side *other;
    struct pair *pair;
    uv_shutdown_t shutdown;
};

struct pair {
    struct side miner, pool;
    uv_connect_t connect;
    unsigned directions_ended;
    unsigned handles_open;
    bool closing;
};

struct relay {
    uv_loop_t loop;
    uv_tcp_t listener;
    uv_signal_t terminate;
    struct sockaddr_in pool_address;
    char buffer[READ_SIZE];
};

/* What a socket did not take; freed when written. */
struct leftover {
    uv_write_t request;
    struct side *reader; /* goes on reading then */
    char data[];
};

static void start_reading(struct side *side);

static struct relay *relay_of(const struct side *side)
{
    return side->handle.loop->data;
}

static void on_side_closed(uv_handle_t *handle)
{
    struct pair *pair = ((struct side *)(void *)handle)->pair;
    if (--pair->handles_open == 0) {
        free(pair);
    }
}

static void pair_close(struct pair *pair)
{
    if (!pair->closing) {
        pair->closing = true;
        uv_close((uv_handle_t *)&pair->miner.handle, on_side_closed);
        uv_close((uv_handle_t *)&pair->pool.handle, on_side_closed);
    }
}

static void on_leftover_written(uv_write_t *request, int status)
{
    struct leftover *leftover = (struct leftover *)(void *)request;
    struct side *reader = leftover->reader;
    free(leftover);
    if (status < 0) {
        pair_close(reader->pair);
    } else if (!reader->pair->closing) {
        start_reading(reader);
    }
}

static void queue_leftover(struct side *side, const char *data, size_t len)
{
    struct leftover *leftover = malloc(sizeof *leftover + len);
    if (leftover == NULL) {
        pair_close(side->pair);
        return;
    }
    uv_buf_t buffer = uv_buf_init(leftover->data, (unsigned)len);
    leftover->reader = side;
    memcpy(leftover->data, data, len);
    uv_read_stop((uv_stream_t *)&side->handle);
    if (uv_write(&leftover->request, (uv_stream_t *)&side->other->handle, &buffer, 1,
                 on_leftover_written) < 0) {
        free(leftover);
        pair_close(side->pair);
    }
}

static void forward(struct side *side, char *data, size_t len)
{
    uv_buf_t buffer = uv_buf_init(data, (unsigned)len);
    const int n = uv_try_write((uv_stream_t *)&side->other->handle, &buffer, 1);
    if (n < 0 && n != UV_EAGAIN) {
        pair_close(side->pair);
        return;
    }
    const size_t written = n > 0 ? (size_t)n : 0;
    if (written < len) {
        queue_leftover(side, data + written, len - written);
    }
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct pair *pair = ((struct side *)(void *)request->handle)->pair;
    if (status < 0 || ++pair->directions_ended == 2) {
        pair_close(pair);
    }
}

static void pass_on_end(struct side *side)
{
    struct side *other = side->other;
    uv_read_stop((uv_stream_t *)&side->handle);
    if (uv_shutdown(&other->shutdown, (uv_stream_t *)&other->handle, on_shutdown) < 0) {
        pair_close(side->pair);
    }
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct relay *relay = relay_of((struct side *)(void *)handle);
    *buffer = uv_buf_init(relay->buffer, sizeof relay->buffer);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct side *side = (struct side *)(void *)stream;
    if (n > 0) {
        forward(side, buffer->base, (size_t)n);
    } else if (n == UV_EOF) {
        pass_on_end(side);
    } else if (n < 0) {
        pair_close(side->pair);
    }
}

static void start_reading(struct side *side)
{
    if (uv_read_start((uv_stream_t *)&side->handle, give_buffer, on_read) < 0) {
        pair_close(side->pair);
    }
}

static void on_pool_connected(uv_connect_t *request, int status)
{
    struct pair *pair = ((struct side *)(void *)request->handle)->pair;
    if (status < 0) {
        pair_close(pair);
        return;
    }
    start_reading(&pair->miner);
    start_reading(&pair->pool);
}

static void side_init(struct side *side, struct side *other, struct pair *pair, uv_loop_t *loop)
{
    side->other = other;
    side->pair = pair;
    uv_tcp_init(loop, &side->handle);
    pair->handles_open++;
}

static void on_miner(uv_stream_t *listener, int status)
{
    struct relay *relay = listener->loop->data;
    struct pair *pair = status < 0 ? NULL : calloc(1, sizeof *pair);
    if (pair == NULL) {
        return;
    }
    side_init(&pair->miner, &pair->pool, pair, &relay->loop);
    side_init(&pair->pool, &pair->miner, pair, &relay->loop);
    if (uv_accept(listener, (uv_stream_t *)&pair->miner.handle) < 0 ||
        uv_tcp_connect(&pair->connect, &pair->pool.handle,
                       (const struct sockaddr *)&relay->pool_address, on_pool_connected) < 0) {
        pair_close(pair);
        return;
    }
    uv_tcp_nodelay(&pair->miner.handle, 1);
    uv_tcp_nodelay(&pair->pool.handle, 1);
}

static void on_terminate(uv_signal_t *signal, int number)
{
    (void)number;
    uv_stop(signal->loop); /* the kernel closes what is open */
}

static int relay_start(struct relay *relay, int listen_port, int pool_port)
{
    struct sockaddr_in address;
    uv_loop_init(&relay->loop);
    relay->loop.data = relay;
    uv_ip4_addr("127.0.0.1", listen_port, &address);
    uv_ip4_addr("127.0.0.1", pool_port, &relay->pool_address);
    uv_signal_init(&relay->loop, &relay->terminate);
    uv_signal_start(&relay->terminate, on_terminate, SIGTERM);
    uv_tcp_init(&relay->loop, &relay->listener);
    const int bound = uv_tcp_bind(&relay->listener, (const struct sockaddr *)&address, 0);
    return bound < 0 ? bound : uv_listen((uv_stream_t *)&relay->listener, BACKLOG, on_miner);
}

int main(int argc, char **argv)
{
    static struct relay relay;
    if (argc != 3) {
        fprintf(stderr, "usage: relay_uv LISTEN_PORT POOL_PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    const int status = relay_start(&relay, atoi(argv[1]), atoi(argv[2]));
    if (status < 0) {
        fprintf(stderr, "relay_uv: listening on 127.0.0.1:%s: %s\n", argv[1], uv_strerror(status));
        return 1;
    }
    uv_run(&relay.loop, UV_RUN_DEFAULT);
    return 0;
}
