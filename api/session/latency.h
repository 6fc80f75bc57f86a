/*
 * latency.h - latencies counted in classes that grow with them, eight to an octave: percentiles to
 * about a twentieth, in a kilobyte, however many there were.
 *
 * A zeroed struct is empty. Pure. Threads: one at a time.
 */
#ifndef HASHSCOPE_API_SESSION_LATENCY_H
#define HASHSCOPE_API_SESSION_LATENCY_H

#include <stdint.h>

#define LATENCY_CLASSES 248 /* to 2^33 microseconds; what is longer counts as that */

struct latency {
    uint64_t count;
    int64_t sum_us, max_us;
    uint32_t classes[LATENCY_CLASSES];
};

void latency_add(struct latency *latency, int64_t us);
void latency_merge(struct latency *latency, const struct latency *other);
/* Milliseconds below which `share` (0 to 1) of them are; -1 without any. */
double latency_percentile(const struct latency *latency, double share);
double latency_mean(const struct latency *latency); /* likewise */
double latency_max(const struct latency *latency);

#endif
