/*
 * The simulated miner's logic: the first messages of each style to the byte, and miner and pool
 * talking to each other without sockets.
 */
#include <stdio.h>
#include <string.h>

#include "samples/sim/sim_miner.h"
#include "tests/unit/unit.h"

static struct sim_miner_settings miner_settings(enum sim_style style)
{
    struct sim_miner_settings settings = {.style = style,
                                          .seed = 1,
                                          .number = 1,
                                          .worker = "farm.rig7",
                                          .password = "x",
                                          .version_rolling = true};

    return settings;
}

/* What the miner says to a line of the pool. */
static const char *hear(struct sim_miner *miner, struct buffer *out, const char *line)
{
    buffer_clear(out);
    sim_miner_line(miner, line, strlen(line), out);
    buffer_append_char(out, '\0');
    return out->data;
}

static const char *connect_miner(struct sim_miner *miner, struct buffer *out)
{
    buffer_clear(out);
    sim_miner_connected(miner, out);
    buffer_append_char(out, '\0');
    return out->data;
}

#define SUBSCRIBED(id)                                                                             \
    "{\"id\":" id ",\"result\":[[[\"mining.notify\",\"5e55\"]],\"0a0b0c0d\",4],\"error\":null}"
#define CONFIGURED(id)                                                                             \
    "{\"id\":" id ",\"result\":{\"version-rolling\":true,\"version-rolling.mask\":\"1fffe000\"},"  \
    "\"error\":null}"
#define NOTIFY                                                                                     \
    "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"j1\","                                \
    "\"0a8ce26f72b3f1b646a2a6c14ff763ae65831e939c085ae10019d66800000000\",\"0100\",\"0200\",[],"   \
    "\"20000000\",\"17028c61\",\"6ab13b80\",true]}"

START_TEST(cgminer_handshake)
{
    struct sim_miner_settings settings = miner_settings(SIM_CGMINER);
    struct sim_miner miner;
    struct buffer out = {0};

    settings.suggest = 512;
    sim_miner_init(&miner, &settings);
    ck_assert_str_eq(connect_miner(&miner, &out),
                     "{\"id\": 0, \"method\": \"mining.configure\", \"params\": "
                     "[[\"version-rolling\"], {\"version-rolling.mask\": \"ffffffff\"}]}\n");
    ck_assert_str_eq(
        hear(&miner, &out, CONFIGURED("0")),
        "{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": [\"cgminer/4.11.1\"]}\n");
    ck_assert_str_eq(
        hear(&miner, &out, SUBSCRIBED("1")),
        "{\"id\": 2, \"method\": \"mining.authorize\", \"params\": [\"farm.rig7\", \"x\"]}\n");
    ck_assert_str_eq(hear(&miner, &out, "{\"id\":2,\"result\":true,\"error\":null}"),
                     "{\"id\": 3, \"method\": \"mining.suggest_difficulty\", \"params\": [512]}\n");
    ck_assert(miner.ready);
    sim_miner_disconnected(&miner); /* the ids go on, and the session is to be resumed */
    connect_miner(&miner, &out);
    ck_assert_str_eq(hear(&miner, &out, CONFIGURED("4")),
                     "{\"id\": 5, \"method\": \"mining.subscribe\", \"params\": "
                     "[\"cgminer/4.11.1\", \"5e55\"]}\n");
    sim_miner_close(&miner);
    buffer_close(&out);
}
END_TEST

START_TEST(bfgminer_handshake)
{
    struct sim_miner_settings settings = miner_settings(SIM_BFGMINER);
    struct sim_miner miner;
    struct buffer out = {0};

    settings.suggest = 1;
    settings.extranonce_subscribe = true;
    sim_miner_init(&miner, &settings);
    ck_assert_str_eq(
        connect_miner(&miner, &out),
        "{\"id\": null, \"method\": \"mining.suggest_target\", \"params\": "
        "[\"00000000ffff0000000000000000000000000000000000000000000000000000\"]}\n"
        "{\"id\": 0, \"method\": \"mining.subscribe\", \"params\": [\"bfgminer/5.5.0\"]}\n");
    ck_assert_str_eq(
        hear(&miner, &out, SUBSCRIBED("0")),
        "{\"id\": \"xnsub\", \"method\": \"mining.extranonce.subscribe\", \"params\": []}\n"
        "{\"id\": \"auth\", \"method\": \"mining.authorize\", \"params\": [\"farm.rig7\", "
        "\"x\"]}\n");
    ck_assert_str_eq(hear(&miner, &out, "{\"id\":\"xnsub\",\"result\":true,\"error\":null}"), "");
    ck_assert(!miner.ready);
    ck_assert_str_eq(hear(&miner, &out, "{\"id\":\"auth\",\"result\":true,\"error\":null}"), "");
    ck_assert(miner.ready);
    sim_miner_close(&miner);
    buffer_close(&out);
}
END_TEST

START_TEST(cpuminer_handshake)
{
    struct sim_miner_settings settings = miner_settings(SIM_CPUMINER);
    struct sim_miner miner;
    struct buffer out = {0};

    sim_miner_init(&miner, &settings);
    ck_assert_str_eq(
        connect_miner(&miner, &out),
        "{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": [\"cpuminer/2.5.1\"]}\n");
    ck_assert_str_eq(
        hear(&miner, &out, SUBSCRIBED("1")),
        "{\"id\": 2, \"method\": \"mining.authorize\", \"params\": [\"farm.rig7\", \"x\"]}\n");
    hear(&miner, &out, "{\"id\":2,\"result\":true,\"error\":null}");
    hear(&miner, &out, "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[1e-8]}");
    hear(&miner, &out, NOTIFY);
    buffer_clear(&out);
    sim_miner_work(&miner, 2000, &out);
    buffer_append_char(&out, '\0');
    ck_assert_ptr_eq(strstr(out.data, "{\"method\": \"mining.submit\", \"params\": [\"farm.rig7\", "
                                      "\"j1\", \"00000001\", \"6ab13b80\", \""),
                     out.data);
    ck_assert_ptr_nonnull(strstr(out.data, "\"], \"id\":4}\n"));
    sim_miner_close(&miner);
    buffer_close(&out);
}
END_TEST

START_TEST(esp_miner_handshake)
{
    struct sim_miner_settings settings = miner_settings(SIM_ESP_MINER);
    struct sim_miner miner;
    struct buffer out = {0};

    settings.suggest = 1000;
    settings.extranonce_subscribe = true;
    sim_miner_init(&miner, &settings);
    ck_assert_str_eq(
        connect_miner(&miner, &out),
        "{\"id\":1,\"method\":\"mining.configure\",\"params\":[[\"version-rolling\"],"
        "{\"version-rolling.mask\":\"ffffffff\"}]}\n"
        "{\"id\":2,\"method\":\"mining.subscribe\",\"params\":[\"bitaxe/BM1370/v2.9.0\"]}\n"
        "{\"id\":3,\"method\":\"mining.authorize\",\"params\":[\"farm.rig7\",\"x\"]}\n");
    ck_assert_str_eq(hear(&miner, &out, CONFIGURED("1")), "");
    ck_assert_str_eq(hear(&miner, &out, SUBSCRIBED("2")), "");
    ck_assert_str_eq(hear(&miner, &out, "{\"id\":3,\"result\":true,\"error\":null}"),
                     "{\"id\":4,\"method\":\"mining.suggest_difficulty\",\"params\":[1000]}\n"
                     "{\"id\":5,\"method\":\"mining.extranonce.subscribe\",\"params\":[]}\n");
    sim_miner_disconnected(&miner);
    ck_assert_ptr_eq(strstr(connect_miner(&miner, &out), "{\"id\":1,"), out.data);
    sim_miner_close(&miner);
    buffer_close(&out);
}
END_TEST

START_TEST(answers_what_the_pool_asks)
{
    static const struct {
        enum sim_style style;
        const char *line, *answer;
    } cases[] = {
        {SIM_CGMINER, "{\"id\":9,\"method\":\"client.get_version\",\"params\":[]}",
         "{\"id\": 9, \"result\": \"cgminer/4.11.1\", \"error\": null}\n"},
        {SIM_CPUMINER, "{\"id\":9,\"method\":\"client.get_version\",\"params\":[]}",
         "{\"id\": 9, \"error\": null, \"result\": \"cpuminer/2.5.1\"}\n"},
        {SIM_ESP_MINER, "{\"id\":9,\"method\":\"client.get_version\",\"params\":[]}",
         "{\"id\":9,\"result\":\"v2.9.0\",\"error\":null}\n"},
        {SIM_ESP_MINER, "{\"id\":3,\"method\":\"mining.ping\",\"params\":[]}",
         "{\"id\":3,\"method\":\"pong\",\"params\":[]}\n"},
        {SIM_CGMINER, "{\"id\":3,\"method\":\"mining.ping\",\"params\":[]}",
         "{\"id\": 3, \"result\": \"pong\", \"error\": null}\n"},
        {SIM_BFGMINER, "{\"id\":3,\"method\":\"mining.ping\",\"params\":[]}", ""},
        {SIM_BFGMINER, "{\"id\":3,\"method\":\"client.show_message\",\"params\":[\"hi\"]}",
         "{\"id\": 3, \"result\": true, \"error\": null}\n"},
        {SIM_CGMINER, "{\"id\":null,\"method\":\"client.show_message\",\"params\":[\"hi\"]}", ""},
    };
    struct buffer out = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sim_miner_settings settings = miner_settings(cases[i].style);
        struct sim_miner miner;

        sim_miner_init(&miner, &settings);
        connect_miner(&miner, &out);
        ck_assert_str_eq(hear(&miner, &out, cases[i].line), cases[i].answer);
        sim_miner_close(&miner);
    }
    buffer_close(&out);
}
END_TEST

START_TEST(takes_reconnect_and_refusal)
{
    struct sim_miner_settings settings = miner_settings(SIM_CPUMINER);
    struct sim_miner miner;
    struct buffer out = {0};

    sim_miner_init(&miner, &settings);
    connect_miner(&miner, &out);
    hear(&miner, &out,
         "{\"id\":null,\"method\":\"client.reconnect\",\"params\":[\"b.example\",\"4444\",2]}");
    ck_assert_int_eq(miner.wish, SIM_WISH_RECONNECT);
    ck_assert_str_eq(miner.reconnect_host, "b.example");
    ck_assert_uint_eq(miner.reconnect_port, 4444);
    ck_assert_int_eq(miner.reconnect_wait_s, 2);
    sim_miner_disconnected(&miner);
    connect_miner(&miner, &out);
    hear(&miner, &out, SUBSCRIBED("1"));
    hear(&miner, &out, "{\"id\":2,\"result\":false,\"error\":[24,\"no\",null]}");
    ck_assert_int_eq(miner.wish, SIM_WISH_HANG_UP);
    ck_assert_uint_eq(miner.totals.handshakes, 0);
    sim_miner_close(&miner);
    buffer_close(&out);
}
END_TEST

START_TEST(counts_what_makes_no_sense)
{
    struct sim_miner_settings settings = miner_settings(SIM_CGMINER);
    struct sim_miner miner;
    struct buffer out = {0};

    sim_miner_init(&miner, &settings);
    connect_miner(&miner, &out);
    hear(&miner, &out, "not JSON");
    hear(&miner, &out, "{\"id\":77,\"result\":true,\"error\":null}");
    hear(&miner, &out, "{\"id\":null,\"method\":\"mining.notify\",\"params\":[1,2,3]}");
    hear(&miner, &out, "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[\"x\"]}");
    ck_assert_uint_eq(miner.totals.bad_lines, 4);
    ck_assert(!miner.has_job);
    sim_miner_close(&miner);
    buffer_close(&out);
}
END_TEST

/* ---- miner and pool, tied together ---- */

struct pair {
    struct sim_pool pool;
    struct sim_client client;
    struct sim_miner miner;
    struct buffer up, down;
    struct sim_now now;
};

/* Gives every line of `from` to whom it concerns, until both have nothing left to say. */
static void carry(struct pair *pair)
{
    while (pair->up.len > 0 || pair->down.len > 0) {
        struct buffer *from = pair->up.len > 0 ? &pair->up : &pair->down;
        char *end = memchr(from->data, '\n', from->len);
        size_t len = (size_t)(end - from->data);
        char *line = strndup(from->data, len);

        buffer_consume(from, len + 1);
        if (from == &pair->up)
            ck_assert(sim_client_line(&pair->client, pair->now, line, len, &pair->down));
        else
            sim_miner_line(&pair->miner, line, len, &pair->up);
        free(line);
    }
}

static void open_pair(struct pair *pair, const struct sim_pool_settings *pool,
                      const struct sim_miner_settings *miner)
{
    memset(pair, 0, sizeof(*pair));
    pair->now = (struct sim_now){1000, 1790000000};
    sim_pool_init(&pair->pool, pool, pair->now);
    sim_client_init(&pair->client, &pair->pool, pair->now);
    sim_miner_init(&pair->miner, miner);
    sim_miner_connected(&pair->miner, &pair->up);
    carry(pair);
}

static void close_pair(struct pair *pair)
{
    sim_miner_close(&pair->miner);
    sim_client_close(&pair->client);
    sim_pool_close(&pair->pool);
    buffer_close(&pair->up);
    buffer_close(&pair->down);
}

/* Works until so many submits were sent. */
static void work_until(struct pair *pair, uint64_t sent)
{
    for (int i = 0; i < 10000 && pair->miner.totals.sent < sent; i++) {
        sim_miner_work(&pair->miner, 1000, &pair->up);
        carry(pair);
    }
    ck_assert_uint_ge(pair->miner.totals.sent, sent);
}

static struct sim_pool_settings easy_pool(void)
{
    return (struct sim_pool_settings){
        .seed = 7,
        .height = 900000,
        .difficulty = 0.000001, /* 4,295 hashes a share */
        .vardiff = {.retarget_ms = 30000, .minimum = 1e-8, .maximum = 1e15},
        .extranonce1_bytes = 4,
        .extranonce2_bytes = 8,
        .version_mask = 0x1fffe000};
}

START_TEST(all_styles_mine)
{
    for (int style = 0; style < SIM_STYLE_COUNT; style++) {
        struct sim_pool_settings pool = easy_pool();
        struct sim_miner_settings settings = miner_settings((enum sim_style)style);
        struct pair pair;

        settings.extranonce_subscribe = true;
        pool.notify_first = style == SIM_CPUMINER; /* a job before it knows its extranonce */
        open_pair(&pair, &pool, &settings);
        work_until(&pair, 20);
        ck_assert_uint_eq(pair.miner.totals.answers[SIM_ACCEPTED], pair.miner.totals.sent);
        ck_assert_uint_eq(pair.pool.totals.shares[SIM_ACCEPTED], pair.miner.totals.sent);
        ck_assert_uint_eq(pair.miner.totals.bad_lines, 0);
        ck_assert_uint_eq(pair.miner.pending_count, 0);
        close_pair(&pair);
    }
}
END_TEST

START_TEST(bad_shares_are_what_they_say)
{
    static const struct {
        enum sim_bad_kind kind;
        enum sim_reject reject;
    } cases[] = {{SIM_BAD_STALE, SIM_REJECT_STALE},
                 {SIM_BAD_DUPLICATE, SIM_REJECT_DUPLICATE},
                 {SIM_BAD_LOW, SIM_REJECT_LOW_DIFFICULTY}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sim_pool_settings pool = easy_pool();
        struct sim_miner_settings settings = miner_settings(SIM_ESP_MINER);
        struct pair pair;

        settings.bad_percent = 50;
        settings.bad_kind = cases[i].kind;
        open_pair(&pair, &pool, &settings);
        work_until(&pair, 60);
        ck_assert_uint_gt(pair.miner.totals.answers[cases[i].reject], 10);
        ck_assert_uint_eq(pair.miner.totals.answers[cases[i].reject] +
                              pair.miner.totals.answers[SIM_ACCEPTED],
                          pair.miner.totals.sent);
        close_pair(&pair);
    }
}
END_TEST

/* The number of hashes a share takes must be what its difficulty says. */
START_TEST(shares_cost_what_they_should)
{
    struct sim_pool_settings pool = easy_pool();
    struct sim_miner_settings settings = miner_settings(SIM_CGMINER);
    struct pair pair;
    double expected = 4000000 / (pool.difficulty * 4294967296.0); /* 931, sigma 31 */

    open_pair(&pair, &pool, &settings);
    for (int i = 0; i < 4000; i++) {
        sim_miner_work(&pair.miner, 1000, &pair.up);
        carry(&pair);
    }
    ck_assert_double_gt((double)pair.miner.totals.sent, expected - 160);
    ck_assert_double_lt((double)pair.miner.totals.sent, expected + 160);
    ck_assert_uint_eq(pair.miner.totals.answers[SIM_ACCEPTED], pair.miner.totals.sent);
    close_pair(&pair);
}
END_TEST

START_TEST(silence_is_counted)
{
    struct sim_pool_settings pool = easy_pool();
    struct sim_miner_settings settings = miner_settings(SIM_BFGMINER);
    struct pair pair;

    pool.silent_percent = 100;
    open_pair(&pair, &pool, &settings);
    work_until(&pair, 5);
    sim_miner_disconnected(&pair.miner);
    ck_assert_uint_eq(pair.miner.totals.unanswered, pair.miner.totals.sent);
    close_pair(&pair);
}
END_TEST

int main(void)
{
    return UNIT_RUN("sim_miner", cgminer_handshake, bfgminer_handshake, cpuminer_handshake,
                    esp_miner_handshake, answers_what_the_pool_asks, takes_reconnect_and_refusal,
                    counts_what_makes_no_sense, all_styles_mine, bad_shares_are_what_they_say,
                    shares_cost_what_they_should, silence_is_counted);
}
