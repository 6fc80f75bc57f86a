/*
 * series.h - a session's shares over its time, for charts: at most SERIES_BUCKETS buckets
 * of equal width, which doubles when the session outgrows them. Memory: 200 KiB.
 *
 * Ownership: the owner of the struct calls series_close. Threads: one at a time.
 */
#ifndef HASHSCOPE_API_SESSION_SERIES_H
#define HASHSCOPE_API_SESSION_SERIES_H

#include <stdbool.h>

#include "api/session/latency.h"
#include "lib/base/bytes.h"

#define SERIES_BUCKETS 200
#define SERIES_HASHES  4294967296.0 /* that a share of difficulty 1 takes */

struct series_bucket {
    uint64_t accepted, rejected;
    double work;       /* difficulties of the accepted */
    double difficulty; /* the last in force; 0: not known */
    struct latency latency;
};

struct series {
    int64_t from_ns, last_ns, width_ns; /* width 0: nothing was added */
    struct series_bucket *buckets;
};

struct series_share {
    int64_t wall_ns, latency_us;
    bool accepted;
    double difficulty; /* 0: not known */
};

void series_close(struct series *series);
/* Time goes on: anything happened. `difficulty` is in force from there on; 0: not known. */
void series_reach(struct series *series, int64_t wall_ns, double difficulty);
void series_add(struct series *series, const struct series_share *share);
/* The member "series". */
void series_write(const struct series *series, struct buffer *out);

#endif
