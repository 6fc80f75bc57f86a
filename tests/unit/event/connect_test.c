/* Targets as text, addresses as text, and connecting: refusals, time limits, backups, cancelling.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/event/connect.h"
#include "tests/unit/event/event_support.h"
#include "tests/unit/unit.h"

/* ---- targets ---- */

START_TEST(targets_that_are_right)
{
    static const struct {
        const char *text;
        const char *host;
        uint16_t port;
        bool tls;
    } cases[] = {
        {"pool.example.com", "pool.example.com", 3333, false},
        {"pool.example.com:443", "pool.example.com", 443, false},
        {"stratum+tcp://pool.example.com:3334", "pool.example.com", 3334, false},
        {"stratum+ssl://pool.example.com", "pool.example.com", 3333, true},
        {"stratum+tls://pool.example.com:1", "pool.example.com", 1, true},
        {"tcp://a:65535", "a", 65535, false},
        {"ssl://a", "a", 3333, true},
        {"tls://10.0.0.1:25", "10.0.0.1", 25, true},
        {"STRATUM+TCP://Pool:1", "Pool", 1, false},
        {"[2001:db8::1]", "2001:db8::1", 3333, false},
        {"[::1]:3334", "::1", 3334, false},
        {"stratum+ssl://[::ffff:192.0.2.1]:7", "::ffff:192.0.2.1", 7, true},
        {"[fe80::1%eth0]:3333", "fe80::1%eth0", 3333, false},
        {"my_pool-1.local.", "my_pool-1.local.", 3333, false},
        {"3com.example", "3com.example", 3333, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct connect_target target;
        struct error err;
        ck_assert_msg(connect_target_parse(&target, cases[i].text, 3333, &err) == STATUS_OK, "%s",
                      err.text);
        ck_assert_str_eq(target.host, cases[i].host);
        ck_assert_uint_eq(target.port, cases[i].port);
        ck_assert(target.tls == cases[i].tls);
    }
}
END_TEST

START_TEST(targets_that_are_wrong)
{
    static const struct {
        const char *text;
        const char *error; /* a part of it */
    } cases[] = {
        {"", "host is missing"},
        {"stratum+tcp://", "host is missing"},
        {":3333", "host is missing"},
        {"http://pool", "unknown scheme"},
        {"stratum2+tcp://pool", "unknown scheme"},
        {"stratum+tcp:/pool", "path"},
        {"pool:", "port"},
        {"pool:0", "port"},
        {"pool:65536", "port"},
        {"pool:99999", "port"},
        {"pool:033333", "port"},
        {"pool:-1", "port"},
        {"pool:+1", "port"},
        {"pool: 1", "port"},
        {"pool:33a", "port"},
        {"pool:1/", "path"},
        {"pool/x", "path"},
        {"pool?x", "path"},
        {"pool#x", "path"},
        {"user:secret@pool:1", "user and password"},
        {"2001:db8::1", "brackets"},
        {"::1", "brackets"},
        {"[::1", "not closed"},
        {"[::1]3333", "only a port"},
        {"[::1]:", "port"},
        {"[pool]:1", "not an IPv6"},
        {"[]", "not an IPv6"},
        {"[::1%]", "not an IPv6"},
        {"[10.0.0.1]", "not an IPv6"},
        {"po ol", "there is a blank in it"},
        {" pool", "there is a blank in it"},
        {"pool\n", "there is a blank in it"},
        {"a..b", "not a host name"},
        {".", "not a host name"},
        {"-a", "not a host name"},
        {"p\xc3\xb6ol", "not a host name"},
        {"3333", "four decimal numbers"},
        {"10.0.1", "four decimal numbers"},
        {"0x7f.1", "four decimal numbers"},
        {"010.0.0.1", "four decimal numbers"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct connect_target target;
        struct error err = {{0}};
        ck_assert_msg(connect_target_parse(&target, cases[i].text, 3333, &err) == STATUS_INVALID,
                      "taken: %s", cases[i].text);
        ck_assert_msg(strstr(err.text, cases[i].error) != NULL, "%s: %s", cases[i].text, err.text);
        ck_assert_ptr_null(strstr(err.text, "secret"));
    }
}
END_TEST

START_TEST(targets_of_any_length)
{
    char text[600];
    struct connect_target target;
    struct error err;
    for (size_t len = 1; len < sizeof text - 1; len++) {
        for (size_t i = 0; i < len; i++)
            text[i] = i % 60 == 59 ? '.' : 'a';
        text[len] = '\0';
        enum status status = connect_target_parse(&target, text, 1, &err);
        ck_assert_int_eq(status, len <= 253 || (len == 254 && text[253] == '.') ? STATUS_OK
                                                                                : STATUS_INVALID);
    }
    memset(text, 'a', 64);
    text[64] = '\0'; /* one label */
    ck_assert_int_eq(connect_target_parse(&target, text, 1, &err), STATUS_INVALID);
    text[63] = '\0';
    ck_assert_int_eq(connect_target_parse(&target, text, 1, &err), STATUS_OK);
}
END_TEST

/* ---- addresses ---- */

static void check_address(const char *host, const char *text)
{
    struct sockaddr_storage address;
    struct error err;
    char out[ADDRESS_TEXT_MAX];
    ck_assert_int_eq(address_parse(&address, host, 3333, &err), STATUS_OK);
    address_format(out, &address);
    ck_assert_str_eq(out, text);
}

START_TEST(addresses_both_ways)
{
    struct sockaddr_storage address = {0};
    struct error err;
    char out[ADDRESS_TEXT_MAX] = "x";
    check_address("203.0.113.9", "203.0.113.9:3333");
    check_address("0.0.0.0", "0.0.0.0:3333");
    check_address("::", "[::]:3333");
    check_address("2001:DB8:0:0:0:0:0:1", "[2001:db8::1]:3333");
    check_address("::ffff:10.0.0.7", "10.0.0.7:3333");
    address_format(out, &address);
    ck_assert_str_eq(out, "");
    struct sockaddr_in6 longest = {.sin6_family = AF_INET6, .sin6_scope_id = UINT32_MAX};
    memset(&longest.sin6_addr, 0xff, sizeof longest.sin6_addr);
    longest.sin6_port = 0xffff;
    memcpy(&address, &longest, sizeof longest);
    address_format(out, &address);
    ck_assert_str_eq(out, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
    static const char *const wrong[] = {"",          "localhost", "10.0.0",
                                        "010.0.0.1", "[::]",      "1.2.3.4:5"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(address_parse(&address, wrong[i], 1, &err), STATUS_INVALID);
}
END_TEST

/* ---- connecting ---- */

struct attempt {
    struct event_rig rig;
    struct event_side side;
    struct connect_target targets[4];
    size_t count;
    struct connector *connector;
    bool done;
    unsigned calls;
    enum status status;
    size_t target;
    struct error error;
};

static void on_done(void *user, enum status status, size_t target, const struct error *error)
{
    struct attempt *attempt = user;
    attempt->done = true;
    attempt->calls++;
    attempt->status = status;
    attempt->target = target;
    if (error != NULL)
        attempt->error = *error;
}

static void attempt_open(struct attempt *attempt)
{
    memset(attempt, 0, sizeof *attempt);
    rig_open(&attempt->rig);
}

static void attempt_target(struct attempt *attempt, const char *host, uint16_t port)
{
    struct connect_target *target = &attempt->targets[attempt->count++];
    snprintf(target->host, sizeof target->host, "%s", host);
    target->port = port;
}

static void attempt_start(struct attempt *attempt, uint32_t timeout_ms)
{
    attempt->connector =
        connector_start(&attempt->rig.loop, attempt->targets, attempt->count, timeout_ms,
                        &attempt->side.stream, &side_callbacks, &attempt->side, on_done, attempt);
    ck_assert_ptr_nonnull(attempt->connector);
    ck_assert(!attempt->done);
}

static void attempt_run(struct attempt *attempt, uint32_t timeout_ms)
{
    attempt_start(attempt, timeout_ms);
    rig_run_flag(&attempt->rig, &attempt->done);
}

static void attempt_close(struct attempt *attempt)
{
    if (attempt->done && attempt->status == STATUS_OK) {
        stream_close(&attempt->side.stream, false);
        rig_run_flag(&attempt->rig, &attempt->side.closed);
    }
    rig_close(&attempt->rig);
    ck_assert_uint_le(attempt->calls, 1);
    buffer_close(&attempt->side.received);
}

/* A port of this machine on which nobody listens. */
static uint16_t port_unused(void)
{
    uint16_t port;
    close(socket_listen_any(&port));
    return port;
}

/* A listening socket whose backlog is full: further connections get no answer. */
struct blackhole {
    int listener;
    int fillers[8];
    uint16_t port;
};

static void blackhole_open(struct blackhole *hole)
{
    hole->listener = socket_listen_any(&hole->port);
    ck_assert_int_eq(listen(hole->listener, 0), 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(hole->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < 8; i++) {
        hole->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(hole->fillers[i], (struct sockaddr *)&address, sizeof address);
    }
}

static void blackhole_close(struct blackhole *hole)
{
    for (int i = 0; i < 8; i++)
        close(hole->fillers[i]);
    close(hole->listener);
}

static void check_option(struct stream *stream, int level, int option)
{
    int value = 0;
    socklen_t len = sizeof value;
    ck_assert_int_eq(getsockopt(stream->fd, level, option, &value, &len), 0);
    ck_assert_int_ne(value, 0);
}

START_TEST(connects_and_talks)
{
    struct attempt attempt;
    uint16_t port;
    char bytes[8];
    int listener = socket_listen_any(&port);
    attempt_open(&attempt);
    attempt_target(&attempt, "127.0.0.1", port);
    attempt_run(&attempt, 5000);
    ck_assert_int_eq(attempt.status, STATUS_OK);
    ck_assert_uint_eq(attempt.target, 0);
    check_option(&attempt.side.stream, IPPROTO_TCP, TCP_NODELAY);
    check_option(&attempt.side.stream, SOL_SOCKET, SO_KEEPALIVE);
    ck_assert_ptr_eq(attempt.side.stream.user, &attempt.side);
    int peer = accept(listener, NULL, NULL);
    ck_assert_uint_eq(stream_write(&attempt.side.stream, "hello", 5), 5);
    ck_assert_int_eq(recv(peer, bytes, sizeof bytes, 0), 5);
    ck_assert_int_eq(send(peer, "there", 5, 0), 5);
    close(peer);
    stream_read_start(&attempt.side.stream);
    rig_run_flag(&attempt.rig, &attempt.side.ended);
    ck_assert(
        span_equal_text(span_make(attempt.side.received.data, attempt.side.received.len), "there"));
    attempt_close(&attempt);
    close(listener);
}
END_TEST

START_TEST(a_name_is_resolved)
{
    struct attempt attempt;
    uint16_t port;
    int listener = socket_listen_any(&port);
    attempt_open(&attempt);
    attempt_target(&attempt, "localhost", port); /* ::1, where there is one, refuses */
    attempt_run(&attempt, 5000);
    ck_assert_msg(attempt.status == STATUS_OK, "%s", attempt.error.text);
    attempt_close(&attempt);
    close(listener);
}
END_TEST

START_TEST(refused_then_the_backup_answers)
{
    struct attempt attempt;
    uint16_t port;
    int listener = socket_listen_any(&port);
    attempt_open(&attempt);
    attempt_target(&attempt, "127.0.0.1", port_unused());
    attempt_target(&attempt, "::1", port_unused());
    attempt_target(&attempt, "127.0.0.1", port);
    attempt_run(&attempt, 5000);
    ck_assert_int_eq(attempt.status, STATUS_OK);
    ck_assert_uint_eq(attempt.target, 2);
    attempt_close(&attempt);
    close(listener);
}
END_TEST

START_TEST(all_failures_are_told)
{
    struct attempt attempt;
    char expected[300];
    uint16_t first = port_unused();
    attempt_open(&attempt);
    attempt_target(&attempt, "127.0.0.1", first);
    attempt_target(&attempt, "no-such-host.invalid", 3333);
    attempt_target(&attempt, "127.0.0.1", first);
    attempt_run(&attempt, 5000);
    ck_assert_int_ne(attempt.status, STATUS_OK);
    ck_assert_uint_eq(attempt.target, 3);
    snprintf(expected, sizeof expected,
             "127.0.0.1:%u: connection refused; no-such-host.invalid:3333", first);
    ck_assert_msg(strncmp(attempt.error.text, expected, strlen(expected)) == 0, "%s",
                  attempt.error.text);
    snprintf(expected, sizeof expected, "; 127.0.0.1:%u: connection refused", first);
    ck_assert_msg(strstr(attempt.error.text, expected) != NULL, "%s", attempt.error.text);
    ck_assert_uint_eq(attempt.side.closes, 0);
    attempt_close(&attempt);
}
END_TEST

START_TEST(nothing_to_connect_to)
{
    struct attempt attempt;
    attempt_open(&attempt);
    attempt_run(&attempt, 100);
    ck_assert_int_eq(attempt.status, STATUS_NOT_FOUND);
    ck_assert_str_eq(attempt.error.text, "nowhere to connect to");
    attempt_close(&attempt);
}
END_TEST

START_TEST(no_answer_is_given_up_in_time)
{
    struct attempt attempt;
    struct blackhole hole;
    char expected[100];
    blackhole_open(&hole);
    attempt_open(&attempt);
    attempt_target(&attempt, "127.0.0.1", hole.port);
    uint64_t before = uv_hrtime();
    attempt_run(&attempt, 150);
    uint64_t took_ms = (uv_hrtime() - before) / 1000000;
    ck_assert_int_eq(attempt.status, STATUS_TIMEOUT);
    snprintf(expected, sizeof expected, "127.0.0.1:%u: no answer in 150 ms", hole.port);
    ck_assert_str_eq(attempt.error.text, expected);
    ck_assert_uint_ge(took_ms, 145);
    ck_assert_uint_lt(took_ms, 2000);
    attempt_close(&attempt);
    blackhole_close(&hole);
}
END_TEST

START_TEST(after_a_time_out_the_backup_answers)
{
    struct attempt attempt;
    struct blackhole hole;
    uint16_t port;
    int listener = socket_listen_any(&port);
    blackhole_open(&hole);
    attempt_open(&attempt);
    attempt_target(&attempt, "127.0.0.1", hole.port);
    attempt_target(&attempt, "127.0.0.1", port);
    attempt_run(&attempt, 100);
    ck_assert_int_eq(attempt.status, STATUS_OK);
    ck_assert_uint_eq(attempt.target, 1);
    attempt_close(&attempt);
    blackhole_close(&hole);
    close(listener);
}
END_TEST

static void cancel_after(const char *host, uint16_t port, int turns)
{
    struct attempt attempt;
    attempt_open(&attempt);
    attempt_target(&attempt, host, port);
    attempt_start(&attempt, 5000);
    rig_turns(&attempt.rig, turns);
    if (!attempt.done) {
        connector_cancel(attempt.connector);
        rig_turns(&attempt.rig, 20);
        ck_assert(!attempt.done);
    }
    ck_assert_uint_eq(attempt.side.closes, 0);
    attempt_close(&attempt); /* the loop must come to its end */
    ck_assert_uint_eq(attempt.calls, attempt.done);
}

START_TEST(cancel_at_any_step)
{
    struct blackhole hole;
    uint16_t port;
    int listener = socket_listen_any(&port);
    blackhole_open(&hole);
    for (int turns = 0; turns < 4; turns++) {
        cancel_after("127.0.0.1", hole.port, turns);
        cancel_after("127.0.0.1", port, turns);
        cancel_after("localhost", hole.port, turns);
        cancel_after("no-such-host.invalid", 1, turns);
        cancel_after("127.0.0.1", port_unused(), turns);
    }
    blackhole_close(&hole);
    close(listener);
}
END_TEST

int main(void)
{
    return UNIT_RUN("event_connect", targets_that_are_right, targets_that_are_wrong,
                    targets_of_any_length, addresses_both_ways, connects_and_talks,
                    a_name_is_resolved, refused_then_the_backup_answers, all_failures_are_told,
                    nothing_to_connect_to, no_answer_is_given_up_in_time,
                    after_a_time_out_the_backup_answers, cancel_at_any_step);
}
