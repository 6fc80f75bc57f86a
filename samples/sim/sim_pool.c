/*
 * How it works: the pool's clock is three due times: a new block (clean job, empty first when
 * asked), the full template behind an empty one, and a refreshed job on the same block. Jobs lie in
 * an array of the newest SIM_JOBS_KEPT; those of an earlier block stay known as stale by their
 * number alone.
 *
 * Nothing here can fail; out of memory ends the program (memory.h).
 */
#include "samples/sim/sim_pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int code;
} rejects[SIM_REJECT_COUNT] = {
    [SIM_ACCEPTED] = {"accepted", 0},
    [SIM_REJECT_OTHER] = {"other", 20},
    [SIM_REJECT_STALE] = {"stale", 21},
    [SIM_REJECT_DUPLICATE] = {"duplicate", 22},
    [SIM_REJECT_LOW_DIFFICULTY] = {"low_difficulty", 23},
    [SIM_REJECT_UNAUTHORIZED] = {"unauthorized", 24},
    [SIM_REJECT_NOT_SUBSCRIBED] = {"not_subscribed", 25},
};

const char *sim_reject_name(enum sim_reject reject)
{
    return rejects[reject].name;
}

int sim_reject_code(enum sim_reject reject)
{
    return rejects[reject].code;
}

enum sim_reject sim_reject_of_code(int64_t code)
{
    for (int i = SIM_REJECT_OTHER; i < SIM_REJECT_COUNT; i++) {
        if (rejects[i].code == code)
            return (enum sim_reject)i;
    }
    return SIM_REJECT_OTHER;
}

static void pool_note(const struct sim_pool *pool, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void pool_note(const struct sim_pool *pool, const char *fmt, ...)
{
    char text[256];
    va_list args;

    if (pool->settings.note == NULL)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    pool->settings.note(pool->settings.note_user, 0, text);
}

static int64_t due(int64_t now_ms, int64_t interval_ms)
{
    return interval_ms == 0 ? INT64_MAX : now_ms + interval_ms;
}

static void make_job(struct sim_pool *pool, struct sim_now now, bool empty, bool clean)
{
    const struct sim_pool_settings *settings = &pool->settings;
    uint32_t ntime =
        settings->fixed_clock ? settings->clock_unix + (uint32_t)pool->chain.jobs : now.unix;
    struct sim_template *job;

    if (pool->job_count == SIM_JOBS_KEPT) {
        sim_template_close(&pool->jobs[0]);
        memmove(&pool->jobs[0], &pool->jobs[1], sizeof(pool->jobs[0]) * (SIM_JOBS_KEPT - 1));
        pool->job_count--;
    }
    job = &pool->jobs[pool->job_count++];
    sim_chain_make_job(&pool->chain, job, ntime, empty, clean);
    if (clean)
        pool->first_valid = job->number;
    pool->totals.jobs++;
    pool->next_job_ms = due(now.ms, settings->job_ms);
    pool_note(pool, "job %s at height %u: %s%s", job->id, job->height,
              empty ? "empty block" : "full block", clean ? ", clean" : "");
}

static void new_block(struct sim_pool *pool, struct sim_now now)
{
    const struct sim_pool_settings *settings = &pool->settings;

    sim_chain_advance(&pool->chain);
    pool->totals.blocks++;
    pool->next_block_ms = due(now.ms, settings->block_ms);
    make_job(pool, now, settings->full_after_ms > 0, true);
    pool->next_full_ms = due(now.ms, settings->full_after_ms);
}

void sim_pool_init(struct sim_pool *pool, const struct sim_pool_settings *settings,
                   struct sim_now now)
{
    *pool = (struct sim_pool){.settings = *settings,
                              .random = sim_random_derive(settings->seed, 2),
                              .next_full_ms = INT64_MAX};
    sim_chain_init(&pool->chain, settings->seed, settings->height,
                   settings->extranonce1_bytes + settings->extranonce2_bytes,
                   settings->big_coinbase);
    pool->next_block_ms = due(now.ms, settings->block_ms);
    make_job(pool, now, false, true);
}

void sim_pool_close(struct sim_pool *pool)
{
    for (size_t i = 0; i < pool->job_count; i++)
        sim_template_close(&pool->jobs[i]);
    pool->job_count = 0;
}

void sim_pool_tick(struct sim_pool *pool, struct sim_now now)
{
    if (now.ms >= pool->next_block_ms)
        new_block(pool, now);
    if (now.ms >= pool->next_full_ms) {
        pool->next_full_ms = INT64_MAX;
        make_job(pool, now, false, false);
    }
    if (now.ms >= pool->next_job_ms)
        make_job(pool, now, false, false);
}

const struct sim_template *sim_pool_newest(const struct sim_pool *pool)
{
    return &pool->jobs[pool->job_count - 1];
}

/* Whether `id` is the text this pool would give one of its jobs. */
static bool was_given(const struct sim_pool *pool, const char *id)
{
    char *end = NULL;
    unsigned long long number = strtoull(id, &end, 16);
    char text[20];

    snprintf(text, sizeof(text), "%llx", number);
    return strcmp(text, id) == 0 && number >= 1 && number <= pool->chain.jobs;
}

const struct sim_template *sim_pool_find_job(const struct sim_pool *pool, const char *id,
                                             bool *known)
{
    *known = was_given(pool, id);
    for (size_t i = 0; i < pool->job_count; i++) {
        const struct sim_template *job = &pool->jobs[i];

        if (job->number >= pool->first_valid && strcmp(job->id, id) == 0)
            return job;
    }
    return NULL;
}
