/* TLS streams where something is wrong: certificates, hosts, peers that speak something else. The
 * right ones are in stream_test.c, beside the other transports. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "tests/unit/event/event_support.h"
#include "tests/unit/unit.h"

static struct event_certificates files;

/* ---- two streams before their handshake ---- */

struct tls_run {
    struct event_rig rig;
    struct event_side client, server;
    struct tls_context *client_context, *server_context;
};

static void must(enum status status, const struct error *err)
{
    ck_assert_msg(status == STATUS_OK, "%s", err->text);
}

static void run_open(struct tls_run *run, const char *certificate, const char *key, bool verify,
                     const char *authority)
{
    int fds[2];
    struct error err;
    memset(run, 0, sizeof *run);
    rig_open(&run->rig);
    socket_pair_tcp(fds);
    side_attach(&run->client, &run->rig, fds[0]);
    side_attach(&run->server, &run->rig, fds[1]);
    must(tls_context_new_server(&run->server_context, certificate, key, &err), &err);
    must(tls_context_new_client(&run->client_context, verify, authority, &err), &err);
}

static void start_server(struct tls_run *run, const char *early, size_t len)
{
    struct error err;
    must(stream_start_tls(&run->server.stream, run->server_context, NULL, early, len, &err), &err);
}

static void start_client(struct tls_run *run, const char *host)
{
    struct error err;
    must(stream_start_tls(&run->client.stream, run->client_context, host, NULL, 0, &err), &err);
}

static bool client_is_decided(void *user)
{
    const struct tls_run *run = user;
    return run->client.secured + run->client.errors > 0;
}

static bool both_are_secured(void *user)
{
    const struct tls_run *run = user;
    ck_assert_msg(run->client.errors == 0, "client: %s", run->client.error_text);
    ck_assert_msg(run->server.errors == 0, "server: %s", run->server.error_text);
    return run->client.secured + run->server.secured == 2;
}

static void run_close(struct tls_run *run)
{
    stream_close(&run->client.stream, false);
    stream_close(&run->server.stream, false);
    rig_run_flag(&run->rig, &run->client.closed);
    rig_run_flag(&run->rig, &run->server.closed);
    rig_close(&run->rig);
    tls_context_free(run->client_context);
    tls_context_free(run->server_context);
    buffer_close(&run->client.received);
    buffer_close(&run->server.received);
}

/* ---- certificates and hosts ---- */

struct host_case {
    const char *host;
    const char *error; /* NULL: accepted */
};

static void check_host(const struct host_case *expected)
{
    struct tls_run run;
    run_open(&run, files.certificate, files.key, true, files.authority);
    start_server(&run, NULL, 0);
    start_client(&run, expected->host);
    rig_run_until(&run.rig, client_is_decided, &run);
    ck_assert_msg((run.client.secured == 1) == (expected->error == NULL), "%s: %s", expected->host,
                  run.client.error_text);
    if (expected->error != NULL) {
        ck_assert_int_eq(run.client.error, UV_EPROTO);
        ck_assert_str_eq(run.client.error_text, expected->error);
    }
    run_close(&run);
}

START_TEST(hosts_are_checked)
{
    static const struct host_case cases[] = {
        {"pool.example", NULL},
        {"pool.example.", NULL},
        {"eu1.example.org", NULL},
        {"127.0.0.1", NULL},
        {"other.example", "certificate verify failed: hostname mismatch"},
        {"example.org", "certificate verify failed: hostname mismatch"},
        {"a.b.example.org", "certificate verify failed: hostname mismatch"},
        {"127.0.0.2", "certificate verify failed: IP address mismatch"},
        {"::1", "certificate verify failed: IP address mismatch"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_host(&cases[i]);
}
END_TEST

START_TEST(self_signed_certificate_is_refused)
{
    struct tls_run run;
    run_open(&run, files.selfsigned, files.selfsigned_key, true, files.authority);
    start_server(&run, NULL, 0);
    start_client(&run, "pool.example");
    rig_run_flag(&run.rig, &run.client.failed);
    ck_assert_int_eq(run.client.error, UV_EPROTO);
    ck_assert_str_eq(run.client.error_text, "certificate verify failed: self-signed certificate");
    ck_assert_uint_eq(run.client.secured, 0);
    rig_run_flag(&run.rig, &run.server.failed); /* it gets the alert */
    ck_assert_int_eq(run.server.error, UV_EPROTO);
    ck_assert_str_eq(run.server.error_text, "TLS: tlsv1 alert unknown ca");
    run_close(&run);
}
END_TEST

START_TEST(without_verification_anything_goes)
{
    struct tls_run run;
    run_open(&run, files.selfsigned, files.selfsigned_key, false, NULL);
    start_server(&run, NULL, 0);
    start_client(&run, "whatever.example");
    rig_run_until(&run.rig, both_are_secured, &run);
    run_close(&run);
}
END_TEST

START_TEST(verification_needs_a_host)
{
    struct tls_run run;
    struct error err;
    run_open(&run, files.certificate, files.key, true, files.authority);
    ck_assert_int_eq(stream_start_tls(&run.client.stream, run.client_context, NULL, NULL, 0, &err),
                     STATUS_INVALID);
    ck_assert_ptr_null(run.client.stream.tls);
    run_close(&run);
}
END_TEST

START_TEST(contexts_tell_what_is_wrong_with_files)
{
    struct tls_context *context = NULL;
    struct error err;
    ck_assert_int_eq(tls_context_new_server(&context, "/nowhere/a.pem", files.key, &err),
                     STATUS_NOT_FOUND);
    ck_assert_str_eq(err.text, "certificate /nowhere/a.pem: No such file or directory");
    ck_assert_int_eq(
        tls_context_new_server(&context, files.certificate, files.selfsigned_key, &err),
        STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "key values mismatch"));
    ck_assert_ptr_nonnull(strstr(err.text, files.selfsigned_key));
    ck_assert_int_eq(tls_context_new_server(&context, files.key, files.key, &err), STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "no start line"));
    ck_assert_int_eq(tls_context_new_client(&context, true, "/nowhere/ca.pem", &err),
                     STATUS_NOT_FOUND);
    ck_assert_int_eq(tls_context_new_client(&context, true, files.key, &err), STATUS_INVALID);
    ck_assert_ptr_null(context);
    must(tls_context_new_client(&context, true, NULL, &err), &err);
    tls_context_free(context);
    tls_context_free(NULL);
}
END_TEST

/* ---- peers that speak something else ---- */

static void server_gets(const char *bytes, size_t len, const char *error)
{
    struct tls_run run;
    run_open(&run, files.certificate, files.key, true, files.authority);
    start_server(&run, NULL, 0);
    (void)stream_write(&run.client.stream, bytes, len); /* a plain stream */
    rig_run_flag(&run.rig, &run.server.failed);
    ck_assert_int_eq(run.server.error, UV_EPROTO);
    ck_assert_str_eq(run.server.error_text, error);
    rig_turns(&run.rig, 5);
    ck_assert_uint_eq(run.server.errors, 1);
    ck_assert_uint_eq(run.server.secured, 0);
    run_close(&run);
}

START_TEST(plain_bytes_to_a_tls_server_are_an_error)
{
    static const char subscribe[] = "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n";
    static const char http[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    char junk[4096];
    unsigned seed = 11;
    fill_random(junk, sizeof junk, &seed);
    junk[0] = 0x55;
    server_gets(subscribe, strlen(subscribe), "the peer does not speak TLS: wrong version number");
    server_gets(http, strlen(http), "the peer does not speak TLS: http request");
    server_gets(junk, sizeof junk, "the peer does not speak TLS: wrong version number");
}
END_TEST

START_TEST(plain_bytes_to_a_tls_client_are_an_error)
{
    struct tls_run run;
    run_open(&run, files.certificate, files.key, true, files.authority);
    start_client(&run, "pool.example");
    stream_read_start(&run.server.stream);
    (void)stream_write(&run.server.stream, "{\"id\":1,\"result\":true}\n", 23);
    rig_run_flag(&run.rig, &run.client.failed);
    ck_assert_int_eq(run.client.error, UV_EPROTO);
    ck_assert_ptr_nonnull(strstr(run.client.error_text, "does not speak TLS"));
    run_close(&run);
}
END_TEST

START_TEST(end_during_the_handshake_is_an_error)
{
    struct tls_run run;
    run_open(&run, files.certificate, files.key, true, files.authority);
    start_client(&run, "pool.example");
    stream_close(&run.server.stream, false);
    rig_run_flag(&run.rig, &run.client.failed);
    ck_assert(run.client.error == UV_EPROTO || run.client.error == UV_ECONNRESET);
    ck_assert_uint_eq(run.client.ends, 0);
    run_close(&run);

    run_open(&run, files.certificate, files.key, true, files.authority);
    start_server(&run, NULL, 0);
    stream_shutdown(&run.client.stream); /* plain: only a FIN */
    rig_run_flag(&run.rig, &run.server.failed);
    ck_assert_str_eq(run.server.error_text, "TLS: connection closed during the handshake");
    run_close(&run);
}
END_TEST

/* ---- bytes that come early, late or damaged ---- */

START_TEST(early_bytes_belong_to_the_handshake)
{
    struct tls_run run;
    char hello[4096];
    run_open(&run, files.certificate, files.key, true, files.authority);
    start_client(&run, "pool.example");
    int fd = run.server.stream.fd;
    ssize_t len = recv(fd, hello, sizeof hello, 0);
    ck_assert_int_gt(len, 100);
    start_server(&run, hello, (size_t)len);
    ck_assert_uint_eq(run.server.secured + run.server.errors, 0);
    rig_run_until(&run.rig, both_are_secured, &run);
    run_close(&run);
}
END_TEST

static bool server_has_all(void *user)
{
    const struct tls_run *run = user;
    ck_assert_uint_eq(run->client.errors + run->server.errors, 0);
    return run->server.received.len == 100000 && run->server.ended;
}

START_TEST(written_and_shut_down_before_the_handshake)
{
    struct tls_run run;
    char *bytes = calloc(1, 100000);
    run_open(&run, files.certificate, files.key, true, files.authority);
    start_client(&run, "pool.example");
    ck_assert_uint_eq(stream_write(&run.client.stream, bytes, 60000), 0);
    ck_assert_uint_eq(stream_write(&run.client.stream, bytes, 40000), 0);
    ck_assert_uint_eq(run.client.stream.queued, 100000);
    stream_shutdown(&run.client.stream);
    start_server(&run, NULL, 0);
    stream_read_start(&run.server.stream);
    rig_run_until(&run.rig, server_has_all, &run);
    rig_turns(&run.rig, 5);
    ck_assert_uint_eq(run.client.drains, 1);
    ck_assert_uint_eq(run.client.stream.queued, 0);
    run_close(&run);
    free(bytes);
}
END_TEST

START_TEST(data_behind_the_handshake_waits_for_read_start)
{
    struct tls_run run;
    run_open(&run, files.certificate, files.key, true, files.authority);
    start_client(&run, "pool.example");
    (void)stream_write(&run.client.stream, "first", 5);
    start_server(&run, NULL, 0);
    rig_run_until(&run.rig, both_are_secured, &run); /* nobody reads yet */
    rig_turns(&run.rig, 10);
    ck_assert_uint_eq(run.server.received.len, 0);
    ck_assert(!run.server.stream.receiving); /* the socket is not read either */
    stream_read_start(&run.server.stream);
    ck_assert_uint_eq(run.server.received.len, 0);
    rig_turns(&run.rig, 10);
    ck_assert(
        span_equal_text(span_make(run.server.received.data, run.server.received.len), "first"));
    run_close(&run);
}
END_TEST

static void send_raw(struct event_side *side, const void *bytes, size_t len)
{
    int fd = side->stream.fd;
    ck_assert_int_eq(send(fd, bytes, len, 0), (ssize_t)len);
}

START_TEST(damaged_record_is_an_error)
{
    struct tls_run run;
    static const char record[] = "\x17\x03\x03\x00\x20"
                                 "01234567890123456789012345678901";
    run_open(&run, files.certificate, files.key, true, files.authority);
    start_client(&run, "pool.example");
    start_server(&run, NULL, 0);
    rig_run_until(&run.rig, both_are_secured, &run);
    stream_read_start(&run.server.stream);
    send_raw(&run.client, record, sizeof record - 1);
    rig_run_flag(&run.rig, &run.server.failed);
    ck_assert_int_eq(run.server.error, UV_EPROTO);
    ck_assert_str_eq(run.server.error_text, "TLS: decryption failed or bad record mac");
    run_close(&run);
}
END_TEST

START_TEST(end_without_close_notify_is_an_end)
{
    struct tls_run run;
    run_open(&run, files.certificate, files.key, true, files.authority);
    start_client(&run, "pool.example");
    start_server(&run, NULL, 0);
    rig_run_until(&run.rig, both_are_secured, &run);
    stream_read_start(&run.server.stream);
    (void)stream_write(&run.client.stream, "words", 5);
    int fd = run.client.stream.fd;
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    rig_run_flag(&run.rig, &run.server.ended);
    ck_assert(
        span_equal_text(span_make(run.server.received.data, run.server.received.len), "words"));
    ck_assert_uint_eq(run.server.errors, 0);
    run_close(&run);
}
END_TEST

/* ---- a peer that asks for new keys, for which OpenSSL answers by itself ---- */

struct asking {
    struct event_rig rig;
    struct event_side server;
    struct tls_context *context;
    SSL_CTX *client_context;
    SSL *client; /* on a socket of its own, without a stream */
    int fd;
};

static void asking_open(struct asking *asking)
{
    int fds[2];
    struct error err;
    memset(asking, 0, sizeof *asking);
    rig_open(&asking->rig);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0); /* holds little */
    ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    asking->fd = fds[0];
    side_attach(&asking->server, &asking->rig, fds[1]);
    must(tls_context_new_server(&asking->context, files.certificate, files.key, &err), &err);
    must(stream_start_tls(&asking->server.stream, asking->context, NULL, NULL, 0, &err), &err);
    asking->client_context = SSL_CTX_new(TLS_client_method());
    asking->client = SSL_new(asking->client_context);
    ck_assert_int_eq(SSL_set_fd(asking->client, fds[0]), 1);
    while (SSL_connect(asking->client) != 1 || asking->server.secured == 0)
        rig_turns(&asking->rig, 1);
    stream_read_start(&asking->server.stream);
}

static void asking_close(struct asking *asking)
{
    SSL_free(asking->client);
    SSL_CTX_free(asking->client_context);
    close(asking->fd);
    stream_close(&asking->server.stream, false);
    rig_run_flag(&asking->rig, &asking->server.closed);
    rig_close(&asking->rig);
    tls_context_free(asking->context);
    buffer_close(&asking->server.received);
}

static void ask(struct asking *asking, int times)
{
    for (int i = 0; i < times && !asking->server.failed; i++) {
        ck_assert_int_eq(SSL_key_update(asking->client, SSL_KEY_UPDATE_REQUESTED), 1);
        while (!asking->server.failed && SSL_do_handshake(asking->client) != 1)
            rig_turns(&asking->rig, 1);
    }
}

START_TEST(answers_that_are_not_read_are_bounded)
{
    struct asking asking;
    asking_open(&asking);
    for (int i = 0; i < 1000 && !asking.server.failed; i++) {
        ask(&asking, 50);
        rig_turns(&asking.rig, 1);
        ck_assert_uint_lt(asking.server.stream.queued, 32768);
    }
    ck_assert_int_eq(asking.server.error, UV_EPROTO);
    ck_assert_str_eq(asking.server.error_text,
                     "TLS: the peer asks for answers that it does not read");
    asking_close(&asking);
}
END_TEST

START_TEST(new_keys_may_be_asked_for_between_words)
{
    struct asking asking;
    char drain[4096];
    asking_open(&asking);
    for (int i = 0; i < 300; i++) {
        ask(&asking, 5);
        ck_assert_int_eq(SSL_write(asking.client, "word", 4), 4);
        rig_turns(&asking.rig, 4);
        ck_assert_int_le(SSL_read(asking.client, drain, sizeof drain), 0);
    }
    rig_turns(&asking.rig, 10);
    ck_assert_uint_eq(asking.server.received.len, 1200);
    ck_assert(!asking.server.failed);
    asking_close(&asking);
}
END_TEST

static void close_at_turn(int turn)
{
    struct tls_run run;
    run_open(&run, files.certificate, files.key, true, files.authority);
    start_client(&run, "pool.example");
    start_server(&run, NULL, 0);
    (void)stream_write(&run.client.stream, "unsent", 6);
    rig_turns(&run.rig, turn);
    run_close(&run);
}

START_TEST(close_at_any_point_of_the_handshake)
{
    for (int turn = 0; turn < 8; turn++)
        close_at_turn(turn);
}
END_TEST

int main(void)
{
    certificates_make(&files);
    int result =
        UNIT_RUN("event_tls", hosts_are_checked, self_signed_certificate_is_refused,
                 without_verification_anything_goes, verification_needs_a_host,
                 contexts_tell_what_is_wrong_with_files, plain_bytes_to_a_tls_server_are_an_error,
                 plain_bytes_to_a_tls_client_are_an_error, end_during_the_handshake_is_an_error,
                 early_bytes_belong_to_the_handshake, written_and_shut_down_before_the_handshake,
                 data_behind_the_handshake_waits_for_read_start, damaged_record_is_an_error,
                 end_without_close_notify_is_an_end, answers_that_are_not_read_are_bounded,
                 new_keys_may_be_asked_for_between_words, close_at_any_point_of_the_handshake);
    certificates_remove(&files);
    return result;
}
