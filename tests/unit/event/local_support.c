/* A local server to be tested, and its clients. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/event/local_support.h"
#include "tests/unit/unit.h"

void local_host_stopped(void *user)
{
    struct local_host *host = user;
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

void local_host_handle(void *user, struct local_request *request, const char *line, size_t len)
{
    struct local_host *host = user;
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
        local_server_stop(host->server, local_host_stopped, host);
    } else {
        local_answer(request, line, len);
    }
    local_finish(request);
}

void local_host_start(struct local_host *host)
{
    struct error err;
    host->stopped = false;
    ck_assert_msg(local_server_start(&host->server, &host->rig.loop, host->path, 0600,
                                     local_host_handle, host, &err) == STATUS_OK,
                  "%s", err.text);
}

void local_host_open(struct local_host *host)
{
    memset(host, 0, sizeof *host);
    rig_open(&host->rig);
    strcpy(host->directory, "/tmp/event-local-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(host->directory));
    snprintf(host->path, sizeof host->path, "%s/control.sock", host->directory);
    local_host_start(host);
}

void local_host_stop(struct local_host *host)
{
    local_server_stop(host->server, local_host_stopped, host);
    rig_run_flag(&host->rig, &host->stopped);
}

void local_host_close(struct local_host *host)
{
    if (!host->stopped)
        local_host_stop(host);
    rig_close(&host->rig);
    ck_assert_int_eq(access(host->path, F_OK), -1);
    ck_assert_int_eq(rmdir(host->directory), 0);
}

/* ---- clients on the same loop ---- */

int local_dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void local_side_open(struct local_host *host, struct event_side *side)
{
    side_init(side);
    side_attach(side, &host->rig, local_dial(host->path));
    stream_read_start(&side->stream);
}

void local_side_close(struct local_host *host, struct event_side *side)
{
    stream_close(&side->stream, false);
    rig_run_flag(&host->rig, &side->closed);
    buffer_close(&side->received);
}

void local_side_send(struct event_side *side, const char *text)
{
    (void)stream_write(&side->stream, text, strlen(text));
}

bool local_side_has(void *user)
{
    const struct local_expectation *expected = user;
    return expected->side->received.len >= expected->len || expected->side->ended ||
           expected->side->failed;
}

void local_side_expect(struct local_host *host, struct event_side *side, const char *text)
{
    struct local_expectation expected = {side, strlen(text)};
    rig_run_until(&host->rig, local_side_has, &expected);
    ck_assert_msg(span_equal_text(span_make(side->received.data, side->received.len), text), "%.*s",
                  (int)side->received.len, side->received.data);
    buffer_clear(&side->received);
}
