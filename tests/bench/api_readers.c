/*
 * api_readers.c - many WebSocket readers of the API in one process: how soon they see messages.
 *
 *   api_readers --connect HOST:PORT [--token TOKEN] [--seconds S] [--pid PID] < LIST
 *
 * Each line of LIST is one reader: a path ("/api/ws?session_id=…"), or "!" and a path: that one
 * reads nothing. After a second for settling, latencies are taken of each message of each frame:
 * wall time now less the message's ts_recv. Prints one line of JSON; with --pid also what processor
 * time that process took in between and how much memory of its own (the ring is not) it held at
 * both ends.
 */
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/base/clock.h"
#include "lib/base/flags.h"
#include "lib/base/memory.h"

#define READ_SIZE    (256 << 10)
#define LATENCY_STEP 100 /* microseconds of a slot */
#define SLOTS        100000
#define SETTLE_NS    NS_PER_S

struct options {
    const char *connect, *token;
    int64_t seconds_ms, pid;
};

struct reader {
    int fd;
    bool silent; /* reads nothing */
    bool open;   /* the handshake is complete */
    bool batch;
    struct buffer in;
};

struct tally {
    uint64_t messages, frames, skipped, notices, pings;
    uint64_t slots[SLOTS];
    int64_t most_us;
};

struct load {
    struct options options;
    struct reader *readers;
    size_t count, open, closed;
    int epoll;
    struct tally single, batch;
    bool counting;
    int64_t cpu_ms, memory_kib;
};

/* ---- connecting ---- */

static int dial(const char *target)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[256];
    const char *colon = strrchr(target, ':');
    int fd = -1;

    if (colon == NULL)
        return -1;
    snprintf(host, sizeof host, "%.*s", (int)(colon - target), target);
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return -1;
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

static bool greet(const struct options *options, int fd, const char *path)
{
    struct buffer head = {0};
    bool sent;

    buffer_append_format(&head,
                         "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                         path, options->connect);
    if (options->token != NULL)
        buffer_append_format(&head, "Authorization: Bearer %s\r\n", options->token);
    buffer_append_text(&head, "\r\n");
    sent = write(fd, head.data, head.len) == (ssize_t)head.len;
    buffer_close(&head);
    return sent;
}

static void add_reader(struct load *load, char *line)
{
    struct reader *reader;
    struct epoll_event event = {.events = EPOLLIN};

    line[strcspn(line, "\r\n")] = '\0';
    load->readers = memory_resize(load->readers, (load->count + 1) * sizeof *load->readers);
    reader = &load->readers[load->count];
    *reader = (struct reader){.silent = line[0] == '!', .batch = strstr(line, "batch=1") != NULL};
    reader->fd = dial(load->options.connect);
    if (reader->fd < 0 || !greet(&load->options, reader->fd, line + (reader->silent ? 1 : 0))) {
        fprintf(stderr, "api_readers: %s: %s\n", load->options.connect, strerror(errno));
        exit(1);
    }
    event.data.u64 = load->count++;
    if (!reader->silent)
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, reader->fd, &event);
}

/* ---- frames ---- */

static void note_latency(struct tally *tally, const char *time)
{
    int64_t wall, us;
    size_t slot;

    if (!clock_parse(time, CLOCK_TEXT_LEN, &wall))
        return;
    us = (clock_wall_ns() - wall) / NS_PER_US;
    slot = us < 0 ? 0 : (size_t)(us / LATENCY_STEP);
    tally->slots[slot < SLOTS ? slot : SLOTS - 1]++;
    if (us > tally->most_us)
        tally->most_us = us;
    tally->messages++;
}

static void take_text(struct load *load, struct reader *reader, const char *text, size_t len)
{
    static const char skipped[] = "{\"type\":\"skipped\",\"count\":", ping[] = "{\"type\":\"ping\"";
    static const char stamp[] = "\"ts_recv\":\"";
    struct tally *tally = reader->batch ? &load->batch : &load->single;
    const char *end = text + len, *at = text;

    if (!load->counting)
        return;
    tally->frames++;
    if (len > sizeof skipped && memcmp(text, skipped, sizeof(skipped) - 1) == 0) {
        tally->notices++;
        tally->skipped += strtoull(text + sizeof(skipped) - 1, NULL, 10);
    } else if (len >= sizeof(ping) - 1 && memcmp(text, ping, sizeof(ping) - 1) == 0) {
        tally->pings++;
    }
    while ((at = memmem(at, (size_t)(end - at), stamp, sizeof(stamp) - 1)) != NULL) {
        at += sizeof(stamp) - 1;
        if (end - at >= CLOCK_TEXT_LEN)
            note_latency(tally, at);
    }
}

/* Length of the frame at `in`, with where its payload begins; 0: not complete. */
static size_t frame_length(const struct buffer *in, size_t from, size_t *payload)
{
    const unsigned char *at = (const unsigned char *)in->data + from;
    size_t have = in->len - from, len;

    if (have < 2)
        return 0;
    len = at[1] & 0x7f;
    *payload = len < 126 ? 2 : len == 126 ? 4 : 10;
    if (have < *payload)
        return 0;
    if (len >= 126) {
        len = 0;
        for (size_t i = 2; i < *payload; i++)
            len = len << 8 | at[i];
    }
    return have - *payload < len ? 0 : *payload + len;
}

static void answer_ping(const struct reader *reader)
{
    static const char pong[] = {(char)0x8a, (char)0x80, 0, 0, 0, 0};

    if (write(reader->fd, pong, sizeof pong) < 0)
        fprintf(stderr, "api_readers: pong: %s\n", strerror(errno));
}

static void take_frames(struct load *load, struct reader *reader)
{
    size_t from = 0, len, payload;

    while ((len = frame_length(&reader->in, from, &payload)) > 0) {
        if ((reader->in.data[from] & 0x0f) == 9)
            answer_ping(reader);
        else
            take_text(load, reader, reader->in.data + from + payload, len - payload);
        from += len;
    }
    buffer_consume(&reader->in, from);
}

static void take_answer(struct load *load, struct reader *reader)
{
    const char *end = memmem(reader->in.data, reader->in.len, "\r\n\r\n", 4);

    if (end == NULL)
        return;
    if (memcmp(reader->in.data, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "api_readers: refused: %.*s\n", (int)reader->in.len, reader->in.data);
        exit(1);
    }
    buffer_consume(&reader->in, (size_t)(end + 4 - reader->in.data));
    reader->open = true;
    load->open++;
}

static void read_some(struct load *load, struct reader *reader)
{
    char *room = buffer_reserve(&reader->in, READ_SIZE);
    ssize_t got = recv(reader->fd, room, READ_SIZE, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        epoll_ctl(load->epoll, EPOLL_CTL_DEL, reader->fd, NULL);
        load->closed++;
        return;
    }
    reader->in.len += (size_t)got;
    if (!reader->open)
        take_answer(load, reader);
    if (reader->open)
        take_frames(load, reader);
}

/* ---- the process that serves ---- */

static void look_at(struct load *load, int sign)
{
    char path[64], line[1024];
    unsigned long user = 0, system = 0, pages = 0, shared = 0;
    FILE *file;

    if (load->options.pid == 0)
        return;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)load->options.pid);
    file = fopen(path, "re");
    if (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *rest = strrchr(line, ')');

        if (rest != NULL)
            sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
        fclose(file);
    }
    load->cpu_ms += sign * (int64_t)((user + system) * 1000 / (unsigned long)sysconf(_SC_CLK_TCK));
    snprintf(path, sizeof path, "/proc/%lld/statm", (long long)load->options.pid);
    file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%*u %lu %lu", &pages, &shared) == 2)
        fclose(file);
    printf("%s\"%s_kib\":%lu", sign < 0 ? "{" : ",", sign < 0 ? "memory_begin" : "memory_end",
           (pages - shared) * (unsigned long)sysconf(_SC_PAGESIZE) / 1024);
}

/* ---- the run ---- */

static double at_share(const struct tally *tally, double share)
{
    uint64_t wanted = (uint64_t)((double)tally->messages * share), seen = 0;

    for (size_t i = 0; i < SLOTS; i++) {
        seen += tally->slots[i];
        if (seen > wanted)
            return (double)((i + 1) * LATENCY_STEP) / 1000;
    }
    return (double)tally->most_us / 1000;
}

static void print_tally(const char *name, const struct tally *tally)
{
    printf(",\"%s\":{\"messages\":%llu,\"frames\":%llu,\"skipped\":%llu,\"notices\":%llu,"
           "\"pings\":%llu,\"p50_ms\":%.1f,\"p99_ms\":%.1f,\"p999_ms\":%.1f,\"max_ms\":%.1f}",
           name, (unsigned long long)tally->messages, (unsigned long long)tally->frames,
           (unsigned long long)tally->skipped, (unsigned long long)tally->notices,
           (unsigned long long)tally->pings, at_share(tally, 0.5), at_share(tally, 0.99),
           at_share(tally, 0.999), (double)tally->most_us / 1000);
}

static void run_until(struct load *load, int64_t until)
{
    struct epoll_event events[256];
    int64_t now;

    while ((now = clock_mono_ns()) < until) {
        int count = epoll_wait(load->epoll, events, 256, (int)((until - now) / NS_PER_MS) + 1);

        for (int i = 0; i < count; i++)
            read_some(load, &load->readers[events[i].data.u64]);
    }
}

static void run(struct load *load)
{
    char line[4096];

    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    while (fgets(line, sizeof line, stdin) != NULL)
        add_reader(load, line);
    run_until(load, clock_mono_ns() + SETTLE_NS);
    look_at(load, -1);
    load->counting = true;
    run_until(load, clock_mono_ns() + load->options.seconds_ms * NS_PER_MS);
    look_at(load, 1);
    printf("%s\"readers\":%zu,\"open\":%zu,\"closed\":%zu,\"seconds\":%.1f,\"cpu_share\":%.3f",
           load->options.pid == 0 ? "{" : ",", load->count, load->open, load->closed,
           (double)load->options.seconds_ms / 1000,
           (double)load->cpu_ms / (double)load->options.seconds_ms);
    print_tally("single", &load->single);
    print_tally("batch", &load->batch);
    printf("}\n");
}

static const struct flag flags[] = {
    {"connect", 0, FLAG_TEXT, offsetof(struct options, connect), 0, 0, NULL, "HOST:PORT",
     "Where the API listens"},
    {"token", 0, FLAG_TEXT, offsetof(struct options, token), 0, 0, NULL, "TOKEN", "Its token"},
    {"seconds", 0, FLAG_SECONDS, offsetof(struct options, seconds_ms), 0.1, 86400, NULL, "S",
     "How long to read (default 10)"},
    {"pid", 0, FLAG_INTEGER, offsetof(struct options, pid), 1, 1e9, NULL, "PID",
     "The API's process, for its processor time and memory"},
};

int main(int argc, char **argv)
{
    struct load *load = memory_new(sizeof *load);
    struct flag_set set = {.flags = flags, .count = sizeof(flags) / sizeof(flags[0])};
    struct rlimit files;
    struct argp argp;

    load->options.seconds_ms = 10000;
    set.target = &load->options;
    argp = flag_set_argp(&set, NULL, "Many WebSocket readers of the API.");
    argp_parse(&argp, argc, argv, 0, NULL, &set);
    flag_set_close(&set);
    if (load->options.connect == NULL) {
        fprintf(stderr, "api_readers: --connect is missing\n");
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    run(load);
    for (size_t i = 0; i < load->count; i++) {
        close(load->readers[i].fd);
        buffer_close(&load->readers[i].in);
    }
    free(load->readers);
    free(load);
    return 0;
}
