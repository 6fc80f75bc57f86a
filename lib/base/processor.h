/*
 * processor.h - which processor a thread runs on, and how another one is kept off it.
 *
 * The scheduler likes to wake a helping thread where the thread that it helps runs: there it has to
 * wait, or makes the other one wait and takes its cache. Where a process may use several
 * processors, a helper can be told which one to leave alone; and it can be made to give way.
 *
 * Linux; where the system refuses (one processor, a sandbox) nothing changes.
 * Threads: a struct processor_choice is one thread's, which need not be the thread it is about.
 */
#ifndef HASHSCOPE_BASE_PROCESSOR_H
#define HASHSCOPE_BASE_PROCESSOR_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

struct processor_choice {
    pthread_t thread;
    cpu_set_t allowed; /* to it at the beginning */
    int avoided;       /* -1: none */
    bool possible;     /* there is a choice */
};

/* Makes the calling thread so many steps of niceness less urgent than it is, whatever niceness the
 * process was begun with. */
void processor_be_nicer(int steps);

/* Of the calling thread. Cheap: no system call. */
int processor_current(void);

/* The thread must not have ended while the choice is used. */
void processor_choice_init(struct processor_choice *choice, pthread_t thread);
/* From now on the thread runs on any of its processors but this; -1: on all. A system call only
 * when it changes. */
void processor_avoid(struct processor_choice *choice, int processor);

#endif
