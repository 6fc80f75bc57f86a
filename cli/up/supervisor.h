/*
 * supervisor.h - child programs that belong together: started in order, started again when they
 * die, stopped in the reverse order of importance, and never left behind.
 *
 * A child is its own process group, so that Ctrl-C on the terminal reaches only the supervisor,
 * which then decides the order; and it dies with the supervisor even if that is killed
 * (PR_SET_PDEATHSIG). A child that dies unasked is started again after a pause that doubles from
 * RESTART_MIN_MS to RESTART_MAX_MS and shrinks back when it has run for RESTART_CALM_MS.
 *
 * Ownership: the supervisor owns the children's argument lists. Threads: one; it takes over
 * SIGCHLD, SIGINT, SIGTERM and SIGHUP of the process (supervisor_init blocks them, supervisor_wait
 * reads them).
 */
#ifndef HASHSCOPE_CLI_UP_SUPERVISOR_H
#define HASHSCOPE_CLI_UP_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"

#define SUPERVISOR_CHILDREN_MAX 16
#define CHILD_ARGUMENTS_MAX     32

struct child {
    const char *name; /* for the log */
    char *arguments[CHILD_ARGUMENTS_MAX + 1];
    size_t argument_count;
    char *log_file; /* its stderr goes there, appended; NULL: to ours */
    bool quiet;     /* stdout to the log file too */
    bool settled;   /* it has come up: from now on it is started again when it ends */
    bool essential; /* when it ends by itself with exit code 0, all is over */
    pid_t pid;      /* 0: not running */
    int64_t started_ms, restart_at_ms; /* INT64_MAX: no restart planned */
    int64_t pause_ms;
    int exit_status; /* of waitpid, of the last end */
    unsigned ends;   /* how often it ended unasked */
};

struct supervisor {
    struct child children[SUPERVISOR_CHILDREN_MAX];
    size_t count;
    bool stop;      /* a signal asked for the end, or an essential child ended */
    bool impatient; /* a second signal came while stopping */
};

void supervisor_init(struct supervisor *supervisor);
/* Frees; all children must have been stopped. */
void supervisor_close(struct supervisor *supervisor);

/* A new child, not yet started. The name must outlive it. */
struct child *supervisor_add(struct supervisor *supervisor, const char *name, const char *program);
void child_argument(struct child *child, const char *format, ...) PRINTF_LIKE(2, 3);

enum status supervisor_start(struct supervisor *supervisor, struct child *child,
                             struct error *err) MUST_CHECK;
/* Waits for a signal or an end for up to timeout_ms, and starts again what is due. */
void supervisor_wait(struct supervisor *supervisor, int timeout_ms);
/* SIGTERM, and SIGKILL after timeout_ms, or at once when a second signal has come. Returns when the
 * child is gone. */
void supervisor_stop(struct supervisor *supervisor, struct child *child, int timeout_ms);

#endif
