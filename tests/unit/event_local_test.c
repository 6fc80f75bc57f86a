/* The local socket: requests and answers, bounds, clients that go, paths that do not work. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/event/local.h"
#include "tests/unit/event_support.h"
#include "tests/unit/unit.h"

#define DONE      "{\"done\":true}\n"
#define KEPT_MAX  80
#define BIG_BYTES (3u << 20)

/* ---- a server with a handler for each purpose ---- */

struct host {
    struct event_rig rig;
    struct local_server *server;
    char directory[64];
    char path[128];
    struct local_request *kept[KEPT_MAX]; /* requests not yet finished */
    unsigned kept_count;
    unsigned lines;
    char last[256];
    bool stopped;
    bool client_done; /* of the thread of a blocking client */
};

/* "keep": answers later; "big": one long line; "flood": lines until the client is gone; "two": two
 * lines; "stop": stops the server; all else comes back. */
static void handle(void *user, struct local_request *request, const char *line, size_t len);

static void on_stopped(void *user)
{
    struct host *host = user;
    host->stopped = true;
}

static void answer_big(struct local_request *request)
{
    char *text = malloc(BIG_BYTES);
    memset(text, 'b', BIG_BYTES);
    local_answer(request, text, BIG_BYTES);
    free(text);
}

static void answer_flood(struct local_request *request)
{
    char text[10000];
    memset(text, 'f', sizeof text);
    unsigned count = 0;
    while (!local_gone(request) && count < 100000) {
        local_answer(request, text, sizeof text);
        count++;
    }
    ck_assert_uint_lt(count, 1000); /* 4 MiB and what the kernel takes */
}

static void handle(void *user, struct local_request *request, const char *line, size_t len)
{
    struct host *host = user;
    struct span text = span_make(line, len);
    host->lines++;
    snprintf(host->last, sizeof host->last, "%.*s", (int)(len < 200 ? len : 200), line);
    if (span_equal_text(text, "keep")) {
        ck_assert_uint_lt(host->kept_count, KEPT_MAX);
        host->kept[host->kept_count++] = request;
        return;
    }
    if (span_equal_text(text, "big")) {
        answer_big(request);
    } else if (span_equal_text(text, "flood")) {
        answer_flood(request);
    } else if (span_equal_text(text, "two")) {
        local_answer(request, "1", 1);
        local_answer(request, "2", 1);
    } else if (span_equal_text(text, "stop")) {
        local_answer(request, "\"stopping\"", 10);
        local_server_stop(host->server, on_stopped, host);
    } else {
        local_answer(request, line, len);
    }
    local_finish(request);
}

static void host_open(struct host *host)
{
    struct error err;
    memset(host, 0, sizeof *host);
    rig_open(&host->rig);
    strcpy(host->directory, "/tmp/event-local-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(host->directory));
    snprintf(host->path, sizeof host->path, "%s/control.sock", host->directory);
    ck_assert_msg(local_server_start(&host->server, &host->rig.loop, host->path, 0600, handle, host,
                                     &err) == STATUS_OK,
                  "%s", err.text);
}

static void host_stop(struct host *host)
{
    local_server_stop(host->server, on_stopped, host);
    rig_run_flag(&host->rig, &host->stopped);
}

static void host_close(struct host *host)
{
    if (!host->stopped)
        host_stop(host);
    rig_close(&host->rig);
    ck_assert_int_eq(access(host->path, F_OK), -1);
    ck_assert_int_eq(rmdir(host->directory), 0);
}

/* ---- clients on the same loop ---- */

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void client_open(struct host *host, struct event_side *side)
{
    side_init(side);
    side_attach(side, &host->rig, true, dial(host->path));
    stream_read_start(&side->stream);
}

static void client_close(struct host *host, struct event_side *side)
{
    stream_close(&side->stream, false);
    rig_run_flag(&host->rig, &side->closed);
    buffer_close(&side->received);
}

static void client_send(struct event_side *side, const char *text)
{
    (void)stream_write(&side->stream, text, strlen(text));
}

struct expectation {
    const struct event_side *side;
    size_t len;
};

static bool has_received(void *user)
{
    const struct expectation *expected = user;
    return expected->side->received.len >= expected->len || expected->side->ended ||
           expected->side->failed;
}

static void client_expect(struct host *host, struct event_side *side, const char *text)
{
    struct expectation expected = {side, strlen(text)};
    rig_run_until(&host->rig, has_received, &expected);
    ck_assert_msg(span_equal_text(span_make(side->received.data, side->received.len), text), "%.*s",
                  (int)side->received.len, side->received.data);
    buffer_clear(&side->received);
}

/* ---- requests and answers ---- */

START_TEST(lines_however_they_are_cut)
{
    struct host host;
    struct event_side side;
    host_open(&host);
    client_open(&host, &side);
    client_send(&side, "{\"a\"");
    rig_turns(&host.rig, 5);
    ck_assert_uint_eq(host.lines, 0);
    client_send(&side, ":1}");
    rig_turns(&host.rig, 5);
    ck_assert_uint_eq(host.lines, 0);
    client_send(&side, "\n\n\ntwo\n{\"c\":");
    client_expect(&host, &side, "{\"a\":1}\n" DONE "1\n2\n" DONE);
    ck_assert_uint_eq(host.lines, 2); /* empty lines are none */
    client_send(&side, "3}\n");
    client_expect(&host, &side, "{\"c\":3}\n" DONE);
    client_close(&host, &side);
    host_close(&host);
}
END_TEST

START_TEST(requests_of_a_client_wait_for_each_other)
{
    struct host host;
    struct event_side side;
    host_open(&host);
    client_open(&host, &side);
    client_send(&side, "keep\nnext\nkeep\n");
    rig_turns(&host.rig, 10);
    ck_assert_uint_eq(host.lines, 1);
    local_answer(host.kept[0], "A", 1);
    client_expect(&host, &side, "A\n");
    ck_assert_uint_eq(host.lines, 1);
    local_answer(host.kept[0], "B", 1);
    local_finish(host.kept[0]);
    client_expect(&host, &side, "B\n" DONE "next\n" DONE);
    ck_assert_uint_eq(host.kept_count, 2);
    local_finish(host.kept[1]);
    client_expect(&host, &side, DONE);
    client_close(&host, &side);
    host_close(&host);
}
END_TEST

START_TEST(half_closed_client_gets_its_answer)
{
    struct host host;
    struct event_side side;
    host_open(&host);
    client_open(&host, &side);
    client_send(&side, "keep\nno newline at the end");
    stream_shutdown(&side.stream);
    rig_turns(&host.rig, 10);
    ck_assert(!local_gone(host.kept[0]));
    local_answer(host.kept[0], "late", 4);
    local_finish(host.kept[0]);
    client_expect(&host, &side, "late\n" DONE "no newline at the end\n" DONE);
    rig_run_flag(&host.rig, &side.ended);
    client_close(&host, &side);
    host_close(&host);
}
END_TEST

START_TEST(many_clients_at_once)
{
    struct host host;
    static struct event_side sides[LOCAL_CLIENTS_MAX];
    struct event_side extra;
    host_open(&host);
    for (int i = 0; i < LOCAL_CLIENTS_MAX; i++) {
        client_open(&host, &sides[i]);
        client_send(&sides[i], "keep\n");
    }
    for (int i = 0; i < LOCAL_CLIENTS_MAX; i++)
        rig_turns(&host.rig, 2);
    ck_assert_uint_eq(host.kept_count, LOCAL_CLIENTS_MAX);
    client_open(&host, &extra);
    client_expect(&host, &extra, "{\"error\":\"too many clients are connected\"}\n" DONE);
    rig_run_flag(&host.rig, &extra.ended);
    client_close(&host, &extra);
    for (unsigned i = LOCAL_CLIENTS_MAX; i-- > 0;)
        local_finish(host.kept[i]);
    for (int i = 0; i < LOCAL_CLIENTS_MAX; i++) {
        client_expect(&host, &sides[i], DONE);
        client_close(&host, &sides[i]);
    }
    rig_turns(&host.rig, 5);
    client_open(&host, &extra); /* there is room again */
    client_send(&extra, "hello\n");
    client_expect(&host, &extra, "hello\n" DONE);
    client_close(&host, &extra);
    host_close(&host);
}
END_TEST

/* ---- bounds ---- */

#define TOO_LONG "{\"error\":\"the request is longer than 16 MiB\"}\n" DONE

START_TEST(longest_request_and_one_byte_more)
{
    struct host host;
    struct event_side side;
    char *line = malloc(LOCAL_LINE_MAX + 2);
    memset(line, 'x', LOCAL_LINE_MAX + 2);
    host_open(&host);
    client_open(&host, &side);
    line[LOCAL_LINE_MAX] = '\n';
    (void)stream_write(&side.stream, line, LOCAL_LINE_MAX + 1);
    while (host.lines == 0)
        uv_run(&host.rig.uv, UV_RUN_ONCE);
    client_close(&host, &side);
    rig_turns(&host.rig, 5);
    client_open(&host, &side);
    line[LOCAL_LINE_MAX] = 'x';
    line[LOCAL_LINE_MAX + 1] = '\n';
    (void)stream_write(&side.stream, line, LOCAL_LINE_MAX + 2);
    client_expect(&host, &side, TOO_LONG);
    ck_assert_uint_eq(host.lines, 1);
    client_close(&host, &side);
    host_close(&host);
    free(line);
}
END_TEST

START_TEST(endless_line_is_refused)
{
    struct host host;
    struct event_side side;
    static char part[65536];
    memset(part, 'x', sizeof part);
    host_open(&host);
    client_open(&host, &side);
    unsigned parts = 0;
    while (side.received.len == 0 && parts < 1000) {
        if (stream_write(&side.stream, part, sizeof part) > 0)
            parts++;
        uv_run(&host.rig.uv, UV_RUN_NOWAIT);
    }
    client_expect(&host, &side, TOO_LONG);
    ck_assert_uint_eq(host.lines, 0);
    client_close(&host, &side);
    host_close(&host);
}
END_TEST

START_TEST(one_answer_may_be_long)
{
    struct host host;
    struct event_side side;
    host_open(&host);
    client_open(&host, &side);
    client_send(&side, "big\n");
    struct expectation expected = {&side, BIG_BYTES + 1 + strlen(DONE)};
    rig_run_until(&host.rig, has_received, &expected);
    ck_assert_uint_eq(side.received.len, expected.len);
    client_close(&host, &side);
    host_close(&host);
}
END_TEST

START_TEST(client_that_does_not_read_is_closed)
{
    struct host host;
    struct event_side side;
    host_open(&host);
    client_open(&host, &side);
    client_send(&side, "flood\n");
    struct expectation expected = {&side, SIZE_MAX};
    rig_run_until(&host.rig, has_received, &expected);
    ck_assert_uint_eq(host.lines, 1);
    ck_assert(side.ended || side.failed);
    client_close(&host, &side);
    host_close(&host);
}
END_TEST

/* ---- clients that go ---- */

static bool first_is_gone(void *user)
{
    const struct host *host = user;
    return local_gone(host->kept[0]);
}

START_TEST(gone_client_is_noticed)
{
    struct host host;
    struct event_side side;
    host_open(&host);
    client_open(&host, &side);
    client_send(&side, "keep\n");
    rig_turns(&host.rig, 5);
    ck_assert_uint_eq(host.kept_count, 1);
    ck_assert(!local_gone(host.kept[0]));
    client_close(&host, &side);
    rig_run_until(&host.rig, first_is_gone, &host);
    rig_turns(&host.rig, 5);
    local_answer(host.kept[0], "dropped", 7);
    local_finish(host.kept[0]);
    host_close(&host);
}
END_TEST

START_TEST(half_closed_client_that_goes_later_is_noticed)
{
    struct host host;
    struct event_side side;
    host_open(&host);
    client_open(&host, &side);
    client_send(&side, "keep\n");
    stream_shutdown(&side.stream);
    rig_turns(&host.rig, 5);
    ck_assert(!local_gone(host.kept[0]));
    client_close(&host, &side);
    ck_assert(local_gone(host.kept[0]));
    local_answer(host.kept[0], "dropped", 7);
    rig_turns(&host.rig, 5);
    local_finish(host.kept[0]);
    host_close(&host);
}
END_TEST

/* ---- stopping ---- */

START_TEST(stop_from_a_request_still_answers)
{
    struct host host;
    struct event_side side;
    host_open(&host);
    client_open(&host, &side);
    client_send(&side, "stop\nnever\n");
    client_expect(&host, &side, "\"stopping\"\n" DONE);
    rig_run_flag(&host.rig, &host.stopped);
    ck_assert_uint_eq(host.lines, 1);
    client_close(&host, &side);
    host_close(&host);
}
END_TEST

START_TEST(stop_waits_for_requests_and_not_for_idle_clients)
{
    struct host host;
    struct event_side idle, busy;
    host_open(&host);
    client_open(&host, &idle);
    client_open(&host, &busy);
    client_send(&busy, "keep\n");
    rig_turns(&host.rig, 5);
    local_server_stop(host.server, on_stopped, &host);
    ck_assert_int_eq(access(host.path, F_OK), -1);
    rig_run_flag(&host.rig, &idle.ended);
    ck_assert(!host.stopped);
    local_answer(host.kept[0], "last", 4);
    local_finish(host.kept[0]);
    client_expect(&host, &busy, "last\n" DONE);
    rig_run_flag(&host.rig, &host.stopped);
    client_close(&host, &idle);
    client_close(&host, &busy);
    host_close(&host);
}
END_TEST

START_TEST(stop_does_not_wait_long_for_a_client_that_does_not_read)
{
    struct host host;
    struct event_side side;
    host_open(&host);
    client_open(&host, &side);
    stream_read_stop(&side.stream);
    client_send(&side, "big\n");
    while (host.lines == 0)
        uv_run(&host.rig.uv, UV_RUN_ONCE);
    uint64_t before = uv_hrtime();
    host_stop(&host);
    ck_assert_uint_ge((uv_hrtime() - before) / 1000000, LOCAL_STOP_MS - 50);
    ck_assert_uint_lt((uv_hrtime() - before) / 1000000, LOCAL_STOP_MS + 5000);
    client_close(&host, &side);
    host_close(&host);
}
END_TEST

/* ---- paths ---- */

START_TEST(mode_is_what_was_asked)
{
    struct host host;
    struct stat file;
    umask(0177);
    host_open(&host);
    ck_assert_int_eq(stat(host.path, &file), 0);
    ck_assert_int_eq(file.st_mode & 0777, 0600);
    host_close(&host);
}
END_TEST

static enum status start_second(struct host *host, const char *path, struct error *err)
{
    struct local_server *second = NULL;
    enum status status =
        local_server_start(&second, &host->rig.loop, path, 0600, handle, host, err);
    ck_assert_ptr_null(second);
    return status;
}

START_TEST(live_socket_is_busy)
{
    struct host host;
    struct event_side side;
    struct error err;
    host_open(&host);
    ck_assert_int_eq(start_second(&host, host.path, &err), STATUS_BUSY);
    ck_assert_ptr_nonnull(strstr(err.text, "another process listens on"));
    client_open(&host, &side); /* and the first goes on */
    client_send(&side, "hello\n");
    client_expect(&host, &side, "hello\n" DONE);
    client_close(&host, &side);
    host_close(&host);
}
END_TEST

START_TEST(stale_socket_is_replaced)
{
    struct host host;
    struct error err;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    host_open(&host);
    host_stop(&host);
    strcpy(address.sun_path, host.path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd); /* leaves the file */
    ck_assert_int_eq(access(host.path, F_OK), 0);
    host.stopped = false;
    ck_assert_int_eq(
        local_server_start(&host.server, &host.rig.loop, host.path, 0600, handle, &host, &err),
        STATUS_OK);
    close(dial(host.path));
    host_close(&host);
}
END_TEST

START_TEST(stop_leaves_the_socket_of_a_successor)
{
    struct host host;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    host_open(&host);
    strcpy(address.sun_path, host.path);
    ck_assert_int_eq(unlink(host.path), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    host_stop(&host);
    ck_assert_int_eq(unlink(host.path), 0);
    close(fd);
    host_close(&host);
}
END_TEST

START_TEST(paths_that_do_not_work)
{
    struct host host;
    struct error err;
    char path[200];
    host_open(&host);
    snprintf(path, sizeof path, "%s/plain", host.directory);
    fclose(fopen(path, "w"));
    ck_assert_int_eq(start_second(&host, path, &err), STATUS_EXISTS);
    ck_assert_ptr_nonnull(strstr(err.text, "is not a socket"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(start_second(&host, "/nowhere/at/all.sock", &err), STATUS_NOT_FOUND);
    memset(path, 'p', sizeof path);
    path[0] = '/';
    path[108] = '\0';
    ck_assert_int_eq(start_second(&host, path, &err), STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "may have 107 bytes, this one has 108"));
    ck_assert_int_eq(start_second(&host, "", &err), STATUS_INVALID);
    host_close(&host);
}
END_TEST

/* ---- the blocking client ---- */

struct call {
    struct host *host;
    const char *json;
    int timeout_ms;
    unsigned stop_after; /* lines; 0: never */
    unsigned lines;
    size_t bytes;
    char last[100];
    enum status status;
    struct error error;
    uv_async_t woken;
};

static bool on_line(void *user, const char *line, size_t len)
{
    struct call *call = user;
    call->lines++;
    call->bytes += len;
    snprintf(call->last, sizeof call->last, "%.*s", len < 99 ? (int)len : 99, line);
    return call->lines != call->stop_after;
}

static void *call_in_thread(void *user)
{
    struct call *call = user;
    call->status = local_client_call(call->host->path, call->json, call->timeout_ms, on_line, call,
                                     &call->error);
    uv_async_send(&call->woken);
    return NULL;
}

static void on_woken(uv_async_t *async)
{
    struct call *call = async->data;
    call->host->client_done = true;
    uv_close((uv_handle_t *)async, NULL);
}

/* Runs the server's loop while a thread makes the call. */
static void make_call(struct host *host, struct call *call)
{
    pthread_t thread;
    call->host = host;
    host->client_done = false;
    uv_async_init(&host->rig.uv, &call->woken, on_woken);
    call->woken.data = call;
    ck_assert_int_eq(pthread_create(&thread, NULL, call_in_thread, call), 0);
    rig_run_flag(&host->rig, &host->client_done);
    pthread_join(thread, NULL);
}

START_TEST(blocking_client_gets_all_lines)
{
    struct host host;
    host_open(&host);
    struct call echo = {.json = "{\"x\":1}", .timeout_ms = 5000};
    make_call(&host, &echo);
    ck_assert_msg(echo.status == STATUS_OK, "%s", echo.error.text);
    ck_assert_uint_eq(echo.lines, 1);
    ck_assert_str_eq(echo.last, "{\"x\":1}");
    struct call two = {.json = "two", .timeout_ms = -1};
    make_call(&host, &two);
    ck_assert_int_eq(two.status, STATUS_OK);
    ck_assert_uint_eq(two.lines, 2);
    ck_assert_str_eq(two.last, "2");
    struct call big = {.json = "big", .timeout_ms = 20000};
    make_call(&host, &big);
    ck_assert_int_eq(big.status, STATUS_OK);
    ck_assert_uint_eq(big.bytes, BIG_BYTES);
    struct call early = {.json = "two", .timeout_ms = 5000, .stop_after = 1};
    make_call(&host, &early);
    ck_assert_int_eq(early.status, STATUS_OK);
    ck_assert_uint_eq(early.lines, 1);
    host_close(&host);
}
END_TEST

START_TEST(blocking_client_reads_why_it_is_refused)
{
    struct host host;
    char *json = malloc(LOCAL_LINE_MAX + 100000);
    memset(json, 'x', LOCAL_LINE_MAX + 100000);
    json[LOCAL_LINE_MAX + 100000 - 1] = '\0';
    host_open(&host);
    struct call call = {.json = json, .timeout_ms = 20000};
    make_call(&host, &call);
    ck_assert_msg(call.status == STATUS_OK, "%s", call.error.text);
    ck_assert_str_eq(call.last, "{\"error\":\"the request is longer than 16 MiB\"}");
    host_close(&host);
    free(json);
}
END_TEST

static void finish_first(uv_timer_t *timer)
{
    struct host *host = timer->data;
    ck_assert_uint_eq(host->kept_count, 1);
    local_finish(host->kept[0]);
    uv_close((uv_handle_t *)timer, NULL);
}

START_TEST(blocking_client_gives_up_in_time)
{
    struct host host;
    uv_timer_t timer;
    host_open(&host);
    struct call call = {.json = "keep", .timeout_ms = 100};
    make_call(&host, &call);
    ck_assert_int_eq(call.status, STATUS_TIMEOUT);
    ck_assert_uint_eq(call.lines, 0);
    uv_timer_init(&host.rig.uv, &timer);
    timer.data = &host;
    uv_timer_start(&timer, finish_first, 0, 0);
    host_close(&host);
}
END_TEST

START_TEST(blocking_client_without_a_server)
{
    struct host host;
    struct call call = {.stop_after = 0};
    struct error err;
    host_open(&host);
    host_stop(&host);
    ck_assert_int_eq(local_client_call(host.path, "x", 1000, on_line, &call, &err),
                     STATUS_NOT_FOUND);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, host.path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(local_client_call(host.path, "x", 1000, on_line, &call, &err), STATUS_CLOSED);
    ck_assert_ptr_nonnull(strstr(err.text, "nobody listens there"));
    ck_assert_int_eq(listen(fd, 0), 0);
    int first = dial(host.path); /* fills the backlog */
    ck_assert_int_eq(local_client_call(host.path, "x", 100, on_line, &call, &err), STATUS_TIMEOUT);
    close(first);
    close(fd);
    unlink(host.path);
    host_close(&host);
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
        stop_does_not_wait_long_for_a_client_that_does_not_read, mode_is_what_was_asked,
        live_socket_is_busy, stale_socket_is_replaced, stop_leaves_the_socket_of_a_successor,
        paths_that_do_not_work, blocking_client_gets_all_lines,
        blocking_client_reads_why_it_is_refused, blocking_client_gives_up_in_time,
        blocking_client_without_a_server);
}
