/*
 * pace.h - how much a session works now, and how soon its shares are answered: what a list
 * of sessions shows beside the counts.
 *
 * Hashrate: a share of difficulty d takes d × 2^32 hashes on average. Accepted shares count for it,
 * each with the weight e^(-age/T), T = PACE_WINDOW_NS; their sum is divided by the integral of that
 * weight over the time that was seen, T (1 - e^(-seen/T)). So a session that just began is not
 * underrated, and one that falls silent fades.
 *
 * Latency: the median of the last PACE_LATENCIES shares' answers.
 *
 * Memory: the struct. Pure. Threads: one at a time. Nothing fails.
 */
#ifndef HASHSCOPE_API_SESSION_PACE_H
#define HASHSCOPE_API_SESSION_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/clock.h"

#define PACE_WINDOW_NS (600 * NS_PER_S)
#define PACE_LATENCIES 15

/* Zeroed: nothing was seen. */
struct session_pace {
    int64_t since_ns, last_ns; /* since_ns 0: no accepted share of a known difficulty */
    double work;               /* difficulties, weighted as of last_ns */
    uint32_t latencies_us[PACE_LATENCIES];
    uint32_t answered; /* shares; those that are kept end with the last */
};

struct pace_share {
    int64_t wall_ns;
    int64_t begin_ns;   /* its session was seen from here on; 0: not from its beginning */
    int64_t latency_us; /* below 0: not known */
    double difficulty;  /* 0: not known */
    bool accepted;
};
void session_pace_add(struct session_pace *pace, const struct pace_share *share);

/* H/s at that time; -1: not known. */
double session_pace_hashrate(const struct session_pace *pace, int64_t wall_ns);
/* Milliseconds; -1: not known. */
double session_pace_latency(const struct session_pace *pace);

#endif
