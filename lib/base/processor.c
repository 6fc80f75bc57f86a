/*
 * processor.c - affinity masks of Linux. The set that the thread began with is the one chosen from:
 * what an administrator has set later (taskset) is overridden only by a later change of mind, and
 * what a cgroup forbids the system refuses.
 */
#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/processor.h"

void processor_be_nicer(int steps)
{
    errno = 0; /* -1 is a niceness too */
    int own = getpriority(PRIO_PROCESS, (id_t)gettid());
    if (own != -1 || errno == 0)
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), own + steps); /* more than 19 is 19 */
}

int processor_current(void)
{
    return sched_getcpu();
}

void processor_choice_init(struct processor_choice *choice, pthread_t thread)
{
    choice->thread = thread;
    choice->avoided = -1;
    choice->possible =
        pthread_getaffinity_np(thread, sizeof choice->allowed, &choice->allowed) == 0 &&
        CPU_COUNT(&choice->allowed) > 1;
}

void processor_avoid(struct processor_choice *choice, int processor)
{
    if (!choice->possible || processor == choice->avoided || processor >= CPU_SETSIZE)
        return;
    cpu_set_t others = choice->allowed;
    if (processor >= 0)
        CPU_CLR((size_t)processor, &others);
    choice->possible = pthread_setaffinity_np(choice->thread, sizeof others, &others) == 0;
    choice->avoided = processor;
}
