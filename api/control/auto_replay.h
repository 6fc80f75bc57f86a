/*
 * auto_replay.h - auto-replay: each submit of a session for which it is switched on is said again,
 * as often as was chosen, 1 to 5 ms apart, through the recorder, which sends it between two lines
 * of the miner and keeps the pool's answer from it.
 *
 *   feed ──submit──▶ queue ──▶ REPEATER_THREADS threads ──inject──▶ recorder ──▶ pool
 *
 * A thread waits for the answer to what it sent, so at most REPEATER_THREADS are on their way; with
 * a pool that answers slowly the repetitions come further apart. At most REPEATER_QUEUE submits
 * wait; one more counts as failed, and so does one that only lenient pools read: the recorder says
 * nothing that is no JSON. What waits is dropped when its session ends, when it is switched off,
 * and when the recorder is gone. Submits from before the start are not repeated.
 *
 * Ownership: repeater_new's caller; what it is given must outlive it, but for the path, which is
 * copied. Threads: any.
 */
#ifndef HASHSCOPE_API_CONTROL_AUTO_REPLAY_H
#define HASHSCOPE_API_CONTROL_AUTO_REPLAY_H

#include "lib/base/error.h"
#include "lib/query/query.h"

#define REPEATER_THREADS  16
#define REPEATER_QUEUE    4096
#define REPEATER_LINE     (64u << 10) /* bytes: the recorder takes no longer ones */
#define REPEATER_BYTES    (16u << 20) /* of all that wait */
#define REPEATER_SESSIONS 1024        /* whose figures are remembered */

struct repeater;
struct operator_state;
struct session_book;

enum status repeater_new(struct repeater **out, const char *control_path,
                         struct operator_state *state, struct session_book *book,
                         struct error *err) MUST_CHECK;
/* Returns within two seconds; NULL is fine. */
void repeater_free(struct repeater *repeater);

uint64_t repeater_bytes(struct repeater *repeater); /* of submits that wait */

/* The feed: every row, after the book has it. */
void repeater_add(struct repeater *repeater, const struct query_row *row);
/* Drops what waits for a session. */
void repeater_drop(struct repeater *repeater, const struct uuid *session);

struct repeater_figures {
    uint64_t sent, accepted, rejected, failed, waiting;
};
void repeater_figures(struct repeater *repeater, const struct uuid *session,
                      struct repeater_figures *out);

#endif
