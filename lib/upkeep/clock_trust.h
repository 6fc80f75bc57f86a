/*
 * clock_trust.h - whether wall time is fit to judge the age of files by.
 *
 * A clock that was set by a year makes every file a year old. So wall time is compared with the
 * time that the machine has really run (CLOCK_BOOTTIME, "steady": never set, goes on in suspend):
 * when the two part by more than an hour, wall time is not trusted until they have kept together
 * for a day. The same at a start: what the last run saw last is kept in live/clock; a wall clock
 * that is more than an hour away from where it should be, or, after a reboot, from where it was,
 * has to hold for a day first, and so has one of which nothing is known.
 *
 * The judgement is pure: times come in, a verdict goes out. Only clock_trust_load and _save touch
 * the disk. Times are nanoseconds. Threads: one at a time.
 */
#ifndef HASHSCOPE_UPKEEP_CLOCK_TRUST_H
#define HASHSCOPE_UPKEEP_CLOCK_TRUST_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

#define CLOCK_TRUST_STEP_NS INT64_C(3600000000000)  /* a step above an hour … */
#define CLOCK_TRUST_HOLD_NS INT64_C(86400000000000) /* … is believed after a day */

#define CLOCK_TRUST_BOOT_LEN 36

/* One look at both clocks. */
struct clock_moment {
    int64_t wall_ns, steady_ns;
    char boot[CLOCK_TRUST_BOOT_LEN + 1]; /* the kernel's name of this boot; "" unknown */
};
struct clock_moment clock_moment_now(void);

struct clock_trust {
    bool known;               /* `seen` was read from the last run, or looked at since */
    struct clock_moment seen; /* the last look */
    int64_t difference_ns;    /* wall - steady that is being held */
    int64_t held_ns;          /* for so long; at most CLOCK_TRUST_HOLD_NS */
};

/* The first look of a run. `trust` is what the last run left, or all zero. */
void clock_trust_begin(struct clock_trust *trust, const struct clock_moment *now);
/* Every other look. True when this one has begun the holding anew: a step was noticed. */
bool clock_trust_look(struct clock_trust *trust, const struct clock_moment *now);
/* Whether age may be judged by the wall time of the last look. */
bool clock_trust_holds(const struct clock_trust *trust);

/* <data_dir>/live/clock. What is missing or not readable loads as nothing known. */
void clock_trust_load(struct clock_trust *trust, const char *data_dir);
/* Replaces the file atomically, synced. */
enum status clock_trust_save(const struct clock_trust *trust, const char *data_dir,
                             struct error *err) MUST_CHECK;

#endif
