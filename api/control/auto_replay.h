/*
 * auto_replay.h - auto-replay: each submit of a session for which it is switched on is said again,
 * as often as was chosen, 1 to 5 ms apart, through the recorder, which sends it between two lines
 * of the miner and keeps the pool's answer from it.
 *
 *   feed ──submit──▶ queue ──▶ AUTO_REPLAY_THREADS threads ──inject──▶ recorder ──▶ pool
 *
 * A thread waits for the answer to what it sent, so at most AUTO_REPLAY_THREADS are on their way;
 * with a pool that answers slowly the repetitions come further apart. At most AUTO_REPLAY_QUEUE
 * submits wait; one more counts as failed, and so does one that only lenient pools read: the
 * recorder says nothing that is no JSON. What waits is dropped when its session ends, when it is
 * switched off, and when the recorder is gone. Submits from before the start are not repeated.
 *
 * Ownership: auto_replay_new's caller; what it is given must outlive it, but for the path, which is
 * copied. Threads: any.
 */
#ifndef HASHSCOPE_API_CONTROL_AUTO_REPLAY_H
#define HASHSCOPE_API_CONTROL_AUTO_REPLAY_H

#include "lib/base/error.h"
#include "lib/query/query.h"

#define AUTO_REPLAY_THREADS  16
#define AUTO_REPLAY_QUEUE    4096
#define AUTO_REPLAY_LINE     (64u << 10) /* bytes: the recorder takes no longer ones */
#define AUTO_REPLAY_BYTES    (16u << 20) /* of all that wait */
#define AUTO_REPLAY_SESSIONS 1024        /* whose figures are remembered */

struct auto_replay;
struct operator_state;
struct session_table;

enum status auto_replay_new(struct auto_replay **out, const char *control_path,
                            struct operator_state *state, struct session_table *table,
                            struct error *err) MUST_CHECK;
/* Returns within two seconds; NULL is fine. */
void auto_replay_free(struct auto_replay *auto_replay);

uint64_t auto_replay_bytes(struct auto_replay *auto_replay); /* of submits that wait */

/* The feed: every row, after the table has it. */
void auto_replay_add(struct auto_replay *auto_replay, const struct query_row *row);
/* Drops what waits for a session. */
void auto_replay_drop(struct auto_replay *auto_replay, const struct uuid *session);

struct auto_replay_figures {
    uint64_t sent, accepted, rejected, failed, waiting;
};
void auto_replay_figures(struct auto_replay *auto_replay, const struct uuid *session,
                         struct auto_replay_figures *out);

#endif
