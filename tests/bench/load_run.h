/* load_run.h - a whole run: connect, load or rest, drain, compare, close, report. */
#ifndef HASHSCOPE_BENCH_LOAD_RUN_H
#define HASHSCOPE_BENCH_LOAD_RUN_H

#include <stdio.h>

#include "tests/bench/load_options.h"

/* Prints the report to `out`. The exit status: 0, 1 when a check failed, 2 when it could not run.
 */
int load_run(const struct load_options *options, FILE *out);

#endif
