/*
 * share.h - share arithmetic: from job, extranonces and submit to header, hash and difficulty.
 *
 *   cb     = sha256d(coinbase1 | extranonce1 | extranonce2 | coinbase2)
 *   root   = cb; for each branch b: root = sha256d(root | b)
 *   ver    = (job.version & ~mask) | (bits & mask)                                    (BIP 310)
 *   header = LE32(ver) | previous | root | LE32(ntime) | LE32(nbits) | LE32(nonce)    80 bytes
 *   hash   = sha256d(header), read as a little-endian number of 256 bits
 *   difficulty = 0xffff * 2^208 / hash
 *
 * Hashes and targets are 32 bytes, little-endian: byte 31 is the most significant. People see them
 * the other way round (share_hash_text).
 *
 * Pure; threads: any; nothing is allocated; nothing can fail unless it says so. Sources: the block
 * header and compact target of the Bitcoin protocol documentation, BIP 310.
 */
#ifndef HASHSCOPE_STRATUM_SHARE_H
#define HASHSCOPE_STRATUM_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/stratum/job.h"

#define SHARE_HEADER_LEN 80
#define SHARE_HASH_TEXT  64

/* ---- hashes ---- */

/* SHA-256 of the SHA-256. */
void share_sha256d(const void *data, size_t len, uint8_t hash[32]);
void share_hash_header(const uint8_t header[SHARE_HEADER_LEN], uint8_t hash[32]);

/* Hash of the coinbase transaction, without putting it together in memory. */
void share_coinbase_hash(uint8_t hash[32], const struct stratum_job *job,
                         const uint8_t *extranonce1, size_t extranonce1_len,
                         const uint8_t *extranonce2, size_t extranonce2_len);
/* Climbs from the coinbase's hash over `count` branches. */
void share_merkle_root(uint8_t root[32], const uint8_t coinbase_hash[32],
                       const uint8_t (*branches)[32], size_t count);

/* Writes SHARE_HASH_TEXT lower-case digits, most significant byte first, and a NUL. */
void share_hash_text(char out[SHARE_HASH_TEXT + 1], const uint8_t hash[32]);

/* ---- headers ---- */

uint32_t share_rolled_version(uint32_t job_version, uint32_t mask, uint32_t version_bits);
void share_header(uint8_t header[SHARE_HEADER_LEN], const struct stratum_job *job,
                  const uint8_t merkle_root[32], uint32_t version, uint32_t ntime, uint32_t nonce);

/* Many nonces on one header: the first 64 bytes are hashed once. */
struct share_grinder {
    uint32_t midstate[8];
    uint8_t tail[16]; /* the rest of the merkle root, ntime, nbits, nonce */
};
void share_grinder_init(struct share_grinder *grinder, const uint8_t header[SHARE_HEADER_LEN]);
void share_grinder_set_ntime(struct share_grinder *grinder, uint32_t ntime);
void share_grinder_hash(const struct share_grinder *grinder, uint32_t nonce, uint8_t hash[32]);
/* Tries `count` nonces from *nonce on. True when one meets the target: *nonce and hash are it.
 * False: *nonce is the next one to try. */
bool share_grinder_search(const struct share_grinder *grinder, uint32_t *nonce, uint32_t count,
                          const uint8_t target[32], uint8_t hash[32]);

/* ---- targets and difficulty ---- */

/* 0xffff * 2^208 / number, right to the last bit or two of a double; infinity for 0. Works for the
 * hash of a share and for a target alike. */
double share_difficulty(const uint8_t number[32]);

/* The largest hash that has at least this difficulty, exactly; all bits set when even the largest
 * number has it. False when the difficulty is not a finite number above 0. */
bool share_target_from_difficulty(uint8_t target[32], double difficulty);

/* The compact target of a block. False when it is negative, zero or above 256 bits. */
bool share_target_from_nbits(uint8_t target[32], uint32_t nbits);

bool share_meets(const uint8_t hash[32], const uint8_t target[32]); /* hash <= target */

/* ---- all at once ---- */

struct share_result {
    uint8_t header[SHARE_HEADER_LEN];
    uint8_t merkle_root[32]; /* as in the header */
    uint8_t hash[32];
    double difficulty;
    bool solves_block; /* the hash meets the job's nbits */
    bool bits_outside; /* the submit rolled bits that the mask does not allow; they don't count */
    bool wrong_size;   /* its extranonce2 is not as long as the session's: it has no difficulty (0),
                          and solves nothing */
};

/* What a submit amounts to. `mask` is the version mask in force, 0 without version rolling. An
 * extranonce2_len of 0 in `extranonce` is a size that is not known. */
void share_evaluate(struct share_result *result, const struct stratum_job *job,
                    const struct stratum_extranonce *extranonce,
                    const struct stratum_submit *submit, uint32_t mask);

#endif
