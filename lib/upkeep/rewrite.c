/*
 * rewrite.c - which sealed file is written again next, and when none.
 *
 * One file at a time, by one kind of job or the other, a step a call; before each the claim says
 * whether the file may still be replaced. A file that cannot be rewritten is marked and left alone
 * until the next start. When the disk refuses, the present file is given up and nothing is tried
 * for a while.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "lib/base/clock.h"
#include "lib/upkeep/housekeeper_private.h"

#define LAG_MOST     (8u << 20)        /* of ring that the archive has not written */
#define MEASURE_NS   (500 * NS_PER_MS) /* what the others use is measured over so long */
#define BUSY_PERCENT 50                /* of one processor */
#define RETRY_NS     (600 * NS_PER_S)

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
    footer_job_free(housekeeper->footing);
    housekeeper->job = NULL;
    housekeeper->footing = NULL;
    housekeeper->told.recompressing = 0;
    housekeeper_claim_end(&housekeeper->claim);
}

/* Whether it is the disk that is at fault, not the file. */
static bool disk_refuses(enum status status)
{
    return status != STATUS_NOT_FOUND && status != STATUS_DAMAGED && status != STATUS_UNSUPPORTED &&
           status != STATUS_EXISTS && status != STATUS_INVALID;
}

static void wait_for_disk(struct housekeeper *housekeeper)
{
    housekeeper->retry_at = clock_mono_ns() + RETRY_NS;
}

static void recompress_failed(struct housekeeper *housekeeper, uint64_t number, enum status status,
                              const struct error *err)
{
    bool done = status == STATUS_EXISTS || status == STATUS_INVALID;
    bool disk = disk_refuses(status);
    housekeeper_list_mark(housekeeper, number, done ? MARK_DONE : disk ? MARK_TODO : MARK_SKIP);
    if (done || status == STATUS_NOT_FOUND) {
        log_debug("recompression: %s", err->text);
        return;
    }
    log_warn("recompression: %s; the file is left as it is", err->text);
    housekeeper->told.recompress_failures++;
    if (disk)
        wait_for_disk(housekeeper);
}

static void footing_failed(struct housekeeper *housekeeper, uint64_t number, enum status status,
                           const struct error *err)
{
    bool disk = disk_refuses(status);
    housekeeper_list_foot(housekeeper, number,
                          status == STATUS_EXISTS ? FOOTING_THERE
                          : disk                  ? FOOTING_MISSING
                                                  : FOOTING_IMPOSSIBLE);
    if (status == STATUS_EXISTS || status == STATUS_NOT_FOUND) {
        log_debug("footers: %s", err->text);
        return;
    }
    log_warn("footers: %s; the file goes without", err->text);
    if (disk)
        wait_for_disk(housekeeper);
}

static void job_failed(struct housekeeper *housekeeper, bool footing, uint64_t number,
                       enum status status, const struct error *err)
{
    if (footing)
        footing_failed(housekeeper, number, status, err);
    else
        recompress_failed(housekeeper, number, status, err);
}

static enum status begin(struct housekeeper *housekeeper, const struct housekeeper_file *file,
                         bool footing, struct error *err)
{
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", housekeeper->data_dir, file->path);
    snprintf(housekeeper->job_path, sizeof housekeeper->job_path, "%s", file->path);
    housekeeper->job_number = file->number;
    housekeeper_claim_begin(&housekeeper->claim, file->number);
    if (footing)
        return footer_job_new(&housekeeper->footing, path, err);
    housekeeper->told.recompressing = file->number;
    return recompress_new(&housekeeper->job, path, housekeeper->settings.recompress_level, NULL,
                          err);
}

/* False when there is none to begin with. */
static bool begin_next(struct housekeeper *housekeeper)
{
    const struct housekeeper_file *file = housekeeper_list_to_foot(housekeeper);
    bool footing = file != NULL;
    struct error err;
    if (!footing)
        file = housekeeper_list_to_recompress(housekeeper);
    if (!file)
        return false;
    if (!has_room(housekeeper, file->bytes)) {
        if (housekeeper->settings.recompress_level)
            housekeeper->told.pause = HOUSEKEEPER_NO_ROOM;
        return false;
    }
    uint64_t number = file->number;
    enum status status = begin(housekeeper, file, footing, &err);
    if (status == STATUS_OK)
        return true;
    housekeeper_drop_job(housekeeper);
    job_failed(housekeeper, footing, number, status, &err);
    return true;
}

static void recompress_done(struct housekeeper *housekeeper, uint64_t number)
{
    struct recompress_figures figures = recompress_figures(housekeeper->job);
    log_info("recompression: %s, %" PRIu64 " to %" PRIu64 " bytes", housekeeper->job_path,
             figures.bytes_before, figures.bytes_after);
    housekeeper->told.recompressed_files++;
    housekeeper->told.recompressed_saved += figures.bytes_before - figures.bytes_after;
    housekeeper_list_mark(housekeeper, number, MARK_UNKNOWN); /* it is looked at again */
}

static void footing_done(struct housekeeper *housekeeper, uint64_t number)
{
    log_info("footers: %s has one now", housekeeper->job_path);
    housekeeper->told.footers_added++;
    housekeeper_list_foot(housekeeper, number, FOOTING_THERE);
}

static void step_job(struct housekeeper *housekeeper, bool replaces)
{
    struct error err;
    bool footing = housekeeper->footing != NULL;
    uint64_t number = housekeeper->job_number;
    enum status status = footing ? footer_job_step(housekeeper->footing, &err)
                                 : recompress_step(housekeeper->job, &err);
    if (replaces)
        housekeeper_claim_end(&housekeeper->claim);
    if (status == STATUS_OK)
        return;
    if (status == STATUS_END && footing)
        footing_done(housekeeper, number);
    else if (status == STATUS_END)
        recompress_done(housekeeper, number);
    housekeeper_drop_job(housekeeper);
    if (status != STATUS_END)
        job_failed(housekeeper, footing, number, status, &err);
}

/* A step of the present file, unless that may not be replaced any more. */
static void go_on(struct housekeeper *housekeeper)
{
    bool replaces = housekeeper->footing ? footer_job_replaces_next(housekeeper->footing)
                                         : recompress_replaces_next(housekeeper->job);
    bool may = replaces ? housekeeper_claim_replace(&housekeeper->claim)
                        : !housekeeper_claim_revoked(&housekeeper->claim);
    if (may)
        step_job(housekeeper, replaces);
    else
        housekeeper_drop_job(housekeeper);
}

bool housekeeper_rewrite(struct housekeeper *housekeeper, int64_t mono_ns)
{
    enum housekeeper_pause pause = reason_to_pause(housekeeper, mono_ns);
    bool off = housekeeper->settings.recompress_level == 0;
    housekeeper->told.pause = (int)(off ? HOUSEKEEPER_OFF : pause);
    housekeeper_list_take(housekeeper);
    bool works = housekeeper->job || housekeeper->footing;
    if (works && housekeeper_claim_revoked(&housekeeper->claim)) {
        housekeeper_drop_job(housekeeper);
        return true;
    }
    if (housekeeper_list_learn(housekeeper))
        return true;
    if (pause != HOUSEKEEPER_RUNS)
        return false;
    if (!works)
        return begin_next(housekeeper);
    go_on(housekeeper);
    return true;
}
