/*
 * How it works: no event loop, only sigtimedwait: SIGCHLD says that a child ended, SIGINT and
 * SIGTERM that we are to stop, and its timeout is when the next restart is due.
 *
 * How it can fail: a program that can't be executed ends at once with status 127 and is treated as
 * any other end; fork failing is told to the caller.
 */
#include "cli/up/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"

#define RESTART_MIN_MS  500
#define RESTART_MAX_MS  30000
#define RESTART_CALM_MS 30000

static int64_t now_ms(void)
{
    return clock_mono_ns() / NS_PER_MS;
}

static sigset_t our_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

void supervisor_init(struct supervisor *supervisor)
{
    sigset_t set = our_signals();

    *supervisor = (struct supervisor){.count = 0};
    sigprocmask(SIG_BLOCK, &set, NULL);
}

void supervisor_close(struct supervisor *supervisor)
{
    sigset_t set = our_signals();

    for (size_t i = 0; i < supervisor->count; i++) {
        struct child *child = &supervisor->children[i];

        for (size_t k = 0; k < child->argument_count; k++)
            free(child->arguments[k]);
        free(child->log_file);
    }
    supervisor->count = 0;
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

struct child *supervisor_add(struct supervisor *supervisor, const char *name, const char *program)
{
    struct child *child;

    if (supervisor->count == SUPERVISOR_CHILDREN_MAX)
        abort(); /* the programs are a fixed few */
    child = &supervisor->children[supervisor->count++];
    *child = (struct child){.name = name, .restart_at_ms = INT64_MAX, .pause_ms = RESTART_MIN_MS};
    child_argument(child, "%s", program);
    return child;
}

void child_argument(struct child *child, const char *format, ...)
{
    char text[4608];
    va_list args;

    if (child->argument_count == CHILD_ARGUMENTS_MAX)
        abort();
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    child->arguments[child->argument_count++] = memory_text(text);
}

/* ---- in the child, between fork and exec ---- */

static void redirect(const char *path, int flags, int descriptor)
{
    int fd = open(path, flags | O_CLOEXEC, 0640);

    if (fd >= 0)
        dup2(fd, descriptor);
}

static void become(const struct child *child, pid_t parent)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(1); /* it died before the line above */
    if (child->log_file != NULL)
        redirect(child->log_file, O_WRONLY | O_CREAT | O_APPEND, STDERR_FILENO);
    redirect("/dev/null", O_RDONLY, STDIN_FILENO);
    execv(child->arguments[0], child->arguments);
    fprintf(stderr, "%s: %s\n", child->arguments[0], strerror(errno));
    _exit(127);
}

/* ---- in the supervisor ---- */

enum status supervisor_start(struct supervisor *supervisor, struct child *child, struct error *err)
{
    pid_t parent = getpid();
    pid_t pid;

    (void)supervisor;
    fflush(NULL);
    pid = fork();
    if (pid < 0)
        return error_errno(err, errno, "starting %s", child->name);
    if (pid == 0)
        become(child, parent);
    child->pid = pid;
    child->started_ms = now_ms();
    child->restart_at_ms = INT64_MAX;
    return STATUS_OK;
}

static void describe_end(char out[64], int status)
{
    if (WIFSIGNALED(status))
        snprintf(out, 64, "ended by signal %d", WTERMSIG(status));
    else
        snprintf(out, 64, "ended with exit code %d", WEXITSTATUS(status));
}

static void plan_restart(struct child *child)
{
    char end[64];

    if (now_ms() - child->started_ms >= RESTART_CALM_MS)
        child->pause_ms = RESTART_MIN_MS;
    describe_end(end, child->exit_status);
    log_warn("%s %s, starting it again in %.1f s", child->name, end,
             (double)child->pause_ms / 1000);
    child->restart_at_ms = now_ms() + child->pause_ms;
    child->pause_ms = child->pause_ms * 2 < RESTART_MAX_MS ? child->pause_ms * 2 : RESTART_MAX_MS;
}

static void reap(struct supervisor *supervisor, bool restart)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < supervisor->count; i++) {
            struct child *child = &supervisor->children[i];

            if (child->pid != pid)
                continue;
            child->pid = 0;
            child->exit_status = status;
            if (!restart)
                continue;
            child->ends++;
            if (child->essential && status == 0)
                supervisor->stop = true;
            else if (child->settled)
                plan_restart(child);
        }
    }
}

/* Reads one signal of ours, waiting for at most timeout_ms; false when none came. */
static bool take_signal(struct supervisor *supervisor, int timeout_ms)
{
    const struct timespec wait = {timeout_ms / 1000, (timeout_ms % 1000) * 1000000L};
    sigset_t set = our_signals();
    int number = sigtimedwait(&set, NULL, &wait);

    if (number == SIGINT || number == SIGTERM || number == SIGHUP) {
        supervisor->impatient = supervisor->stop;
        supervisor->stop = true;
    }
    return number > 0;
}

static void restart_due(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->count; i++) {
        struct child *child = &supervisor->children[i];
        struct error err = {""};

        if (child->pid != 0 || child->restart_at_ms > now_ms())
            continue;
        if (supervisor_start(supervisor, child, &err) != STATUS_OK) {
            log_error("%s", err.text);
            child->restart_at_ms = now_ms() + child->pause_ms;
        }
    }
}

void supervisor_wait(struct supervisor *supervisor, int timeout_ms)
{
    int64_t until = now_ms() + timeout_ms;

    for (size_t i = 0; i < supervisor->count; i++) {
        if (supervisor->children[i].pid == 0 && supervisor->children[i].restart_at_ms < until)
            until = supervisor->children[i].restart_at_ms;
    }
    timeout_ms = until > now_ms() ? (int)(until - now_ms()) : 0;
    (void)take_signal(supervisor, timeout_ms);
    reap(supervisor, true);
    if (!supervisor->stop)
        restart_due(supervisor);
}

void supervisor_stop(struct supervisor *supervisor, struct child *child, int timeout_ms)
{
    int64_t until = now_ms() + timeout_ms;
    bool killed = false;

    child->restart_at_ms = INT64_MAX;
    if (child->pid != 0)
        kill(child->pid, SIGTERM);
    while (child->pid != 0) {
        if (!killed && (supervisor->impatient || now_ms() >= until)) {
            log_warn("%s does not stop, killing it", child->name);
            kill(child->pid, SIGKILL);
            killed = true;
        }
        (void)take_signal(supervisor, 50);
        reap(supervisor, false);
    }
}
