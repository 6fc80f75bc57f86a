/*
 * load_miner.h - the simulated miners: connect, subscribe, authorize, take jobs, submit shares, and
 * check that every submit is answered with true in the order in which they were sent.
 */
#ifndef HASHSCOPE_BENCH_LOAD_MINER_H
#define HASHSCOPE_BENCH_LOAD_MINER_H

#include "tests/bench/load.h"

bool load_miner_start(struct load *load, struct miner *miner); /* false: errno */
void load_miner_read(struct load *load, struct miner *miner);
/* Queues a share of the miner's job; the caller flushes. */
void load_miner_submit(struct load *load, struct miner *miner, int64_t due_ns);
void load_miner_close(struct load *load, struct miner *miner);

#endif
