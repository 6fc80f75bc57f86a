/*
 * local_client.c - one request over a local socket, blocking, with one deadline for all of it.
 *
 * Nothing but connect blocks in the socket, poll does the waiting. When the server refuses early it
 * closes while the request is still being sent; the answer is read all the same.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/event/local.h"
#include "lib/event/local_private.h"

#define READ_SIZE 65536
#define ANSWER_LINE_MAX                                                                            \
    (256u << 20) /* a server that sends more without a newline is none of ours */

struct call {
    const char *path;
    int fd;
    int64_t deadline; /* monotonic ns; negative: none */
    struct buffer input;
    size_t scanned;
    bool (*on_line)(void *user, const char *line, size_t len);
    void *user;
    bool done; /* the answer is complete, or the user has had enough */
};

enum status local_address(struct sockaddr_un *out, const char *path, struct error *err)
{
    size_t len = strlen(path);
    memset(out, 0, sizeof *out);
    out->sun_family = AF_UNIX;
    if (len == 0)
        return error_set(err, STATUS_INVALID, "the path of the local socket is empty");
    if (len >= sizeof out->sun_path)
        return error_set(err, STATUS_INVALID,
                         "%s: a local socket's path may have %zu bytes, this one has %zu", path,
                         sizeof out->sun_path - 1, len);
    memcpy(out->sun_path, path, len);
    return STATUS_OK;
}

static int wait_ms(const struct call *call)
{
    if (call->deadline < 0)
        return -1;
    int64_t left = call->deadline - clock_mono_ns();
    if (left <= 0)
        return 0;
    int64_t ms = (left + NS_PER_MS - 1) / NS_PER_MS;
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

static enum status wait_for(const struct call *call, short events, struct error *err)
{
    struct pollfd poll_fd = {.fd = call->fd, .events = events};
    int count;
    do {
        count = poll(&poll_fd, 1, wait_ms(call));
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return error_errno(err, errno, "waiting for %s", call->path);
    if (count == 0)
        return error_set(err, STATUS_TIMEOUT, "%s: no answer in time", call->path);
    return STATUS_OK;
}

/* unix(7): connecting waits for room in the backlog as long as sending may take. */
static void limit_connect(const struct call *call)
{
    int ms = wait_ms(call);
    if (ms < 0)
        return;
    const struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 + 1};
    (void)setsockopt(call->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static enum status open_socket(struct call *call, struct error *err)
{
    struct sockaddr_un address;
    enum status status = local_address(&address, call->path, err);
    if (status != STATUS_OK)
        return status;
    call->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (call->fd < 0)
        return error_errno(err, errno, "making a socket");
    limit_connect(call);
    if (connect(call->fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return STATUS_OK;
    if (errno == EAGAIN)
        return error_set(err, STATUS_TIMEOUT, "%s: the server does not accept", call->path);
    if (errno == ECONNREFUSED)
        return error_set(err, STATUS_CLOSED, "%s: nobody listens there", call->path);
    return error_errno(err, errno, "connecting to %s", call->path);
}

static enum status send_all(const struct call *call, const char *data, size_t len,
                            struct error *err)
{
    while (len > 0) {
        ssize_t count = send(call->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count >= 0) {
            data += count;
            len -= (size_t)count;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return STATUS_OK; /* an answer may be there; if not, reading will tell */
        } else if (errno == EAGAIN) {
            enum status status = wait_for(call, POLLOUT, err);
            if (status != STATUS_OK)
                return status;
        } else if (errno != EINTR) {
            return error_errno(err, errno, "sending to %s", call->path);
        }
    }
    return STATUS_OK;
}

static void take_lines(struct call *call)
{
    size_t used = 0;
    while (!call->done && call->scanned < call->input.len) {
        const char *from = call->input.data + call->scanned;
        const char *newline = memchr(from, '\n', call->input.len - call->scanned);
        if (newline == NULL) {
            call->scanned = call->input.len;
            break;
        }
        struct span line = span_make(call->input.data + used, 0);
        line.len = (size_t)(newline - line.data);
        used += line.len + 1;
        call->scanned = used;
        call->done =
            span_equal_text(line, LOCAL_DONE) || !call->on_line(call->user, line.data, line.len);
    }
    if (used > 0)
        buffer_consume(&call->input, used);
    call->scanned -= used;
}

static enum status receive(struct call *call, struct error *err)
{
    while (!call->done) {
        char *room = buffer_reserve(&call->input, READ_SIZE);
        ssize_t count = recv(call->fd, room, READ_SIZE, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno == ECONNRESET))
            return error_set(err, STATUS_CLOSED, "%s: the answer was cut off", call->path);
        if (count > 0) {
            call->input.len += (size_t)count;
            take_lines(call);
            if (call->input.len > ANSWER_LINE_MAX)
                return error_set(err, STATUS_FULL, "%s: a line without end", call->path);
        } else if (errno == EAGAIN) {
            enum status status = wait_for(call, POLLIN, err);
            if (status != STATUS_OK)
                return status;
        } else if (errno != EINTR) {
            return error_errno(err, errno, "reading from %s", call->path);
        }
    }
    return STATUS_OK;
}

enum status local_client_call(const char *path, const char *json, int timeout_ms,
                              bool (*on_line)(void *user, const char *line, size_t len), void *user,
                              struct error *err)
{
    struct call call = {.path = path, .fd = -1, .deadline = -1, .on_line = on_line, .user = user};
    if (timeout_ms >= 0)
        call.deadline = clock_mono_ns() + timeout_ms * NS_PER_MS;
    enum status status = open_socket(&call, err);
    if (status == STATUS_OK)
        status = send_all(&call, json, strlen(json), err);
    if (status == STATUS_OK)
        status = send_all(&call, "\n", 1, err);
    if (status == STATUS_OK)
        status = receive(&call, err);
    if (call.fd >= 0)
        (void)close(call.fd);
    buffer_close(&call.input);
    return status;
}
