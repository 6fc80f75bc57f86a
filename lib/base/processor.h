/*
 * processor.h - which processor a thread runs on, and how it keeps off another thread's.
 *
 * The scheduler likes to wake a helping thread where the thread that it helps runs: there it has to
 * wait, or makes the other one wait and takes its cache. Where a process may use several
 * processors, a helper can say which one it leaves alone.
 *
 * Linux; where the system refuses (one processor, a sandbox) nothing changes.
 * Threads: a struct processor_choice is its own thread's.
 */
#ifndef HASHSCOPE_BASE_PROCESSOR_H
#define HASHSCOPE_BASE_PROCESSOR_H

#include <sched.h>
#include <stdbool.h>

struct processor_choice {
    cpu_set_t allowed; /* to the thread at the beginning */
    int avoided;       /* -1: none */
    bool possible;     /* there is a choice */
};

/* Of the calling thread. Cheap: no system call. */
int processor_current(void);

void processor_choice_init(struct processor_choice *choice);
/* From now on the calling thread runs on any of its processors but this; -1: on all. A system call
 * only when it changes. */
void processor_avoid(struct processor_choice *choice, int processor);

#endif
