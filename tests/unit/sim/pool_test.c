/*
 * The simulated pool's logic: what it answers, line by line, and that it judges shares as the
 * arithmetic says. Shares are made with lib/stratum from what the pool itself sent.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/stratum/share.h"
#include "samples/sim/sim_pool.h"
#include "tests/unit/unit.h"

#define UNIX_NOW 1790000000u

struct bench {
    struct sim_pool pool;
    struct sim_client client;
    struct buffer out;
    int64_t ms;
};

static struct sim_now now_of(const struct bench *bench)
{
    return (struct sim_now){.ms = bench->ms, .unix = UNIX_NOW};
}

static struct sim_pool_settings plain_settings(void)
{
    return (struct sim_pool_settings){
        .seed = 7,
        .height = 900000,
        .difficulty = 0.0001,
        .vardiff = {.retarget_ms = 30000, .minimum = 1e-8, .maximum = 1e15},
        .extranonce1_bytes = 4,
        .extranonce2_bytes = 8,
        .version_mask = 0x1fffe000};
}

static void open_bench(struct bench *bench, const struct sim_pool_settings *settings)
{
    *bench = (struct bench){.ms = 1000};
    sim_pool_init(&bench->pool, settings, now_of(bench));
    sim_client_init(&bench->client, &bench->pool, now_of(bench));
}

static void close_bench(struct bench *bench)
{
    sim_client_close(&bench->client);
    sim_pool_close(&bench->pool);
    buffer_close(&bench->out);
}

/* Says a line to the pool; what it answers is the result, valid until the next call. */
static const char *say(struct bench *bench, const char *line)
{
    buffer_clear(&bench->out);
    (void)sim_client_line(&bench->client, now_of(bench), line, strlen(line), &bench->out);
    buffer_append_char(&bench->out, '\0');
    return bench->out.data;
}

static const char *tick(struct bench *bench, int64_t ms)
{
    bench->ms += ms;
    buffer_clear(&bench->out);
    sim_pool_tick(&bench->pool, now_of(bench));
    sim_client_tick(&bench->client, now_of(bench), &bench->out);
    buffer_append_char(&bench->out, '\0');
    return bench->out.data;
}

static void log_in(struct bench *bench)
{
    say(bench, "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"test/1\"]}");
    say(bench, "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"rig\",\"x\"]}");
}

/* A nonce for the newest job whose hash meets the difficulty, or one whose hash does not. */
static uint32_t find_nonce(const struct bench *bench, bool good, double difficulty)
{
    struct stratum_job job = sim_template_view(sim_pool_newest(&bench->pool));
    uint8_t extranonce2[8] = {0}, root[32], header[SHARE_HEADER_LEN], target[32], hash[32];
    struct share_grinder grinder;
    uint32_t nonce = 0;

    ck_assert(share_target_from_difficulty(target, difficulty));
    share_coinbase_hash(root, &job, bench->client.extranonce1, 4, extranonce2, 8);
    share_merkle_root(root, root, (const uint8_t(*)[32])job.branches, job.branch_count);
    share_header(header, &job, root, job.version, job.ntime, 0);
    share_grinder_init(&grinder, header);
    for (;; nonce++) {
        share_grinder_hash(&grinder, nonce, hash);
        if (share_meets(hash, target) == good)
            return nonce;
    }
}

static const char *submit(struct bench *bench, const char *worker, const char *job, uint32_t ntime,
                          uint32_t nonce, const char *more)
{
    char line[512];

    snprintf(
        line, sizeof(line),
        "{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"%s\",\"%s\",\"0000000000000000\","
        "\"%08x\",\"%08x\"%s]}",
        worker, job, ntime, nonce, more);
    return say(bench, line);
}

static const char *submit_newest(struct bench *bench, uint32_t nonce)
{
    const struct sim_template *job = sim_pool_newest(&bench->pool);

    return submit(bench, "rig", job->id, job->ntime, nonce, "");
}

START_TEST(subscribe_tells_extranonces)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;
    char expected[160];

    open_bench(&bench, &settings);
    say(&bench, "{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": [\"test/1\"]}");
    snprintf(expected, sizeof(expected),
             "{\"id\":1,\"result\":[[[\"mining.set_difficulty\",\"1\"],[\"mining.notify\",\"1\"]],"
             "\"%02x%02x%02x%02x\",8],\"error\":null}\n",
             bench.client.extranonce1[0], bench.client.extranonce1[1], bench.client.extranonce1[2],
             bench.client.extranonce1[3]);
    ck_assert_str_eq(bench.out.data, expected);
    close_bench(&bench);
}
END_TEST

START_TEST(authorize_brings_difficulty_and_job)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;
    const char *answer;

    open_bench(&bench, &settings);
    log_in(&bench);
    answer = bench.out.data;
    ck_assert_ptr_nonnull(
        strstr(answer, "{\"id\":2,\"result\":true,\"error\":null}\n"
                       "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[0.0001]}\n"
                       "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"1\",\""));
    ck_assert_ptr_nonnull(strstr(answer, "\"20000000\",\"17028c61\",\"6ab13b80\",true]}\n"));
    close_bench(&bench);
}
END_TEST

START_TEST(ids_come_back_as_they_were)
{
    static const char *const ids[] = {"7", "\"x\"", "null", "18446744073", "[1,2]", "\"\xc3\xa9\""};
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;
    char line[128], expected[128];

    open_bench(&bench, &settings);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        snprintf(line, sizeof(line), "{\"id\":%s,\"method\":\"mining.multi_version\"}", ids[i]);
        snprintf(expected, sizeof(expected), "{\"id\":%s,\"result\":true,\"error\":null}\n",
                 ids[i]);
        ck_assert_str_eq(say(&bench, line), expected);
    }
    close_bench(&bench);
}
END_TEST

START_TEST(configure_grants_the_common_mask)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;

    open_bench(&bench, &settings);
    ck_assert_str_eq(
        say(&bench, "{\"id\":1,\"method\":\"mining.configure\",\"params\":[[\"version-rolling\","
                    "\"unknown\",\"info\"],{\"version-rolling.mask\":\"0000ffff\"}]}"),
        "{\"id\":1,\"result\":{\"version-rolling\":true,\"version-rolling.mask\":\"0000e000\","
        "\"info\":true},\"error\":null}\n");
    ck_assert_uint_eq(bench.client.version_mask, 0xe000);
    close_bench(&bench);
    settings.version_mask = 0;
    open_bench(&bench, &settings);
    ck_assert_str_eq(
        say(&bench,
            "{\"id\":1,\"method\":\"mining.configure\",\"params\":[[\"version-rolling\"]]}"),
        "{\"id\":1,\"result\":{\"version-rolling\":false},\"error\":null}\n");
    close_bench(&bench);
}
END_TEST

START_TEST(good_share_is_accepted_once)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;
    uint32_t nonce;

    open_bench(&bench, &settings);
    log_in(&bench);
    nonce = find_nonce(&bench, true, settings.difficulty);
    ck_assert_str_eq(submit_newest(&bench, nonce), "{\"id\":4,\"result\":true,\"error\":null}\n");
    ck_assert_str_eq(submit_newest(&bench, nonce),
                     "{\"id\":4,\"result\":null,\"error\":[22,\"Duplicate share\",null]}\n");
    ck_assert_uint_eq(bench.pool.totals.shares[SIM_ACCEPTED], 1);
    ck_assert_uint_eq(bench.pool.totals.shares[SIM_REJECT_DUPLICATE], 1);
    close_bench(&bench);
}
END_TEST

START_TEST(work_is_recomputed)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;
    uint32_t nonce;

    open_bench(&bench, &settings);
    log_in(&bench);
    nonce = find_nonce(&bench, false, settings.difficulty);
    ck_assert_str_eq(submit_newest(&bench, nonce),
                     "{\"id\":4,\"result\":null,\"error\":[23,\"Low difficulty share\",null]}\n");
    /* The very same nonce does the work of an easier share, so only the difficulty was short. */
    nonce = find_nonce(&bench, true, settings.difficulty / 50);
    ck_assert_ptr_nonnull(strstr(submit_newest(&bench, nonce), "[23,"));
    close_bench(&bench);
}
END_TEST

START_TEST(every_refusal_has_its_code)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;
    const struct sim_template *job;
    uint32_t nonce, ntime;

    open_bench(&bench, &settings);
    ck_assert_ptr_nonnull(strstr(submit_newest(&bench, 0), "[25,\"Not subscribed\""));
    say(&bench, "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}");
    ck_assert_ptr_nonnull(strstr(submit_newest(&bench, 0), "[24,\"Unauthorized worker\""));
    log_in(&bench);
    job = sim_pool_newest(&bench.pool);
    ntime = job->ntime;
    nonce = find_nonce(&bench, true, settings.difficulty);
    ck_assert_ptr_nonnull(
        strstr(submit(&bench, "other", job->id, ntime, nonce, ""), "[24,\"Unauthorized worker\""));
    ck_assert_ptr_nonnull(
        strstr(submit(&bench, "rig", "nope", ntime, nonce, ""), "[21,\"Job not found\""));
    ck_assert_ptr_nonnull(
        strstr(submit(&bench, "rig", job->id, ntime - 1, nonce, ""), "[20,\"Time out of range\""));
    ck_assert_ptr_nonnull(strstr(submit(&bench, "rig", job->id, ntime + 7201, nonce, ""),
                                 "[20,\"Time out of range\""));
    ck_assert_ptr_nonnull(strstr(submit(&bench, "rig", job->id, ntime, nonce, ",\"00002000\""),
                                 "[20,\"Version bits outside the mask\""));
    ck_assert_ptr_nonnull(
        strstr(say(&bench, "{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"rig\"]}"),
               "[20,\"Invalid parameters\""));
    ck_assert_uint_eq(bench.pool.totals.shares[SIM_ACCEPTED], 0);
    close_bench(&bench);
}
END_TEST

START_TEST(new_block_makes_jobs_stale)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;
    const char *out;
    char old[20];
    uint32_t nonce, ntime;

    settings.block_ms = 5000;
    settings.full_after_ms = 40;
    open_bench(&bench, &settings);
    log_in(&bench);
    nonce = find_nonce(&bench, true, settings.difficulty);
    ntime = sim_pool_newest(&bench.pool)->ntime;
    snprintf(old, sizeof(old), "%s", sim_pool_newest(&bench.pool)->id);
    ck_assert_str_eq(tick(&bench, 4999), "");
    out = tick(&bench, 1);
    ck_assert_ptr_nonnull(strstr(out, ",[],\"20000000\"")); /* empty first */
    ck_assert_ptr_nonnull(strstr(out, ",true]}\n"));
    ck_assert_str_eq(tick(&bench, 39), "");
    out = tick(&bench, 1);
    ck_assert_ptr_null(strstr(out, ",[],"));
    ck_assert_ptr_nonnull(strstr(out, ",false]}\n"));
    ck_assert_ptr_nonnull(
        strstr(submit(&bench, "rig", old, ntime, nonce, ""), "[21,\"Stale share\""));
    ck_assert_uint_eq(bench.pool.totals.blocks, 1);
    ck_assert_uint_eq(sim_pool_newest(&bench.pool)->height, 900001);
    close_bench(&bench);
}
END_TEST

START_TEST(vardiff_follows_the_shares)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;

    settings.vardiff.shares_per_minute = 20; /* 10 in a window of 30 s */
    open_bench(&bench, &settings);
    log_in(&bench);
    for (int i = 0; i < 40; i++)
        sim_vardiff_count(&bench.client.vardiff);
    ck_assert_str_eq(tick(&bench, 30000),
                     "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[0.0004]}\n");
    ck_assert_str_eq(tick(&bench, 30000), /* none came: a quarter, not nothing */
                     "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[0.0001]}\n");
    for (int i = 0; i < 12; i++)
        sim_vardiff_count(&bench.client.vardiff);
    ck_assert_str_eq(tick(&bench, 30000), ""); /* near enough */
    close_bench(&bench);
}
END_TEST

/* A job sent under the old difficulty may be finished under it; a new one may not. */
START_TEST(old_difficulty_holds_for_old_jobs)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;
    uint32_t nonce;

    settings.job_ms = 1000;
    open_bench(&bench, &settings);
    log_in(&bench);
    say(&bench, "{\"id\":9,\"method\":\"mining.suggest_difficulty\",\"params\":[1000]}");
    ck_assert_str_eq(bench.out.data,
                     "{\"id\":9,\"result\":true,\"error\":null}\n"
                     "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[1000]}\n");
    nonce = find_nonce(&bench, true, settings.difficulty);
    ck_assert_ptr_nonnull(strstr(submit_newest(&bench, nonce), "\"result\":true"));
    tick(&bench, 1000);
    nonce = find_nonce(&bench, true, settings.difficulty);
    ck_assert_ptr_nonnull(strstr(submit_newest(&bench, nonce), "[23,"));
    close_bench(&bench);
}
END_TEST

START_TEST(a_new_extranonce_binds_from_the_next_job)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;
    uint32_t nonce;

    settings.extranonce_ms = 500;
    settings.job_ms = 1000;
    open_bench(&bench, &settings);
    log_in(&bench);
    nonce = find_nonce(&bench, true, settings.difficulty);
    ck_assert_str_eq(tick(&bench, 500), ""); /* not subscribed to it */
    say(&bench, "{\"id\":3,\"method\":\"mining.extranonce.subscribe\",\"params\":[]}");
    ck_assert_ptr_nonnull(strstr(tick(&bench, 1), "mining.set_extranonce"));
    ck_assert_ptr_nonnull(strstr(submit_newest(&bench, nonce), "\"result\":true"));
    ck_assert_ptr_nonnull(strstr(tick(&bench, 500), "mining.notify"));
    nonce = find_nonce(&bench, true, settings.difficulty);
    ck_assert_ptr_nonnull(strstr(submit_newest(&bench, nonce), "\"result\":true"));
    close_bench(&bench);
}
END_TEST

START_TEST(misbehaves_on_request)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;
    const char *out;

    settings.notify_first = settings.batch = settings.crlf = true;
    open_bench(&bench, &settings);
    out = say(&bench, "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}");
    ck_assert_ptr_eq(strstr(out, "[{\"id\":null,\"method\":\"mining.set_difficulty\""), out);
    ck_assert_ptr_nonnull(strstr(out, ",true]}]\r\n{\"id\":1,\"result\":[[["));
    ck_assert_ptr_eq(strstr(out, "8],\"error\":null}\r\n") + strlen("8],\"error\":null}\r\n"),
                     out + strlen(out));
    close_bench(&bench);

    settings = plain_settings();
    settings.refuse_auth = true;
    open_bench(&bench, &settings);
    log_in(&bench);
    ck_assert_str_eq(bench.out.data,
                     "{\"id\":2,\"result\":false,\"error\":[24,\"Unauthorized worker\",null]}\n");
    close_bench(&bench);
}
END_TEST

START_TEST(bad_lines_end_the_patience)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench bench;

    open_bench(&bench, &settings);
    for (int i = 0; i < 9; i++)
        ck_assert(sim_client_line(&bench.client, now_of(&bench), "x", 1, &bench.out));
    ck_assert(!sim_client_line(&bench.client, now_of(&bench), "x", 1, &bench.out));
    ck_assert(!sim_client_line(&bench.client, now_of(&bench), "GET / HTTP/1.1", 14, &bench.out));
    ck_assert_uint_eq(bench.pool.totals.bad_lines, 11);
    close_bench(&bench);
}
END_TEST

/* The coinbase must be a transaction that parses: height, room for the extranonces, outputs. */
START_TEST(coinbase_is_a_transaction)
{
    struct sim_chain chain;
    struct sim_template job;
    struct buffer whole = {0};
    const uint8_t *bytes;
    size_t script, at;

    sim_chain_init(&chain, 3, 900000, 12, 5000);
    sim_chain_make_job(&chain, &job, UNIX_NOW, false, true);
    buffer_append(&whole, job.coinbase1.data, job.coinbase1.len);
    buffer_append(&whole, "0123456789ab", 12);
    buffer_append(&whole, job.coinbase2.data, job.coinbase2.len);
    bytes = (const uint8_t *)whole.data;
    script = bytes[41];
    ck_assert_uint_le(script, 100);
    ck_assert_mem_eq(bytes + 42, "\x03\xa0\xbb\x0d", 4); /* 900000 */
    ck_assert_mem_eq(bytes + 47, "0123456789ab", 12);
    at = 42 + script + 4; /* behind the sequence */
    size_t outputs = bytes[at++];
    ck_assert_uint_eq(outputs, 2 + 55);
    for (size_t i = 0; i < outputs; i++) {
        if (i == 0)
            ck_assert_uint_ge(load_le64(bytes + at), sim_subsidy(900000));
        at += 8;
        at += 1 + (size_t)bytes[at];
    }
    ck_assert_uint_eq(at + 4, whole.len);
    ck_assert_uint_eq(sim_subsidy(900000), 312500000);
    buffer_close(&whole);
    sim_template_close(&job);
}
END_TEST

START_TEST(same_seed_same_bytes)
{
    struct sim_pool_settings settings = plain_settings();
    struct bench one, two;

    settings.fixed_clock = true;
    settings.clock_unix = 1700000000;
    open_bench(&one, &settings);
    open_bench(&two, &settings);
    two.ms += 12345;
    log_in(&one);
    log_in(&two);
    ck_assert_str_eq(one.out.data, two.out.data);
    close_bench(&one);
    close_bench(&two);
}
END_TEST

int main(void)
{
    return UNIT_RUN("sim_pool", subscribe_tells_extranonces, authorize_brings_difficulty_and_job,
                    ids_come_back_as_they_were, configure_grants_the_common_mask,
                    good_share_is_accepted_once, work_is_recomputed, every_refusal_has_its_code,
                    new_block_makes_jobs_stale, vardiff_follows_the_shares,
                    old_difficulty_holds_for_old_jobs, a_new_extranonce_binds_from_the_next_job,
                    misbehaves_on_request, bad_lines_end_the_patience, coinbase_is_a_transaction,
                    same_seed_same_bytes);
}
