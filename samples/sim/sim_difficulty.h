/*
 * sim_difficulty.h - difficulties as both simulators write and adjust them.
 *
 * Vardiff: a window counts accepted shares; when it has lasted `retarget_ms`, or a quarter of that
 * and four times the shares wanted have come, the difficulty follows the ratio of shares to what
 * was wanted, by at most a factor of 4; ratios from a half to two are let be, since a few shares a
 * window vary that much by chance alone.
 *
 * Pure. Threads: one at a time per struct.
 */
#ifndef HASHSCOPE_SIM_DIFFICULTY_H
#define HASHSCOPE_SIM_DIFFICULTY_H

#include <stdint.h>

#include "lib/base/bytes.h"

#define SIM_DIFFICULTY_MIN 1e-8
#define SIM_DIFFICULTY_MAX 1e15

/* Appends the number with at most ten decimals and no exponent; returns the value that a reader of
 * that text gets, which is the one to check shares against. */
double sim_append_difficulty(struct buffer *out, double difficulty);

struct sim_vardiff_settings {
    double shares_per_minute; /* 0: the difficulty stays */
    int64_t retarget_ms;
    double minimum, maximum;
};

struct sim_vardiff {
    int64_t window_start_ms;
    uint32_t shares;
};

void sim_vardiff_init(struct sim_vardiff *vardiff, int64_t now_ms);
void sim_vardiff_count(struct sim_vardiff *vardiff); /* an accepted share */
/* The difficulty from now on: `current` when nothing is to change. */
double sim_vardiff_next(struct sim_vardiff *vardiff, const struct sim_vardiff_settings *settings,
                        int64_t now_ms, double current);

#endif
