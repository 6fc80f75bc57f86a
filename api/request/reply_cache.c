/* reply_cache.c - see reply_cache.h. Nothing fails. */
#include "api/request/reply_cache.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

struct kept {
    struct buffer key, answer;
    bool making;
    uint64_t generation;        /* of the cache when making began */
    int64_t begun_ns, until_ns; /* monotonic */
};

struct reply_cache {
    pthread_mutex_t lock;
    pthread_cond_t made;
    uint64_t generation;
    struct kept kept[REPLY_CACHE_MAX];
};

struct reply_cache *reply_cache_new(void)
{
    struct reply_cache *cache = memory_new(sizeof *cache);
    (void)pthread_mutex_init(&cache->lock, NULL);
    (void)pthread_cond_init(&cache->made, NULL);
    return cache;
}

void reply_cache_free(struct reply_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < REPLY_CACHE_MAX; i++) {
        buffer_close(&cache->kept[i].key);
        buffer_close(&cache->kept[i].answer);
    }
    (void)pthread_cond_destroy(&cache->made);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

static struct kept *find(struct reply_cache *cache, struct span key)
{
    for (size_t i = 0; i < REPLY_CACHE_MAX; i++) {
        struct kept *kept = &cache->kept[i];
        if (kept->key.len > 0 && span_equal(span_make(kept->key.data, kept->key.len), key))
            return kept;
    }
    return NULL;
}

/* The one that is stale for longest; NULL: all are being made. */
static struct kept *place_for(struct reply_cache *cache)
{
    struct kept *best = NULL;
    for (size_t i = 0; i < REPLY_CACHE_MAX; i++) {
        struct kept *kept = &cache->kept[i];
        if (!kept->making && (!best || kept->until_ns < best->until_ns))
            best = kept;
    }
    return best;
}

static bool is_fresh(const struct reply_cache *cache, const struct kept *kept)
{
    return kept->answer.len > 0 && kept->generation == cache->generation &&
           clock_mono_ns() < kept->until_ns;
}

bool reply_cache_take(struct reply_cache *cache, struct span key, struct buffer *out)
{
    (void)pthread_mutex_lock(&cache->lock);
    struct kept *kept = find(cache, key);
    while (kept && kept->making) {
        (void)pthread_cond_wait(&cache->made, &cache->lock);
        kept = find(cache, key);
    }
    bool found = kept && is_fresh(cache, kept);
    if (found)
        buffer_append(out, kept->answer.data, kept->answer.len);
    else if (kept || (kept = place_for(cache))) {
        buffer_clear(&kept->key);
        buffer_append(&kept->key, key.data, key.len);
        buffer_close(&kept->answer);
        kept->making = true;
        kept->generation = cache->generation;
        kept->begun_ns = clock_mono_ns();
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return found;
}

void reply_cache_give(struct reply_cache *cache, struct span key, struct span answer)
{
    (void)pthread_mutex_lock(&cache->lock);
    struct kept *kept = find(cache, key);
    if (kept && kept->making) {
        int64_t now_ns = clock_mono_ns(), fresh_ns = 10 * (now_ns - kept->begun_ns);
        if (fresh_ns < REPLY_FRESH_MIN_MS * NS_PER_MS)
            fresh_ns = REPLY_FRESH_MIN_MS * NS_PER_MS;
        if (fresh_ns > REPLY_FRESH_MAX_MS * NS_PER_MS)
            fresh_ns = REPLY_FRESH_MAX_MS * NS_PER_MS;
        if (answer.len <= REPLY_BYTES_MAX)
            buffer_append(&kept->answer, answer.data, answer.len);
        kept->until_ns = now_ns + fresh_ns;
        kept->making = false;
        (void)pthread_cond_broadcast(&cache->made);
    }
    (void)pthread_mutex_unlock(&cache->lock);
}

void reply_cache_expire(struct reply_cache *cache)
{
    (void)pthread_mutex_lock(&cache->lock);
    cache->generation++;
    (void)pthread_mutex_unlock(&cache->lock);
}

uint64_t reply_cache_bytes(struct reply_cache *cache)
{
    uint64_t bytes = 0;
    (void)pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < REPLY_CACHE_MAX; i++)
        bytes += cache->kept[i].key.len + cache->kept[i].answer.len;
    (void)pthread_mutex_unlock(&cache->lock);
    return bytes;
}
