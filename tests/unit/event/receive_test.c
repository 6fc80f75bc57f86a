/* Reading a little of each stream in turn (lib/event/receive.c). */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/event/event_support.h"
#include "tests/unit/unit.h"

#define LINES       100
#define FLOOD_BYTES (1u << 20)
#define FIRST       4096 /* a first read, see receive.c */

static bool may_read; /* what the user says */

static bool admit(void *user, const struct stream *stream, bool light)
{
    (void)user;
    (void)stream;
    (void)light;
    return may_read;
}

static void open_by_lines(struct event_pair *pair, enum pair_kind kind)
{
    pair_open(pair, kind);
    may_read = true;
    pair->rig.loop.lines_a_read = LINES;
    pair->rig.loop.may_read = admit;
}

/* ---- by lines ---- */

static size_t seen, most_lines;

static void count_lines(struct event_side *side)
{
    size_t lines = 0;
    for (; seen < side->received.len; seen++)
        lines += side->received.data[seen] == '\n';
    most_lines = lines > most_lines ? lines : most_lines;
}

static bool b_has_flood(void *user)
{
    const struct event_pair *pair = user;
    return pair->b.received.len == FLOOD_BYTES;
}

/* Newlines alone, between lines of all lengths. */
static char *make_flood(void)
{
    char *bytes = malloc(FLOOD_BYTES);
    unsigned seed = 11;
    memset(bytes, '\n', FLOOD_BYTES);
    for (size_t at = 0; at < FLOOD_BYTES;) {
        size_t len = (size_t)rand_r(&seed) % (rand_r(&seed) % 8 ? 40 : 40000);
        len = len < FLOOD_BYTES - at ? len : FLOOD_BYTES - at;
        for (size_t i = 0; i < len; i++)
            bytes[at + i] = (char)('a' + rand_r(&seed) % 26);
        at += len + 1 + (size_t)rand_r(&seed) % (rand_r(&seed) % 4 ? 3 : 20000);
    }
    return bytes;
}

static void many_lines_over(enum pair_kind kind)
{
    struct event_pair pair;
    char *bytes = make_flood();
    open_by_lines(&pair, kind);
    seen = most_lines = 0;
    pair.b.on_data = count_lines;
    (void)stream_write(&pair.a.stream, bytes, FLOOD_BYTES);
    rig_run_until(&pair.rig, b_has_flood, &pair);
    ck_assert_mem_eq(pair.b.received.data, bytes, FLOOD_BYTES);
    if (kind != PAIR_PIPE)
        ck_assert_uint_le(most_lines, FIRST);
    pair_close(&pair);
    free(bytes);
}

START_TEST(a_flood_of_lines_comes_whole_and_in_small_pieces)
{
    pair_every_kind(many_lines_over);
}
END_TEST

static size_t calls, short_calls;

static void count_calls(struct event_side *side)
{
    most_lines = 0;
    count_lines(side);
    ck_assert_uint_le(most_lines, FIRST);
    calls++;
    short_calls += most_lines <= LINES;
}

/* But for reads of sockets that have little. */
static void newlines_over(enum pair_kind kind)
{
    struct event_pair pair;
    if (kind == PAIR_PIPE)
        return;
    char *bytes = malloc(FLOOD_BYTES);
    memset(bytes, '\n', FLOOD_BYTES);
    open_by_lines(&pair, kind);
    seen = calls = short_calls = 0;
    pair.b.on_data = count_calls;
    stream_read_stop(&pair.b.stream);
    (void)stream_write(&pair.a.stream, bytes, FLOOD_BYTES);
    rig_turns(&pair.rig, 5);
    stream_read_start(&pair.b.stream);
    rig_run_until(&pair.rig, b_has_flood, &pair);
    ck_assert_uint_ge(calls, FLOOD_BYTES / FIRST);
    ck_assert_uint_ge(short_calls, calls / 2);
    pair_close(&pair);
    free(bytes);
}

START_TEST(newlines_alone_are_cut_by_their_number)
{
    pair_every_kind(newlines_over);
}
END_TEST

/* ---- who may not be read ---- */

static void refused_over(enum pair_kind kind)
{
    struct event_pair pair;
    char *bytes = make_flood();
    open_by_lines(&pair, kind);
    may_read = false;
    (void)stream_write(&pair.a.stream, bytes, FLOOD_BYTES);
    int64_t begin = pair.rig.loop.now_ns;
    for (int i = 0; i < 30; i++)
        stream_loop_run(&pair.rig.loop, UV_RUN_ONCE);
    ck_assert_int_gt(pair.rig.loop.now_ns - begin, 5000000); /* it does not spin */
    ck_assert_uint_eq(pair.b.received.len, 0);
    may_read = true;
    rig_run_until(&pair.rig, b_has_flood, &pair);
    ck_assert_mem_eq(pair.b.received.data, bytes, FLOOD_BYTES);
    pair_close(&pair);
    free(bytes);
}

START_TEST(who_may_not_be_read_waits_and_loses_nothing)
{
    pair_every_kind(refused_over);
}
END_TEST

static void stopped_over(enum pair_kind kind)
{
    struct event_pair pair;
    open_by_lines(&pair, kind);
    may_read = false;
    (void)stream_write(&pair.a.stream, "asleep", 6);
    rig_turns(&pair.rig, 5);
    stream_read_stop(&pair.b.stream);
    may_read = true;
    rig_turns(&pair.rig, 5);
    ck_assert_uint_eq(pair.b.received.len, 0);
    stream_read_start(&pair.b.stream);
    rig_turns(&pair.rig, 5);
    ck_assert_uint_eq(pair.b.received.len, 6);
    may_read = false;
    (void)stream_write(&pair.a.stream, "closed", 6);
    rig_turns(&pair.rig, 5);
    stream_close(&pair.b.stream, false);
    may_read = true;
    rig_turns(&pair.rig, 5);
    ck_assert_uint_eq(pair.b.received.len, 6);
    pair_close(&pair);
}

START_TEST(who_waits_may_stop_and_close)
{
    pair_every_kind(stopped_over);
}
END_TEST

/* Whoever is about to close a stream that waits its turn wants to know who it was. */
static void rest_over(enum pair_kind kind)
{
    struct event_pair pair;
    open_by_lines(&pair, kind);
    may_read = false;
    (void)stream_write(&pair.a.stream, "who I am\n", 9);
    rig_turns(&pair.rig, 5);
    ck_assert_uint_eq(pair.b.received.len, 0);
    stream_read_rest(&pair.b.stream);
    ck_assert_uint_eq(pair.b.received.len, 9);
    stream_read_rest(&pair.b.stream); /* there is no more */
    ck_assert_mem_eq(pair.b.received.data, "who I am\n", 9);
    stream_read_stop(&pair.b.stream);
    (void)stream_write(&pair.a.stream, "more\n", 5);
    rig_turns(&pair.rig, 5);
    stream_read_rest(&pair.b.stream); /* nobody wants to read it */
    ck_assert_uint_eq(pair.b.received.len, 9);
    pair_close(&pair);
}

START_TEST(who_is_about_to_be_closed_is_heard)
{
    pair_every_kind(rest_over);
}
END_TEST

static void rest_of_a_flood_over(enum pair_kind kind)
{
    struct event_pair pair;
    char *bytes = make_flood();
    open_by_lines(&pair, kind);
    may_read = false;
    (void)stream_write(&pair.a.stream, bytes, FLOOD_BYTES);
    rig_turns(&pair.rig, 5);
    stream_read_rest(&pair.b.stream);
    ck_assert_uint_ge(pair.b.received.len, 1);
    ck_assert_uint_le(pair.b.received.len, FLOOD_BYTES / 4);
    ck_assert_mem_eq(pair.b.received.data, bytes, pair.b.received.len);
    pair_close(&pair);
    free(bytes);
}

START_TEST(of_a_flood_only_a_turn_is_heard_then)
{
    pair_every_kind(rest_of_a_flood_over);
}
END_TEST

/* ---- last words ---- */

START_TEST(last_words_wait_for_their_turn)
{
    struct event_rig rig;
    struct event_side side;
    int fds[2];
    rig_open(&rig);
    may_read = true;
    rig.loop.lines_a_read = LINES;
    rig.loop.may_read = admit;
    socket_pair_tcp(fds);
    side_init(&side);
    side_attach(&side, &rig, fds[0]);
    stream_read_start(&side.stream);
    rig_turns(&rig, 3);
    char *bytes = malloc(60000);
    memset(bytes, '\n', 60000);
    may_read = false;
    ck_assert_int_eq(send(fds[1], bytes, 60000, 0), 60000);
    rig_turns(&rig, 3);
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    ck_assert_int_eq(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    close(fds[1]);
    rig_turns(&rig, 3);
    (void)stream_write(&side.stream, "x", 1);
    rig_turns(&rig, 3);
    ck_assert_uint_eq(side.received.len + side.errors, 0);
    may_read = true;
    rig_run_flag(&rig, &side.failed);
    ck_assert_uint_eq(side.received.len, 60000);
    ck_assert_uint_eq(side.errors, 1);
    stream_close(&side.stream, false);
    rig_close(&rig);
    buffer_close(&side.received);
    free(bytes);
}
END_TEST

/* ---- floods and a light stream ---- */

#define FLOODS 50

static struct event_side floods[FLOODS], light;
static size_t flooded_before_light;

static void on_light(struct event_side *side)
{
    (void)side;
    for (size_t i = 0; i < FLOODS; i++)
        flooded_before_light += floods[i].received.len;
}

static bool light_heard(void *user)
{
    (void)user;
    return light.received.len > 0;
}

static bool floods_have(void *user)
{
    size_t sum = 0;
    for (size_t i = 0; i < FLOODS; i++)
        sum += floods[i].received.len;
    return sum >= *(const size_t *)user;
}

START_TEST(a_light_stream_is_read_before_floods_that_came_first)
{
    struct event_rig rig;
    int fds[2], peers[FLOODS], peer;
    char *bytes = calloc(1, 300000);
    rig_open(&rig);
    rig.loop.lines_a_read = LINES;
    socket_pair_tcp(fds);
    side_init(&light);
    side_attach(&light, &rig, fds[0]);
    light.on_data = on_light;
    stream_read_start(&light.stream);
    peer = fds[1];
    for (size_t i = 0; i < FLOODS; i++) {
        socket_pair_tcp(fds);
        side_init(&floods[i]);
        side_attach(&floods[i], &rig, fds[0]);
        peers[i] = fds[1];
        stream_read_start(&floods[i].stream);
    }
    rig_turns(&rig, 3);
    size_t sent = 0, some = 600000;
    for (size_t i = 0; i < FLOODS; i++) {
        ssize_t count = send(peers[i], bytes, 300000, MSG_DONTWAIT);
        sent += count > 0 ? (size_t)count : 0;
    }
    rig_run_until(&rig, floods_have, &some);
    size_t before = 0;
    for (size_t i = 0; i < FLOODS; i++)
        before += floods[i].received.len;
    ck_assert_int_eq(send(peer, "x", 1, 0), 1);
    rig_run_until(&rig, light_heard, NULL);
    ck_assert_uint_le(flooded_before_light - before, 2u << 20); /* a turn or two */
    rig_run_until(&rig, floods_have, &sent);
    for (size_t i = 0; i < FLOODS; i++) {
        stream_close(&floods[i].stream, false);
        close(peers[i]);
    }
    stream_close(&light.stream, false);
    close(peer);
    rig_close(&rig);
    for (size_t i = 0; i < FLOODS; i++)
        buffer_close(&floods[i].received);
    buffer_close(&light.received);
    free(bytes);
}
END_TEST

int main(void)
{
    return UNIT_RUN("receiving", a_flood_of_lines_comes_whole_and_in_small_pieces,
                    newlines_alone_are_cut_by_their_number,
                    who_may_not_be_read_waits_and_loses_nothing, who_waits_may_stop_and_close,
                    who_is_about_to_be_closed_is_heard, of_a_flood_only_a_turn_is_heard_then,
                    last_words_wait_for_their_turn,
                    a_light_stream_is_read_before_floods_that_came_first);
}
