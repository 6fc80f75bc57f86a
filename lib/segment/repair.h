/*
 * repair.h - a damaged, torn or unsealed segment made anew, in another file.
 *
 * What is kept: every data frame that can be trusted (FORMAT.md, section 10), in front of damage
 * and behind it, byte for byte as it is; the whole lines of a frame that the end of the file cuts
 * off, as a frame of their own that begins with a `recovered` line. Where lines were lost in
 * between and their numbers are known, a `gap` line with `repair` says so, in front of the next
 * frame's lines. Index entries, footer and seek table are made anew; where anything else was, the
 * file gets a new generation. The original is only read.
 *
 * Threads: any.
 */
#ifndef HASHSCOPE_SEGMENT_REPAIR_H
#define HASHSCOPE_SEGMENT_REPAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/segment/segment.h"
#include "lib/segment/verify.h"

struct segment_repaired {
    uint64_t frames, lines;   /* kept; lines without those that repair added */
    uint64_t frames_lost;     /* damaged data frames that were found */
    uint64_t lost_numbers;    /* named by the gap lines that were added */
    uint64_t gaps;            /* such lines */
    uint64_t recovered_lines; /* of the frame that was cut off */
    uint64_t first_seq, last_seq;
    bool header_made; /* the header was damaged: made from the footer or the file's name */
    bool sound;       /* there was nothing to repair but, perhaps, the missing footer */
};

/* Makes `to`, which must not exist, from `path`; `tell` (may be NULL) is called for each stretch
 * that could not be kept. STATUS_EXISTS: `to` is there; STATUS_BUSY: a recorder is running on the
 * data directory that holds the file (its live/lock is taken), which may be writing it;
 * STATUS_NOT_FOUND: no line could be saved. After a failure there is no `to`. */
enum status segment_repair(const char *path, const char *to,
                           void (*tell)(void *user, const struct segment_problem *problem),
                           void *user, struct segment_repaired *out, struct error *err) MUST_CHECK;

#endif
