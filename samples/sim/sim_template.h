/*
 * sim_template.h - the simulated chain: blocks, and the jobs a pool makes of them.
 *
 * A template is one job: the coinbase transaction in the two halves that mining.notify carries
 * (BIP 34 height, a push that leaves room for the extranonces, a tag; outputs to the pool and the
 * commitment of BIP 141), the merkle branch, the previous block's hash, version, bits and time. The
 * chain only pretends: previous hashes are random below the target of `nbits`, branches are random,
 * but every share on them is real work that anybody can check.
 *
 * Ownership: a template owns its two coinbase halves; sim_template_close frees them.
 * Pure: no clock, no sockets. Threads: one at a time.
 */
#ifndef HASHSCOPE_SIM_TEMPLATE_H
#define HASHSCOPE_SIM_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/stratum/job.h"
#include "samples/sim/sim_random.h"

#define SIM_BRANCHES_MAX     14
#define SIM_TEMPLATE_VERSION UINT32_C(0x20000000)
#define SIM_TEMPLATE_NBITS   UINT32_C(0x17028c61) /* that of mainnet around block 879,000 */

struct sim_chain {
    struct sim_random random;
    uint32_t height;         /* of the block being worked on */
    uint8_t previous[32];    /* hash of the block before it, in header byte order */
    uint64_t jobs;           /* made so far */
    size_t extranonce_bytes; /* extranonce1 and 2 together: the room left in the coinbase */
    size_t coinbase_padding; /* bytes of extra outputs, to make big coinbases */
};

struct sim_template {
    uint64_t number; /* 1, 2, 3 …; the job id is its hexadecimal text */
    char id[20];
    uint32_t height;
    uint8_t previous[32];
    uint32_t version, nbits, ntime;
    struct buffer coinbase1, coinbase2; /* bytes, not hex */
    size_t branch_count;                /* 0: an empty block */
    uint8_t branches[SIM_BRANCHES_MAX][32];
    bool clean;
};

/* A chain that stands before block `height`. */
void sim_chain_init(struct sim_chain *chain, uint64_t seed, uint32_t height,
                    size_t extranonce_bytes, size_t coinbase_padding);
/* Somebody found the block: the next template builds on it. */
void sim_chain_advance(struct sim_chain *chain);
/* `empty`: no transactions but the coinbase. `out` need not be initialised; close it. */
void sim_chain_make_job(struct sim_chain *chain, struct sim_template *out, uint32_t ntime,
                        bool empty, bool clean);
void sim_template_close(struct sim_template *job);

/* Appends {"id":null,"method":"mining.notify","params":[…]} without a newline. */
void sim_template_append_notify(struct buffer *out, const struct sim_template *job);

/* The same as lib/stratum sees it, for its arithmetic; borrows everything, never to be closed. */
struct stratum_job sim_template_view(const struct sim_template *job);

/* Satoshi created by a block of that height (halved every 210,000 blocks). */
uint64_t sim_subsidy(uint32_t height);

#endif
