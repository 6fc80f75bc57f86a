/* server.c - from civetweb's callback to a handler and back. The rules are those of rules.c. */
#include "api/rest/server.h"

#include <civetweb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/front/front.h"
#include "api/rest/pages.h"
#include "api/rest/request_counts.h"
#include "api/rest/rules.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

#define KNOCKS   3
#define KNOCK_US 20000
#define READY_US 1000

struct server {
    const struct rest *rest;
    struct mg_context *civetweb;
    uint16_t port;
    sem_t heavy; /* places left */
};

static struct span header(const struct mg_connection *connection, const char *name)
{
    const char *value = mg_get_header(connection, name);
    return value ? span_text(value) : (struct span){NULL, 0};
}

/* The front has it whole. */
static bool read_body(struct request *request, struct buffer *body, long long len)
{
    if (len > FRONT_BODY_MAX)
        return false;
    while ((long long)body->len < len) {
        size_t left = (size_t)len - body->len;
        int got = mg_read(request->connection, buffer_reserve(body, left), left);
        if (got <= 0)
            return false;
        body->len += (size_t)got;
    }
    return true;
}

/* ---- dispatch ---- */

static void handle_heavy(struct server *server, struct request *request)
{
    if (sem_trywait(&server->heavy) != 0) {
        reply_error(request, 503, "%d requests that read the archive are running already",
                    SERVER_HEAVY_MAX);
        return;
    }
    request->route->handle(request);
    sem_post(&server->heavy);
}

static void dispatch(struct server *server, struct request *request,
                     const struct mg_request_info *info)
{
    struct buffer body = {0};
    struct span query = info->query_string ? span_text(info->query_string) : span_make(NULL, 0);
    if (!read_body(request, &body, info->content_length)) {
        request->gone = true;
    } else if (rules_judge(request)) {
        if (!request->route)
            pages_serve(request);
        else if (rules_take(request, query, span_make(body.data, body.len))) {
            if (request->route->flags & ROUTE_HEAVY)
                handle_heavy(server, request);
            else
                request->route->handle(request);
        }
    }
    buffer_close(&body);
}

/* The front listens a moment before the rest stands. False: it will not. */
static bool is_ready(const struct rest *rest)
{
    while (!rest->ready && !rest->stopping)
        (void)usleep(READY_US);
    return rest->ready;
}

static int on_request(struct mg_connection *connection, void *user)
{
    struct server *server = user;
    const struct mg_request_info *info = mg_get_request_info(connection);
    int64_t begun_ns = clock_mono_ns();
    struct request request = {.rest = server->rest,
                              .method = info->request_method,
                              .path = info->local_uri ? info->local_uri : "",
                              .connection = connection,
                              .old_http =
                                  info->http_version && strcmp(info->http_version, "1.0") == 0,
                              .host = header(connection, "Host"),
                              .origin = header(connection, "Origin"),
                              .cookie = header(connection, "Cookie"),
                              .authorization = header(connection, "Authorization"),
                              .content_type = header(connection, "Content-Type")};
    if (!is_ready(server->rest) ||
        !front_peer(server->rest->front, (uint16_t)info->remote_port, &request.peer)) {
        log_warn("a connection was refused: it did not come through the front");
        mg_close_connection(connection);
        return 403;
    }
    request_counts_begin();
    dispatch(server, &request, info);
    if (request.status == 0 && !request.gone)
        reply_error(&request, 500, "%s gave no answer", request.path);
    request_counts_end();
    request_counts_note(&request, begun_ns);
    parameters_close(&request.parameters);
    json_decref(request.body);
    buffer_close(&request.headers);
    return request.status ? request.status : 499;
}

/* ---- starting and ending ---- */

static int on_log(const struct mg_connection *connection, const char *text)
{
    (void)connection;
    log_debug("civetweb: %s", text);
    return 1;
}

enum status server_start(struct server **out, const struct rest *rest, struct error *err)
{
    static const char *const options[] = {"listening_ports",
                                          "127.0.0.1:0",
                                          "num_threads",
                                          "160",
                                          "enable_keep_alive",
                                          "yes",
                                          "keep_alive_timeout_ms",
                                          "2000",
                                          "request_timeout_ms",
                                          "30000",
                                          "max_request_size",
                                          "32768",
                                          "tcp_nodelay",
                                          "1",
                                          "access_control_allow_origin",
                                          "", /* else it answers preflights by itself: * */
                                          "enable_directory_listing",
                                          "no",
                                          NULL};
    struct mg_callbacks callbacks = {.log_message = on_log};
    struct mg_server_port ports[4];
    struct server *server = memory_new(sizeof *server);
    server->rest = rest;
    (void)sem_init(&server->heavy, 0, SERVER_HEAVY_MAX);
    (void)mg_init_library(0);
    server->civetweb = mg_start(&callbacks, server, (const char **)options);
    if (!server->civetweb || mg_get_server_ports(server->civetweb, 4, ports) < 1) {
        server_stop(server);
        return error_set(err, STATUS_IO, "the HTTP server does not start on 127.0.0.1");
    }
    server->port = (uint16_t)ports[0].port;
    mg_set_request_handler(server->civetweb, "/", on_request, server);
    *out = server;
    return STATUS_OK;
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

/* civetweb looks whether it is to stop every two seconds, and whenever somebody connects. */
static void *knock(void *user)
{
    const struct server *server = user;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(server->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < KNOCKS; i++) {
        (void)usleep(KNOCK_US);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        (void)connect(fd, (const struct sockaddr *)&address, sizeof address);
        close(fd);
    }
    return NULL;
}

static void stop_civetweb(struct server *server)
{
    pthread_t knocker;
    bool knocks = pthread_create(&knocker, NULL, knock, server) == 0;
    mg_stop(server->civetweb);
    if (knocks)
        (void)pthread_join(knocker, NULL);
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    if (server->civetweb)
        stop_civetweb(server);
    (void)mg_exit_library();
    (void)sem_destroy(&server->heavy);
    free(server);
}
