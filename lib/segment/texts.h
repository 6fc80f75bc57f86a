/*
 * texts.h - the heap of a footer while it is made: texts, equal ones once, each two bytes
 * of length and its bytes. For lib/segment alone.
 *
 * Texts are never taken out; whoever holds the offsets moves what is still needed into a new heap
 * when there is too much in the old one. Threads: one at a time.
 */
#ifndef HASHSCOPE_SEGMENT_TEXTS_H
#define HASHSCOPE_SEGMENT_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"

#define SEGMENT_TEXTS_MAX (128u << 20) /* bytes of all texts */

struct segment_texts {
    struct buffer heap;
    uint32_t *table; /* open addressing: offsets; 0: free */
    size_t capacity, count;
    uint64_t seed;
    bool full; /* some text had no room: SEGMENT_TEXTS_MAX */
};

void segment_texts_init(struct segment_texts *texts);
void segment_texts_close(struct segment_texts *texts);
/* Its offset; 0 for the empty text, and for one longer than SEGMENT_TEXT_MAX. */
uint32_t segment_texts_put(struct segment_texts *texts, struct span text);
struct span segment_texts_get(const struct segment_texts *texts, uint32_t offset);

#endif
