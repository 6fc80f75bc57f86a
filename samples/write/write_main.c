/*
 * write-samples FOLDER: writes the sample recordings of samples/captures, one data directory each.
 *
 *   normal     a cgminer: handshake, jobs, vardiff, shares accepted
 *   rejects    shares that are stale, doubled or too easy among good ones
 *   new-block  blocks come; an empty template first, the full one soon after
 *   reconnect  client.reconnect, and the session resumed on a new connection
 *   garbage    what else is met on such a port: HTTP, TLS, broken JSON, bytes that are no UTF-8
 *
 * How it works: pool and miner are those of samples/sim, without sockets; each tick of TICK_MS the
 * miner hashes and the pool looks at its clock, and what either says travels at once.
 *
 * How it can fail: the disk refuses; status 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/memory.h"
#include "samples/write/sample.h"

#define TICK_MS  250
#define POOL     "pool.example:3333"
#define ADDRESS  "198.51.100.20:3333"
#define RTT_HALF 19000 /* microseconds from the recorder to the pool */

struct scene {
    const char *name;
    const char *worker;
    int64_t duration_ms;
    double bad_percent;
    struct sim_pool_settings pool;
    enum sim_style style;
    uint32_t hashes; /* tried in a tick */
};

/* A miner, its connection, and the pool at the other end. */
struct stage {
    struct sample sample;
    struct sim_pool pool;
    struct sim_miner miner;
    struct sim_client client;
    struct sample_session session;
    struct buffer up, down; /* said, and on its way */
    bool hung_up;
};

/* ---- talking ---- */

/* Hands the lines of what was said to one side; whole lines only. */
static void deliver_up(struct stage *stage, const struct buffer *said)
{
    const char *at = said->data, *newline;

    while ((newline = memchr(at, '\n', said->len - (size_t)(at - said->data))) != NULL) {
        if (!sim_client_line(&stage->client, sample_now(&stage->sample), at, (size_t)(newline - at),
                             &stage->down))
            stage->hung_up = true;
        at = newline + 1;
        if (at == said->data + said->len)
            break;
    }
}

static void deliver_down(struct stage *stage, const struct buffer *said)
{
    const char *at = said->data, *newline;

    while ((newline = memchr(at, '\n', said->len - (size_t)(at - said->data))) != NULL) {
        sim_miner_line(&stage->miner, at, (size_t)(newline - at), &stage->up);
        at = newline + 1;
        if (at == said->data + said->len)
            break;
    }
}

/* Until nobody has anything to say. */
static void talk(struct stage *stage)
{
    struct buffer said;

    while (stage->up.len > 0 || stage->down.len > 0) {
        if (stage->up.len > 0) {
            said = stage->up;
            stage->up = (struct buffer){0};
            sample_wait_us(&stage->sample, 300);
            sample_session_say(&stage->session, SAMPLE_UP, said.data, said.len);
            sample_wait_us(&stage->sample, RTT_HALF);
            deliver_up(stage, &said);
            buffer_close(&said);
        }
        if (stage->down.len > 0) {
            said = stage->down;
            stage->down = (struct buffer){0};
            sample_wait_us(&stage->sample, RTT_HALF);
            sample_session_say(&stage->session, SAMPLE_DOWN, said.data, said.len);
            deliver_down(stage, &said);
            buffer_close(&said);
        }
    }
}

static void connect_miner(struct stage *stage, const char *miner)
{
    sample_session_open(&stage->session, &stage->sample, miner, POOL, ADDRESS);
    sim_client_init(&stage->client, &stage->pool, sample_now(&stage->sample));
    sim_miner_connected(&stage->miner, &stage->up);
    talk(stage);
}

static void disconnect_miner(struct stage *stage, const char *by)
{
    sample_wait_us(&stage->sample, 500);
    sample_session_close(&stage->session, by, "end");
    sim_miner_disconnected(&stage->miner);
    sim_client_close(&stage->client);
}

static void mine(struct stage *stage, const struct scene *scene)
{
    const int64_t end_ns = stage->sample.now_ns + scene->duration_ms * NS_PER_MS;
    unsigned connections = 1;

    while (stage->sample.now_ns < end_ns && !stage->hung_up) {
        sample_wait_us(&stage->sample, TICK_MS * 1000);
        sim_pool_tick(&stage->pool, sample_now(&stage->sample));
        sim_client_tick(&stage->client, sample_now(&stage->sample), &stage->down);
        talk(stage);
        sim_miner_work(&stage->miner, scene->hashes, &stage->up);
        talk(stage);
        if (stage->miner.wish == SIM_WISH_RECONNECT) {
            disconnect_miner(stage, "miner");
            sample_wait_us(&stage->sample, 1000000);
            stage->pool.settings.reconnect_ms = 0;
            connect_miner(stage, ++connections % 2 == 0 ? "192.0.2.57:50312" : "192.0.2.57:50313");
        }
    }
}

/* ---- scenes ---- */

static void open_stage(struct stage *stage, const struct scene *scene, const char *folder)
{
    struct sim_miner_settings settings = {.style = scene->style,
                                          .seed = 7,
                                          .number = 1,
                                          .version_rolling = true,
                                          .bad_percent = scene->bad_percent};
    char data_dir[SEGMENT_PATH_MAX];

    snprintf(settings.worker, sizeof(settings.worker), "%s", scene->worker);
    snprintf(settings.password, sizeof(settings.password), "x");
    snprintf(data_dir, sizeof(data_dir), "%.3000s/%s", folder, scene->name);
    sample_open(&stage->sample, data_dir, scene->pool.seed);
    sim_pool_init(&stage->pool, &scene->pool, sample_now(&stage->sample));
    sim_miner_init(&stage->miner, &settings);
}

static int close_stage(struct stage *stage)
{
    struct error err = {""};
    int code = 0;

    sim_miner_close(&stage->miner);
    sim_pool_close(&stage->pool);
    buffer_close(&stage->up);
    buffer_close(&stage->down);
    if (sample_close(&stage->sample, &err) != STATUS_OK) {
        fprintf(stderr, "write-samples: %s\n", err.text);
        code = 1;
    }
    free(stage);
    return code;
}

static int play(const struct scene *scene, const char *folder)
{
    struct stage *stage = memory_new(sizeof(*stage));

    open_stage(stage, scene, folder);
    connect_miner(stage, "192.0.2.57:50311");
    mine(stage, scene);
    disconnect_miner(stage, stage->hung_up ? "pool" : "miner");
    return close_stage(stage);
}

static void say_up(struct stage *stage, const char *data, size_t len)
{
    sample_wait_us(&stage->sample, 1000);
    sample_session_say(&stage->session, SAMPLE_UP, data, len);
}

static void say_down(struct stage *stage, const char *text)
{
    sample_wait_us(&stage->sample, RTT_HALF);
    sample_session_say(&stage->session, SAMPLE_DOWN, text, strlen(text));
}

static void guest(struct stage *stage, const char *miner, const char *data, size_t len,
                  const char *answer)
{
    sample_session_open(&stage->session, &stage->sample, miner, POOL, ADDRESS);
    say_up(stage, data, len);
    if (answer != NULL)
        say_down(stage, answer);
    sample_session_close(&stage->session, answer == NULL ? "pool" : "miner", "end");
    sample_wait_us(&stage->sample, 2000000);
}

#define SAID(text) text, sizeof(text) - 1
static void play_guests(struct stage *stage)
{
    guest(stage, "203.0.113.66:60001",
          SAID("GET / HTTP/1.1\r\nHost: 192.0.2.1:3333\r\nAccept: */*\r\n\r\n"),
          "HTTP/1.1 400 Bad Request\r\n\r\n");
    guest(stage, "203.0.113.66:60002",
          SAID("\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03"
               "0123456789abcdef0123456789abcdef\x00\x00\x02\xc0\x2f\x01\x00"),
          NULL);
    guest(
        stage, "203.0.113.66:60003",
        SAID(
            "{id:1,method:'mining.subscribe',params:[]}\n\n{\"id\":2,\"method\":\"mining."
            "subscribe\""
            ",\"params\":[\"caf\xe9\"]}\n{\"id\":\"\xf0\x9f\x90\x99\",\"method\":\"mining.ping\"}\n"
            "[{\"id\":3,\"method\":\"mining.ping\",\"params\":[]}]\n{\"id\":4,\"method\":\"min"),
        "{\"id\":null,\"result\":null,\"error\":[20,\"Invalid JSON\",null]}\n"
        "{\"id\":2,\"result\":false,\"reject-reason\":\"unknown-work\"}\n"
        "{\"id\":\"\xf0\x9f\x90\x99\",\"result\":\"pong\",\"error\":null}\n");
}

static int play_garbage(const struct scene *scene, const char *folder)
{
    struct stage *stage = memory_new(sizeof(*stage));

    open_stage(stage, scene, folder);
    play_guests(stage);
    connect_miner(stage, "192.0.2.57:50311");
    mine(stage, scene);
    disconnect_miner(stage, stage->hung_up ? "pool" : "miner");
    return close_stage(stage);
}

#define POOL_SETTINGS                                                                              \
    .height = 925000, .difficulty = 0.0001, .extranonce1_bytes = 4, .extranonce2_bytes = 4,        \
    .version_mask = 0x1fffe000
#define VARDIFF                                                                                    \
    {                                                                                              \
        .shares_per_minute = 60, .retarget_ms = 5000, .minimum = 1e-5, .maximum = 1e6              \
    }

static const struct scene scenes[] = {
    {.name = "normal",
     .worker = "farm.rig1",
     .style = SIM_CGMINER,
     .duration_ms = 40000,
     .hashes = 80000,
     .pool = {POOL_SETTINGS, .seed = 1, .vardiff = VARDIFF, .job_ms = 15000,
              .show_message = "Welcome to the sample pool"}},
    {.name = "rejects",
     .worker = "farm.rig2",
     .style = SIM_CPUMINER,
     .duration_ms = 40000,
     .hashes = 100000,
     .pool = {POOL_SETTINGS, .seed = 2, .block_ms = 15000, .job_ms = 7000},
     .bad_percent = 40},
    {.name = "new-block",
     .worker = "bc1qexample.bitaxe",
     .style = SIM_ESP_MINER,
     .duration_ms = 45000,
     .hashes = 100000,
     .pool = {POOL_SETTINGS, .seed = 3, .block_ms = 14000, .full_after_ms = 900,
              .ask_version = true}},
    {.name = "reconnect",
     .worker = "farm.rig4",
     .style = SIM_BFGMINER,
     .duration_ms = 30000,
     .hashes = 100000,
     .pool = {POOL_SETTINGS, .seed = 4, .job_ms = 10000, .reconnect_ms = 12000}},
};

static const struct scene garbage = {.name = "garbage",
                                     .worker = "farm.rig5",
                                     .style = SIM_CGMINER,
                                     .duration_ms = 8000,
                                     .hashes = 100000,
                                     .pool = {POOL_SETTINGS, .seed = 5, .crlf = true}};

int main(int argc, char **argv)
{
    int code = 0;

    if (argc != 2) {
        fputs("Usage: write-samples FOLDER\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]) && code == 0; i++)
        code = play(&scenes[i], argv[1]);
    return code == 0 ? play_garbage(&garbage, argv[1]) : code;
}
