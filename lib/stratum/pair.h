/*
 * pair.h - which answer belongs to which request, for one session.
 *
 * The requests of a session that wait for an answer stand in one queue in the order in which they
 * came. POOL answers what MINER and HASHSCOPE asked; MINER answers what POOL asked. An answer takes
 * the oldest open request of the other side whose id is equal in type and value, so one id used for
 * many requests in flight pairs first in, first out. An id that a message does not have pairs with
 * nothing; null pairs with null. For requests of ours the type does not matter: a pool that answers
 * 3 with "3" or 3.0 answers us all the same, and the miner must not see it.
 *
 * A request that has waited longer than the time-out has lapsed, but it keeps its place: its late
 * answer takes it and is reported as lapsed, so that it can't be taken for the answer to a younger
 * request. The queue is bounded; when it is full the oldest request that is not ours makes room,
 * and is counted.
 *
 * Cost: an answer that comes in order is found at the head of the queue, whatever the queue's
 * length; otherwise the search is linear, over at most STRATUM_PAIRS_MAX entries of 40 bytes. Two
 * open requests need no memory beyond the struct. More go to a ring on the heap, which doubles as
 * needed. It is freed as soon as it is empty the first few times (a handshake may need it once),
 * and is then kept until a few hundred requests in a row did not need it; so there is no allocation
 * in steady state.
 *
 * Threads: one at a time per struct. Times: monotonic nanoseconds, given by the caller.
 */
#ifndef HASHSCOPE_STRATUM_PAIR_H
#define HASHSCOPE_STRATUM_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/stratum/scan.h"

#define STRATUM_PAIRS_MAX    1024
#define STRATUM_PAIRS_INLINE 2

enum stratum_from { STRATUM_FROM_MINER, STRATUM_FROM_POOL, STRATUM_FROM_HASHSCOPE };

/* An open request. */
struct stratum_pair_entry {
    struct stratum_id id;
    uint64_t seq;    /* the caller's number of the message */
    int64_t mono_ns; /* when it was received */
    uint8_t from;    /* enum stratum_from */
};

/* Zeroed: empty and ready. */
struct stratum_pairs {
    struct stratum_pair_entry inline_entries[STRATUM_PAIRS_INLINE]; /* used while ring is NULL */
    struct stratum_pair_entry *ring;                                /* owned */
    uint64_t dropped;
    uint16_t head;     /* index of the oldest entry */
    uint16_t count;    /* open requests */
    uint16_t capacity; /* of the ring, a power of two; 0 without one */
    uint16_t quiet;    /* requests in a row that did not need the ring */
    uint8_t rings;     /* how often one was needed, up to a small limit */
};

struct stratum_match {
    bool found;
    bool lapsed; /* found, but too late: consumed, and not to be reported as paired */
    uint64_t seq;
    int64_t latency_ns;
    enum stratum_from from; /* who had asked */
};

/* Is this message a request that an answer will come for? It has a method and an id. An id of null
 * is one for the miner, since pools answer it with null; from the pool it marks a notification.
 * A line that is no JSON is none, whatever was seen in it. */
bool stratum_is_request(const struct stratum_scan *scan, enum stratum_from from);

/* Puts a request at the end of the queue. */
void stratum_pairs_request(struct stratum_pairs *pairs, const struct stratum_pair_entry *request);

/* Takes the request that this answer belongs to out of the queue. `responder` is POOL or MINER. */
struct stratum_match stratum_pairs_response(struct stratum_pairs *pairs,
                                            enum stratum_from responder,
                                            const struct stratum_id *id, int64_t mono_ns,
                                            int64_t timeout_ns);

/* Does any open request, of whichever side, have this id? */
bool stratum_pairs_open(const struct stratum_pairs *pairs, const struct stratum_id *id);

/* Requests that had to make room, over the struct's life. */
uint64_t stratum_pairs_dropped(const struct stratum_pairs *pairs);

/* Frees the ring; the struct is as new afterwards. May be called twice. */
void stratum_pairs_close(struct stratum_pairs *pairs);

#endif
