/*
 * How it works: each connection has a framer for what comes in and a list of pieces that wait to go
 * out (only with --slow-answers). A tick every TICK_MS moves the pool's clock and lets every client
 * say what is due.
 *
 * How it can fail: a line above LINE_BYTES_MAX, bytes that are no text, or whatever the logic
 * refuses ends that connection; so does a miner that reads so slowly that QUEUE_MAX bytes wait for
 * it.
 */
#include "samples/sim/sim_pool_server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/event/connect.h"
#include "lib/stratum/frame.h"
#include "samples/sim/sim_certificate.h"
#include "samples/sim/sim_result.h"

#define TICK_MS        25
#define LINE_BYTES_MAX ((size_t)1 << 20)
#define QUEUE_MAX      ((size_t)64 << 20)

struct waiting {
    struct waiting *next;
    int64_t due_ms;
    struct buffer bytes;
};

struct sim_connection {
    struct stream stream;
    struct sim_pool_server *server;
    struct sim_client client;
    struct stratum_framer framer;
    size_t line_budget;
    struct waiting *first, *last; /* with --slow-answers */
    uint64_t lines_said;
    bool dying; /* nothing more is read or said */
    struct sim_connection *next, **link;
};

static void note(void *user, uint64_t client, const char *text)
{
    (void)user;
    if (client == 0)
        log_info("%s", text);
    else
        log_info("miner %llu: %s", (unsigned long long)client, text);
}

static struct stratum_limits limits_of(struct sim_connection *connection)
{
    return (struct stratum_limits){.line_max = LINE_BYTES_MAX,
                                   .fragment_max = LINE_BYTES_MAX,
                                   .budget_left = &connection->line_budget};
}

static void hang_up(struct sim_connection *connection, bool reset)
{
    connection->dying = true;
    stream_close(&connection->stream, reset);
}

/* The bytes up to the end of as many lines as may still be said, and half of the next one. */
static size_t cut_for_death(struct sim_connection *connection, const char *data, size_t len)
{
    uint64_t left = (uint64_t)connection->server->options->die_after - connection->lines_said;
    size_t at = 0;

    while (left > 0) {
        const char *end = memchr(data + at, '\n', len - at);

        if (end == NULL)
            return len;
        at = (size_t)(end - data) + 1;
        left--;
        connection->lines_said++;
    }
    if (at == len)
        return len;
    connection->dying = true;
    return at + (len - at) / 2;
}

static void send_now(struct sim_connection *connection, const char *data, size_t len)
{
    if (connection->server->options->die_after > 0)
        len = cut_for_death(connection, data, len);
    stream_write(&connection->stream, data, len);
    if (connection->dying) {
        log_info("miner %llu: hanging up in the middle of a line",
                 (unsigned long long)connection->client.number);
        hang_up(connection, false);
    } else if (connection->stream.queued > QUEUE_MAX) {
        log_warn("miner %llu: does not read, hanging up",
                 (unsigned long long)connection->client.number);
        hang_up(connection, true);
    }
}

/* Sends `out` now or later, and empties it. */
static void send_out(struct sim_connection *connection, struct buffer *out)
{
    struct waiting *waiting;

    if (out->len == 0 || connection->dying) {
        buffer_close(out);
        return;
    }
    if (connection->server->options->slow_ms == 0) {
        send_now(connection, out->data, out->len);
        buffer_close(out);
        return;
    }
    waiting = memory_new(sizeof(*waiting));
    waiting->due_ms = sim_now().ms + connection->server->options->slow_ms;
    waiting->bytes = *out;
    if (connection->last == NULL)
        connection->first = waiting;
    else
        connection->last->next = waiting;
    connection->last = waiting;
    *out = (struct buffer){0};
}

static void free_waiting(struct sim_connection *connection)
{
    struct waiting *waiting = connection->first;

    connection->first = waiting->next;
    if (connection->first == NULL)
        connection->last = NULL;
    buffer_close(&waiting->bytes);
    free(waiting);
}

static void send_due(struct sim_connection *connection, int64_t now_ms)
{
    while (connection->first != NULL && connection->first->due_ms <= now_ms && !connection->dying) {
        send_now(connection, connection->first->bytes.data, connection->first->bytes.len);
        free_waiting(connection);
    }
}

/* ---- stream callbacks ---- */

static void on_piece(void *context, const struct stratum_piece *piece)
{
    struct sim_connection *connection = context;
    struct buffer out = {0};
    bool keep;

    if (connection->dying)
        return;
    if (piece->opaque || piece->is_fragment) {
        log_info("miner %llu: sent what is no Stratum, hanging up",
                 (unsigned long long)connection->client.number);
        hang_up(connection, false);
        return;
    }
    keep = sim_client_line(&connection->client, sim_now(), piece->data, piece->len, &out);
    send_out(connection, &out);
    if (!keep && !connection->dying)
        hang_up(connection, false);
}

static void on_data(struct stream *stream, const char *data, size_t len)
{
    struct sim_connection *connection = stream->user;
    const struct stratum_limits limits = limits_of(connection);

    if (!connection->dying)
        stratum_framer_push(&connection->framer, &limits, data, len, on_piece, connection);
}

static void on_end(struct stream *stream)
{
    struct sim_connection *connection = stream->user;

    log_info("miner %llu: left", (unsigned long long)connection->client.number);
    hang_up(connection, false);
}

static void on_error(struct stream *stream, int code)
{
    struct sim_connection *connection = stream->user;

    log_info("miner %llu: %s", (unsigned long long)connection->client.number,
             stream_error_text(stream, code));
    hang_up(connection, false);
}

static void on_drain(struct stream *stream)
{
    (void)stream;
}

static void on_closed(struct stream *stream)
{
    struct sim_connection *connection = stream->user;
    const struct stratum_limits limits = limits_of(connection);

    *connection->link = connection->next;
    if (connection->next != NULL)
        connection->next->link = connection->link;
    while (connection->first != NULL)
        free_waiting(connection);
    stratum_framer_close(&connection->framer, &limits);
    sim_client_close(&connection->client);
    free(connection);
}

static const struct stream_callbacks callbacks = {.on_data = on_data,
                                                  .on_end = on_end,
                                                  .on_error = on_error,
                                                  .on_drain = on_drain,
                                                  .on_closed = on_closed};

/* ---- the server ---- */

static void greet(struct sim_connection *connection)
{
    struct sockaddr_storage local, peer;
    char text[ADDRESS_TEXT_MAX];
    struct error err;

    stream_addresses(&connection->stream, &local, &peer);
    address_format(text, &peer);
    log_info("miner %llu: connected from %s", (unsigned long long)connection->client.number, text);
    if (connection->server->options->hang)
        return;
    if (connection->server->tls != NULL &&
        stream_start_tls(&connection->stream, connection->server->tls, NULL, NULL, 0, &err) !=
            STATUS_OK) {
        log_warn("%s", err.text);
        hang_up(connection, true);
        return;
    }
    stream_read_start(&connection->stream);
}

static void on_connection(void *user, struct listener *listener)
{
    struct sim_pool_server *server = user;
    struct sim_connection *connection = memory_new(sizeof(*connection));

    connection->server = server;
    connection->line_budget = LINE_BYTES_MAX;
    sim_client_init(&connection->client, &server->pool, sim_now());
    stream_init(&connection->stream, server->loop, &callbacks, connection);
    connection->next = server->connections;
    connection->link = &server->connections;
    if (connection->next != NULL)
        connection->next->link = &connection->next;
    server->connections = connection;
    if (stream_accept(&connection->stream, listener) == STATUS_OK)
        greet(connection);
    else
        hang_up(connection, false);
}

static void on_tick(uv_timer_t *timer)
{
    struct sim_pool_server *server = timer->data;
    struct sim_now now = sim_now();

    sim_pool_tick(&server->pool, now);
    for (struct sim_connection *at = server->connections; at != NULL; at = at->next) {
        struct buffer out = {0};

        if (at->dying)
            continue;
        sim_client_tick(&at->client, now, &out);
        send_out(at, &out);
        send_due(at, now.ms);
    }
}

/* With --tls-self-signed and no file names the pair lives in a directory of its own, for a moment.
 */
static enum status passing_certificate(struct tls_context **out, struct error *err)
{
    char directory[] = "/tmp/hashscope-sim-XXXXXX";
    char certificate[64], key[64];
    enum status status;

    if (mkdtemp(directory) == NULL)
        return error_set(err, STATUS_IO, "no temporary directory for the certificate");
    snprintf(certificate, sizeof(certificate), "%s/cert.pem", directory);
    snprintf(key, sizeof(key), "%s/key.pem", directory);
    status = sim_certificate_write(certificate, key, err);
    if (status == STATUS_OK)
        status = tls_context_new_server(out, certificate, key, err);
    unlink(certificate);
    unlink(key);
    rmdir(directory);
    return status;
}

static enum status set_up_tls(struct sim_pool_server *server, struct error *err)
{
    const struct sim_pool_options *options = server->options;
    enum status status = STATUS_OK;

    if (options->tls_certificate == NULL || options->tls_key == NULL)
        return options->tls_self_signed ? passing_certificate(&server->tls, err) : STATUS_OK;
    if (options->tls_self_signed)
        status = sim_certificate_write(options->tls_certificate, options->tls_key, err);
    if (status != STATUS_OK)
        return status;
    return tls_context_new_server(&server->tls, options->tls_certificate, options->tls_key, err);
}

/* HOST:PORT, the host in brackets when it is IPv6; unlike a pool's address the port may be 0. */
static enum status parse_listen(struct sockaddr_storage *out, const char *text, struct error *err)
{
    const char *colon = strrchr(text, ':');
    char host[256], *end = NULL;
    size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    long port = colon == NULL ? -1 : strtol(colon + 1, &end, 10);

    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof(host) || port < 0 || port > UINT16_MAX || end == colon + 1 ||
        *end != '\0')
        return error_set(err, STATUS_INVALID, "expected HOST:PORT");
    memcpy(host, text, len);
    host[len] = '\0';
    return address_parse(out, host, (uint16_t)port, err);
}

static enum status start_listening(struct sim_pool_server *server, struct error *err)
{
    struct sockaddr_storage address;
    enum status status = parse_listen(&address, server->options->listen, err);

    if (status != STATUS_OK)
        return error_wrap(err, status, "--listen %s", server->options->listen);
    return listener_start(&server->listener, server->loop, &address, on_connection, server, err);
}

enum status sim_pool_server_start(struct sim_pool_server *server, struct stream_loop *loop,
                                  const struct sim_pool_options *options, struct error *err)
{
    struct sim_pool_settings settings = options->pool;
    enum status status;

    *server = (struct sim_pool_server){.options = options, .loop = loop};
    settings.note = note;
    status = set_up_tls(server, err);
    if (status != STATUS_OK)
        return status;
    status = start_listening(server, err);
    if (status != STATUS_OK) {
        tls_context_free(server->tls);
        return status;
    }
    sim_pool_init(&server->pool, &settings, sim_now());
    uv_timer_init(loop->uv, &server->tick);
    server->tick.data = server;
    uv_timer_start(&server->tick, on_tick, TICK_MS, TICK_MS);
    return STATUS_OK;
}

void sim_pool_server_stop(struct sim_pool_server *server)
{
    if (server->stopping)
        return;
    server->stopping = true;
    listener_stop(server->listener, NULL, NULL);
    uv_close((uv_handle_t *)&server->tick, NULL);
    for (struct sim_connection *at = server->connections; at != NULL; at = at->next)
        hang_up(at, false);
}

void sim_pool_server_free(struct sim_pool_server *server)
{
    sim_pool_close(&server->pool);
    tls_context_free(server->tls);
}
