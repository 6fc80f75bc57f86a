/*
 * summary.h - what a segment file says about each of its sessions, gathered line by line.
 *
 * Everything here follows from the lines of one file alone (FORMAT.md, section 11, says how), so it
 * can be made while the file is written, and again from the frames at any later time.
 *
 * Cost: about 30 ns a message; only lines that set up a session are taken apart. Memory: some 300
 * bytes a session, its texts (each at most SEGMENT_TEXT_MAX bytes, equal ones kept once), and two
 * to ten bytes for each run of frames that hold lines of it; 128 KiB to tell answers to submits.
 *
 * Threads: one at a time per collection. Nothing fails; running out of memory ends the program.
 */
#ifndef HASHSCOPE_SEGMENT_SUMMARY_H
#define HASHSCOPE_SEGMENT_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/random.h"
#include "lib/record/record.h"
#include "lib/record/session_rules.h"

#define SEGMENT_TEXT_MAX     SESSION_NAME_MAX /* bytes; longer texts are left out */
#define SEGMENT_TIME_UNKNOWN INT64_MIN

/* One session in one file. Counts and times are those of this file's lines only; what names the
 * session comes from `opened`, `pool_connected` and `state` lines and from what the miner said.
 * Texts are as they stand between the quotes of the JSON, escapes as they are; {"", 0}: not known.
 * Times: microseconds since 1970 UTC. */
struct segment_summary {
    struct uuid session;
    uint64_t number;               /* of the session in its data directory; 0: not known */
    int64_t opened_us;             /* SEGMENT_TIME_UNKNOWN: not known */
    int64_t first_us, last_us;     /* lowest and highest `ts` */
    int64_t lasted_us;             /* as its `closed` line says; SEGMENT_TIME_UNKNOWN: not known */
    uint64_t first_seq, last_seq;  /* of the numbered lines */
    uint64_t bytes_up, bytes_down; /* offsets in both streams behind the last line */
    uint32_t messages[DIRECTION_COUNT];
    uint32_t submits;
    uint32_t accepted, rejected; /* answers to submits that stand in this file */
    uint32_t earlier_accepted;   /* answers to requests of earlier files: nothing here says */
    uint32_t earlier_rejected;   /* whether those were submits, but most are */
    uint32_t other_errors;       /* all other responses that refuse */
    uint32_t unasked;            /* answers of the pool that pair with nothing; at most 2^24 - 1 */
    bool opened;                 /* it began in this file */
    bool connected;              /* its pool has answered, here or before */
    bool closed;                 /* it ended in this file */
    struct span route, miner, via, listen, user_agent, pool, address;
    struct span closed_by, reason; /* when closed */
    uint32_t worker_count;
    struct span workers[SESSION_WORKERS_MAX]; /* asked for and not refused, the oldest first */
    uint32_t refused_count;
    struct span refused[SESSION_REFUSED_MAX]; /* workers that were refused, the oldest first */
};

/* ---- gathering ---- */

struct segment_note;
struct segment_summaries;

struct segment_summaries *segment_summaries_new(void);
void segment_summaries_free(struct segment_summaries *summaries);
/* Forgets everything: a new file begins. */
void segment_summaries_clear(struct segment_summaries *summaries);
/* Takes in a line of the `frame`-th data frame (from 0), in the order of the file. */
void segment_summaries_add(struct segment_summaries *summaries, uint32_t frame,
                           const struct segment_note *note);
size_t segment_summaries_count(const struct segment_summaries *summaries);
/* False when there were more sessions than a footer may have (a million); the rest is not in it. */
bool segment_summaries_complete(const struct segment_summaries *summaries);
/* Appends the sessions' section of a footer. */
void segment_summaries_encode(const struct segment_summaries *summaries, struct buffer *out);

#endif
