/*
 * load_pool.h - the mock pool: it accepts everyone, answers subscribe and authorize, gives a
 * difficulty and the current job, answers every submit with true, and sends new jobs to all.
 */
#ifndef HASHSCOPE_BENCH_LOAD_POOL_H
#define HASHSCOPE_BENCH_LOAD_POOL_H

#include "tests/bench/load.h"

bool load_pool_listen(struct load *load); /* false: errno */
void load_pool_accept(struct load *load); /* the listener is readable */
void load_pool_read(struct load *load, struct pool_session *session);
void load_pool_new_job(struct load *load);
void load_pool_close(struct load *load); /* everything, and frees the sessions */

#endif
