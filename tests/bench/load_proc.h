/*
 * load_proc.h - what the kernel says about the relay under test: CPU time and memory, from /proc.
 *
 * A relay is named by process ids; the descendants of each count with it. The sets are read anew at
 * every call, so a process that appears in between is seen; the CPU time of one that ended is not.
 */
#ifndef HASHSCOPE_BENCH_LOAD_PROC_H
#define HASHSCOPE_BENCH_LOAD_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/bench/load_stats.h"

#define LOAD_PROC_MAX 256 /* processes of a relay; more are not counted */

/* Time on a processor, user and system, of all threads (first field of schedstat). */
uint64_t load_proc_cpu_ns(const pid_t *roots, size_t count);
struct load_memory load_proc_memory(const pid_t *roots, size_t count); /* from smaps_rollup */
uint64_t load_proc_own_cpu_ns(void);
/* Of all processes and the children that they waited for, in steps of a clock tick (10 ms) each.
 * The busy time in /proc/stat would be simpler, but it only counts who is running when a tick
 * comes, and a load of short bursts mostly runs between the ticks. */
uint64_t load_proc_machine_cpu_ns(void);

#endif
