/*
 * inject.h - lines of ours in a miner's session (message replay, auto-replay), and holding their
 * answers back from the miner.
 *
 * A line goes out between two complete lines of the miner, under an id of ours: integers counting
 * down from 2^31-1, those skipped that are open in the session. While an answer to any of them is
 * awaited, and only then, what the pool sends passes to the miner by whole lines, so that the
 * answer can be taken out; a line in mid-passage when that begins passes as it comes. A held piece
 * that grows above INJECT_HOLD_MAX or older than INJECT_HOLD_MS is released unexamined and counted:
 * the rest of that line then passes as it comes, even if it is the answer.
 *
 * The caller hears: sent and answered; or timed out after INJECT_ANSWER_MS (the id stays withheld
 * until its answer or the close); or that the session closed first.
 *
 * Refused: session not relaying, opaque or half-closed; more than INJECT_MAX unanswered; a line
 * that is not one JSON object with a method, longer than INJECT_LINE_MAX or nested deeper than 64.
 * A line that finds the miner in mid-line waits, and is refused after INJECT_BOUNDARY_MS.
 *
 * Threads: the relay's. Ownership: one per session, made by the first line, freed at its close.
 */
#ifndef HASHSCOPE_RECORDER_INJECT_H
#define HASHSCOPE_RECORDER_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "recorder/tap.h"

#define INJECT_MAX         256
#define INJECT_LINE_MAX    (64u << 10)
#define INJECT_HOLD_MAX    (64u << 10)
#define INJECT_HOLD_MS     50
#define INJECT_ANSWER_MS   30000
#define INJECT_BOUNDARY_MS 5000
#define INJECT_FIRST_ID    INT64_C(2147483647)

struct session;
struct inject;

struct inject_outcome {
    const char *error; /* NULL: answered */
    int64_t id;        /* ours; 0: never sent */
    uint64_t seq;      /* of our line's record */
    uint64_t answer_seq;
    int64_t latency_ns;
    struct span sent, answer; /* valid during the call */
    bool withheld;            /* false: the answer had to pass to the miner */
};
typedef void inject_done(void *user, const struct inject_outcome *outcome);

/* Sends `line` (a JSON object; its id is replaced) as soon as the miner is between two lines.
 * `done` is called exactly once, perhaps before this returns. */
void inject_line(struct session *session, const char *line, size_t len, inject_done *done,
                 void *user);

/* Called by the relay. All take NULL for "no injection in this session". */
const struct tap_withhold *inject_withhold(struct inject *inject); /* NULL: nothing is awaited */
/* The pool's bytes, after tap_push: passes on what may pass. Returns len when the kernel took them
 * all at once, else 0. */
size_t inject_forward(struct inject *inject, const char *data, size_t len);
/* The miner's bytes have been written: perhaps it is between two lines now. */
void inject_try_send(struct inject *inject);
/* The pool's stream has ended: what is held goes to the miner. */
void inject_release(struct inject *inject);
void inject_free(struct inject *inject);

#endif
