/* The local socket: requests and answers, bounds, clients that go, stopping. Paths and the blocking
 * client are in local_client_test.c. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/event/local_support.h"
#include "tests/unit/unit.h"

/* ---- requests and answers ---- */

START_TEST(lines_however_they_are_cut)
{
    struct local_host host;
    struct event_side side;
    local_host_open(&host);
    local_side_open(&host, &side);
    local_side_send(&side, "{\"a\"");
    rig_turns(&host.rig, 5);
    ck_assert_uint_eq(host.lines, 0);
    local_side_send(&side, ":1}");
    rig_turns(&host.rig, 5);
    ck_assert_uint_eq(host.lines, 0);
    local_side_send(&side, "\n\n\ntwo\n{\"c\":");
    local_side_expect(&host, &side, "{\"a\":1}\n" DONE "1\n2\n" DONE);
    ck_assert_uint_eq(host.lines, 2); /* empty lines are none */
    local_side_send(&side, "3}\n");
    local_side_expect(&host, &side, "{\"c\":3}\n" DONE);
    local_side_close(&host, &side);
    local_host_close(&host);
}
END_TEST

START_TEST(requests_of_a_client_wait_for_each_other)
{
    struct local_host host;
    struct event_side side;
    local_host_open(&host);
    local_side_open(&host, &side);
    local_side_send(&side, "keep\nnext\nkeep\n");
    rig_turns(&host.rig, 10);
    ck_assert_uint_eq(host.lines, 1);
    local_answer(host.kept[0], "A", 1);
    local_side_expect(&host, &side, "A\n");
    ck_assert_uint_eq(host.lines, 1);
    local_answer(host.kept[0], "B", 1);
    local_finish(host.kept[0]);
    local_side_expect(&host, &side, "B\n" DONE "next\n" DONE);
    ck_assert_uint_eq(host.kept_count, 2);
    local_finish(host.kept[1]);
    local_side_expect(&host, &side, DONE);
    local_side_close(&host, &side);
    local_host_close(&host);
}
END_TEST

START_TEST(half_closed_client_gets_its_answer)
{
    struct local_host host;
    struct event_side side;
    local_host_open(&host);
    local_side_open(&host, &side);
    local_side_send(&side, "keep\nno newline at the end");
    stream_shutdown(&side.stream);
    rig_turns(&host.rig, 10);
    ck_assert(!local_gone(host.kept[0]));
    local_answer(host.kept[0], "late", 4);
    local_finish(host.kept[0]);
    local_side_expect(&host, &side, "late\n" DONE "no newline at the end\n" DONE);
    rig_run_flag(&host.rig, &side.ended);
    local_side_close(&host, &side);
    local_host_close(&host);
}
END_TEST

START_TEST(many_clients_at_once)
{
    struct local_host host;
    static struct event_side sides[LOCAL_CLIENTS_MAX];
    struct event_side extra;
    local_host_open(&host);
    for (int i = 0; i < LOCAL_CLIENTS_MAX; i++) {
        local_side_open(&host, &sides[i]);
        local_side_send(&sides[i], "keep\n");
    }
    for (int i = 0; i < LOCAL_CLIENTS_MAX; i++)
        rig_turns(&host.rig, 2);
    ck_assert_uint_eq(host.kept_count, LOCAL_CLIENTS_MAX);
    local_side_open(&host, &extra);
    local_side_expect(&host, &extra, "{\"error\":\"too many clients are connected\"}\n" DONE);
    rig_run_flag(&host.rig, &extra.ended);
    local_side_close(&host, &extra);
    for (unsigned i = LOCAL_CLIENTS_MAX; i-- > 0;)
        local_finish(host.kept[i]);
    for (int i = 0; i < LOCAL_CLIENTS_MAX; i++) {
        local_side_expect(&host, &sides[i], DONE);
        local_side_close(&host, &sides[i]);
    }
    rig_turns(&host.rig, 5);
    local_side_open(&host, &extra); /* there is room again */
    local_side_send(&extra, "hello\n");
    local_side_expect(&host, &extra, "hello\n" DONE);
    local_side_close(&host, &extra);
    local_host_close(&host);
}
END_TEST

/* ---- bounds ---- */

#define TOO_LONG "{\"error\":\"the request is longer than 16 MiB\"}\n" DONE

START_TEST(longest_request_and_one_byte_more)
{
    struct local_host host;
    struct event_side side;
    char *line = malloc(LOCAL_LINE_MAX + 2);
    memset(line, 'x', LOCAL_LINE_MAX + 2);
    local_host_open(&host);
    local_side_open(&host, &side);
    line[LOCAL_LINE_MAX] = '\n';
    (void)stream_write(&side.stream, line, LOCAL_LINE_MAX + 1);
    while (host.lines == 0)
        stream_loop_run(&host.rig.loop, UV_RUN_ONCE);
    local_side_close(&host, &side);
    rig_turns(&host.rig, 5);
    local_side_open(&host, &side);
    line[LOCAL_LINE_MAX] = 'x';
    line[LOCAL_LINE_MAX + 1] = '\n';
    (void)stream_write(&side.stream, line, LOCAL_LINE_MAX + 2);
    local_side_expect(&host, &side, TOO_LONG);
    ck_assert_uint_eq(host.lines, 1);
    local_side_close(&host, &side);
    local_host_close(&host);
    free(line);
}
END_TEST

START_TEST(endless_line_is_refused)
{
    struct local_host host;
    struct event_side side;
    static char part[65536];
    memset(part, 'x', sizeof part);
    local_host_open(&host);
    local_side_open(&host, &side);
    unsigned parts = 0;
    while (side.received.len == 0 && parts < 1000) {
        if (stream_write(&side.stream, part, sizeof part) > 0)
            parts++;
        stream_loop_run(&host.rig.loop, UV_RUN_NOWAIT);
    }
    local_side_expect(&host, &side, TOO_LONG);
    ck_assert_uint_eq(host.lines, 0);
    local_side_close(&host, &side);
    local_host_close(&host);
}
END_TEST

START_TEST(one_answer_may_be_long)
{
    struct local_host host;
    struct event_side side;
    local_host_open(&host);
    local_side_open(&host, &side);
    local_side_send(&side, "big\n");
    struct local_expectation expected = {&side, BIG_BYTES + 1 + strlen(DONE)};
    rig_run_until(&host.rig, local_side_has, &expected);
    ck_assert_uint_eq(side.received.len, expected.len);
    local_side_close(&host, &side);
    local_host_close(&host);
}
END_TEST

START_TEST(client_that_does_not_read_is_closed)
{
    struct local_host host;
    struct event_side side;
    local_host_open(&host);
    local_side_open(&host, &side);
    local_side_send(&side, "flood\n");
    struct local_expectation expected = {&side, SIZE_MAX};
    rig_run_until(&host.rig, local_side_has, &expected);
    ck_assert_uint_eq(host.lines, 1);
    ck_assert(side.ended || side.failed);
    local_side_close(&host, &side);
    local_host_close(&host);
}
END_TEST

/* ---- clients that go ---- */

static bool first_is_gone(void *user)
{
    const struct local_host *host = user;
    return local_gone(host->kept[0]);
}

START_TEST(gone_client_is_noticed)
{
    struct local_host host;
    struct event_side side;
    local_host_open(&host);
    local_side_open(&host, &side);
    local_side_send(&side, "keep\nnext\n");
    rig_turns(&host.rig, 5);
    ck_assert_uint_eq(host.kept_count, 1);
    ck_assert(!local_gone(host.kept[0]));
    local_side_close(&host, &side);
    rig_run_until(&host.rig, first_is_gone, &host);
    rig_turns(&host.rig, 5);
    local_answer(host.kept[0], "dropped", 7);
    local_finish(host.kept[0]);
    ck_assert_uint_eq(host.lines, 1); /* nobody wants the next answer */
    local_host_close(&host);
}
END_TEST

START_TEST(half_closed_client_that_goes_later_is_noticed)
{
    struct local_host host;
    struct event_side side;
    local_host_open(&host);
    local_side_open(&host, &side);
    local_side_send(&side, "keep\n");
    stream_shutdown(&side.stream);
    rig_turns(&host.rig, 5);
    ck_assert(!local_gone(host.kept[0]));
    local_side_close(&host, &side);
    ck_assert(local_gone(host.kept[0]));
    local_answer(host.kept[0], "dropped", 7);
    rig_turns(&host.rig, 5);
    local_finish(host.kept[0]);
    local_host_close(&host);
}
END_TEST

/* ---- stopping ---- */

START_TEST(stop_from_a_request_still_answers)
{
    struct local_host host;
    struct event_side side;
    local_host_open(&host);
    local_side_open(&host, &side);
    local_side_send(&side, "stop\nnever\n");
    local_side_expect(&host, &side, "\"stopping\"\n" DONE);
    rig_run_flag(&host.rig, &host.stopped);
    ck_assert_uint_eq(host.lines, 1);
    local_side_close(&host, &side);
    local_host_close(&host);
}
END_TEST

START_TEST(stop_waits_for_requests_and_not_for_idle_clients)
{
    struct local_host host;
    struct event_side idle, busy;
    local_host_open(&host);
    local_side_open(&host, &idle);
    local_side_open(&host, &busy);
    local_side_send(&busy, "keep\n");
    rig_turns(&host.rig, 5);
    local_server_stop(host.server, local_host_stopped, &host);
    ck_assert_int_eq(access(host.path, F_OK), -1);
    rig_run_flag(&host.rig, &idle.ended);
    ck_assert(!host.stopped);
    local_answer(host.kept[0], "last", 4);
    local_finish(host.kept[0]);
    local_side_expect(&host, &busy, "last\n" DONE);
    rig_run_flag(&host.rig, &host.stopped);
    local_side_close(&host, &idle);
    local_side_close(&host, &busy);
    local_host_close(&host);
}
END_TEST

START_TEST(stop_does_not_wait_long_for_a_client_that_does_not_read)
{
    struct local_host host;
    struct event_side side;
    local_host_open(&host);
    local_side_open(&host, &side);
    stream_read_stop(&side.stream);
    local_side_send(&side, "big\n");
    while (host.lines == 0)
        stream_loop_run(&host.rig.loop, UV_RUN_ONCE);
    uint64_t before = uv_hrtime();
    local_host_stop(&host);
    ck_assert_uint_ge((uv_hrtime() - before) / 1000000, LOCAL_STOP_MS - 50);
    ck_assert_uint_lt((uv_hrtime() - before) / 1000000, LOCAL_STOP_MS + 5000);
    local_side_close(&host, &side);
    local_host_close(&host);
}
END_TEST

int main(void)
{
    return UNIT_RUN(
        "event_local", lines_however_they_are_cut, requests_of_a_client_wait_for_each_other,
        half_closed_client_gets_its_answer, many_clients_at_once, longest_request_and_one_byte_more,
        endless_line_is_refused, one_answer_may_be_long, client_that_does_not_read_is_closed,
        gone_client_is_noticed, half_closed_client_that_goes_later_is_noticed,
        stop_from_a_request_still_answers, stop_waits_for_requests_and_not_for_idle_clients,
        stop_does_not_wait_long_for_a_client_that_does_not_read);
}
