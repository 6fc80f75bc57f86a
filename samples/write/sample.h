/*
 * sample.h - a sample recording: sessions of a simulated pool and its miners, on a clock of their
 * own, written as segments by the recorder's own code.
 *
 * Nothing depends on the day, the machine or chance: the same scene gives the same bytes. Shares
 * are real work, as with `hashscope sim`.
 *
 * Ownership: the structs are embedded; sample_close gives back what they hold. Threads: one.
 */
#ifndef HASHSCOPE_SAMPLES_WRITE_SAMPLE_H
#define HASHSCOPE_SAMPLES_WRITE_SAMPLE_H

#include "lib/archive/series_writer.h"
#include "lib/record/piece.h"
#include "samples/sim/sim_miner.h"
#include "samples/sim/sim_pool.h"

enum sample_side { SAMPLE_UP, SAMPLE_DOWN }; /* miner → pool, pool → miner */

/* The recording as a whole. */
struct sample {
    struct series_writer writer;
    char folder[SEGMENT_PATH_MAX];
    struct sim_random random; /* of the network's delays */
    int64_t now_ns;           /* since the sample began */
    uint64_t seq, sessions;
    size_t line_budget;
};

/* One connection through the recorder. */
struct sample_session {
    struct sample *sample;
    struct session_info info;
    struct stratum_framer framers[2];
    struct stratum_pairs pairs;
    uint64_t recorded[2];
};

/* Begins a recording below `data_dir`. */
void sample_open(struct sample *sample, const char *data_dir, uint64_t seed);
enum status sample_close(struct sample *sample, struct error *err) MUST_CHECK;

/* Time passes: some tenths of a millisecond, and what is asked for. */
void sample_wait_us(struct sample *sample, int64_t us);
struct sim_now sample_now(const struct sample *sample);

/* A miner connects, and its pool answers. Faults of the disk end the program with a message. */
void sample_session_open(struct sample_session *session, struct sample *sample, const char *miner,
                         const char *pool, const char *address);
void sample_session_say(struct sample_session *session, enum sample_side side, const void *data,
                        size_t len);
void sample_session_close(struct sample_session *session, const char *by, const char *reason);

#endif
