/*
 * load_stats.h - what a run counts, and its report.
 *
 * A message is one line that crossed the relay once, counted where it arrives: a submit at the
 * pool, its reply at the miner, each notification at each miner. Times are nanoseconds.
 */
#ifndef HASHSCOPE_BENCH_LOAD_STATS_H
#define HASHSCOPE_BENCH_LOAD_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Counts of values in steps that grow with the value: 256 steps to each doubling, so a percentile
 * is at most 0.4 % off. Holds 0 to 2^40 ns (18 minutes); larger values count as that. */
#define HISTOGRAM_STEP_BITS 8
#define HISTOGRAM_SIZE      ((40 - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS)
struct histogram {
    uint64_t counts[HISTOGRAM_SIZE];
    uint64_t count;
    int64_t sum;
    int64_t max;
};
void histogram_add(struct histogram *histogram, int64_t value); /* negative counts as 0 */
/* The value that `share` (0 to 1) of all do not exceed; 0 when there are none. */
int64_t histogram_at(const struct histogram *histogram, double share);

struct load_counters {
    uint64_t submits;    /* arrived at the pool */
    uint64_t replies;    /* to submits, arrived at a miner */
    uint64_t lines_up;   /* every line that arrived at the pool */
    uint64_t lines_down; /* every line that arrived at a miner */
};

/* What went wrong; a run is good when all are zero. */
struct load_faults {
    uint64_t handshake;         /* sessions that did not get ready in time */
    uint64_t mismatch_up;       /* sessions whose bytes differ, miner to pool */
    uint64_t mismatch_down;     /* and pool to miner */
    uint64_t unmatched;         /* sessions that no pool connection belongs to */
    uint64_t duplicate;         /* pool connections naming a miner that has one */
    uint64_t lost;              /* submits without an answer at the end */
    uint64_t order;             /* answers that were not the oldest open submit's */
    uint64_t protocol;          /* lines that nobody sent in that form */
    uint64_t disconnect;        /* connections that ended by themselves */
    uint64_t close_not_relayed; /* closes that did not reach the other side */
};
bool load_faults_none(const struct load_faults *faults);

/* What is read at the beginning and the end of the measured time. */
struct load_mark {
    int64_t at_ns;
    uint64_t relay_cpu_ns;
    uint64_t own_cpu_ns;
    uint64_t machine_cpu_ns; /* of all processes */
    struct load_counters counters;
    uint64_t bytes; /* arrived anywhere */
};

struct load_memory {
    uint64_t rss_kib;
    uint64_t pss_kib;
    uint64_t anonymous_kib; /* the part of rss that maps no file */
};

struct load_report {
    const char *label;
    const char *mode;
    unsigned miners;
    unsigned ready;
    unsigned window;
    double rate;
    double notify_ms;
    bool frag;
    struct load_mark begin, end;
    struct load_memory memory_before, memory_after; /* of the relay */
    double connect_seconds;
    uint64_t connect_cpu_ns;             /* of the relay */
    uint64_t bytes_sent, bytes_received; /* both directions, whole run */
    struct load_counters total;          /* whole run */
    const struct histogram *round_trip;
    const struct histogram *lateness;
    struct load_faults faults;
};
void load_report_print(const struct load_report *report, FILE *out); /* one line of JSON */

#endif
