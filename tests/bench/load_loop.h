/* load_loop.h - one turn of the event loop: wait, then give each event to pool or miner. */
#ifndef HASHSCOPE_BENCH_LOAD_LOOP_H
#define HASHSCOPE_BENCH_LOAD_LOOP_H

#include "tests/bench/load.h"

/* Waits for events, at most until `wake_ns`, and handles what is there. Sets now_ns. */
void load_turn(struct load *load, int64_t wake_ns);

#endif
