/* The listener: ports, pausing, stopping, and a shortage of descriptors. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/event/connect.h"
#include "lib/event/listen.h"
#include "tests/unit/event/event_support.h"
#include "tests/unit/unit.h"

#define SIDES_MAX 64

struct server {
    struct event_rig rig;
    struct listener *listener;
    struct event_side sides[SIDES_MAX];
    unsigned accepted;
    unsigned wanted; /* of server_has_accepted */
    bool refuse;     /* does not take connections */
    bool stop_on_connection;
    bool pause_on_connection;
    bool stopped;
};

static void on_stopped(void *user)
{
    struct server *server = user;
    server->stopped = true;
}

static void on_connection(void *user, struct listener *listener)
{
    struct server *server = user;
    ck_assert_ptr_eq(listener, server->listener);
    if (server->refuse) {
        server->accepted++;
        return;
    }
    ck_assert_uint_lt(server->accepted, SIDES_MAX);
    struct event_side *side = &server->sides[server->accepted++];
    stream_init(&side->stream, &server->rig.loop, &side_callbacks, side);
    ck_assert_int_eq(stream_accept(&side->stream, listener), STATUS_OK);
    stream_read_start(&side->stream);
    if (server->pause_on_connection)
        listener_pause(listener);
    if (server->stop_on_connection)
        listener_stop(listener, on_stopped, server);
}

static void server_open(struct server *server, const char *host)
{
    struct sockaddr_storage address;
    struct error err;
    memset(server, 0, sizeof *server);
    rig_open(&server->rig);
    ck_assert_int_eq(address_parse(&address, host, 0, &err), STATUS_OK);
    ck_assert_msg(listener_start(&server->listener, &server->rig.loop, &address, on_connection,
                                 server, &err) == STATUS_OK,
                  "%s", err.text);
    ck_assert_uint_gt(listener_port(server->listener), 0);
}

static void server_close(struct server *server)
{
    if (!server->stopped) {
        listener_stop(server->listener, on_stopped, server);
        rig_run_flag(&server->rig, &server->stopped);
    }
    for (unsigned i = 0; !server->refuse && i < server->accepted; i++) {
        stream_close(&server->sides[i].stream, false);
        rig_run_flag(&server->rig, &server->sides[i].closed);
    }
    for (unsigned i = 0; i < SIDES_MAX; i++)
        buffer_close(&server->sides[i].received);
    rig_close(&server->rig);
}

static bool server_has_accepted(void *user)
{
    const struct server *server = user;
    return server->accepted >= server->wanted;
}

static void run_until_accepted(struct server *server, unsigned wanted)
{
    server->wanted = wanted;
    rig_run_until(&server->rig, server_has_accepted, server);
    ck_assert_uint_eq(server->accepted, wanted);
}

static int dial(int family, uint16_t port)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    in4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in6.sin6_addr = in6addr_loopback;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = family == AF_INET ? connect(fd, (struct sockaddr *)&in4, sizeof in4)
                                   : connect(fd, (struct sockaddr *)&in6, sizeof in6);
    if (result == 0)
        return fd;
    close(fd);
    return -1;
}

/* ---- in good times ---- */

static bool first_has_five(void *user)
{
    const struct server *server = user;
    return server->sides[0].received.len == 5;
}

START_TEST(takes_connections)
{
    struct server server;
    char answer[4];
    server_open(&server, "127.0.0.1");
    int fd = dial(AF_INET, listener_port(server.listener));
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(send(fd, "hello", 5, 0), 5);
    run_until_accepted(&server, 1);
    rig_run_until(&server.rig, first_has_five, &server);
    ck_assert_uint_eq(stream_write(&server.sides[0].stream, "yes", 3), 3);
    ck_assert_int_eq(recv(fd, answer, sizeof answer, 0), 3);
    int value = 0;
    socklen_t len = sizeof value;
    int accepted = server.sides[0].stream.fd;
    ck_assert_int_eq(getsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &value, &len), 0);
    ck_assert_int_ne(value, 0);
    ck_assert_int_ne(fcntl(accepted, F_GETFD) & FD_CLOEXEC, 0);
    close(fd);
    server_close(&server);
}
END_TEST

START_TEST(ipv6_any_takes_both_families)
{
    struct server server;
    struct sockaddr_storage local, peer;
    server_open(&server, "::");
    int four = dial(AF_INET, listener_port(server.listener));
    run_until_accepted(&server, 1);
    stream_addresses(&server.sides[0].stream, &local, &peer);
    ck_assert_int_eq(peer.ss_family, AF_INET); /* not ::ffff:127.0.0.1 */
    int six = dial(AF_INET6, listener_port(server.listener));
    run_until_accepted(&server, 2);
    stream_addresses(&server.sides[1].stream, &local, &peer);
    ck_assert_int_eq(peer.ss_family, AF_INET6);
    close(four);
    close(six);
    server_close(&server);
}
END_TEST

START_TEST(ipv6_any_beside_ipv4_on_the_same_port)
{
    struct server four, six;
    struct sockaddr_storage address;
    struct error err;
    server_open(&four, "0.0.0.0");
    memset(&six, 0, sizeof six);
    rig_open(&six.rig);
    ck_assert_int_eq(address_parse(&address, "::", listener_port(four.listener), &err), STATUS_OK);
    ck_assert_msg(listener_start(&six.listener, &six.rig.loop, &address, on_connection, &six,
                                 &err) == STATUS_OK,
                  "%s", err.text);
    int fd = dial(AF_INET6, listener_port(four.listener));
    run_until_accepted(&six, 1);
    ck_assert_uint_eq(four.accepted, 0);
    close(fd);
    server_close(&six);
    server_close(&four);
}
END_TEST

START_TEST(taken_address_is_busy)
{
    struct server server;
    struct sockaddr_storage address;
    struct listener *second = NULL;
    struct error err;
    char expected[64];
    server_open(&server, "127.0.0.1");
    uint16_t port = listener_port(server.listener);
    ck_assert_int_eq(address_parse(&address, "127.0.0.1", port, &err), STATUS_OK);
    ck_assert_int_eq(listener_start(&second, &server.rig.loop, &address, on_connection, NULL, &err),
                     STATUS_BUSY);
    snprintf(expected, sizeof expected, "listening on 127.0.0.1:%u: Address already in use", port);
    ck_assert_str_eq(err.text, expected);
    ck_assert_ptr_null(second);
    server_close(&server);
}
END_TEST

START_TEST(connection_not_taken_is_closed)
{
    struct server server;
    char byte;
    server_open(&server, "127.0.0.1");
    server.refuse = true;
    int fd = dial(AF_INET, listener_port(server.listener));
    run_until_accepted(&server, 1);
    ck_assert_int_eq(recv(fd, &byte, 1, 0), 0);
    close(fd);
    server_close(&server);
}
END_TEST

START_TEST(paused_listener_lets_connections_wait)
{
    struct server server;
    int fds[3];
    server_open(&server, "127.0.0.1");
    listener_pause(server.listener);
    listener_pause(server.listener);
    for (int i = 0; i < 3; i++)
        ck_assert_int_ge(fds[i] = dial(AF_INET, listener_port(server.listener)), 0);
    rig_turns(&server.rig, 10);
    ck_assert_uint_eq(server.accepted, 0);
    listener_resume(server.listener);
    listener_resume(server.listener);
    run_until_accepted(&server, 3);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    server_close(&server);
}
END_TEST

START_TEST(paused_inside_the_callback)
{
    struct server server;
    int fds[3];
    server_open(&server, "127.0.0.1");
    server.pause_on_connection = true;
    for (int i = 0; i < 3; i++)
        ck_assert_int_ge(fds[i] = dial(AF_INET, listener_port(server.listener)), 0);
    for (unsigned i = 1; i <= 3; i++) {
        run_until_accepted(&server, i);
        rig_turns(&server.rig, 5);
        ck_assert_uint_eq(server.accepted, i);
        listener_resume(server.listener);
    }
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    server_close(&server);
}
END_TEST

START_TEST(stopped_inside_the_callback)
{
    struct server server;
    server_open(&server, "127.0.0.1");
    server.stop_on_connection = true;
    uint16_t port = listener_port(server.listener);
    int first = dial(AF_INET, port);
    int second = dial(AF_INET, port);
    rig_run_flag(&server.rig, &server.stopped);
    ck_assert_uint_eq(server.accepted, 1);
    ck_assert_int_lt(dial(AF_INET, port), 0);
    close(first);
    close(second);
    server_close(&server);
}
END_TEST

/* ---- without descriptors ---- */

/* Valgrind enforces the limit itself, after the kernel has accepted, by closing the connection. */
static bool limits_are_the_kernels(void)
{
    const char *preload = getenv("LD_PRELOAD");
    return preload == NULL || strstr(preload, "vgpreload") == NULL;
}

static int lowest_free_descriptor(void)
{
    int fd = dup(STDERR_FILENO);
    close(fd);
    return fd;
}

static void limit_descriptors(int count, struct rlimit *before)
{
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, before), 0);
    struct rlimit low = *before;
    low.rlim_cur = (rlim_t)count;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
}

static bool is_refused(void *user)
{
    const struct server *server = user;
    return listener_refusals(server->listener) > 0;
}

static bool is_refused_thrice(void *user)
{
    const struct server *server = user;
    return listener_refusals(server->listener) >= 3;
}

static uint64_t cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

START_TEST(shortage_of_descriptors_makes_newcomers_wait)
{
    struct server server;
    struct rlimit before;
    int fds[3];
    char byte;
    if (!limits_are_the_kernels())
        return;
    server_open(&server, "127.0.0.1");
    rig_turns(&server.rig, 2);
    for (int i = 0; i < 3; i++)
        fds[i] = dial(AF_INET, listener_port(server.listener));
    limit_descriptors(lowest_free_descriptor() + 1, &before); /* room for one */
    run_until_accepted(&server, 1);
    rig_run_until(&server.rig, is_refused, &server);
    uint64_t start = uv_hrtime();
    uint64_t start_cpu = cpu_us();
    rig_run_until(&server.rig, is_refused_thrice, &server);
    /* 100 ms, then 200 ms, and nothing done meanwhile */
    ck_assert_uint_ge((uv_hrtime() - start) / 1000000, 290);
    ck_assert_uint_lt(cpu_us() - start_cpu, 50000);
    ck_assert_uint_eq(server.accepted, 1);
    ck_assert_int_eq(recv(fds[1], &byte, 1, MSG_DONTWAIT), -1); /* waits, was not closed */
    ck_assert_int_eq(recv(fds[2], &byte, 1, MSG_DONTWAIT), -1);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    run_until_accepted(&server, 3);
    ck_assert_uint_eq(listener_refusals(server.listener), 3);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    server_close(&server);
}
END_TEST

START_TEST(stopped_and_paused_while_backing_off)
{
    struct server server;
    struct rlimit before;
    server_open(&server, "127.0.0.1");
    rig_turns(&server.rig, 2);
    int fd = dial(AF_INET, listener_port(server.listener));
    limit_descriptors(lowest_free_descriptor(), &before);
    rig_run_until(&server.rig, is_refused, &server);
    listener_pause(server.listener);
    listener_resume(server.listener); /* must not end the back-off */
    rig_turns(&server.rig, 5);
    ck_assert_uint_eq(listener_refusals(server.listener), 1);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(fd);
    server_close(&server);
}
END_TEST

int main(void)
{
    return UNIT_RUN("event_listen", takes_connections, ipv6_any_takes_both_families,
                    ipv6_any_beside_ipv4_on_the_same_port, taken_address_is_busy,
                    connection_not_taken_is_closed, paused_listener_lets_connections_wait,
                    paused_inside_the_callback, stopped_inside_the_callback,
                    shortage_of_descriptors_makes_newcomers_wait,
                    stopped_and_paused_while_backing_off);
}
