/*
 * unasked.h - why an answer pairs with nothing, for one session: told by the newest requests and
 * answers, for people. It changes no pairing (pair.h), which is exact.
 *
 * Messages are given in their order. Memory: STRATUM_ASKED_MAX requests, about 300 bytes. Threads:
 * one at a time per struct. Nothing fails.
 */
#ifndef HASHSCOPE_STRATUM_UNASKED_H
#define HASHSCOPE_STRATUM_UNASKED_H

#include "lib/stratum/scan.h"

#define STRATUM_ASKED_MAX 32

enum stratum_unasked {
    STRATUM_UNASKED_TYPE,     /* the request has this id in another type: "3" for 3 */
    STRATUM_UNASKED_REPEATED, /* the request was answered before */
    STRATUM_UNASKED_LATE,     /* the request had waited for too long */
    STRATUM_UNASKED_UNKNOWN,  /* none of the newest requests has this id */
};
#define STRATUM_UNASKED_COUNT 4

/* "other_type", "repeated", "late", "unknown". */
const char *stratum_unasked_name(enum stratum_unasked why);

/* Zeroed: empty and ready. */
struct stratum_asked {
    uint64_t values[STRATUM_ASKED_MAX]; /* ids of the newest requests, a ring */
    uint8_t types[STRATUM_ASKED_MAX];
    bool answered[STRATUM_ASKED_MAX];
    uint32_t count; /* of all there were */
};

/* A request of the miner. */
void stratum_asked_request(struct stratum_asked *asked, const struct stratum_id *id);
/* An answer of the pool that is paired. */
void stratum_asked_answered(struct stratum_asked *asked, const struct stratum_id *id);
/* One that is not. */
enum stratum_unasked stratum_asked_why(const struct stratum_asked *asked,
                                       const struct stratum_id *id);

#endif
