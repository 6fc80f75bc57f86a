/*
 * housekeeper.c - the housekeeper's threads: their priorities, pace, beginning and end.
 *
 * Retention's thread looks when that is due, and rests. The rewriting one does a step, and then
 * rests three times as long as the step has taken of the processor. Rests end at once when the
 * threads are told to stop. A thread of the lowest priority can be kept from running by others for
 * long: who stops it asks for a better one, waits only so long, and leaves it to the end of the
 * process then; it touches nothing but its own memory and files by their names.
 */
#include "lib/upkeep/housekeeper.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/processor.h"
#include "lib/upkeep/housekeeper_private.h"

#define REST_SHARE  3   /* rests three times as long as it works: a quarter of a processor */
#define STOP_MS     400 /* patience with the thread at the end */
#define SAVE_NS     (300 * NS_PER_S) /* what is known of the clock is kept that often */
#define IDLE_NS     (1 * NS_PER_S)
#define RETAIN_NICE 5
#define IO_IDLE     (3 << 13) /* IOPRIO_CLASS_IDLE, linux/ioprio.h */
#define IO_THREAD   1         /* IOPRIO_WHO_PROCESS: the calling thread */

/* ------------------------------------------------------------------ the thread */

static void signal_to(int descriptor)
{
    uint64_t one = 1;
    (void)!write(descriptor, &one, sizeof one);
}

/* True when the descriptor was signalled in that time. */
static bool wait_for(int descriptor, int64_t ns)
{
    struct pollfd poll_for = {.fd = descriptor, .events = POLLIN};
    struct timespec time = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
    int got;
    do
        got = ppoll(&poll_for, 1, &time, NULL);
    while (got < 0 && errno == EINTR);
    return got > 0;
}

/* Where the system refuses, nothing is lost but politeness. */
static void be_modest(void)
{
    processor_be_nicer(RETAIN_NICE);
}

static void be_humble(void)
{
    const struct sched_param none = {0};
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), 19);
    (void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
    (void)syscall(SYS_ioprio_set, IO_THREAD, 0, IO_IDLE);
}

static int64_t own_cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * NS_PER_S + used.tv_nsec;
}

static void save_clock(struct housekeeper *housekeeper, int64_t mono_ns)
{
    struct error err;
    housekeeper->save_at = mono_ns + SAVE_NS;
    if (housekeeper->trust.known &&
        clock_trust_save(&housekeeper->trust, housekeeper->data_dir, &err) != STATUS_OK)
        log_debug("housekeeping: %s", err.text);
}

/* The last thread that ends is waited for. */
static void ends(struct housekeeper *housekeeper)
{
    if (atomic_fetch_sub(&housekeeper->running, 1) == 1)
        signal_to(housekeeper->ended);
}

static void *run_retention(void *user)
{
    struct housekeeper *housekeeper = user;
    (void)pthread_setname_np(pthread_self(), "retention");
    be_modest();
    do {
        int64_t now = clock_mono_ns();
        housekeeper_retain(housekeeper, now);
        if (now >= housekeeper->save_at)
            save_clock(housekeeper, now);
    } while (!housekeeper->stop && !wait_for(housekeeper->wake, IDLE_NS));
    save_clock(housekeeper, 0);
    ends(housekeeper);
    return NULL;
}

/* Returns how long to rest. */
static int64_t rewrite_round(struct housekeeper *housekeeper)
{
    int64_t begun = own_cpu_ns();
    if (!housekeeper_rewrite(housekeeper, clock_mono_ns()))
        return IDLE_NS;
    return REST_SHARE * (own_cpu_ns() - begun);
}

static void *run_rewriting(void *user)
{
    struct housekeeper *housekeeper = user;
    (void)pthread_setname_np(pthread_self(), "rewriting");
    be_humble();
    while (!housekeeper->stop && !wait_for(housekeeper->wake, rewrite_round(housekeeper)))
        continue;
    housekeeper_drop_job(housekeeper);
    ends(housekeeper);
    return NULL;
}

/* ------------------------------------------------------------------ starting, stopping, asking */

static void housekeeper_free(struct housekeeper *housekeeper)
{
    if (housekeeper->wake >= 0)
        close(housekeeper->wake);
    if (housekeeper->ended >= 0)
        close(housekeeper->ended);
    retention_listing_free(&housekeeper->listing);
    free(housekeeper->list);
    free(housekeeper->mailbox);
    free(housekeeper->data_dir);
    free(housekeeper);
}

static enum status start_threads(struct housekeeper *housekeeper, struct error *err)
{
    static void *(*const mains[])(void *) = {run_retention, run_rewriting};
    sigset_t all, before;
    int failed_with = 0;
    size_t i = 0;
    housekeeper->running = 2;
    sigfillset(&all);        /* signals are for the relay; SIGXFSZ becomes EFBIG */
    sigdelset(&all, SIGBUS); /* a fault of this thread's own: blocked, it kills without a word */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (i < 2 && !failed_with) {
        failed_with = pthread_create(&housekeeper->threads[i], NULL, mains[i], housekeeper);
        i += !failed_with;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed_with)
        return STATUS_OK;
    housekeeper->stop = true;
    signal_to(housekeeper->wake);
    if (i)
        (void)pthread_join(housekeeper->threads[0], NULL);
    return error_errno(err, failed_with, "starting the housekeeper's threads");
}

enum status housekeeper_start(struct housekeeper **out, const struct housekeeper_settings *settings,
                              struct error *err)
{
    struct housekeeper *housekeeper = memory_new(sizeof *housekeeper);
    enum status status = STATUS_OK;
    housekeeper->settings = *settings;
    housekeeper->data_dir = memory_text(settings->data_dir);
    housekeeper->settings.data_dir = housekeeper->data_dir;
    housekeeper->told.pause = settings->recompress_level ? HOUSEKEEPER_RUNS : HOUSEKEEPER_OFF;
    housekeeper->ended = -1;
    housekeeper->wake = eventfd(0, EFD_CLOEXEC);
    if (housekeeper->wake >= 0)
        housekeeper->ended = eventfd(0, EFD_CLOEXEC);
    if (housekeeper->ended < 0)
        status = error_errno(err, errno, "starting the housekeeper");
    if (status == STATUS_OK) {
        struct clock_moment now = clock_moment_now();
        clock_trust_load(&housekeeper->trust, housekeeper->data_dir);
        clock_trust_begin(&housekeeper->trust, &now);
        status = start_threads(housekeeper, err);
    }
    if (status != STATUS_OK) {
        housekeeper_free(housekeeper);
        return status;
    }
    *out = housekeeper;
    return STATUS_OK;
}

void housekeeper_stop(struct housekeeper *housekeeper)
{
    const struct sched_param none = {0};
    if (!housekeeper)
        return;
    housekeeper->stop = true;
    (void)pthread_setschedparam(housekeeper->threads[1], SCHED_OTHER, &none); /* if allowed */
    signal_to(housekeeper->wake);
    bool over = wait_for(housekeeper->ended, STOP_MS * NS_PER_MS);
    for (size_t i = 0; i < 2; i++)
        (void)(over ? pthread_join(housekeeper->threads[i], NULL)
                    : pthread_detach(housekeeper->threads[i])); /* then it keeps its memory */
    if (over)
        housekeeper_free(housekeeper);
}

void housekeeper_observe(struct housekeeper *housekeeper, uint64_t archive_lag_bytes)
{
    housekeeper->lag = archive_lag_bytes;
}

void housekeeper_status_get(const struct housekeeper *housekeeper, struct housekeeper_status *out)
{
    *out = (struct housekeeper_status){
#define X(name) .name = housekeeper->told.name,
        HOUSEKEEPER_NUMBERS(X)
#undef X
            .bytes_exceeded = housekeeper->told.bytes_exceeded,
        .room_missing = housekeeper->told.room_missing,
        .age_paused = housekeeper->told.age_paused,
        .age_pause_seconds = housekeeper->told.age_pause_seconds,
        .pause = (enum housekeeper_pause)housekeeper->told.pause,
    };
}

const char *housekeeper_pause_text(enum housekeeper_pause pause)
{
    switch (pause) {
    case HOUSEKEEPER_RUNS:
        return "";
    case HOUSEKEEPER_OFF:
        return "switched off";
    case HOUSEKEEPER_LAGGING:
        return "the archive is behind";
    case HOUSEKEEPER_BUSY:
        return "the relay needs the processor";
    case HOUSEKEEPER_NO_ROOM:
        return "the disk has no room for a second file";
    case HOUSEKEEPER_FAILED:
        return "the disk refused";
    }
    return "";
}
