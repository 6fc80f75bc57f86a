/* Streams over TCP, a local socket and TLS: bytes, back-pressure, half-close. How they
 * come to an end is in close_test.c. */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/event/event_support.h"
#include "tests/unit/unit.h"

#define ECHO_BYTES (3u << 20)

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
            stream_loop_run(&run.pair.rig.loop, UV_RUN_NOWAIT);
        else
            stream_loop_run(&run.pair.rig.loop, UV_RUN_ONCE);
    }
    ck_assert_mem_eq(run.pair.a.received.data, run.sent, ECHO_BYTES);
    ck_assert_uint_eq(run.pair.a.stream.queued, 0);
    pair_close(&run.pair);
    free(run.sent);
}

START_TEST(echo_of_random_pieces)
{
    pair_every_kind(echo_over);
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
    pair_every_kind(slow_reader_over);
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
    pair_every_kind(drain_order_over);
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
    pair_every_kind(stop_inside_on_data_over);
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
    pair_every_kind(half_close_over);
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
    pair_every_kind(end_behind_queue_over);
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
                    end_goes_out_behind_the_queue, bytes_the_kernel_takes_need_no_memory,
                    addresses_of_both_ends);
}
