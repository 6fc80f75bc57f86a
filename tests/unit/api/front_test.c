/* The front before an HTTP server: bodies and answers larger than any queue, and who is behind. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/access/auth.h"
#include "api/front/front.h"
#include "lib/base/memory.h"
#include "tests/unit/unit.h"

#define BODY   900000u
#define ANSWER 3000000u
#define HEAD   "HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n"

struct server {
    int listener;
    uint16_t port;
    const struct front *front;
    size_t received;
    bool known; /* the front knows who is behind the connection */
    struct front_peer peer;
};

static void write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

        if (sent <= 0)
            return;
        data += sent;
        len -= (size_t)sent;
    }
}

static size_t read_until(int fd, size_t wanted, const char *mark)
{
    char *data = memory_new(wanted + 1);
    size_t len = 0;
    ssize_t got;

    while (len < wanted && (got = recv(fd, data + len, wanted - len, 0)) > 0) {
        len += (size_t)got;
        if (mark != NULL && memmem(data, len, mark, strlen(mark)) != NULL)
            break;
    }
    free(data);
    return len;
}

/* Takes one request to its END (a close with bytes unread would be a reset), answers at length, and
 * closes. */
static void *serve(void *user)
{
    struct server *server = user;
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    int fd = accept(server->listener, (struct sockaddr *)&peer, &len);
    char *answer = memory_new(ANSWER);

    server->received = read_until(fd, 2 * BODY, "END");
    server->known = front_peer(server->front, ntohs(peer.sin_port), &server->peer);
    write_all(fd, HEAD, sizeof(HEAD) - 1);
    write_all(fd, answer, ANSWER);
    free(answer);
    close(fd);
    return NULL;
}

static int listen_somewhere(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static int dial(uint16_t port)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static struct front *start(const struct auth *auth, uint16_t server_port)
{
    const struct front_options options = {
        .host = "127.0.0.1", .port_count = 1, .auth = auth, .server_port = server_port};
    struct front *front = NULL;
    struct error err = {""};

    ck_assert_msg(front_start(&front, &options, &err) == STATUS_OK, "%s", err.text);
    return front;
}

START_TEST(large_bodies_and_answers_pass_whole)
{
    const struct auth_options open = {.token = NULL};
    struct server server = {.listener = -1};
    struct front_facts facts;
    struct front_peer nobody;
    struct auth *auth = NULL;
    struct front *front;
    char head[128], *body = memory_new(BODY);
    pthread_t thread;
    int client;

    ck_assert_int_eq(auth_new(&auth, &open, NULL), STATUS_OK);
    server.listener = listen_somewhere(&server.port);
    server.front = front = start(auth, server.port);
    pthread_create(&thread, NULL, serve, &server);
    client = dial(front_port(front, 0));
    snprintf(head, sizeof head, "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: %u\r\n\r\n",
             BODY);
    write_all(client, head, strlen(head));
    memset(body, 'x', BODY);
    memcpy(body + BODY - 3, "END", 3);
    write_all(client, body, BODY);
    ck_assert_uint_eq(read_until(client, sizeof(HEAD) - 1 + ANSWER, NULL),
                      sizeof(HEAD) - 1 + ANSWER);
    pthread_join(thread, NULL);
    ck_assert_uint_eq(server.received, strlen(head) + BODY);
    ck_assert(server.known);
    ck_assert_int_eq(strncmp(server.peer.text, "127.0.0.1:", 10), 0);
    ck_assert(!front_peer(front, 1, &nobody));
    front_facts(front, &facts);
    ck_assert_uint_eq(facts.requests, 1);
    close(client);
    close(server.listener);
    free(body);
    front_stop(front);
    auth_free(auth);
}
END_TEST

/* Takes a request and says `words` in place of an answer, `times` times. */
struct mumbler {
    int listener;
    const char *words;
    int times;
};

static void *mumble(void *user)
{
    const struct mumbler *mumbler = user;

    for (int i = 0; i < mumbler->times; i++) {
        int fd = accept(mumbler->listener, NULL, NULL);

        (void)read_until(fd, 4096, "\r\n\r\n");
        write_all(fd, mumbler->words, strlen(mumbler->words));
        shutdown(fd, SHUT_WR);
        (void)read_until(fd, 4096, NULL);
        close(fd);
    }
    return NULL;
}

/* Whatever the server does, a client gets a status line. */
START_TEST(no_answer_is_without_a_status)
{
    static const char *const words[] = {"", "\r\n\r\n", "HTTP/1.1 200 OK", "<html>\r\n\r\n",
                                        "HTTP/0.9\r\n\r\n"};
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const struct auth_options open = {.token = NULL};
    struct auth *auth = NULL;
    char answer[13];

    ck_assert_int_eq(auth_new(&auth, &open, NULL), STATUS_OK);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct mumbler mumbler = {.words = words[i], .times = 1};
        uint16_t port;
        pthread_t thread;

        mumbler.listener = listen_somewhere(&port);
        struct front *front = start(auth, port);
        pthread_create(&thread, NULL, mumble, &mumbler);
        int client = dial(front_port(front, 0));
        write_all(client, request, sizeof(request) - 1);
        ck_assert_int_eq(recv(client, answer, 12, MSG_WAITALL), 12);
        ck_assert_msg(memcmp(answer, "HTTP/1.1 502", 12) == 0, "%s: %.12s", words[i], answer);
        pthread_join(thread, NULL);
        close(client);
        close(mumbler.listener);
        front_stop(front);
    }
    auth_free(auth);
}
END_TEST

START_TEST(a_server_that_is_gone_is_said)
{
    const struct auth_options open = {.token = NULL};
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct auth *auth = NULL;
    struct front *front;
    uint16_t port;
    char answer[13];
    int client;

    ck_assert_int_eq(auth_new(&auth, &open, NULL), STATUS_OK);
    close(listen_somewhere(&port));
    front = start(auth, port);
    client = dial(front_port(front, 0));
    write_all(client, request, sizeof(request) - 1);
    ck_assert_int_eq(recv(client, answer, 12, MSG_WAITALL), 12);
    ck_assert_int_eq(memcmp(answer, "HTTP/1.1 502", 12), 0);
    close(client);
    front_stop(front);
    auth_free(auth);
}
END_TEST

int main(void)
{
    return UNIT_RUN("api front", large_bodies_and_answers_pass_whole, no_answer_is_without_a_status,
                    a_server_that_is_gone_is_said);
}
