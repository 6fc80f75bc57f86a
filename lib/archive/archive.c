/*
 * archive.c - the archive's thread: when to read the ring, flush, sync, rotate, and what to do when
 * the disk does not take it.
 *
 * Happy path: a tick every 1 to 100 ms, sooner the more it found. A tick takes the records that are
 * there, flushes and syncs what is due, ends frames and files by their age. Nothing is written
 * while nothing comes.
 *
 * Failures: a tick that fails is counted, logged and tried again after a back-off of up to a
 * second. A full disk is simply waited for. After any other failure of a file the file is given up
 * behind its last good frame and the next tick begins another one. What the relay does meanwhile is
 * not touched; a ring that overruns becomes a gap line.
 */
#include "lib/archive/archive.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/archive/archive_private.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/base/processor.h"

#define FRAME_NS       (60 * NS_PER_S)   /* a frame's greatest age */
#define FLUSH_NS       (1 * NS_PER_S)    /* written inside every second, whatever is synced when */
#define MARGIN_NS      (200 * NS_PER_MS) /* a tick's delay and the sync itself */
#define RETRY_FIRST_NS (20 * NS_PER_MS)
#define RETRY_MOST_NS  (1 * NS_PER_S)
#define TICK_RECORDS   8192       /* then the clock is looked at again */
#define BUSY_BYTES     (2 << 20)  /* of ring a second */
#define HELPING_BYTES  (32 << 10) /* of ring that a tick is to find when it is busy */
#define TICK_LEAST_NS  (1 * NS_PER_MS)
#define TICK_MOST_NS   (100 * NS_PER_MS)
#define ARCHIVE_NICE   5 /* a third of the weight of the relay */
#define LOGS_A_MINUTE  6

/* ------------------------------------------------------------------ one tick */

static bool gone(void *user, const struct state_entry *entry)
{
    struct archive *archive = user;
    struct session_info info;
    return ring_reader_session(archive->reader, entry->slot, &info) != STATUS_OK ||
           !uuid_equal(&info.session, &entry->session) || info.state == SESSION_CLOSED;
}

/* Everything was read, so a session that the table has closed sends no closed record any more. */
static void sweep(struct archive *archive)
{
    state_table_sweep(&archive->states, gone, archive);
    archive->sweep_due = false;
}

/* Whether a file was asked to end in front of the record with this number. Says so once. */
static bool rotates_in_front_of(struct archive *archive, uint64_t seq)
{
    uint64_t behind = atomic_load_explicit(&archive->rotate_behind, memory_order_relaxed);
    return behind && seq > behind &&
           atomic_compare_exchange_strong(&archive->rotate_behind, &behind, 0);
}

static enum status take_record(struct archive *archive, int64_t now, struct error *err)
{
    if (rotates_in_front_of(archive, archive->held.seq) && archive->file.fd >= 0) {
        enum status status = archive_seal(archive, err);
        if (status != STATUS_OK)
            return status;
    }
    return archive_take(archive, &archive->held, now, err);
}

/* STATUS_END: all that is there was taken. STATUS_OK: there may be more. */
static enum status take_records(struct archive *archive, int64_t now, struct error *err)
{
    for (int i = 0; i < TICK_RECORDS; i++) {
        if (archive->give_up)
            return STATUS_OK;
        if (!archive->holding) {
            if (ring_reader_next(archive->reader, &archive->held, NULL) != STATUS_OK)
                return STATUS_END;
            archive->holding = true;
        }
        enum status status = take_record(archive, now, err);
        if (status != STATUS_OK)
            return status;
        atomic_store_explicit(&archive->position, ring_reader_position(archive->reader),
                              memory_order_relaxed);
    }
    return STATUS_OK;
}

static bool due(int64_t since, int64_t now, int64_t after)
{
    return since && now - since >= after;
}

/* From the arrival of a record to its flush, to its sync. */
static int64_t margin(int64_t interval)
{
    return interval / 5 < MARGIN_NS ? interval / 5 : MARGIN_NS;
}

static int64_t sync_after(const struct archive *archive)
{
    int64_t interval = archive->settings.sync_interval_ms * NS_PER_MS;
    return interval - margin(interval);
}

static int64_t flush_after(const struct archive *archive)
{
    int64_t most = FLUSH_NS - MARGIN_NS;
    return sync_after(archive) < most ? sync_after(archive) : most;
}

/* `reached`: all records up to this number have been taken, or will never be there. */
static enum status keep_time(struct archive *archive, int64_t now, uint64_t reached,
                             struct error *err)
{
    enum status status = STATUS_OK;
    int64_t file_age = archive->settings.segment_max_seconds * NS_PER_S;
    bool rotate = rotates_in_front_of(archive, reached + 1);
    if (archive->file.fd < 0)
        return STATUS_OK;
    if (rotate || due(archive->file_since, now, file_age))
        return archive_seal(archive, err);
    if (due(archive->frame_since, now, FRAME_NS))
        status = archive_end_frame(archive, err);
    else if (due(archive->unflushed_since, now, flush_after(archive)))
        status = archive_flush(archive, err);
    if (status == STATUS_OK && due(archive->unsynced_since, now, sync_after(archive)))
        status = archive_sync(archive, err);
    return status;
}

/* STATUS_END: nothing is left to do until something comes. */
static enum status work(struct archive *archive, int64_t now, bool stopping, struct error *err)
{
    enum status status = STATUS_OK, taken;
    uint64_t asked = archive->rotate_behind; /* before the ring is read */
    if (archive->failing && archive->file.fd >= 0)
        status = archive_push(archive, err);
    if (status == STATUS_OK && archive->sealing)
        status = archive_seal(archive, err);
    if (status != STATUS_OK)
        return status;
    taken = take_records(archive, now, err);
    if (taken != STATUS_OK && taken != STATUS_END)
        return taken;
    if (taken == STATUS_END && archive->sweep_due)
        sweep(archive);
    uint64_t reached = archive->last_seq;
    if (taken == STATUS_END && asked > reached)
        reached = asked;
    status = keep_time(archive, clock_mono_ns(), reached, err);
    if (status == STATUS_OK && taken == STATUS_END && stopping && archive->file.fd >= 0)
        status = archive_seal(archive, err);
    return status == STATUS_OK ? taken : status;
}

/* ------------------------------------------------------------------ failing */

static bool waits_for_room(const struct archive *archive)
{
    int errnum = archive->file.write_errno;
    return archive->fault == ARCHIVE_FAULT_WRITE && (errnum == ENOSPC || errnum == EDQUOT);
}

static void set_reason(struct archive *archive, bool degraded, const char *reason)
{
    pthread_mutex_lock(&archive->mutex);
    archive->status.degraded = degraded;
    snprintf(archive->status.reason, sizeof archive->status.reason, "%.*s",
             (int)sizeof archive->status.reason - 1, reason);
    pthread_mutex_unlock(&archive->mutex);
}

/* "No space left on device", without what was being done. */
static const char *last_part(const char *text)
{
    for (const char *colon; (colon = strstr(text, ": "));)
        text = colon + 2;
    return text;
}

static void failed(struct archive *archive, int64_t now, const struct error *err)
{
    atomic_fetch_add_explicit(&archive->counters->archive_errors, 1, memory_order_relaxed);
    if (log_limit_pass(&archive->log_limit, LOGS_A_MINUTE))
        log_error("archive: %s; trying again", err->text);
    archive->retry_delay = archive->failing ? archive->retry_delay * 2 : RETRY_FIRST_NS;
    if (archive->retry_delay > RETRY_MOST_NS)
        archive->retry_delay = RETRY_MOST_NS;
    archive->retry_at = now + archive->retry_delay;
    archive->failing = true;
    atomic_store_explicit(&archive->failing_now, true, memory_order_relaxed);
    snprintf(archive->trouble, sizeof archive->trouble, "%.*s", (int)sizeof archive->trouble - 1,
             last_part(err->text));
    set_reason(archive, true, err->text);
    bool again = archive->fault == ARCHIVE_FAULT_SEAL || waits_for_room(archive);
    if (archive->file.fd >= 0 && !again)
        archive_abandon(archive);
}

static void works_again(struct archive *archive)
{
    archive->failing = false;
    atomic_store_explicit(&archive->failing_now, false, memory_order_relaxed);
    archive->trouble[0] = '\0';
    set_reason(archive, false, "");
    log_info("archive: writing works again");
}

/* ------------------------------------------------------------------ the thread */

/* Small helpings where much comes: a long one would keep a busy processor from whoever talks to the
 * relay. Where little comes every tick costs more than what it does. */
static int64_t next_tick(struct archive *archive, uint64_t found_bytes)
{
    if (archive->failing)
        return archive->retry_at;
    int64_t wait = TICK_MOST_NS;
    int64_t a_second = (int64_t)(found_bytes * (uint64_t)NS_PER_S / (uint64_t)archive->tick_wait);
    if (a_second > BUSY_BYTES)
        wait = HELPING_BYTES * NS_PER_S / a_second;
    archive->tick_wait = wait > TICK_LEAST_NS ? wait : TICK_LEAST_NS;
    return clock_mono_ns() + archive->tick_wait;
}

static void publish_status(struct archive *archive)
{
    struct archive_status *status = &archive->status;
    if (archive->give_up)
        return; /* the ring may be gone */
    uint64_t lag = ring_reader_lag(archive->reader);
    pthread_mutex_lock(&archive->mutex);
    if (archive->file.fd >= 0)
        snprintf(status->file, sizeof status->file, "%s",
                 archive->file.path + strlen(archive->data_dir) + 1);
    else
        status->file[0] = '\0';
    status->file_bytes = archive->file.fd >= 0 ? archive->file.written : 0;
    status->archived_seq = archive->counted.last_seq;
    status->lag_bytes = lag;
    pthread_mutex_unlock(&archive->mutex);
}

/* Sleeps until then, or until something is asked for. */
static void wait_until(struct archive *archive, int64_t mono_ns)
{
    struct timespec at = {.tv_sec = mono_ns / NS_PER_S, .tv_nsec = mono_ns % NS_PER_S};
    while (!archive->stop && (archive->failing || !archive->rotate_behind) && !archive->give_up &&
           pthread_cond_timedwait(&archive->wake, &archive->mutex, &at) == 0)
        continue;
}

/* With the mutex held on the way in and out. */
static bool run_tick(struct archive *archive)
{
    bool stopping = archive->stop;
    struct error err = {""};
    pthread_mutex_unlock(&archive->mutex);
    int64_t now = clock_mono_ns();
    uint64_t lag = ring_reader_lag(archive->reader);
    enum status status = STATUS_TIMEOUT; /* not tried */
    if (!archive->failing || now >= archive->retry_at) {
        status = work(archive, now, stopping, &err);
        bool fine = status == STATUS_OK || status == STATUS_END;
        if (!fine)
            failed(archive, clock_mono_ns(), &err);
        else if (archive->failing)
            works_again(archive);
    }
    publish_status(archive);
    pthread_mutex_lock(&archive->mutex);
    if (status == STATUS_END && stopping)
        return false;
    if (status == STATUS_OK || archive->give_up)
        return !archive->give_up;
    int64_t at = next_tick(archive, lag);
    if (stopping) { /* only a failure is waited for */
        struct timespec until = {.tv_sec = at / NS_PER_S, .tv_nsec = at % NS_PER_S};
        while (!archive->give_up &&
               pthread_cond_timedwait(&archive->wake, &archive->mutex, &until) == 0)
            continue;
    } else {
        wait_until(archive, at);
    }
    return !archive->give_up;
}

/* Compressing can wait, a share can't: this thread never interrupts one that is running, and has
 * the smaller part of a processor that both want. Where the system refuses, nothing is lost. */
static void yield_to_relay(void)
{
    const struct sched_param none = {0};
    (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
    processor_be_nicer(ARCHIVE_NICE);
}

static void *run(void *user)
{
    struct archive *archive = user;
    (void)pthread_setname_np(pthread_self(), "archive");
    yield_to_relay();
    pthread_mutex_lock(&archive->mutex);
    while (run_tick(archive))
        continue;
    archive->finished = true;
    pthread_cond_broadcast(&archive->ended_wake);
    pthread_mutex_unlock(&archive->mutex);
    return NULL;
}

/* ------------------------------------------------------------------ starting, stopping, asking */

/* Above all there are: another archive may have written since the recovery. */
static enum status find_next_number(struct archive *archive, struct error *err)
{
    struct segment_path *paths;
    size_t count;
    enum status status = segment_list(archive->data_dir, &paths, &count, err);
    if (status != STATUS_OK)
        return status;
    archive->next_number = count ? paths[count - 1].number + 1 : 1;
    segment_list_free(paths, count);
    return STATUS_OK;
}

static void init_locks(struct archive *archive)
{
    pthread_condattr_t attributes;
    pthread_mutex_init(&archive->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&archive->wake, &attributes);
    pthread_cond_init(&archive->ended_wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

static enum status start_thread(struct archive *archive, struct error *err)
{
    sigset_t all, before;
    sigfillset(&all);        /* signals are for the relay; SIGXFSZ becomes EFBIG */
    sigdelset(&all, SIGBUS); /* a fault of this thread's own: blocked, it kills without a word */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed_with = pthread_create(&archive->thread, NULL, run, archive);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed_with)
        return error_errno(err, failed_with, "starting the archive's thread");
    return STATUS_OK;
}

static void archive_free(struct archive *archive)
{
    pthread_cond_destroy(&archive->wake);
    pthread_cond_destroy(&archive->ended_wake);
    pthread_mutex_destroy(&archive->mutex);
    segment_writer_free(&archive->file);
    state_table_close(&archive->states);
    ring_reader_close(archive->reader);
    free(archive->data_dir);
    free(archive);
}

enum status archive_start(struct archive **out, const struct archive_settings *settings,
                          struct ring_reader *reader, struct ring_counters *counters,
                          const struct archive_recovered *recovered, struct error *err)
{
    struct archive *archive = memory_new(sizeof *archive);
    archive->settings = *settings;
    archive->data_dir = memory_text(settings->data_dir);
    archive->reader = reader;
    archive->counters = counters;
    init_locks(archive);
    archive->known_seq = archive->last_seq = recovered->last_seq;
    archive->total.last_seq = archive->flushed.last_seq = archive->counted.last_seq =
        recovered->last_seq;
    archive->status.archived_seq = archive->status.synced_seq = recovered->last_seq;
    segment_writer_init(&archive->file, settings->io, settings->group);
    segment_writer_tune(&archive->file, SEGMENT_THOROUGH);
    state_table_init(&archive->states);
    ring_reader_seek_oldest(reader);
    archive->position = ring_reader_position(reader);
    archive->tick_wait = TICK_MOST_NS;
    enum status status = find_next_number(archive, err);
    if (status == STATUS_OK)
        status = start_thread(archive, err);
    if (status != STATUS_OK) {
        archive_free(archive);
        return status;
    }
    processor_choice_init(&archive->processors, archive->thread);
    *out = archive;
    return STATUS_OK;
}

void archive_rotate(struct archive *archive)
{
    pthread_mutex_lock(&archive->mutex);
    archive->rotate_behind = ring_reader_last_seq(archive->reader);
    pthread_cond_signal(&archive->wake);
    pthread_mutex_unlock(&archive->mutex);
}

void archive_status_get(struct archive *archive, struct archive_status *out)
{
    pthread_mutex_lock(&archive->mutex);
    *out = archive->status;
    pthread_mutex_unlock(&archive->mutex);
}

uint64_t archive_position(const struct archive *archive)
{
    return atomic_load_explicit(&archive->position, memory_order_relaxed);
}

void archive_keep_off(struct archive *archive, int processor)
{
    processor_avoid(&archive->processors, processor);
}

bool archive_waits_for_disk(const struct archive *archive)
{
    return atomic_load_explicit(&archive->at_disk, memory_order_relaxed) ||
           atomic_load_explicit(&archive->failing_now, memory_order_relaxed);
}

/* Waits for the thread's end until then. */
static bool wait_finished(struct archive *archive, int64_t mono_ns)
{
    struct timespec at = {.tv_sec = mono_ns / NS_PER_S, .tv_nsec = mono_ns % NS_PER_S};
    while (!archive->finished &&
           pthread_cond_timedwait(&archive->ended_wake, &archive->mutex, &at) == 0)
        continue;
    return archive->finished;
}

enum status archive_stop(struct archive *archive, int timeout_ms, struct error *err)
{
    char reason[sizeof archive->status.reason];
    int64_t until = clock_mono_ns() + timeout_ms * NS_PER_MS;
    pthread_mutex_lock(&archive->mutex);
    archive->stop = true;
    pthread_cond_signal(&archive->wake);
    bool complete = wait_finished(archive, until);
    archive->give_up = true;
    pthread_cond_signal(&archive->wake);
    bool ended = wait_finished(archive, until + NS_PER_S);
    snprintf(reason, sizeof reason, "%s",
             archive->status.degraded ? archive->status.reason : "the disk is slow");
    pthread_mutex_unlock(&archive->mutex);
    if (ended) {
        (void)pthread_join(archive->thread, NULL);
        archive_free(archive);
    } else {
        (void)pthread_detach(archive->thread); /* stuck in the kernel: it keeps its memory */
    }
    if (complete)
        return STATUS_OK;
    return error_set(err, STATUS_TIMEOUT,
                     "the archive could not be completed in %d ms (%s); the rest is in the ring",
                     timeout_ms, reason);
}
