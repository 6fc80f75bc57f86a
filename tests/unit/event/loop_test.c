/* The loop under the streams: when it returns, timers beside traffic, bytes that come while nobody
 * reads, more of them than one turn takes, and urgent data, which splits reads. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/event/event_support.h"
#include "tests/unit/unit.h"

#define MANY (8u << 20) /* more than READS_A_TURN reads */

START_TEST(nothing_to_wait_for_returns_at_once)
{
    struct event_rig rig;
    rig_open(&rig); /* its watch is not referenced */
    int64_t before = clock_mono_ns();
    stream_loop_run(&rig.loop, UV_RUN_DEFAULT);
    stream_loop_run(&rig.loop, UV_RUN_ONCE);
    stream_loop_run(&rig.loop, UV_RUN_NOWAIT);
    ck_assert_int_lt(clock_mono_ns() - before, 5 * NS_PER_S);
    rig_close(&rig);
}
END_TEST

/* ---- timers ---- */

struct ringing {
    uv_timer_t timer;
    int64_t rang_ns;
    bool rang;
};

static void on_ring(uv_timer_t *timer)
{
    struct ringing *ringing = timer->data;
    ringing->rang_ns = clock_mono_ns();
    ringing->rang = true;
    uv_close((uv_handle_t *)timer, NULL);
}

static int64_t ring_in(struct event_rig *rig, struct ringing *ringing, unsigned ms)
{
    *ringing = (struct ringing){.rang = false};
    uv_timer_init(&rig->uv, &ringing->timer);
    ringing->timer.data = ringing;
    uv_timer_start(&ringing->timer, on_ring, ms, 0);
    return clock_mono_ns();
}

/* 5 ms: libuv's millisecond, and the age that its idea of now may have. */
static void check_rang(const struct ringing *ringing, int64_t since, unsigned ms)
{
    ck_assert(ringing->rang);
    ck_assert_int_ge(ringing->rang_ns - since, ((int64_t)ms - 5) * NS_PER_MS);
}

START_TEST(timers_ring_in_their_order)
{
    struct event_rig rig;
    struct ringing late, early;
    rig_open(&rig);
    int64_t since = ring_in(&rig, &late, 120);
    (void)ring_in(&rig, &early, 40);
    stream_loop_run(&rig.loop, UV_RUN_DEFAULT);
    check_rang(&early, since, 40);
    check_rang(&late, since, 120);
    ck_assert_int_lt(early.rang_ns, late.rang_ns);
    rig_close(&rig);
}
END_TEST

/* Each answers what the other says, for ever. */
static void answer(struct event_side *side)
{
    side->received.len = 0;
    (void)stream_write(&side->stream, "ball", 4);
}

START_TEST(timers_ring_while_streams_never_rest)
{
    struct event_pair pair;
    struct ringing ringing;
    pair_open(&pair, PAIR_TCP);
    pair.a.on_data = pair.b.on_data = answer;
    (void)stream_write(&pair.a.stream, "ball", 4);
    int64_t since = ring_in(&pair.rig, &ringing, 100);
    rig_run_flag(&pair.rig, &ringing.rang);
    check_rang(&ringing, since, 100);
    pair_close(&pair);
}
END_TEST

/* ---- bytes ---- */

struct flow {
    struct event_pair pair;
    size_t wanted;
};

static bool all_received(void *user)
{
    const struct flow *flow = user;
    ck_assert_uint_eq(flow->pair.a.errors + flow->pair.b.errors, 0);
    return flow->pair.b.received.len >= flow->wanted;
}

START_TEST(what_came_during_a_pause_is_read_after_it)
{
    struct flow flow = {.wanted = 5};
    pair_open(&flow.pair, PAIR_TCP);
    stream_read_stop(&flow.pair.b.stream);
    (void)stream_write(&flow.pair.a.stream, "while", 5);
    rig_turns(&flow.pair.rig, 20); /* the event of its coming is gone */
    ck_assert_uint_eq(flow.pair.b.received.len, 0);
    stream_read_start(&flow.pair.b.stream);
    ck_assert_uint_eq(flow.pair.b.received.len, 0); /* not from inside the call */
    rig_run_until(&flow.pair.rig, all_received, &flow);
    pair_close(&flow.pair);
}
END_TEST

START_TEST(more_than_a_turn_takes)
{
    struct flow flow = {.wanted = MANY};
    unsigned seed = 3;
    char *bytes = malloc(MANY);
    fill_random(bytes, MANY, &seed);
    pair_open(&flow.pair, PAIR_TCP);
    stream_read_stop(&flow.pair.b.stream);
    (void)stream_write(&flow.pair.a.stream, bytes, MANY);
    rig_turns(&flow.pair.rig, 50); /* the kernel's buffers are full */
    stream_read_start(&flow.pair.b.stream);
    rig_run_until(&flow.pair.rig, all_received, &flow);
    ck_assert_mem_eq(flow.pair.b.received.data, bytes, MANY);
    pair_close(&flow.pair);
    free(bytes);
}
END_TEST

/* The urgent byte is no part of the stream, and a read ends in front of it. */
START_TEST(urgent_data_stops_nothing)
{
    struct flow flow = {.wanted = 6};
    pair_open(&flow.pair, PAIR_TCP);
    int fd = flow.pair.a.stream.fd;
    ck_assert_int_eq(send(fd, "one", 3, 0), 3);
    ck_assert_int_eq(send(fd, "!", 1, MSG_OOB), 1);
    ck_assert_int_eq(send(fd, "two", 3, 0), 3);
    rig_run_until(&flow.pair.rig, all_received, &flow);
    ck_assert_mem_eq(flow.pair.b.received.data, "onetwo", 6);
    (void)stream_write(&flow.pair.a.stream, "three", 5);
    flow.wanted = 11;
    rig_run_until(&flow.pair.rig, all_received, &flow);
    pair_close(&flow.pair);
}
END_TEST

int main(void)
{
    return UNIT_RUN("event_loop", nothing_to_wait_for_returns_at_once, timers_ring_in_their_order,
                    timers_ring_while_streams_never_rest, what_came_during_a_pause_is_read_after_it,
                    more_than_a_turn_takes, urgent_data_stops_nothing);
}
