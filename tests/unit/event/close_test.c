/* Streams that come to an end: resets, peers that vanish, closing with a queue. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/event/event_support.h"
#include "tests/unit/unit.h"

#define FLOOD_BYTES (24u << 20) /* more than the kernel holds for a connection */

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
    pair_every_kind(plain_close_over);
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
    side_attach(side, rig, fds[0]);
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

static void write_to_other(struct event_side *side)
{
    ck_assert_uint_eq(stream_write(&side->other->stream, "share\n", 6), 0);
}

/* Both sockets are ready in one turn of the loop: writing to the second meets its reset, so that
 * reading it then sees only an end, before the error of the write could be reported. */
START_TEST(reset_met_by_a_write_is_no_end)
{
    struct event_rig rig;
    struct event_side first, second;
    int first_peer, fds[2];
    open_raw(&rig, &first, false, &first_peer);
    socket_pair_tcp(fds);
    side_init(&second);
    side_attach(&second, &rig, fds[0]);
    first.on_data = write_to_other;
    first.other = &second;
    stream_read_start(&first.stream);
    stream_read_start(&second.stream);
    rig_turns(&rig, 1);
    ck_assert_int_eq(send(first_peer, "x", 1, 0), 1);
    close_with_reset(fds[1]);
    rig_run_flag(&rig, &second.failed);
    rig_turns(&rig, 5);
    ck_assert_uint_eq(first.received.len, 1);
    ck_assert_int_eq(second.error, UV_ECONNRESET);
    ck_assert_uint_eq(second.errors, 1);
    ck_assert_uint_eq(second.ends, 0);
    stream_close(&second.stream, false);
    rig_run_flag(&rig, &second.closed);
    close(first_peer);
    close_raw(&rig, &first);
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
    pair_every_kind(close_with_queue_over);
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
    pair_every_kind(close_inside_callbacks_over);
}
END_TEST

START_TEST(close_of_a_stream_never_opened)
{
    struct event_pair pair;
    memset(&pair, 0, sizeof pair);
    rig_open(&pair.rig);
    stream_init(&pair.a.stream, &pair.rig.loop, &side_callbacks, &pair.a);
    stream_init(&pair.b.stream, &pair.rig.loop, &side_callbacks, &pair.b);
    stream_read_start(&pair.a.stream);
    pair_close(&pair);
}
END_TEST

int main(void)
{
    return UNIT_RUN("event_close", reset_both_ways, reset_after_own_shutdown, plain_close_is_an_end,
                    write_error_is_reported_from_the_loop, close_before_a_write_error_is_reported,
                    last_words_before_a_reset_are_delivered, reset_met_by_a_write_is_no_end,
                    peer_vanishes_with_a_queue, close_with_a_queue_drops_it, close_inside_callbacks,
                    close_of_a_stream_never_opened);
}
