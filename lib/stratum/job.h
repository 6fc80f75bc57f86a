/*
 * job.h - work as Bitcoin's Stratum v1 hands it out and takes it back: the parameters of
 * mining.notify, mining.submit and of what sets extranonces, difficulty and version mask, checked
 * and as bytes.
 *
 * Bounds: extranonces up to STRATUM_EXTRANONCE_MAX bytes each, coinbase parts up to
 * STRATUM_COINBASE_MAX bytes each, up to STRATUM_BRANCHES_MAX merkle branches. The fixed fields
 * have exactly the digits the protocol gives them; hex is taken in either case.
 *
 * Errors: STATUS_INVALID with a text that names the message, the field and what was expected, such
 * as "mining.notify: previous block (params[1]): 63 characters, 64 hex digits expected".
 * Ownership: struct stratum_job owns memory (stratum_job_close); the others borrow from the tree
 * where they say so. A function that fails leaves nothing to be closed.
 * Pure; threads: any. jansson does not write to a tree that is only read.
 *
 * Sources: the Stratum v1 documentation of Slush Pool, BIP 310 for version rolling.
 */
#ifndef HASHSCOPE_STRATUM_JOB_H
#define HASHSCOPE_STRATUM_JOB_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

#define STRATUM_EXTRANONCE_MAX 32
#define STRATUM_COINBASE_MAX   ((size_t)8 << 20)
#define STRATUM_BRANCHES_MAX   64

/* A parsed mining.notify. */
struct stratum_job {
    char *id;             /* as sent; an opaque text */
    uint8_t previous[32]; /* hash of the previous block, as it stands in the header */
    uint8_t *coinbase1;   /* before the extranonces; all byte fields lie in one allocation */
    size_t coinbase1_len;
    uint8_t *coinbase2; /* behind them */
    size_t coinbase2_len;
    uint8_t (*branches)[32]; /* lowest first; none for an empty block */
    size_t branch_count;
    uint32_t version;
    uint32_t nbits;
    uint32_t ntime;
    bool clean; /* earlier jobs are void; the last boolean counts, fields before it are skipped */
};

enum status stratum_job_parse(struct stratum_job *job, const json_t *params,
                              struct error *err) MUST_CHECK;
void stratum_job_close(struct stratum_job *job); /* zeroed afterwards; may be called twice */

/* A parsed mining.submit. */
struct stratum_submit {
    const char *worker; /* borrowed from the tree */
    const char *job_id; /* borrowed */
    uint8_t extranonce2[STRATUM_EXTRANONCE_MAX];
    size_t extranonce2_len;
    uint32_t ntime;
    uint32_t nonce;
    uint32_t version_bits; /* BIP 310; 0 without */
    bool has_version_bits;
};

enum status stratum_submit_parse(struct stratum_submit *submit, const json_t *params,
                                 struct error *err) MUST_CHECK;

/* What makes a session's coinbases differ from all others. */
struct stratum_extranonce {
    uint8_t extranonce1[STRATUM_EXTRANONCE_MAX];
    size_t extranonce1_len;
    size_t extranonce2_len; /* how many bytes the miner may choose */
};

/* Of the result of mining.subscribe: [subscriptions, extranonce1, extranonce2 size]. */
enum status stratum_subscription_parse(struct stratum_extranonce *extranonce, const json_t *result,
                                       struct error *err) MUST_CHECK;
/* Of the params of mining.set_extranonce: [extranonce1, extranonce2 size]. */
enum status stratum_extranonce_parse(struct stratum_extranonce *extranonce, const json_t *params,
                                     struct error *err) MUST_CHECK;

/* Of the params of mining.set_difficulty: a number above 0. */
enum status stratum_difficulty_parse(double *difficulty, const json_t *params,
                                     struct error *err) MUST_CHECK;
/* Of the params of mining.set_target: 64 hex digits, big-endian; little-endian in `target`. */
enum status stratum_target_parse(uint8_t target[32], const json_t *params,
                                 struct error *err) MUST_CHECK;

/* Of the params of mining.set_version_mask: [mask], one to eight hex digits. */
enum status stratum_mask_parse(uint32_t *mask, const json_t *params, struct error *err) MUST_CHECK;
/* Of the result of mining.configure: "version-rolling.mask", or 0 when the pool does not allow
 * rolling or was not asked. */
enum status stratum_configure_parse(uint32_t *mask, const json_t *result,
                                    struct error *err) MUST_CHECK;

#endif
