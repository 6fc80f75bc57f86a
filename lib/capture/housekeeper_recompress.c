/*
 * housekeeper_recompress.c - which sealed file is rewritten next, and when not.
 *
 * Headers tell which files were rewritten already; they are read a few at a time. A file that
 * cannot be rewritten is marked and left alone until the next start. When the disk refuses, the
 * present file is given up and nothing is tried for a while.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/capture/housekeeper_private.h"
#include "lib/capture/segment_layout.h"

#define HEADERS_A_STEP 64
#define LAG_MOST       (8u << 20)        /* of ring that the archive has not written */
#define MEASURE_NS     (500 * NS_PER_MS) /* what the others use is measured over so long */
#define BUSY_PERCENT   50                /* of one processor */
#define RETRY_NS       (600 * NS_PER_S)

/* ------------------------------------------------------------------ marks */

static enum housekeeper_mark read_mark(const struct housekeeper *housekeeper,
                                       const struct retention_file *file)
{
    unsigned char bytes[SEGMENT_HEADER_BYTES];
    struct segment_head head;
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", housekeeper->data_dir, file->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return MARK_SKIP;
    ssize_t got = pread(fd, bytes, sizeof bytes, 0);
    close(fd);
    if (got != (ssize_t)sizeof bytes ||
        segment_header_decode(&head, bytes, sizeof bytes) != STATUS_OK)
        return MARK_SKIP;
    return head.generation > 0 ? MARK_DONE : MARK_TODO;
}

static bool waits(const struct housekeeper *housekeeper, size_t i)
{
    return housekeeper->listing.files[i].state == RETENTION_SEALED &&
           housekeeper->marks[i].mark == MARK_TODO && !housekeeper->marks[i].soon;
}

static void count_backlog(struct housekeeper *housekeeper)
{
    uint64_t files = 0, bytes = 0;
    for (size_t i = 0; i < housekeeper->listing.count; i++) {
        if (!waits(housekeeper, i))
            continue;
        files++;
        bytes += housekeeper->listing.files[i].bytes;
    }
    housekeeper->told.backlog_files = files;
    housekeeper->told.backlog_bytes = bytes;
}

void housekeeper_carry_marks(struct housekeeper *housekeeper,
                             const struct retention_listing *old_listing,
                             const struct housekeeper_file *old_marks)
{
    size_t at = 0;
    for (size_t i = 0; i < housekeeper->listing.count; i++) {
        const struct retention_file *file = &housekeeper->listing.files[i];
        if (file->state != RETENTION_SEALED)
            continue;
        for (; at < old_listing->count; at++) {
            const struct retention_file *old = &old_listing->files[at];
            if (old->number > file->number ||
                (old->number == file->number && old->state == RETENTION_SEALED))
                break;
        }
        if (at < old_listing->count && old_listing->files[at].number == file->number)
            housekeeper->marks[i].mark = old_marks[at].mark;
    }
    count_backlog(housekeeper);
}

/* Looks into files that are not known yet, the newest first. False: all are known. */
static bool learn_marks(struct housekeeper *housekeeper)
{
    const struct retention_listing *listing = &housekeeper->listing;
    unsigned read = 0;
    for (size_t i = listing->count; i-- > 0 && read < HEADERS_A_STEP;) {
        struct housekeeper_file *mark = &housekeeper->marks[i];
        if (listing->files[i].state != RETENTION_SEALED || mark->mark != MARK_UNKNOWN)
            continue;
        mark->mark = read_mark(housekeeper, &listing->files[i]);
        read++;
    }
    if (read)
        count_backlog(housekeeper);
    return read > 0;
}

static void set_mark(struct housekeeper *housekeeper, uint64_t number, enum housekeeper_mark mark)
{
    const struct retention_listing *listing = &housekeeper->listing;
    for (size_t i = 0; i < listing->count; i++)
        if (listing->files[i].number == number && listing->files[i].state == RETENTION_SEALED)
            housekeeper->marks[i].mark = mark;
    count_backlog(housekeeper);
}

/* ------------------------------------------------------------------ when not */

static int64_t cpu_of(int whom)
{
    struct rusage used;
    (void)getrusage(whom, &used);
    return ((int64_t)used.ru_utime.tv_sec + used.ru_stime.tv_sec) * NS_PER_S +
           ((int64_t)used.ru_utime.tv_usec + used.ru_stime.tv_usec) * NS_PER_US;
}

/* Whether all other threads of the process together used more than their part of late. */
static bool others_busy(struct housekeeper *housekeeper, int64_t mono_ns)
{
    int64_t passed = mono_ns - housekeeper->others_wall;
    if (passed < MEASURE_NS)
        return housekeeper->others_busy;
    int64_t cpu = cpu_of(RUSAGE_SELF) - cpu_of(RUSAGE_THREAD);
    housekeeper->others_busy =
        housekeeper->others_wall && (cpu - housekeeper->others_cpu) * 100 > passed * BUSY_PERCENT;
    housekeeper->others_cpu = cpu;
    housekeeper->others_wall = mono_ns;
    return housekeeper->others_busy;
}

static enum housekeeper_pause reason_to_pause(struct housekeeper *housekeeper, int64_t mono_ns)
{
    bool busy = others_busy(housekeeper, mono_ns);
    if (housekeeper->lag > LAG_MOST)
        return HOUSEKEEPER_LAGGING;
    if (busy)
        return HOUSEKEEPER_BUSY;
    return mono_ns < housekeeper->retry_at ? HOUSEKEEPER_FAILED : HOUSEKEEPER_RUNS;
}

/* A second file of that size must not make the disk fuller than it may be. */
static bool has_room(const struct housekeeper *housekeeper, uint64_t bytes)
{
    return housekeeper->told.free_bytes >= housekeeper->told.min_free_bytes + bytes;
}

/* ------------------------------------------------------------------ one file */

void housekeeper_drop_job(struct housekeeper *housekeeper)
{
    recompress_free(housekeeper->job);
    housekeeper->job = NULL;
    housekeeper->job_number = 0;
    housekeeper->told.recompressing = 0;
}

static void failed(struct housekeeper *housekeeper, const struct retention_file *file,
                   enum status status, const struct error *err)
{
    enum housekeeper_mark mark =
        status == STATUS_EXISTS || status == STATUS_INVALID ? MARK_DONE : MARK_SKIP;
    bool disk =
        status != STATUS_NOT_FOUND && status != STATUS_DAMAGED && status != STATUS_UNSUPPORTED;
    set_mark(housekeeper, file->number, mark);
    if (mark == MARK_DONE || status == STATUS_NOT_FOUND) {
        log_debug("recompression: %s", err->text);
        return;
    }
    log_warn("recompression: %s; the file is left as it is", err->text);
    housekeeper->told.recompress_failures++;
    if (disk) {
        set_mark(housekeeper, file->number, MARK_TODO);
        housekeeper->retry_at = clock_mono_ns() + RETRY_NS;
    }
}

/* False when there is none to begin with. */
static bool begin_next(struct housekeeper *housekeeper)
{
    const struct retention_listing *listing = &housekeeper->listing;
    size_t i = listing->count;
    while (i > 0 && !waits(housekeeper, i - 1))
        i--;
    if (i == 0)
        return false;
    const struct retention_file *file = &listing->files[i - 1];
    if (!has_room(housekeeper, file->bytes)) {
        housekeeper->told.pause = HOUSEKEEPER_NO_ROOM;
        return false;
    }
    char path[8192];
    struct error err;
    snprintf(path, sizeof path, "%s/%s", housekeeper->data_dir, file->path);
    enum status status =
        recompress_new(&housekeeper->job, path, housekeeper->settings.recompress_level, NULL, &err);
    if (status != STATUS_OK) {
        failed(housekeeper, file, status, &err);
        return true;
    }
    snprintf(housekeeper->job_path, sizeof housekeeper->job_path, "%s", file->path);
    housekeeper->job_number = file->number;
    housekeeper->told.recompressing = file->number;
    return true;
}

static void job_done(struct housekeeper *housekeeper)
{
    struct recompress_figures figures = recompress_figures(housekeeper->job);
    log_info("recompression: %s, %" PRIu64 " to %" PRIu64 " bytes", housekeeper->job_path,
             figures.bytes_before, figures.bytes_after);
    housekeeper->told.recompressed_files++;
    housekeeper->told.recompressed_saved += figures.bytes_before - figures.bytes_after;
    set_mark(housekeeper, housekeeper->job_number, MARK_DONE);
    housekeeper_drop_job(housekeeper);
}

static void step_job(struct housekeeper *housekeeper)
{
    struct error err;
    struct retention_file file = {.number = housekeeper->job_number};
    enum status status = recompress_step(housekeeper->job, &err);
    if (status == STATUS_END)
        job_done(housekeeper);
    if (status == STATUS_OK || status == STATUS_END)
        return;
    housekeeper_drop_job(housekeeper);
    failed(housekeeper, &file, status, &err);
}

bool housekeeper_recompress(struct housekeeper *housekeeper, int64_t mono_ns)
{
    if (housekeeper->settings.recompress_level == 0)
        return false;
    enum housekeeper_pause pause = reason_to_pause(housekeeper, mono_ns);
    housekeeper->told.pause = pause;
    if (learn_marks(housekeeper))
        return true;
    if (pause != HOUSEKEEPER_RUNS)
        return false;
    if (housekeeper->job) {
        step_job(housekeeper);
        return true;
    }
    return begin_next(housekeeper);
}
