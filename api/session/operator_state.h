/*
 * operator_state.h - what people switched on, kept over restarts in DATA_DIR/api-state.json: by the
 * name of the worker, so that it holds when the miner comes back, or by the miner's address while
 * it has named none.
 *
 * The file is replaced as a whole, synced before it takes the old one's name. At most
 * OPERATOR_STATE_MAX entries; those that say nothing are not kept. A file that is none is told in
 * the log and put aside.
 *
 * Ownership: operator_state_open's caller. Threads: any.
 */
#ifndef HASHSCOPE_API_SESSION_OPERATOR_STATE_H
#define HASHSCOPE_API_SESSION_OPERATOR_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

#define OPERATOR_STATE_MAX 10000u
#define OPERATOR_KEY_MAX   600 /* bytes, with the NUL */
#define REPEAT_COUNT_MAX   1000u
#define AUTO_REPLAY_MAX    900000u

struct operator_choice {
    bool broadcast, auto_replay;
    uint32_t repeat_count;      /* 1 to REPEAT_COUNT_MAX */
    uint32_t auto_replay_count; /* 1 to AUTO_REPLAY_MAX */
    int64_t auto_replay_since;  /* wall time in ns when it was switched on; 0: it is off */
};
#define OPERATOR_NOTHING ((struct operator_choice){false, false, 1, 1, 0})

struct operator_state;

enum status operator_state_open(struct operator_state **out, const char *data_dir,
                                struct error *err) MUST_CHECK;
void operator_state_close(struct operator_state *state); /* NULL is fine */

/* "worker:…", or "peer:…" without the port when `worker` is empty. */
void operator_key(char out[OPERATOR_KEY_MAX], struct span worker, struct span peer);

void operator_state_get(struct operator_state *state, const char *key, struct operator_choice *out);
/* Changes an entry as `change` says, and writes the file; the new one is in *out. When it cannot be
 * written nothing has changed. STATUS_FULL: there are too many. */
enum status operator_state_change(struct operator_state *state, const char *key,
                                  void (*change)(struct operator_choice *choice, uint32_t value),
                                  uint32_t value, struct operator_choice *out,
                                  struct error *err) MUST_CHECK;
size_t operator_state_count(struct operator_state *state); /* entries */
/* Is auto-replay on for anybody? Cheap. */
bool operator_state_repeats(const struct operator_state *state);

#endif
