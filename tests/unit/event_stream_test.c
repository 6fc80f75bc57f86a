/* Streams over TCP, a local socket and TLS: bytes, back-pressure, half-close, reset, failures. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/event_support.h"
#include "tests/unit/unit.h"

#define ECHO_BYTES (3u << 20)

static void over_every_kind(void (*test)(enum pair_kind kind))
{
    test(PAIR_TCP);
    test(PAIR_PIPE);
    test(PAIR_TLS);
}

/* ---- bytes there and back ---- */

struct echo_run {
    struct event_pair pair;
    char *sent;
    size_t written;
    unsigned seed;
};

static bool echo_step(void *user)
{
    struct echo_run *run = user;
    struct event_side *a = &run->pair.a;
    while (run->written < ECHO_BYTES && a->stream.queued < 200000) {
        size_t len = 1 + (size_t)rand_r(&run->seed) % (rand_r(&run->seed) % 4 ? 300 : 90000);
        len = len < ECHO_BYTES - run->written ? len : ECHO_BYTES - run->written;
        (void)stream_write(&a->stream, run->sent + run->written, len);
        run->written += len;
    }
    if (rand_r(&run->seed) % 3 == 0)
        stream_read_stop(&a->stream);
    else
        stream_read_start(&a->stream);
    if (!a->stream.reading && a->stream.queued == 0 && run->written == ECHO_BYTES)
        stream_read_start(&a->stream);
    ck_assert_uint_eq(a->errors + run->pair.b.errors, 0);
    return a->received.len == ECHO_BYTES;
}

static void echo_over(enum pair_kind kind)
{
    struct echo_run run = {.seed = 7};
    run.sent = malloc(ECHO_BYTES);
    fill_random(run.sent, ECHO_BYTES, &run.seed);
    pair_open(&run.pair, kind);
    run.pair.b.echo = true;
    /* Reading stopped on both sides must not leave the loop with nothing to wait for. */
    while (!echo_step(&run)) {
        if (!run.pair.a.stream.reading)
            uv_run(&run.pair.rig.uv, UV_RUN_NOWAIT);
        else
            uv_run(&run.pair.rig.uv, UV_RUN_ONCE);
    }
    ck_assert_mem_eq(run.pair.a.received.data, run.sent, ECHO_BYTES);
    ck_assert_uint_eq(run.pair.a.stream.queued, 0);
    pair_close(&run.pair);
    free(run.sent);
}

START_TEST(echo_of_random_pieces)
{
    over_every_kind(echo_over);
}
END_TEST

/* ---- back-pressure ---- */

#define FLOOD_BYTES (24u << 20) /* more than the kernel holds for a connection */

static void flood(struct event_side *side, const char *bytes, size_t len)
{
    size_t before = side->stream.queued;
    size_t taken = stream_write(&side->stream, bytes, len);
    ck_assert_uint_le(taken, len);
    if (side->stream.tls == NULL)
        ck_assert_uint_eq(side->stream.queued, before + len - taken);
}

static bool b_has_flood(void *user)
{
    const struct event_pair *pair = user;
    return pair->b.received.len == FLOOD_BYTES;
}

static void slow_reader_over(enum pair_kind kind)
{
    struct event_pair pair;
    unsigned seed = 3;
    char *bytes = malloc(FLOOD_BYTES);
    fill_random(bytes, FLOOD_BYTES, &seed);
    pair_open(&pair, kind);
    stream_read_stop(&pair.b.stream);
    for (size_t at = 0; at < FLOOD_BYTES; at += 65536)
        flood(&pair.a, bytes + at, 65536);
    rig_turns(&pair.rig, 20);
    ck_assert_uint_eq(pair.b.received.len, 0);
    ck_assert_uint_eq(pair.a.drains, 0);
    ck_assert_uint_gt(pair.a.stream.queued, FLOOD_BYTES / 4);
    stream_read_start(&pair.b.stream);
    rig_run_until(&pair.rig, b_has_flood, &pair);
    rig_turns(&pair.rig, 3);
    ck_assert_mem_eq(pair.b.received.data, bytes, FLOOD_BYTES);
    ck_assert_uint_eq(pair.a.drains, 1);
    ck_assert_uint_eq(pair.a.stream.queued, 0);
    ck_assert_ptr_null(pair.a.stream.queue);
    pair_close(&pair);
    free(bytes);
}

START_TEST(slow_reader_makes_the_queue_grow_and_drain)
{
    over_every_kind(slow_reader_over);
}
END_TEST

static bool a_is_drained(void *user)
{
    const struct event_pair *pair = user;
    return pair->a.drains > 0;
}

static void drain_order_over(enum pair_kind kind)
{
    struct event_pair pair;
    pair_open(&pair, kind);
    ck_assert_uint_eq(stream_write(&pair.a.stream, "small", 5), 5);
    rig_turns(&pair.rig, 5);
    ck_assert_uint_eq(pair.a.drains, 0);
    char *bytes = calloc(1, FLOOD_BYTES);
    (void)stream_write(&pair.a.stream, bytes, FLOOD_BYTES);
    ck_assert_uint_gt(pair.a.stream.queued, 0);
    ck_assert_uint_eq(pair.a.drains, 0);
    rig_run_until(&pair.rig, a_is_drained, &pair);
    ck_assert_uint_eq(pair.a.drains, 1);
    pair_close(&pair);
    free(bytes);
}

START_TEST(on_drain_comes_only_after_a_queue)
{
    over_every_kind(drain_order_over);
}
END_TEST

static void stop_inside_on_data_over(enum pair_kind kind)
{
    struct event_pair pair;
    char bytes[300000];
    unsigned seed = 5;
    fill_random(bytes, sizeof bytes, &seed);
    pair_open(&pair, kind);
    pair.b.stop_after_data = true;
    (void)stream_write(&pair.a.stream, bytes, sizeof bytes);
    unsigned calls = 0;
    while (pair.b.received.len < sizeof bytes) {
        size_t before = pair.b.received.len;
        rig_turns(&pair.rig, 10);
        ck_assert_uint_gt(pair.b.received.len, before);
        size_t stopped = pair.b.received.len;
        rig_turns(&pair.rig, 10);
        ck_assert_uint_eq(pair.b.received.len, stopped);
        stream_read_start(&pair.b.stream);
        ck_assert_uint_eq(pair.b.received.len, stopped);
        calls++;
    }
    ck_assert_uint_gt(calls, 2);
    ck_assert_mem_eq(pair.b.received.data, bytes, sizeof bytes);
    pair_close(&pair);
}

START_TEST(reading_stopped_inside_on_data_goes_on_later)
{
    over_every_kind(stop_inside_on_data_over);
}
END_TEST

/* ---- half-close ---- */

static void answer_after_end(struct event_pair *pair, struct event_side *from,
                             struct event_side *to)
{
    (void)stream_write(&from->stream, "question", 8);
    stream_shutdown(&from->stream);
    ck_assert_uint_eq(stream_write(&from->stream, "late", 4), 0);
    rig_run_flag(&pair->rig, &to->ended);
    ck_assert(span_equal_text(span_make(to->received.data, to->received.len), "question"));
    (void)stream_write(&to->stream, "answer", 6);
    stream_shutdown(&to->stream);
    rig_run_flag(&pair->rig, &from->ended);
    ck_assert(span_equal_text(span_make(from->received.data, from->received.len), "answer"));
    rig_turns(&pair->rig, 5);
    ck_assert_uint_eq(from->ends, 1);
    ck_assert_uint_eq(to->ends, 1);
    ck_assert_uint_eq(from->errors + to->errors, 0);
}

static void half_close_over(enum pair_kind kind)
{
    struct event_pair pair;
    pair_open(&pair, kind);
    answer_after_end(&pair, &pair.a, &pair.b);
    pair_close(&pair);
    pair_open(&pair, kind);
    answer_after_end(&pair, &pair.b, &pair.a);
    pair_close(&pair);
}

START_TEST(half_close_both_ways)
{
    over_every_kind(half_close_over);
}
END_TEST

static void end_behind_queue_over(enum pair_kind kind)
{
    struct event_pair pair;
    char *bytes = calloc(1, FLOOD_BYTES);
    pair_open(&pair, kind);
    (void)stream_write(&pair.a.stream, bytes, FLOOD_BYTES);
    stream_shutdown(&pair.a.stream);
    ck_assert_uint_gt(pair.a.stream.queued, 0);
    rig_run_flag(&pair.rig, &pair.b.ended);
    ck_assert_uint_eq(pair.b.received.len, FLOOD_BYTES);
    ck_assert_uint_eq(pair.a.stream.queued, 0);
    stream_read_start(&pair.b.stream); /* after the end there is nothing, and no second end */
    rig_turns(&pair.rig, 5);
    ck_assert_uint_eq(pair.b.ends, 1);
    pair_close(&pair);
    free(bytes);
}

START_TEST(end_goes_out_behind_the_queue)
{
    over_every_kind(end_behind_queue_over);
}
END_TEST

/* ---- resets and peers that are gone ---- */

static void reset_by(struct event_pair *pair, struct event_side *closer, struct event_side *other)
{
    stream_close(&closer->stream, true);
    rig_run_flag(&pair->rig, &other->failed);
    ck_assert_int_eq(other->error, UV_ECONNRESET);
    ck_assert_str_eq(other->error_text, "connection reset by peer");
    rig_turns(&pair->rig, 5);
    ck_assert_uint_eq(other->errors, 1);
    ck_assert_uint_eq(other->ends, 0);
}

START_TEST(reset_both_ways)
{
    static const enum pair_kind kinds[] = {PAIR_TCP, PAIR_TLS};
    for (size_t i = 0; i < 2; i++) {
        struct event_pair pair;
        pair_open(&pair, kinds[i]);
        reset_by(&pair, &pair.a, &pair.b);
        pair_close(&pair);
        pair_open(&pair, kinds[i]);
        reset_by(&pair, &pair.b, &pair.a);
        pair_close(&pair);
        pair_open(&pair, kinds[i]);
        stream_shutdown(&pair.a.stream);
        rig_run_flag(&pair.rig, &pair.b.ended);
        stream_close(&pair.b.stream, true); /* and when one direction has ended */
        rig_run_flag(&pair.rig, &pair.a.failed);
        ck_assert_int_eq(pair.a.error, UV_ECONNRESET);
        pair_close(&pair);
    }
}
END_TEST

START_TEST(reset_after_own_shutdown)
{
    struct event_pair pair;
    pair_open(&pair, PAIR_TCP);
    stream_shutdown(&pair.a.stream);
    rig_run_flag(&pair.rig, &pair.b.ended);
    stream_close(&pair.a.stream, true);
    rig_run_flag(&pair.rig, &pair.a.closed);
    (void)stream_write(&pair.b.stream, "x", 1);
    rig_run_flag(&pair.rig, &pair.b.failed);
    ck_assert_uint_eq(pair.b.errors, 1);
    pair_close(&pair);
}
END_TEST

static void plain_close_over(enum pair_kind kind)
{
    struct event_pair pair;
    pair_open(&pair, kind);
    (void)stream_write(&pair.a.stream, "bye", 3);
    stream_close(&pair.a.stream, false);
    rig_run_flag(&pair.rig, &pair.b.ended);
    ck_assert(span_equal_text(span_make(pair.b.received.data, pair.b.received.len), "bye"));
    ck_assert_uint_eq(pair.b.errors, 0);
    pair_close(&pair);
}

START_TEST(plain_close_is_an_end)
{
    over_every_kind(plain_close_over);
}
END_TEST

/* The peer's socket, so that it can vanish behind the back of its stream. */
static void open_raw(struct event_rig *rig, struct event_side *side, bool pipe, int *peer)
{
    int fds[2];
    rig_open(rig);
    side_init(side);
    if (pipe)
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    else
        socket_pair_tcp(fds);
    side_attach(side, rig, pipe, fds[0]);
    *peer = fds[1];
}

static void close_raw(struct event_rig *rig, struct event_side *side)
{
    stream_close(&side->stream, false);
    rig_run_flag(rig, &side->closed);
    rig_close(rig);
    ck_assert_uint_eq(side->closes, 1);
    buffer_close(&side->received);
}

static void close_with_reset(int fd)
{
    const struct linger linger = {.l_onoff = 1};
    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    close(fd);
}

START_TEST(write_error_is_reported_from_the_loop)
{
    struct event_rig rig;
    struct event_side side;
    int peer;
    for (int pipe = 0; pipe < 2; pipe++) {
        open_raw(&rig, &side, pipe, &peer);
        close_with_reset(peer);
        /* Nobody reads: only the write can notice. */
        ck_assert_uint_eq(stream_write(&side.stream, "x", 1), 0);
        ck_assert_uint_eq(stream_write(&side.stream, "y", 1), 0);
        ck_assert_uint_eq(side.errors, 0);
        rig_run_flag(&rig, &side.failed);
        ck_assert(side.error == UV_ECONNRESET || side.error == UV_EPIPE);
        ck_assert_uint_eq(stream_write(&side.stream, "z", 1), 0);
        rig_turns(&rig, 5);
        ck_assert_uint_eq(side.errors, 1);
        close_raw(&rig, &side);
    }
}
END_TEST

START_TEST(close_before_a_write_error_is_reported)
{
    struct event_rig rig;
    struct event_side side;
    int peer;
    open_raw(&rig, &side, false, &peer);
    close_with_reset(peer);
    ck_assert_uint_eq(stream_write(&side.stream, "x", 1), 0);
    stream_close(&side.stream, false);
    rig_run_flag(&rig, &side.closed);
    ck_assert_uint_eq(side.errors, 0);
    close_raw(&rig, &side);
}
END_TEST

START_TEST(last_words_before_a_reset_are_delivered)
{
    struct event_rig rig;
    struct event_side side;
    int peer;
    open_raw(&rig, &side, false, &peer);
    stream_read_start(&side.stream);
    ck_assert_int_eq(send(peer, "banned\n", 7, 0), 7);
    close_with_reset(peer);
    ck_assert_uint_eq(stream_write(&side.stream, "share\n", 6), 0);
    ck_assert_uint_eq(side.received.len, 0);
    rig_run_flag(&rig, &side.failed);
    ck_assert(span_equal_text(span_make(side.received.data, side.received.len), "banned\n"));
    ck_assert_int_eq(side.error, UV_ECONNRESET);
    ck_assert_uint_eq(side.ends, 0);
    close_raw(&rig, &side);
}
END_TEST

START_TEST(peer_vanishes_with_a_queue)
{
    struct event_rig rig;
    struct event_side side;
    int peer;
    char *bytes = calloc(1, FLOOD_BYTES);
    for (int pipe = 0; pipe < 2; pipe++) {
        open_raw(&rig, &side, pipe, &peer);
        (void)stream_write(&side.stream, bytes, FLOOD_BYTES);
        ck_assert_uint_gt(side.stream.queued, 0);
        rig_turns(&rig, 3);
        close_with_reset(peer);
        rig_run_flag(&rig, &side.failed);
        rig_turns(&rig, 5);
        ck_assert_uint_eq(side.errors, 1);
        ck_assert_uint_eq(side.drains, 0);
        close_raw(&rig, &side);
    }
    free(bytes);
}
END_TEST

/* ---- closing ---- */

static void close_with_queue_over(enum pair_kind kind)
{
    struct event_pair pair;
    char *bytes = calloc(1, FLOOD_BYTES);
    for (int reset = 0; reset < 2; reset++) {
        pair_open(&pair, kind);
        stream_read_stop(&pair.b.stream);
        (void)stream_write(&pair.a.stream, bytes, FLOOD_BYTES);
        (void)stream_write(&pair.a.stream, bytes, 10);
        size_t queued = pair.a.stream.queued;
        ck_assert_uint_gt(queued, 0);
        stream_close(&pair.a.stream, reset);
        stream_close(&pair.a.stream, !reset);
        ck_assert_uint_eq(stream_write(&pair.a.stream, "late", 4), 0);
        stream_read_start(&pair.a.stream);
        stream_shutdown(&pair.a.stream);
        rig_run_flag(&pair.rig, &pair.a.closed);
        ck_assert_uint_eq(pair.a.stream.queued, queued);
        ck_assert_uint_eq(pair.a.drains + pair.a.errors + pair.a.ends, 0);
        pair_close(&pair);
    }
    free(bytes);
}

START_TEST(close_with_a_queue_drops_it)
{
    over_every_kind(close_with_queue_over);
}
END_TEST

static void close_inside_callbacks_over(enum pair_kind kind)
{
    struct event_pair pair;
    char *bytes = calloc(1, FLOOD_BYTES);
    pair_open(&pair, kind);
    pair.b.close_on_data = true;
    (void)stream_write(&pair.a.stream, bytes, 200000);
    rig_run_flag(&pair.rig, &pair.b.closed);
    ck_assert_uint_le(pair.b.received.len, STREAM_READ_SIZE);
    pair_close(&pair);
    pair_open(&pair, kind);
    pair.a.close_on_drain = true;
    (void)stream_write(&pair.a.stream, bytes, FLOOD_BYTES);
    rig_run_flag(&pair.rig, &pair.a.closed);
    ck_assert_uint_eq(pair.a.drains, 1);
    pair_close(&pair);
    free(bytes);
}

START_TEST(close_inside_callbacks)
{
    over_every_kind(close_inside_callbacks_over);
}
END_TEST

START_TEST(close_of_a_stream_never_opened)
{
    struct event_pair pair;
    memset(&pair, 0, sizeof pair);
    rig_open(&pair.rig);
    stream_init_tcp(&pair.a.stream, &pair.rig.loop, &side_callbacks, &pair.a);
    stream_init_pipe(&pair.b.stream, &pair.rig.loop, &side_callbacks, &pair.b);
    stream_read_start(&pair.a.stream);
    pair_close(&pair);
}
END_TEST

/* ---- cost ---- */

START_TEST(bytes_the_kernel_takes_need_no_memory)
{
    struct event_pair pair;
    pair_open(&pair, PAIR_TCP);
    for (int i = 0; i < 1000; i++) {
        ck_assert_uint_eq(stream_write(&pair.a.stream, "a message\n", 10), 10);
        ck_assert_ptr_null(pair.a.stream.queue);
        ck_assert_uint_eq(pair.a.stream.queued, 0);
        rig_turns(&pair.rig, 1);
    }
    ck_assert_uint_eq(pair.a.drains, 0);
    pair_close(&pair);
}
END_TEST

START_TEST(addresses_of_both_ends)
{
    struct event_pair pair;
    struct sockaddr_storage local, peer, other_local, other_peer;
    pair_open(&pair, PAIR_TCP);
    stream_addresses(&pair.a.stream, &local, &peer);
    stream_addresses(&pair.b.stream, &other_local, &other_peer);
    ck_assert_int_eq(local.ss_family, AF_INET);
    ck_assert_mem_eq(&local, &other_peer, sizeof local);
    ck_assert_mem_eq(&peer, &other_local, sizeof peer);
    pair_close(&pair);
    pair_open(&pair, PAIR_PIPE);
    stream_addresses(&pair.a.stream, &local, &peer);
    ck_assert_int_eq(local.ss_family, 0);
    ck_assert_int_eq(peer.ss_family, 0);
    pair_close(&pair);
}
END_TEST

int main(void)
{
    return UNIT_RUN("event_stream", echo_of_random_pieces,
                    slow_reader_makes_the_queue_grow_and_drain, on_drain_comes_only_after_a_queue,
                    reading_stopped_inside_on_data_goes_on_later, half_close_both_ways,
                    end_goes_out_behind_the_queue, reset_both_ways, reset_after_own_shutdown,
                    plain_close_is_an_end, write_error_is_reported_from_the_loop,
                    close_before_a_write_error_is_reported, last_words_before_a_reset_are_delivered,
                    peer_vanishes_with_a_queue, close_with_a_queue_drops_it, close_inside_callbacks,
                    close_of_a_stream_never_opened, bytes_the_kernel_takes_need_no_memory,
                    addresses_of_both_ends);
}
