/*
 * startup.c - opening the storage: data directory, ring, recovery, archive, housekeeper.
 *
 * Happy path: the ring of the last run goes on, the archive continues with the first record that it
 * does not hold yet. After a crash the same, with a closed record for every session that was open.
 * A ring that cannot go on (another size wanted, numbers that must be skipped after a power cut) is
 * drained into the archive and replaced by a new one; a file that is no ring is moved aside. Killed
 * at any step, the next start begins again from what is on disk.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "recorder/recorder.h"

#define DRAIN_MS 60000

struct opening {
    struct recorder *recorder;
    struct ring_settings ring;
    struct ring_recovered ring_found;
    struct archive_recovered archive_found;
    int64_t crashed_ns; /* monotonic: the newest record of a run of this boot; 0: none */
};

/* ------------------------------------------------------------------ the ring */

static void move_aside(const char *path)
{
    char aside[4200];
    snprintf(aside, sizeof aside, "%s.damaged", path);
    if (rename(path, aside) == 0)
        log_warn("moved %s to %s", path, aside);
}

static enum status open_ring(struct opening *o, struct error *err)
{
    struct recorder *recorder = o->recorder;
    enum status status = ring_writer_open(&recorder->ring, &o->ring, &o->ring_found, err);
    if (status != STATUS_DAMAGED && status != STATUS_UNSUPPORTED)
        return status;
    log_warn("the live ring of the last run can't be read: %s", err->text);
    move_aside(o->ring.path);
    return ring_writer_open(&recorder->ring, &o->ring, &o->ring_found, err);
}

static void look_when_crashed(struct opening *o)
{
    struct record newest;
    struct ring_reader *reader = ring_reader_attach(o->recorder->ring);
    ring_reader_seek_end(reader);
    if (!o->ring_found.rebooted && ring_reader_previous(reader, &newest) == STATUS_OK)
        o->crashed_ns = newest.mono_ns;
    ring_reader_close(reader);
}

/* It lasted until the crash, not until now: as if it had been opened later by what has passed. */
static void count_until_crash(const struct opening *o, struct session_info *info, int64_t now_ns)
{
    bool known = info->opened_mono_ns && info->opened_mono_ns <= o->crashed_ns;
    info->opened_mono_ns = known ? info->opened_mono_ns + (now_ns - o->crashed_ns) : 0;
}

static void close_crashed(void *user, uint32_t slot, struct session_info *info)
{
    struct opening *o = user;
    struct ring_writer *ring = o->recorder->ring;
    struct record record = {
        .type = RECORD_CLOSED,
        .wall_ns = clock_wall_ns(),
        .mono_ns = clock_mono_ns(),
        .session = info->session,
        .slot = slot,
        .offset_up = info->bytes_up,
        .offset_down = info->bytes_down,
        .payload = {(const char *)info, sizeof *info},
    };
    info->state = SESSION_CLOSED;
    info->closed_wall_ns = record.wall_ns;
    snprintf(info->closed_by, sizeof info->closed_by, "hashscope");
    snprintf(info->reason, sizeof info->reason, "crash");
    count_until_crash(o, info, record.mono_ns);
    ring_writer_append(ring, &record);
    ring_session_update(ring, slot, info);
}

/* Writes all that the ring holds into the archive. */
static enum status drain(struct opening *o, struct error *err)
{
    struct archive *archive;
    enum status status = archive_start(
        &archive, &o->recorder->archive_settings, ring_reader_attach(o->recorder->ring),
        ring_writer_counters(o->recorder->ring), &o->archive_found, err);
    if (status == STATUS_OK)
        status = archive_stop(archive, DRAIN_MS, err);
    if (status != STATUS_OK)
        return error_wrap(err, status, "writing what the last run left in the ring");
    uint64_t last = ring_writer_next_seq(o->recorder->ring) - 1;
    if (last > o->archive_found.last_seq)
        o->archive_found.last_seq = last;
    return STATUS_OK;
}

static void record_gap(struct opening *o, uint64_t last_known, const char *reason)
{
    struct gap_info gap = {.first_lost = last_known + 1,
                           .lost = o->ring.first_seq - last_known - 1};
    struct record record = {
        .type = RECORD_GAP,
        .wall_ns = clock_wall_ns(),
        .mono_ns = clock_mono_ns(),
        .slot = RING_NO_SLOT,
        .payload = {(const char *)&gap, sizeof gap},
    };
    if (!gap.lost)
        return;
    snprintf(gap.reason, sizeof gap.reason, "%s", reason);
    log_warn("sequence numbers go on at %" PRIu64 ": %s", o->ring.first_seq, reason);
    ring_writer_append(o->recorder->ring, &record);
    ring_writer_publish(o->recorder->ring, 0);
}

/* A new ring in place of the one that was drained, or that was lost. */
static enum status replace_ring(struct opening *o, bool numbers_lost, const char *reason,
                                struct error *err)
{
    uint64_t last_known = o->archive_found.last_seq;
    ring_writer_close(o->recorder->ring);
    o->recorder->ring = NULL;
    unlink(o->ring.path);
    o->ring.first_seq = last_known + 1;
    if (numbers_lost && o->recorder->datadir.reserved > o->ring.first_seq)
        o->ring.first_seq = o->recorder->datadir.reserved;
    struct ring_recovered fresh;
    enum status status = ring_writer_open(&o->recorder->ring, &o->ring, &fresh, err);
    if (status == STATUS_OK)
        record_gap(o, last_known, reason);
    return status;
}

/* Decides whether the ring can go on as it is. */
static enum status settle_ring(struct opening *o, struct error *err)
{
    const struct ring_recovered *found = &o->ring_found;
    uint64_t ring_next = ring_writer_next_seq(o->recorder->ring);
    bool power_cut = found->existed && found->rebooted && !found->clean;
    bool behind = o->archive_found.last_seq >= ring_next;
    if (!found->existed) {
        if (o->recorder->datadir.fresh)
            return STATUS_OK;
        return replace_ring(o, true, "the live ring of the last run is missing", err);
    }
    if (!power_cut && !behind && !found->other_size)
        return STATUS_OK;
    enum status status = behind ? STATUS_OK : drain(o, err);
    if (status != STATUS_OK)
        return status;
    return replace_ring(o, power_cut || behind, power_cut ? "power_loss" : "the ring was older",
                        err);
}

/* ------------------------------------------------------------------ all of it */

static void fill_settings(struct opening *o)
{
    struct recorder *recorder = o->recorder;
    const struct config *config = recorder->config;
    snprintf(recorder->ring_path, sizeof recorder->ring_path, "%s/ring", config->ring_dir);
    o->ring = (struct ring_settings){
        .path = recorder->ring_path,
        .bytes = config->ring_bytes,
        .slots = config->max_sessions + config->max_sessions / 4 + 64,
        .instance = recorder->datadir.instance,
        .first_seq = 1,
        .file_mode = 0640,
    };
    recorder->archive_settings = (struct archive_settings){
        .data_dir = recorder->datadir.path,
        .instance = recorder->datadir.instance,
        .segment_max_bytes = config->segment_max_bytes,
        .segment_max_seconds = config->segment_max_seconds,
        .sync_interval_ms = config->sync_interval_ms,
        .group = config->group,
    };
}

static void tell_recovery(const struct opening *o)
{
    const struct ring_recovered *ring = &o->ring_found;
    if (ring->existed && !ring->clean)
        log_warn("the last run ended without closing: %s, records %" PRIu64 " to %" PRIu64
                 " are in the ring (%" PRIu64 " behind its published end)",
                 ring->rebooted ? "the machine was restarted" : "it crashed or was killed",
                 ring->oldest_seq, ring->last_seq, ring->past_tail);
    if (o->archive_found.segments)
        log_warn("completed %" PRIu32 " unsealed segments, %" PRIu32
                 " of them with a damaged end; the archive reaches to %" PRIu64,
                 o->archive_found.segments, o->archive_found.torn, o->archive_found.last_seq);
}

static enum status recover_archive(struct opening *o, struct error *err)
{
    struct ring_reader *reader = ring_reader_attach(o->recorder->ring);
    enum status status =
        archive_recover(&o->recorder->archive_settings, reader, &o->archive_found, err);
    ring_reader_close(reader);
    return status == STATUS_OK ? status : error_wrap(err, status, "recovering the archive");
}

static enum status start_housekeeper(struct recorder *recorder, struct error *err)
{
    const struct housekeeper_settings settings = {
        .data_dir = recorder->datadir.path,
        .limits = recorder->config->retain,
        .recompress_level = recorder->config->recompress_level,
    };
    return housekeeper_start(&recorder->housekeeper, &settings, err);
}

enum status recorder_open_storage(struct recorder *recorder, struct error *err)
{
    const struct config *config = recorder->config;
    struct opening o = {.recorder = recorder};
    enum status status = datadir_open(&recorder->datadir, config->data_dir, config->group, err);
    if (status != STATUS_OK)
        return status;
    fill_settings(&o);
    status = open_ring(&o, err);
    if (status == STATUS_OK)
        status = recover_archive(&o, err);
    if (status != STATUS_OK)
        return status;
    tell_recovery(&o);
    look_when_crashed(&o);
    ring_session_each_open(recorder->ring, close_crashed, &o);
    ring_writer_publish(recorder->ring, 0);
    status = settle_ring(&o, err);
    if (status == STATUS_OK)
        status = datadir_reserve(&recorder->datadir, ring_writer_next_seq(recorder->ring), err);
    if (status != STATUS_OK)
        return status;
    tap_shared_init(&recorder->tap, recorder->ring, config->line_buffer_bytes,
                    config->pair_timeout_ns);
    status = archive_start(&recorder->archive, &recorder->archive_settings,
                           ring_reader_attach(recorder->ring), recorder->tap.counters,
                           &o.archive_found, err);
    return status == STATUS_OK ? start_housekeeper(recorder, err) : status;
}

/* ------------------------------------------------------------------ housekeeping */

void recorder_keep_house(struct recorder *recorder)
{
    struct ring_counters *counters = recorder->tap.counters;
    struct housekeeper_status now, was = recorder->housekept;
    if (!recorder->housekeeper)
        return;
    housekeeper_observe(recorder->housekeeper,
                        ring_writer_position(recorder->ring) - archive_position(recorder->archive));
    housekeeper_status_get(recorder->housekeeper, &now);
    ring_count(&counters->segments_removed, now.removed_files - was.removed_files);
    ring_count(&counters->removed_bytes, now.removed_bytes - was.removed_bytes);
    ring_count(&counters->segments_recompressed, now.recompressed_files - was.recompressed_files);
    ring_count(&counters->recompressed_saved_bytes,
               now.recompressed_saved - was.recompressed_saved);
    ring_count(&counters->recompress_failures, now.recompress_failures - was.recompress_failures);
    recorder->housekept = now;
}

enum status recorder_close_storage(struct recorder *recorder, struct error *err)
{
    enum status status = STATUS_OK;
    recorder_keep_house(recorder);
    housekeeper_stop(recorder->housekeeper);
    if (recorder->archive)
        status = archive_stop(recorder->archive, RECORDER_ARCHIVE_MS, err);
    ring_writer_close(recorder->ring);
    datadir_close(&recorder->datadir);
    return status;
}
