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

int main(void)
{
    return UNIT_RUN("event_stream", echo_of_random_pieces);
}
