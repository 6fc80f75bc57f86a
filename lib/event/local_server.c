/*
 * local_server.c - lines in, lines out, over a local socket.
 *
 * A client collects bytes in `input`; a complete line goes to the handler, and while its request is
 * open (`busy`) further lines wait in `input`, which has a bound: beyond it the socket is not read.
 * A client leaves in two steps: `leaving` waits for the queue to drain, `closing` for libuv. Its
 * memory goes when the stream is closed and no request is open, the server's when it is stopping
 * and listener, timer and all clients are gone.
 *
 * How it can fail: at the start (path, permission, somebody listens there already); later only
 * single clients fail, and are closed.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/event/listen.h"
#include "lib/event/local.h"
#include "lib/event/local_private.h"

struct local_request {
    struct local_client *client;
};

struct local_client {
    struct stream stream;
    struct local_server *server;
    struct local_client *next;
    struct local_request request;
    struct buffer input;
    size_t scanned;   /* bytes of `input` known to hold no newline */
    bool busy;        /* `request` is open */
    bool dispatching; /* the handler is being called */
    bool ended;       /* will send no more */
    bool leaving;     /* to be closed when the queue is empty */
    bool closing;
    bool closed;
};

struct local_server {
    struct stream_loop *loop;
    struct listener *listener; /* NULL: gone */
    uv_timer_t timer;          /* limits stopping */
    char *path;
    struct stat file; /* what was bound, to unlink nobody else's */
    local_handler *handler;
    void *user;
    struct local_client *clients;
    size_t count;
    struct buffer line; /* for putting answer and newline into one write */
    struct log_limit limit;
    bool stopping;
    void (*closed)(void *user);
    void *closed_user;
};

/* ---- the end of a client, and of the server ---- */

static void on_timer_closed(uv_handle_t *handle)
{
    struct local_server *server = handle->data;
    void (*closed)(void *) = server->closed;
    void *user = server->closed_user;
    buffer_close(&server->line);
    free(server->path);
    free(server);
    if (closed != NULL)
        closed(user);
}

static void free_when_gone(struct local_server *server)
{
    if (server->stopping && server->listener == NULL && server->clients == NULL)
        uv_close((uv_handle_t *)&server->timer, on_timer_closed);
}

static void client_release(struct local_client *client)
{
    struct local_server *server = client->server;
    if (!client->closed || client->busy)
        return;
    struct local_client **link = &server->clients;
    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    server->count--;
    buffer_close(&client->input);
    free(client);
    free_when_gone(server);
}

static void client_close(struct local_client *client)
{
    client->closing = true;
    stream_close(&client->stream, false);
}

static void client_leave(struct local_client *client)
{
    if (client->leaving || client->closing)
        return;
    client->leaving = true;
    stream_read_stop(&client->stream);
    if (client->stream.queued == 0)
        client_close(client);
}

/* ---- lines ---- */

static void send_line(struct local_client *client, const char *json, size_t len)
{
    struct buffer *line = &client->server->line;
    if (client->leaving || client->closing)
        return;
    buffer_clear(line);
    buffer_append(line, json, len);
    buffer_append_char(line, '\n');
    (void)stream_write(&client->stream, line->data, line->len);
    if (line->capacity > LOCAL_QUEUE_MAX)
        buffer_close(line);
}

static void refuse_and_leave(struct local_client *client, const char *error)
{
    send_line(client, error, strlen(error));
    send_line(client, LOCAL_DONE, strlen(LOCAL_DONE));
    client_leave(client);
}

static void handle_line(struct local_client *client, const char *line, size_t len)
{
    struct local_server *server = client->server;
    client->busy = true;
    client->dispatching = true;
    server->handler(server->user, &client->request, line, len);
    client->dispatching = false;
}

static bool takes_lines(const struct local_client *client)
{
    return !client->busy && !client->leaving && !client->closing && !client->server->stopping;
}

/* Handles complete lines as long as each is answered at once; returns the bytes they had. */
static size_t handle_lines(struct local_client *client)
{
    size_t used = 0;
    while (takes_lines(client) && client->scanned < client->input.len) {
        const char *from = client->input.data + client->scanned;
        const char *newline = memchr(from, '\n', client->input.len - client->scanned);
        if (newline == NULL) {
            client->scanned = client->input.len;
            break;
        }
        const char *line = client->input.data + used;
        size_t len = (size_t)(newline - line);
        used += len + 1;
        client->scanned = used;
        if (len > LOCAL_LINE_MAX)
            refuse_and_leave(client, LOCAL_TOO_LONG);
        else if (len > 0)
            handle_line(client, line, len);
    }
    return used;
}

static void client_work(struct local_client *client)
{
    size_t used = handle_lines(client);
    if (used > 0) {
        buffer_consume(&client->input, used);
        client->scanned -= used;
    }
    if (client->closing || client->leaving)
        return;
    if (client->busy) {
        if (client->input.len > LOCAL_LINE_MAX)
            stream_read_stop(&client->stream);
    } else if (client->ended || client->server->stopping) {
        client_leave(client);
    } else if (client->input.len > LOCAL_LINE_MAX) {
        refuse_and_leave(client, LOCAL_TOO_LONG);
    } else {
        if (client->input.len == 0)
            buffer_close(&client->input);
        stream_read_start(&client->stream);
    }
}

/* ---- callbacks of the stream ---- */

static void on_data(struct stream *stream, const char *data, size_t len)
{
    struct local_client *client = stream->user;
    buffer_append(&client->input, data, len);
    client_work(client);
}

/* After an end of input: has the peer closed its socket, or only its writing side? */
static bool is_hung_up(const struct local_client *client)
{
    struct pollfd poll_fd = {.fd = client->stream.fd};
    return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & (POLLHUP | POLLERR)) != 0;
}

static void on_end(struct stream *stream)
{
    struct local_client *client = stream->user;
    client->ended = true;
    if (is_hung_up(client)) {
        client_close(client);
        return;
    }
    if (client->input.len > 0 && client->input.data[client->input.len - 1] != '\n')
        buffer_append_char(&client->input, '\n');
    client_work(client);
}

static void on_error(struct stream *stream, int code)
{
    (void)code;
    client_close(stream->user);
}

static void on_drain(struct stream *stream)
{
    struct local_client *client = stream->user;
    if (client->leaving)
        client_close(client);
}

static void on_closed(struct stream *stream)
{
    struct local_client *client = stream->user;
    client->closed = true;
    client_release(client);
}

static const struct stream_callbacks client_callbacks = {
    .on_data = on_data,
    .on_end = on_end,
    .on_error = on_error,
    .on_drain = on_drain,
    .on_closed = on_closed,
};

static void on_connection(void *user, struct listener *listener)
{
    struct local_server *server = user;
    struct local_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return;
    client->server = server;
    client->request.client = client;
    client->next = server->clients;
    server->clients = client;
    server->count++;
    stream_init(&client->stream, server->loop, &client_callbacks, client);
    if (stream_accept(&client->stream, listener) != STATUS_OK)
        client_close(client);
    else if (server->count > LOCAL_CLIENTS_MAX)
        refuse_and_leave(client, "{\"error\":\"too many clients are connected\"}");
    else
        stream_read_start(&client->stream);
}

/* ---- answers ---- */

bool local_gone(const struct local_request *request)
{
    const struct local_client *client = request->client;
    return client->closing || client->leaving || (client->ended && is_hung_up(client));
}

void local_answer(struct local_request *request, const char *json, size_t len)
{
    struct local_client *client = request->client;
    if (client->stream.queued >= LOCAL_QUEUE_MAX && !client->closing) {
        if (log_limit_pass(&client->server->limit, 1))
            log_warn("%s: a client that does not read its answers is closed", client->server->path);
        client_close(client);
    }
    send_line(client, json, len);
}

void local_finish(struct local_request *request)
{
    struct local_client *client = request->client;
    send_line(client, LOCAL_DONE, strlen(LOCAL_DONE));
    client->busy = false;
    if (client->closed)
        client_release(client);
    else if (!client->dispatching)
        client_work(client);
}

/* ---- starting ---- */

/* Makes way for the socket: a path where nobody listens any more is removed. */
static enum status clear_path(const struct sockaddr_un *address, struct error *err)
{
    const char *path = address->sun_path;
    struct stat file;
    if (lstat(path, &file) != 0)
        return errno == ENOENT ? STATUS_OK : error_errno(err, errno, "looking at %s", path);
    if (!S_ISSOCK(file.st_mode))
        return error_set(err, STATUS_EXISTS, "%s exists and is not a socket", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(err, errno, "making a socket");
    int result = connect(fd, (const struct sockaddr *)address, sizeof *address);
    int errnum = result == 0 ? 0 : errno;
    (void)close(fd);
    if (errnum == 0 || errnum == EAGAIN || errnum == EINPROGRESS)
        return error_set(err, STATUS_BUSY, "another process listens on %s", path);
    if (errnum != ECONNREFUSED && errnum != ENOENT)
        return error_errno(err, errnum, "connecting to %s", path);
    if (unlink(path) != 0 && errno != ENOENT)
        return error_errno(err, errno, "removing the stale %s", path);
    return STATUS_OK;
}

/* The mode is set before there is a name, so that nobody gets in meanwhile, and again after, as the
 * umask may have taken some of it. */
static enum status bind_path(int *out, const struct sockaddr_un *address, mode_t mode,
                             struct error *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(err, errno, "making a socket");
    (void)fchmod(fd, mode);
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0 ||
        chmod(address->sun_path, mode) != 0 || listen(fd, LISTENER_BACKLOG) != 0) {
        enum status status = error_errno(err, errno, "listening on %s", address->sun_path);
        (void)close(fd);
        return status;
    }
    *out = fd;
    return STATUS_OK;
}

static struct local_server *server_new(struct stream_loop *loop, const char *path,
                                       local_handler *handler, void *user)
{
    struct local_server *server = memory_new(sizeof *server);
    server->loop = loop;
    server->path = memory_text(path);
    server->handler = handler;
    server->user = user;
    (void)uv_timer_init(loop->uv, &server->timer);
    server->timer.data = server;
    if (stat(path, &server->file) != 0)
        memset(&server->file, 0, sizeof server->file);
    return server;
}

enum status local_server_start(struct local_server **out, struct stream_loop *loop,
                               const char *path, mode_t mode, local_handler *handler, void *user,
                               struct error *err)
{
    struct sockaddr_un address;
    int fd = -1;
    enum status status = local_address(&address, path, err);
    if (status == STATUS_OK)
        status = clear_path(&address, err);
    if (status == STATUS_OK)
        status = bind_path(&fd, &address, mode, err);
    if (status != STATUS_OK)
        return status;
    struct local_server *server = server_new(loop, path, handler, user);
    status = listener_start_socket(&server->listener, loop, fd, path, on_connection, server, err);
    if (status != STATUS_OK) {
        (void)unlink(path);
        server->stopping = true;
        free_when_gone(server);
        return status;
    }
    *out = server;
    return STATUS_OK;
}

/* ---- stopping ---- */

static void unlink_own_path(const struct local_server *server)
{
    struct stat now;
    if (stat(server->path, &now) == 0 && now.st_dev == server->file.st_dev &&
        now.st_ino == server->file.st_ino)
        (void)unlink(server->path);
}

static void on_stop_timeout(uv_timer_t *timer)
{
    struct local_server *server = timer->data;
    for (struct local_client *client = server->clients; client != NULL; client = client->next)
        client_close(client);
}

static void on_listener_closed(void *user)
{
    struct local_server *server = user;
    server->listener = NULL;
    free_when_gone(server);
}

void local_server_stop(struct local_server *server, void (*closed)(void *user), void *user)
{
    if (server->stopping)
        return;
    server->stopping = true;
    server->closed = closed;
    server->closed_user = user;
    unlink_own_path(server);
    listener_stop(server->listener, on_listener_closed, server);
    for (struct local_client *client = server->clients; client != NULL; client = client->next) {
        if (!client->busy)
            client_leave(client);
    }
    uv_update_time(server->loop->uv); /* the whole time, however long the last turn was */
    (void)uv_timer_start(&server->timer, on_stop_timeout, LOCAL_STOP_MS, 0);
}
