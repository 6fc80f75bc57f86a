/*
 * reply_cache.h - answers that many ask for and that cost reading: each is made once, and given to
 * all who ask for the same while it is fresh, or while it is being made. It is fresh for ten times
 * as long as making it took, between REPLY_FRESH_MIN_MS and REPLY_FRESH_MAX_MS.
 *
 * At most REPLY_CACHE_MAX answers of REPLY_BYTES_MAX bytes.
 *
 * Ownership: reply_cache_new's caller. Threads: any.
 */
#ifndef HASHSCOPE_API_REQUEST_REPLY_CACHE_H
#define HASHSCOPE_API_REQUEST_REPLY_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"

#define REPLY_CACHE_MAX    16
#define REPLY_BYTES_MAX    (2u << 20)
#define REPLY_FRESH_MIN_MS 500
#define REPLY_FRESH_MAX_MS 10000

struct reply_cache;

struct reply_cache *reply_cache_new(void);
void reply_cache_free(struct reply_cache *cache); /* NULL is fine */

/* True: the answer is in *out. False: it is the caller's to make it, and then to call
 * reply_cache_give with the same key, whatever came of it. */
bool reply_cache_take(struct reply_cache *cache, struct span key, struct buffer *out);
/* `answer` with len 0: there is none. */
void reply_cache_give(struct reply_cache *cache, struct span key, struct span answer);
/* Something changed: nothing that was made before is given any more. */
void reply_cache_expire(struct reply_cache *cache);
uint64_t reply_cache_bytes(struct reply_cache *cache); /* that it holds */

#endif
