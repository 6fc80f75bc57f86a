/*
 * How it works: a job is taken over with the extranonce and difficulty of that moment. The grinder
 * is set up for one extranonce2 (a counter that goes on through all jobs, so nothing is ever hashed
 * twice) and, with version rolling, for one set of version bits; when its nonces are used up, or
 * after NONCES_PER_HEADER of them, the next extranonce2 follows.
 *
 * How it can fail: a job that can't be read is counted and the old one goes on.
 */
#include <stdio.h>
#include <string.h>

#include "samples/sim/sim_miner.h"

#define NONCES_PER_HEADER UINT32_C(0x01000000) /* rolls extranonce2 and version now and then */

void sim_miner_drop_job(struct sim_miner *miner)
{
    if (miner->has_job)
        stratum_job_close(&miner->job);
    miner->has_job = miner->grinding = false;
}

void sim_miner_take_job(struct sim_miner *miner, const json_t *params)
{
    struct stratum_job job;
    struct error err = {""};
    bool block;

    if (stratum_job_parse(&job, params, &err) != STATUS_OK) {
        sim_miner_note(miner, "%s", err.text);
        miner->totals.bad_lines++;
        return;
    }
    block = miner->has_job && memcmp(job.previous, miner->job.previous, 32) != 0;
    if (block) {
        miner->totals.blocks++;
        snprintf(miner->stale_job, sizeof(miner->stale_job), "%s", miner->job.id);
    }
    sim_miner_drop_job(miner);
    miner->job = job;
    miner->job_extranonce = miner->extranonce;
    miner->has_job = true;
    miner->totals.jobs++;
    miner->job_difficulty = miner->difficulty;
    if (!share_target_from_difficulty(miner->target, miner->job_difficulty))
        memset(miner->target, 0, sizeof(miner->target));
    sim_miner_note(miner, "job %s%s, difficulty %.10g", job.id, block ? " on a new block" : "",
                   miner->job_difficulty);
}

static size_t write_extranonce2(const struct sim_miner *miner, uint8_t out[STRATUM_EXTRANONCE_MAX])
{
    size_t len = miner->job_extranonce.extranonce2_len;

    memset(out, 0, STRATUM_EXTRANONCE_MAX);
    for (size_t i = 0; i < len && i < 8; i++)
        out[len - 1 - i] = (uint8_t)(miner->extranonce2 >> (8 * i));
    return len;
}

/* Version bits that the mask allows, another set for every header. */
static uint32_t draw_version_bits(struct sim_miner *miner)
{
    return miner->version_mask == 0
               ? 0
               : (uint32_t)sim_random_next(&miner->random) & miner->version_mask;
}

static void set_up_grinder(struct sim_miner *miner)
{
    const struct stratum_extranonce *extranonce = &miner->job_extranonce;
    uint8_t extranonce2[STRATUM_EXTRANONCE_MAX], root[32], header[SHARE_HEADER_LEN];
    uint32_t version;

    miner->extranonce2++;
    miner->version_bits = draw_version_bits(miner);
    miner->nonce = 0;
    version = share_rolled_version(miner->job.version, miner->version_mask, miner->version_bits);
    share_coinbase_hash(root, &miner->job, extranonce->extranonce1, extranonce->extranonce1_len,
                        extranonce2, write_extranonce2(miner, extranonce2));
    share_merkle_root(root, root, (const uint8_t(*)[32])miner->job.branches,
                      miner->job.branch_count);
    share_header(header, &miner->job, root, version, miner->job.ntime, 0);
    share_grinder_init(&miner->grinder, header);
    miner->grinding = true;
}

/* ---- submits ---- */

static void submit(struct sim_miner *miner, const char *job, uint32_t nonce, struct buffer *out)
{
    uint8_t extranonce2[STRATUM_EXTRANONCE_MAX];
    char text[STRATUM_EXTRANONCE_MAX * 2 + 1] = "";
    const struct sim_words words = {.worker = miner->settings.worker,
                                    .job = job,
                                    .extranonce2 = text,
                                    .ntime = miner->job.ntime,
                                    .nonce = nonce,
                                    .version_bits = miner->version_bits,
                                    .rolling = miner->version_mask != 0};

    hex_encode(text, extranonce2, write_extranonce2(miner, extranonce2));
    sim_miner_say(miner, SIM_STEP_SUBMIT, &words, out);
    miner->totals.sent++;
}

/* A nonce whose hash does not meet the target: nearly any. */
static uint32_t worthless_nonce(struct sim_miner *miner)
{
    uint8_t hash[32];
    uint32_t nonce;

    do {
        nonce = (uint32_t)sim_random_next(&miner->random);
        share_grinder_hash(&miner->grinder, nonce, hash);
    } while (share_meets(hash, miner->target));
    return nonce;
}

/* One bad submit after the good one of `nonce`. */
static void submit_bad(struct sim_miner *miner, uint32_t nonce, struct buffer *out)
{
    enum sim_bad_kind kind = miner->settings.bad_kind;

    if (kind == SIM_BAD_MIXED)
        kind = (enum sim_bad_kind)(SIM_BAD_STALE + sim_random_below(&miner->random, 3));
    switch (kind) {
    case SIM_BAD_MIXED:
    case SIM_BAD_STALE:
        submit(miner, miner->stale_job[0] == '\0' ? "before" : miner->stale_job, nonce, out);
        break;
    case SIM_BAD_DUPLICATE:
        submit(miner, miner->job.id, nonce, out);
        break;
    case SIM_BAD_LOW:
        submit(miner, miner->job.id, worthless_nonce(miner), out);
        break;
    }
}

static void found(struct sim_miner *miner, struct buffer *out)
{
    submit(miner, miner->job.id, miner->nonce, out);
    while (sim_random_percent(&miner->random, miner->settings.bad_percent))
        submit_bad(miner, miner->nonce, out);
}

void sim_miner_work(struct sim_miner *miner, uint32_t hashes, struct buffer *out)
{
    uint8_t hash[32];

    if (!miner->ready || !miner->subscribed || !miner->has_job)
        return;
    while (hashes > 0) {
        uint32_t before, tries;

        if (!miner->grinding || miner->nonce >= NONCES_PER_HEADER)
            set_up_grinder(miner);
        before = miner->nonce;
        tries = hashes < NONCES_PER_HEADER - before ? hashes : NONCES_PER_HEADER - before;
        if (share_grinder_search(&miner->grinder, &miner->nonce, tries, miner->target, hash)) {
            found(miner, out);
            miner->nonce++;
        }
        hashes -= miner->nonce - before;
    }
}
