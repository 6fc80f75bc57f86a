/*
 * load_traffic.h - the lines that the load generator sends: a farm of miners and their pool, in the
 * line format of Stratum V1 (one JSON object a line, LF at the end).
 *
 * All sessions get the same jobs, as they do from a pool with one template. A job lasts 30 s of
 * simulated time, however fast the run sends them; every 20 jobs there is a new block: new
 * prevhash, height and clean_jobs = true. Transactions come and go between jobs, so the Merkle
 * branches, the coinbase's witness commitment and its merged-mining hash are fresh in each: about
 * 450 bytes of a notification cannot be guessed. A submit has a random extranonce2, nonce and
 * version bits (BIP 320 mask) and a time up to 31 s after its job's. Nothing of it is a valid proof
 * of work.
 *
 * Pure: no sockets, no clocks, the same seed gives the same lines. Functions that write take room
 * of TRAFFIC_LINE_MAX bytes and return the length, the LF included, no NUL.
 */
#ifndef HASHSCOPE_BENCH_LOAD_TRAFFIC_H
#define HASHSCOPE_BENCH_LOAD_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TRAFFIC_LINE_MAX    2048
#define TRAFFIC_WORKER_STEM "hashscope_farm.rig" /* followed by the miner's number, five digits */
#define TRAFFIC_DIFFICULTY  65536

/* SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). */
struct traffic_random {
    uint64_t state;
};
uint64_t traffic_random_next(struct traffic_random *random);
double traffic_random_unit(struct traffic_random *random); /* above 0, at most 1 */

struct traffic {
    struct traffic_random random;
    uint32_t job;      /* number of the current job, its id in hex */
    uint32_t height;   /* of the block being mined */
    char prevhash[64]; /* hex, words swapped as Stratum does: the zeros stand at the end */
    char notify[TRAFFIC_LINE_MAX]; /* the current job's line */
    size_t notify_len;
};

void traffic_init(struct traffic *traffic, uint64_t seed); /* the first job is there already */
void traffic_next_job(struct traffic *traffic);

/* What a miner says. */
size_t traffic_subscribe(char *out);
size_t traffic_authorize(char *out, unsigned miner);
size_t traffic_submit(struct traffic *traffic, char *out, unsigned miner, uint64_t id,
                      uint32_t job);

/* What a pool says. `id` is the text of the request's id. */
size_t traffic_subscribe_reply(char *out, uint32_t extranonce1);
size_t traffic_true_reply(char *out, const char *id, size_t id_len);
size_t traffic_set_difficulty(char *out);

/* What the receiving side recognises. */
enum traffic_kind {
    TRAFFIC_SUBSCRIBE,
    TRAFFIC_AUTHORIZE,
    TRAFFIC_SUBMIT,
    TRAFFIC_TRUE_REPLY,
    TRAFFIC_OTHER_REPLY,
    TRAFFIC_NOTIFY,
    TRAFFIC_SET_DIFFICULTY,
    TRAFFIC_UNKNOWN,
};
struct traffic_view {
    enum traffic_kind kind;
    const char *id; /* digits, inside the line; NULL when the id is null */
    size_t id_len;
    uint64_t id_number; /* 0 when the id is null */
    uint32_t number;    /* authorize: the miner's number; notify: the job's */
};
/* `line` without its LF; the view borrows from it. */
struct traffic_view traffic_read(const char *line, size_t len);

/* Writes `messages` lines of `miners` sessions, both directions mixed as they would pass a relay,
 * with a new job for everyone after every ten submits per session. False when writing failed. */
bool traffic_dump(FILE *file, unsigned miners, uint64_t messages, uint64_t seed);

#endif
