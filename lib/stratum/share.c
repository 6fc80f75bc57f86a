/*
 * How it works: OpenSSL's low-level SHA-256 does the hashing. Its one-shot and EVP forms look the
 * algorithm up and allocate for every hash, which for 80 bytes takes longer than the hash itself,
 * and they can't be continued from a midstate; so the older interface is asked for by API level.
 *
 * How it can fail: not at all.
 */
#define OPENSSL_API_COMPAT 0x10100000L

#include "lib/stratum/share.h"

#include <openssl/sha.h>
#include <string.h>

#include "lib/base/bytes.h"

#define NTIME_AT   68
#define NBITS_AT   72
#define NONCE_AT   76
#define TAIL_AT    64 /* SHA-256 works in blocks of 64 bytes */
#define BLOCK_BITS 512

/* ---- hashes ---- */

/* Ends the first SHA-256 and does the second. */
static void finish(SHA256_CTX *first, uint8_t hash[32])
{
    SHA256_CTX second;
    uint8_t inner[32];
    SHA256_Final(inner, first);
    SHA256_Init(&second);
    SHA256_Update(&second, inner, sizeof(inner));
    SHA256_Final(hash, &second);
}

void share_sha256d(const void *data, size_t len, uint8_t hash[32])
{
    SHA256_CTX first;
    SHA256_Init(&first);
    SHA256_Update(&first, data, len);
    finish(&first, hash);
}

void share_hash_header(const uint8_t header[SHARE_HEADER_LEN], uint8_t hash[32])
{
    share_sha256d(header, SHARE_HEADER_LEN, hash);
}

void share_coinbase_hash(uint8_t hash[32], const struct stratum_job *job,
                         const uint8_t *extranonce1, size_t extranonce1_len,
                         const uint8_t *extranonce2, size_t extranonce2_len)
{
    SHA256_CTX first;
    SHA256_Init(&first);
    SHA256_Update(&first, job->coinbase1, job->coinbase1_len);
    SHA256_Update(&first, extranonce1, extranonce1_len);
    SHA256_Update(&first, extranonce2, extranonce2_len);
    SHA256_Update(&first, job->coinbase2, job->coinbase2_len);
    finish(&first, hash);
}

void share_merkle_root(uint8_t root[32], const uint8_t coinbase_hash[32],
                       const uint8_t (*branches)[32], size_t count)
{
    uint8_t pair[64];
    memcpy(pair, coinbase_hash, 32);
    for (size_t i = 0; i < count; i++) {
        memcpy(pair + 32, branches[i], 32);
        share_sha256d(pair, sizeof(pair), pair);
    }
    memcpy(root, pair, 32);
}

void share_hash_text(char out[SHARE_HASH_TEXT + 1], const uint8_t hash[32])
{
    uint8_t reversed[32];
    for (int i = 0; i < 32; i++)
        reversed[i] = hash[31 - i];
    hex_encode(out, reversed, sizeof(reversed));
    out[SHARE_HASH_TEXT] = '\0';
}

/* ---- headers ---- */

uint32_t share_rolled_version(uint32_t job_version, uint32_t mask, uint32_t version_bits)
{
    return (job_version & ~mask) | (version_bits & mask);
}

void share_header(uint8_t header[SHARE_HEADER_LEN], const struct stratum_job *job,
                  const uint8_t merkle_root[32], uint32_t version, uint32_t ntime, uint32_t nonce)
{
    store_le32(header, version);
    memcpy(header + 4, job->previous, 32);
    memcpy(header + 36, merkle_root, 32);
    store_le32(header + NTIME_AT, ntime);
    store_le32(header + NBITS_AT, job->nbits);
    store_le32(header + NONCE_AT, nonce);
}

void share_grinder_init(struct share_grinder *grinder, const uint8_t header[SHARE_HEADER_LEN])
{
    SHA256_CTX first;
    SHA256_Init(&first);
    SHA256_Update(&first, header, TAIL_AT);
    for (int i = 0; i < 8; i++)
        grinder->midstate[i] = first.h[i];
    memcpy(grinder->tail, header + TAIL_AT, sizeof(grinder->tail));
}

void share_grinder_set_ntime(struct share_grinder *grinder, uint32_t ntime)
{
    store_le32(grinder->tail + (NTIME_AT - TAIL_AT), ntime);
}

void share_grinder_hash(const struct share_grinder *grinder, uint32_t nonce, uint8_t hash[32])
{
    SHA256_CTX first;
    uint8_t tail[sizeof(grinder->tail)];
    memcpy(tail, grinder->tail, sizeof(tail));
    store_le32(tail + (NONCE_AT - TAIL_AT), nonce);
    SHA256_Init(&first);
    for (int i = 0; i < 8; i++)
        first.h[i] = grinder->midstate[i];
    first.Nl = BLOCK_BITS;
    SHA256_Update(&first, tail, sizeof(tail));
    finish(&first, hash);
}

bool share_grinder_search(const struct share_grinder *grinder, uint32_t *nonce, uint32_t count,
                          const uint8_t target[32], uint8_t hash[32])
{
    for (; count > 0; count--, ++*nonce) {
        share_grinder_hash(grinder, *nonce, hash);
        if (share_meets(hash, target))
            return true;
    }
    return false;
}

/* ---- all at once ---- */

void share_evaluate(struct share_result *result, const struct stratum_job *job,
                    const struct stratum_extranonce *extranonce,
                    const struct stratum_submit *submit, uint32_t mask)
{
    uint8_t coinbase[32], target[32];
    uint32_t bits = submit->has_version_bits ? submit->version_bits : job->version;
    uint32_t version = share_rolled_version(job->version, mask, bits);
    share_coinbase_hash(coinbase, job, extranonce->extranonce1, extranonce->extranonce1_len,
                        submit->extranonce2, submit->extranonce2_len);
    share_merkle_root(result->merkle_root, coinbase, (const uint8_t(*)[32])job->branches,
                      job->branch_count);
    share_header(result->header, job, result->merkle_root, version, submit->ntime, submit->nonce);
    share_hash_header(result->header, result->hash);
    result->wrong_size =
        extranonce->extranonce2_len > 0 && submit->extranonce2_len != extranonce->extranonce2_len;
    result->difficulty = result->wrong_size ? 0 : share_difficulty(result->hash);
    result->solves_block = !result->wrong_size && share_target_from_nbits(target, job->nbits) &&
                           share_meets(result->hash, target);
    result->bits_outside = submit->has_version_bits && (submit->version_bits & ~mask) != 0;
}
