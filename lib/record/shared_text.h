/*
 * shared_text.h - texts kept once, however many hold them: a pool sends the same job to all its
 * miners. For lib/record alone.
 *
 * Texts are counted; the last release frees. A text longer than SHARED_TEXT_MAX, or one for which
 * the pool has no room left (SHARED_TEXT_TOTAL for all), is not kept: NULL.
 * Threads: one at a time per pool.
 */
#ifndef HASHSCOPE_RECORD_SHARED_TEXT_H
#define HASHSCOPE_RECORD_SHARED_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"

#define SHARED_TEXT_MAX   (1u << 20)
#define SHARED_TEXT_TOTAL (64u << 20)

struct shared_text {
    struct shared_text *next; /* in its bucket */
    uint64_t hash;
    uint32_t holders, len;
    char data[];
};

struct shared_texts {
    struct shared_text **buckets;
    size_t bucket_count, count;
    size_t bytes; /* of all texts */
    uint64_t seed;
};

void shared_texts_init(struct shared_texts *texts);
/* All texts must have been released. */
void shared_texts_close(struct shared_texts *texts);

struct shared_text *shared_text_get(struct shared_texts *texts, struct span content);
/* `text` may be NULL. */
void shared_text_release(struct shared_texts *texts, struct shared_text *text);
/* Releases what *place holds and puts `content` there. */
void shared_text_replace(struct shared_texts *texts, struct shared_text **place,
                         struct span content);

static inline struct span shared_text_span(const struct shared_text *text)
{
    return text ? span_make(text->data, text->len) : span_make("", 0);
}

#endif
