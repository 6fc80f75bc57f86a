/*
 * tap.h - from the bytes of one session to records in the ring.
 *
 * A tap sees every byte that the relay reads, in the order it reads them, frames lines, scans each
 * once, pairs answers with requests, and appends one record per line to the ring; the relay
 * publishes them after its write. What a peer leaves without a line end is recorded within a
 * second, and a whole JSON object before the other side's next word, which may answer it. A tap
 * never changes, delays or refuses a byte, and holds no memory for a session that is not in
 * mid-line.
 *
 * Injected lines and their answers: the relay notes a line of ours with tap_injected; when a line
 * of the pool answers it, and the relay is still holding that line back (`withhold` below), it is
 * recorded as pool_to_hashscope and its place is told in tap->answers.
 *
 * Threads: the relay's. Ownership: embedded in the session; tap_close gives everything back.
 */
#ifndef HASHSCOPE_RECORDER_TAP_H
#define HASHSCOPE_RECORDER_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ring/ring.h"
#include "lib/stratum/frame.h"
#include "lib/stratum/pair.h"

/* What all taps share. */
struct tap_shared {
    struct ring_writer *ring;
    struct ring_counters *counters;
    struct stratum_limits limits; /* budget_left points into here */
    size_t budget_left, budget;
    int64_t pair_timeout_ns;
    int64_t clock_offset_ns;  /* wall minus monotonic, as last seen … */
    int64_t clock_checked_ns; /* … at this monotonic time */
    uint64_t pairs_dropped;   /* by sessions that are closed */
};

void tap_shared_init(struct tap_shared *shared, struct ring_writer *ring, size_t line_buffer_bytes,
                     int64_t pair_timeout_ns);

/* The time on both clocks. The wall clock is looked at once a millisecond and moves with the other
 * one in between; a jump of it by more than 100 ms becomes a clock_step record. */
struct tap_time {
    int64_t wall_ns, mono_ns;
};
struct tap_time tap_now(struct tap_shared *shared);
/* The same for a moment that is just over; on the monotonic clock. */
struct tap_time tap_at(struct tap_shared *shared, int64_t mono_ns);

enum tap_side { TAP_UP = 0, TAP_DOWN = 1 }; /* miner → pool, pool → miner */

struct tap {
    struct uuid session;
    uint32_t slot;
    struct stratum_framer framer[2];
    struct stratum_pairs pairs;
    uint64_t recorded[2]; /* bytes of each direction that records hold */
    uint64_t received[2]; /* bytes of each direction that were read */
    int64_t read_ns[2];   /* monotonic; when that was last so … */
    int64_t since_ns[2];  /* … and since when bytes wait for the rest of their line; 0: none do */
};

/* An answer to a line of ours, found in the bytes pushed last. */
struct tap_answer {
    size_t line;      /* the how-manieth line that ended in these bytes, from 0 */
    uint64_t request; /* seq of our line */
    uint64_t seq;     /* of the answer's record */
    int64_t latency_ns;
    struct span text; /* the answer; valid while the callback runs */
};

/* How to treat answers to lines of ours; NULL when none is awaited. */
struct tap_withhold {
    bool first_line_passed; /* a part of the line that ends first has gone to the miner already */
    void (*on_answer)(void *user, const struct tap_answer *answer, bool withheld);
    void *user;
};

void tap_open(struct tap *tap, const struct uuid *session, uint32_t slot);

/* Bytes read from one side, at `now`. Appends records, unpublished. */
void tap_push(struct tap *tap, struct tap_shared *shared, enum tap_side side, const char *data,
              size_t len, struct tap_time now, const struct tap_withhold *withhold);
/* What has waited for its line's end for TAP_WAIT_NS is recorded as it is; looked for four times a
 * second, so that it happens within one. */
#define TAP_WAIT_NS (750 * INT64_C(1000000))
void tap_flush(struct tap *tap, struct tap_shared *shared, enum tap_side side, int64_t mono_ns);
/* Does any tap hold such bytes? */
bool tap_any_waits(const struct tap_shared *shared);
/* That side's stream has ended: what is left of a line is recorded. */
void tap_finish(struct tap *tap, struct tap_shared *shared, enum tap_side side,
                struct tap_time now);

/* Records a line of ours (without its LF) on its way to the pool; returns its seq. */
uint64_t tap_injected(struct tap *tap, struct tap_shared *shared, const char *line, size_t len,
                      struct tap_time now);

/* Records one of the session's events with its present facts. */
void tap_event(const struct tap *tap, struct tap_shared *shared, enum record_type type,
               const struct session_info *info, struct tap_time now);

/* How much of a line is held, that the next read may bring into the ring. */
size_t tap_held(const struct tap *tap, enum tap_side side);
bool tap_mid_line(const struct tap *tap, enum tap_side side);
bool tap_opaque(const struct tap *tap);
void tap_close(struct tap *tap, struct tap_shared *shared);

#endif
