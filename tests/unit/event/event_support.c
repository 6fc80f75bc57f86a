/* Streams in pairs for the tests of lib/event; the header tells the rest. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/event/event_support.h"
#include "tests/unit/unit.h"

#define WATCH_MS 30000

/* ---- the loop ---- */

static void on_watch(uv_timer_t *timer)
{
    (void)timer;
    ck_abort_msg("nothing came for %d seconds", WATCH_MS / 1000);
}

void rig_open(struct event_rig *rig)
{
    ck_assert_int_eq(uv_loop_init(&rig->uv), 0);
    stream_loop_init(&rig->loop, &rig->uv);
    ck_assert_int_eq(uv_timer_init(&rig->uv, &rig->watch), 0);
    uv_unref((uv_handle_t *)&rig->watch);
}

void rig_run_until(struct event_rig *rig, bool (*condition)(void *user), void *user)
{
    uv_update_time(&rig->uv);
    uv_timer_start(&rig->watch, on_watch, WATCH_MS, 0);
    uv_ref((uv_handle_t *)&rig->watch);
    while (!condition(user))
        stream_loop_run(&rig->loop, UV_RUN_ONCE);
    uv_unref((uv_handle_t *)&rig->watch);
    uv_timer_stop(&rig->watch);
}

static bool flag_is_set(void *user)
{
    return *(const bool *)user;
}

void rig_run_flag(struct event_rig *rig, const bool *flag)
{
    rig_run_until(rig, flag_is_set, (void *)(uintptr_t)flag);
}

void rig_turns(struct event_rig *rig, int turns)
{
    for (int i = 0; i < turns; i++)
        stream_loop_run(&rig->loop, UV_RUN_NOWAIT);
}

void rig_close(struct event_rig *rig)
{
    uv_close((uv_handle_t *)&rig->watch, NULL);
    stream_loop_run(&rig->loop, UV_RUN_DEFAULT);
    stream_loop_close(&rig->loop);
    ck_assert_int_eq(uv_loop_close(&rig->uv), 0);
}

/* ---- sides ---- */

static void side_on_data(struct stream *stream, const char *data, size_t len)
{
    struct event_side *side = stream->user;
    ck_assert_uint_gt(len, 0);
    ck_assert_uint_eq(side->ends + side->errors + side->closes, 0);
    if (side->echo) {
        (void)stream_write(stream, data, len);
        if (stream->queued > 0)
            stream_read_stop(stream);
        return;
    }
    buffer_append(&side->received, data, len);
    if (side->stop_after_data)
        stream_read_stop(stream);
    if (side->close_on_data)
        stream_close(stream, false);
    else if (side->on_data != NULL)
        side->on_data(side);
}

static void side_on_end(struct stream *stream)
{
    struct event_side *side = stream->user;
    side->ends++;
    side->ended = true;
    if (side->shutdown_on_end)
        stream_shutdown(stream);
}

static void side_on_error(struct stream *stream, int code)
{
    struct event_side *side = stream->user;
    side->errors++;
    side->error = code;
    side->failed = true;
    snprintf(side->error_text, sizeof side->error_text, "%s", stream_error_text(stream, code));
    if (side->close_on_error)
        stream_close(stream, false);
}

static void side_on_drain(struct stream *stream)
{
    struct event_side *side = stream->user;
    ck_assert_uint_eq(stream->queued, 0);
    side->drains++;
    if (side->echo)
        stream_read_start(stream);
    if (side->close_on_drain)
        stream_close(stream, false);
}

static void side_on_tls(struct stream *stream)
{
    struct event_side *side = stream->user;
    side->secured++;
}

static void side_on_closed(struct stream *stream)
{
    struct event_side *side = stream->user;
    side->closes++;
    side->closed = true;
}

const struct stream_callbacks side_callbacks = {
    .on_data = side_on_data,
    .on_end = side_on_end,
    .on_error = side_on_error,
    .on_drain = side_on_drain,
    .on_tls = side_on_tls,
    .on_closed = side_on_closed,
};

void side_init(struct event_side *side)
{
    memset(side, 0, sizeof *side);
}

void side_attach(struct event_side *side, struct event_rig *rig, int fd)
{
    stream_init(&side->stream, &rig->loop, &side_callbacks, side);
    ck_assert_int_eq(stream_open(&side->stream, fd), STATUS_OK);
}

/* ---- sockets and bytes ---- */

int socket_listen_any(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

void socket_pair_tcp(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint16_t port;
    int listener = socket_listen_any(&port);
    address.sin_port = htons(port);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fds[0], (struct sockaddr *)&address, sizeof address), 0);
    fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(fds[1], 0);
    close(listener);
    for (int i = 0; i < 2; i++) {
        const int on = 1;
        ck_assert_int_eq(setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
    }
}

void fill_random(char *out, size_t len, unsigned *seed)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(rand_r(seed) >> 4);
}

/* ---- certificates ---- */

/* No assertions here: this is also called before the tests begin. */
static void run_shell(const char *command)
{
    if (system(command) == 0)
        return;
    fprintf(stderr, "failed: %s\n", command);
    exit(EXIT_FAILURE);
}

void certificates_make(struct event_certificates *files)
{
    char script[4096];
    strcpy(files->directory, "/tmp/event-tls-XXXXXX");
    if (mkdtemp(files->directory) == NULL) {
        perror(files->directory);
        exit(EXIT_FAILURE);
    }
    const char *d = files->directory;
    snprintf(files->authority, sizeof files->authority, "%s/ca.pem", d);
    snprintf(files->certificate, sizeof files->certificate, "%s/pool.pem", d);
    snprintf(files->key, sizeof files->key, "%s/pool.key", d);
    snprintf(files->selfsigned, sizeof files->selfsigned, "%s/self.pem", d);
    snprintf(files->selfsigned_key, sizeof files->selfsigned_key, "%s/self.key", d);
    snprintf(script, sizeof script,
             "set -e; cd %s; exec 2>/dev/null; "
             "new='openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2'; "
             "$new -keyout ca.key -out ca.pem -subj '/CN=Test CA'; "
             "$new -keyout self.key -out self.pem -subj '/CN=pool.example'; "
             "$new -keyout pool.key -out pool.pem -subj '/CN=pool' -CA ca.pem -CAkey ca.key "
             "-addext 'subjectAltName=DNS:pool.example,DNS:*.example.org,IP:127.0.0.1' "
             "-addext basicConstraints=critical,CA:FALSE",
             d);
    run_shell(script);
}

void certificates_remove(struct event_certificates *files)
{
    char script[128];
    snprintf(script, sizeof script, "rm -rf %s", files->directory);
    run_shell(script);
}

/* ---- pairs ---- */

static bool both_secured(void *user)
{
    const struct event_pair *pair = user;
    ck_assert_msg(pair->a.errors == 0, "client: %s", pair->a.error_text);
    ck_assert_msg(pair->b.errors == 0, "server: %s", pair->b.error_text);
    return pair->a.secured == 1 && pair->b.secured == 1;
}

static void pair_secure(struct event_pair *pair)
{
    struct event_certificates files;
    struct error err;
    certificates_make(&files);
    ck_assert_msg(tls_context_new_server(&pair->server, files.certificate, files.key, &err) ==
                      STATUS_OK,
                  "%s", err.text);
    ck_assert_msg(tls_context_new_client(&pair->client, true, files.authority, &err) == STATUS_OK,
                  "%s", err.text);
    certificates_remove(&files);
    ck_assert_int_eq(stream_start_tls(&pair->b.stream, pair->server, NULL, NULL, 0, &err),
                     STATUS_OK);
    ck_assert_int_eq(stream_start_tls(&pair->a.stream, pair->client, "pool.example", NULL, 0, &err),
                     STATUS_OK);
    rig_run_until(&pair->rig, both_secured, pair);
}

void pair_open(struct event_pair *pair, enum pair_kind kind)
{
    int fds[2];
    memset(pair, 0, sizeof *pair);
    rig_open(&pair->rig);
    side_init(&pair->a);
    side_init(&pair->b);
    if (kind == PAIR_PIPE)
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    else
        socket_pair_tcp(fds);
    side_attach(&pair->a, &pair->rig, fds[0]);
    side_attach(&pair->b, &pair->rig, fds[1]);
    pair->a.other = &pair->b;
    pair->b.other = &pair->a;
    if (kind == PAIR_TLS)
        pair_secure(pair);
    stream_read_start(&pair->a.stream);
    stream_read_start(&pair->b.stream);
}

void pair_close(struct event_pair *pair)
{
    stream_close(&pair->a.stream, false);
    stream_close(&pair->b.stream, false);
    rig_run_flag(&pair->rig, &pair->a.closed);
    rig_run_flag(&pair->rig, &pair->b.closed);
    rig_close(&pair->rig);
    ck_assert_uint_eq(pair->a.closes, 1);
    ck_assert_uint_eq(pair->b.closes, 1);
    buffer_close(&pair->a.received);
    buffer_close(&pair->b.received);
    tls_context_free(pair->client);
    tls_context_free(pair->server);
}

void pair_every_kind(void (*test)(enum pair_kind kind))
{
    test(PAIR_TCP);
    test(PAIR_PIPE);
    test(PAIR_TLS);
}
