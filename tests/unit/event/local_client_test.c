/* Where a local server can listen, and the blocking client that calls it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/event/local_support.h"
#include "tests/unit/unit.h"

/* ---- paths ---- */

START_TEST(mode_is_what_was_asked)
{
    struct local_host host;
    struct stat file;
    local_host_open(&host);
    local_host_stop(&host);
    mode_t before = umask(0777); /* from here on: the folder is there */
    local_host_start(&host);
    umask(before);
    ck_assert_int_eq(stat(host.path, &file), 0);
    ck_assert_int_eq(file.st_mode & 0777, 0600);
    local_host_close(&host);
}
END_TEST

static enum status start_second(struct local_host *host, const char *path, struct error *err)
{
    struct local_server *second = NULL;
    enum status status =
        local_server_start(&second, &host->rig.loop, path, 0600, local_host_handle, host, err);
    ck_assert_ptr_null(second);
    return status;
}

START_TEST(live_socket_is_busy)
{
    struct local_host host;
    struct event_side side;
    struct error err;
    local_host_open(&host);
    ck_assert_int_eq(start_second(&host, host.path, &err), STATUS_BUSY);
    ck_assert_ptr_nonnull(strstr(err.text, "another process listens on"));
    local_side_open(&host, &side); /* and the first goes on */
    local_side_send(&side, "hello\n");
    local_side_expect(&host, &side, "hello\n" DONE);
    local_side_close(&host, &side);
    local_host_close(&host);
}
END_TEST

START_TEST(stale_socket_is_replaced)
{
    struct local_host host;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    local_host_open(&host);
    local_host_stop(&host);
    strcpy(address.sun_path, host.path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd); /* leaves the file */
    ck_assert_int_eq(access(host.path, F_OK), 0);
    local_host_start(&host);
    close(local_dial(host.path));
    local_host_close(&host);
}
END_TEST

START_TEST(stop_leaves_the_socket_of_a_successor)
{
    struct local_host host;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    local_host_open(&host);
    strcpy(address.sun_path, host.path);
    ck_assert_int_eq(unlink(host.path), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    local_host_stop(&host);
    ck_assert_int_eq(unlink(host.path), 0);
    close(fd);
    local_host_close(&host);
}
END_TEST

START_TEST(paths_that_do_not_work)
{
    struct local_host host;
    struct error err;
    char path[200];
    local_host_open(&host);
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
    local_host_close(&host);
}
END_TEST

/* ---- the blocking client ---- */

struct call {
    struct local_host *host;
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
static void make_call(struct local_host *host, struct call *call)
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
    struct local_host host;
    local_host_open(&host);
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
    local_host_close(&host);
}
END_TEST

START_TEST(blocking_client_reads_why_it_is_refused)
{
    struct local_host host;
    char *json = malloc(LOCAL_LINE_MAX + LOCAL_QUEUE_MAX);
    memset(json, 'x', LOCAL_LINE_MAX + LOCAL_QUEUE_MAX);
    json[LOCAL_LINE_MAX + LOCAL_QUEUE_MAX - 1] = '\0';
    local_host_open(&host);
    struct call call = {.json = json, .timeout_ms = 20000};
    make_call(&host, &call);
    ck_assert_msg(call.status == STATUS_OK, "%s", call.error.text);
    ck_assert_str_eq(call.last, "{\"error\":\"the request is longer than 16 MiB\"}");
    local_host_close(&host);
    free(json);
}
END_TEST

static void finish_first(uv_timer_t *timer)
{
    struct local_host *host = timer->data;
    ck_assert_uint_eq(host->kept_count, 1);
    local_finish(host->kept[0]);
    uv_close((uv_handle_t *)timer, NULL);
}

START_TEST(blocking_client_gives_up_in_time)
{
    struct local_host host;
    uv_timer_t timer;
    local_host_open(&host);
    struct call call = {.json = "keep", .timeout_ms = 100};
    make_call(&host, &call);
    ck_assert_int_eq(call.status, STATUS_TIMEOUT);
    ck_assert_uint_eq(call.lines, 0);
    uv_timer_init(&host.rig.uv, &timer);
    timer.data = &host;
    uv_timer_start(&timer, finish_first, 0, 0);
    local_host_close(&host);
}
END_TEST

START_TEST(blocking_client_without_a_server)
{
    struct local_host host;
    struct call call = {.stop_after = 0};
    struct error err;
    local_host_open(&host);
    local_host_stop(&host);
    ck_assert_int_eq(local_client_call(host.path, "x", 1000, on_line, &call, &err),
                     STATUS_NOT_FOUND);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, host.path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(local_client_call(host.path, "x", 1000, on_line, &call, &err), STATUS_CLOSED);
    ck_assert_ptr_nonnull(strstr(err.text, "nobody listens there"));
    ck_assert_int_eq(listen(fd, 0), 0);
    int first = local_dial(host.path); /* fills the backlog */
    ck_assert_int_eq(local_client_call(host.path, "x", 100, on_line, &call, &err), STATUS_TIMEOUT);
    close(first);
    close(fd);
    unlink(host.path);
    local_host_close(&host);
}
END_TEST

int main(void)
{
    return UNIT_RUN("event_local_client", mode_is_what_was_asked, live_socket_is_busy,
                    stale_socket_is_replaced, stop_leaves_the_socket_of_a_successor,
                    paths_that_do_not_work, blocking_client_gets_all_lines,
                    blocking_client_reads_why_it_is_refused, blocking_client_gives_up_in_time,
                    blocking_client_without_a_server);
}
