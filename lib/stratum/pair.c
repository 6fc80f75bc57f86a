/*
 * How it works: a ring buffer of entries, head first. While there is no ring on the heap the two
 * inline entries are the ring. An entry taken from the middle is filled by moving those in front of
 * it back by one, which are few when answers come nearly in order.
 *
 * How it can fail: not at all; a full queue drops its oldest entry and counts it.
 */
#include "lib/stratum/pair.h"

#include <stdlib.h>

#include "lib/base/memory.h"

#define FIRST_RING  8
#define RINGS_FREED 4   /* so many times a ring is freed as soon as it is empty */
#define QUIET_MAX   256 /* so many requests in a row without need for it free a ring kept */

_Static_assert(sizeof(struct stratum_pairs) <= 128, "a session pays for it");

/* ---- the ring ---- */

static unsigned slot_count(const struct stratum_pairs *pairs)
{
    return pairs->ring != NULL ? pairs->capacity : STRATUM_PAIRS_INLINE;
}

/* Where the entry at `position`, counted from the oldest, lies. */
static unsigned index_of(const struct stratum_pairs *pairs, unsigned position)
{
    return (pairs->head + position) & (slot_count(pairs) - 1);
}

static const struct stratum_pair_entry *entry_at(const struct stratum_pairs *pairs,
                                                 unsigned position)
{
    unsigned index = index_of(pairs, position);
    return pairs->ring != NULL ? &pairs->ring[index] : &pairs->inline_entries[index];
}

static void put_at(struct stratum_pairs *pairs, unsigned position, struct stratum_pair_entry entry)
{
    unsigned index = index_of(pairs, position);
    if (pairs->ring != NULL)
        pairs->ring[index] = entry;
    else
        pairs->inline_entries[index] = entry;
}

static void grow(struct stratum_pairs *pairs)
{
    unsigned capacity = pairs->ring != NULL ? 2u * pairs->capacity : FIRST_RING;
    struct stratum_pair_entry *ring = memory_new(capacity * sizeof(*ring));
    for (unsigned i = 0; i < pairs->count; i++)
        ring[i] = *entry_at(pairs, i);
    if (pairs->ring == NULL && pairs->rings <= RINGS_FREED)
        pairs->rings++;
    free(pairs->ring);
    pairs->ring = ring;
    pairs->capacity = (uint16_t)capacity;
    pairs->head = 0;
}

static void drop_ring(struct stratum_pairs *pairs)
{
    free(pairs->ring);
    pairs->ring = NULL;
    pairs->capacity = 0;
    pairs->head = 0;
    pairs->quiet = 0;
}

/* Moves the entries in front of `position` back by one, over it. */
static void take_out(struct stratum_pairs *pairs, unsigned position)
{
    for (unsigned i = position; i > 0; i--)
        put_at(pairs, i, *entry_at(pairs, i - 1));
    pairs->head = (uint16_t)index_of(pairs, 1);
    pairs->count--;
    bool spent = pairs->rings <= RINGS_FREED || pairs->quiet >= QUIET_MAX;
    if (pairs->count == 0 && pairs->ring != NULL && spent)
        drop_ring(pairs);
}

/* ---- requests ---- */

bool stratum_is_request(const struct stratum_scan *scan, enum stratum_from from)
{
    switch (scan->kind) {
    case STRATUM_REQUEST:
        return true;
    case STRATUM_NOTIFICATION:
        return from == STRATUM_FROM_MINER && scan->id.type == STRATUM_ID_NULL;
    case STRATUM_RESPONSE:
    case STRATUM_OTHER:
        break;
    }
    return false;
}

/* Makes room in a full queue; false when all of it is ours. */
static bool drop_oldest(struct stratum_pairs *pairs)
{
    pairs->dropped++;
    for (unsigned i = 0; i < pairs->count; i++) {
        if (entry_at(pairs, i)->from != STRATUM_FROM_HASHSCOPE) {
            take_out(pairs, i);
            return true;
        }
    }
    return false;
}

void stratum_pairs_request(struct stratum_pairs *pairs, const struct stratum_pair_entry *request)
{
    if (pairs->count == STRATUM_PAIRS_MAX && !drop_oldest(pairs))
        return;
    if (pairs->count == slot_count(pairs))
        grow(pairs);
    if (pairs->count >= STRATUM_PAIRS_INLINE)
        pairs->quiet = 0;
    else if (pairs->quiet < QUIET_MAX)
        pairs->quiet++;
    put_at(pairs, pairs->count, *request);
    pairs->count++;
}

/* ---- responses ---- */

static bool answers(enum stratum_from responder, uint8_t from)
{
    return (responder == STRATUM_FROM_POOL) != (from == STRATUM_FROM_POOL);
}

static bool is_same(const struct stratum_id *asked, const struct stratum_id *answered)
{
    return stratum_id_equal(asked, answered);
}

/* Where it stands in the queue; -1: nobody asked so. */
static int find_request(const struct stratum_pairs *pairs, enum stratum_from responder,
                        const struct stratum_id *id,
                        bool fits(const struct stratum_id *, const struct stratum_id *), bool ours)
{
    for (unsigned i = 0; i < pairs->count; i++) {
        const struct stratum_pair_entry *entry = entry_at(pairs, i);
        if (ours && entry->from != STRATUM_FROM_HASHSCOPE)
            continue;
        if (answers(responder, entry->from) && fits(&entry->id, id))
            return (int)i;
    }
    return -1;
}

struct stratum_match stratum_pairs_response(struct stratum_pairs *pairs,
                                            enum stratum_from responder,
                                            const struct stratum_id *id, int64_t mono_ns,
                                            int64_t timeout_ns)
{
    struct stratum_match match = {0};
    if (id->type == STRATUM_ID_ABSENT || pairs->count == 0)
        return match;
    int position = find_request(pairs, responder, id, is_same, false);
    if (position < 0 && id->type >= STRATUM_ID_STRING)
        position = find_request(pairs, responder, id, stratum_id_is_spelled, true);
    if (position < 0)
        return match;
    const struct stratum_pair_entry *entry = entry_at(pairs, (unsigned)position);
    match.found = true;
    match.seq = entry->seq;
    match.from = (enum stratum_from)entry->from;
    match.latency_ns = mono_ns - entry->mono_ns;
    match.lapsed = match.latency_ns > timeout_ns;
    take_out(pairs, (unsigned)position);
    return match;
}

bool stratum_pairs_open(const struct stratum_pairs *pairs, const struct stratum_id *id)
{
    for (unsigned i = 0; i < pairs->count; i++) {
        if (stratum_id_equal(&entry_at(pairs, i)->id, id))
            return true;
    }
    return false;
}

uint64_t stratum_pairs_dropped(const struct stratum_pairs *pairs)
{
    return pairs->dropped;
}

void stratum_pairs_close(struct stratum_pairs *pairs)
{
    free(pairs->ring);
    *pairs = (struct stratum_pairs){0};
}
