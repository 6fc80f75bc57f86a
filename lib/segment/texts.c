/* See texts.h. Nothing fails; a text that has no room is left out. */
#include "lib/segment/texts.h"

#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/base/random.h"
#include "lib/segment/summary.h"

#define CAPACITY_FIRST 64

void segment_texts_init(struct segment_texts *texts)
{
    *texts = (struct segment_texts){.capacity = CAPACITY_FIRST, .seed = random_u64()};
    texts->table = memory_new(CAPACITY_FIRST * sizeof *texts->table);
    buffer_append(&texts->heap, "\0", 2); /* the empty text */
}

void segment_texts_close(struct segment_texts *texts)
{
    buffer_close(&texts->heap);
    free(texts->table);
    *texts = (struct segment_texts){0};
}

struct span segment_texts_get(const struct segment_texts *texts, uint32_t offset)
{
    return span_make(texts->heap.data + offset + 2, load_le16(texts->heap.data + offset));
}

/* Its place in the table, or the free place where it would stand. */
static size_t place_of(const struct segment_texts *texts, struct span text)
{
    size_t at = hash_bytes(texts->seed, text.data, text.len) & (texts->capacity - 1);
    while (texts->table[at] && !span_equal(segment_texts_get(texts, texts->table[at]), text))
        at = (at + 1) & (texts->capacity - 1);
    return at;
}

static void grow(struct segment_texts *texts)
{
    uint32_t *old = texts->table;
    size_t capacity = texts->capacity;
    texts->capacity = capacity * 2;
    texts->table = memory_new(texts->capacity * sizeof *texts->table);
    for (size_t i = 0; i < capacity; i++) {
        if (old[i])
            texts->table[place_of(texts, segment_texts_get(texts, old[i]))] = old[i];
    }
    free(old);
}

uint32_t segment_texts_put(struct segment_texts *texts, struct span text)
{
    unsigned char len[2];
    if (text.len == 0 || text.len > SEGMENT_TEXT_MAX)
        return 0;
    size_t at = place_of(texts, text);
    if (texts->table[at])
        return texts->table[at];
    if (texts->heap.len > SEGMENT_TEXTS_MAX) {
        texts->full = true;
        return 0;
    }
    uint32_t offset = (uint32_t)texts->heap.len;
    store_le16(len, (uint16_t)text.len);
    buffer_append(&texts->heap, len, sizeof len);
    buffer_append(&texts->heap, text.data, text.len);
    texts->table[at] = offset;
    if (++texts->count * 2 >= texts->capacity)
        grow(texts);
    return offset;
}
