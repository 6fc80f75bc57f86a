/*
 * shared_text.c - a hash table of counted texts, chained, growing with its content. The hash is
 * keyed: what miners and pools send can't choose to collide.
 */
#include "lib/record/shared_text.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"

#define BUCKETS_FIRST 64

void shared_texts_init(struct shared_texts *texts)
{
    *texts = (struct shared_texts){.bucket_count = BUCKETS_FIRST, .seed = random_u64()};
    texts->buckets = memory_new(BUCKETS_FIRST * sizeof(struct shared_text *));
}

void shared_texts_close(struct shared_texts *texts)
{
    free(texts->buckets);
    *texts = (struct shared_texts){0};
}

static struct shared_text **bucket_of(const struct shared_texts *texts, uint64_t hash)
{
    return &texts->buckets[hash & (texts->bucket_count - 1)];
}

static void grow(struct shared_texts *texts)
{
    struct shared_text **old = texts->buckets;
    size_t count = texts->bucket_count;
    texts->bucket_count = count * 2;
    texts->buckets = memory_new(texts->bucket_count * sizeof(struct shared_text *));
    for (size_t i = 0; i < count; i++) {
        for (struct shared_text *text = old[i], *next; text; text = next) {
            struct shared_text **bucket = bucket_of(texts, text->hash);
            next = text->next;
            text->next = *bucket;
            *bucket = text;
        }
    }
    free(old);
}

static struct shared_text *add(struct shared_texts *texts, uint64_t hash, struct span content)
{
    if (content.len > SHARED_TEXT_TOTAL - texts->bytes)
        return NULL;
    if (texts->count >= texts->bucket_count)
        grow(texts);
    struct shared_text *text = memory_new(sizeof *text + content.len);
    struct shared_text **bucket = bucket_of(texts, hash);
    text->hash = hash;
    text->holders = 1;
    text->len = (uint32_t)content.len;
    memcpy(text->data, content.data, content.len);
    text->next = *bucket;
    *bucket = text;
    texts->count++;
    texts->bytes += content.len;
    return text;
}

struct shared_text *shared_text_get(struct shared_texts *texts, struct span content)
{
    if (content.len == 0 || content.len > SHARED_TEXT_MAX)
        return NULL;
    uint64_t hash = hash_bytes(texts->seed, content.data, content.len);
    for (struct shared_text *text = *bucket_of(texts, hash); text; text = text->next) {
        if (text->hash == hash && span_equal(shared_text_span(text), content)) {
            text->holders++;
            return text;
        }
    }
    return add(texts, hash, content);
}

void shared_text_release(struct shared_texts *texts, struct shared_text *text)
{
    if (!text || --text->holders > 0)
        return;
    struct shared_text **place = bucket_of(texts, text->hash);
    while (*place != text)
        place = &(*place)->next;
    *place = text->next;
    texts->count--;
    texts->bytes -= text->len;
    free(text);
}

void shared_text_replace(struct shared_texts *texts, struct shared_text **place,
                         struct span content)
{
    if (*place && span_equal(shared_text_span(*place), content))
        return;
    shared_text_release(texts, *place);
    *place = shared_text_get(texts, content);
}
