/* See archive_support.h. */
#include "tests/unit/archive/archive_support.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/stratum/scan.h"

#define PATIENCE_NS (10 * NS_PER_S)

void archive_rig_open_ring(struct rig *rig)
{
    static char path[128];
    struct ring_recovered recovered;
    struct error err = {""};
    snprintf(path, sizeof path, "%s/ring", rig->folder);
    rig->ring_settings.path = path;
    enum status status = ring_writer_open(&rig->ring, &rig->ring_settings, &recovered, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.text);
}

void archive_rig_close_ring(struct rig *rig)
{
    ring_writer_close(rig->ring);
    rig->ring = NULL;
}

void archive_rig_begin(struct rig *rig)
{
    memset(rig, 0, sizeof *rig);
    snprintf(rig->folder, sizeof rig->folder, "%s", support_folder());
    rig->io = support_io(&rig->disk);
    rig->ring_settings = (struct ring_settings){
        .bytes = RING_BYTES_MIN,
        .slots = RIG_SESSIONS,
        .instance = 77,
        .first_seq = 1,
        .file_mode = 0640,
    };
    rig->settings = (struct archive_settings){
        .data_dir = rig->folder,
        .instance = 77,
        .segment_max_bytes = 128u << 20,
        .segment_max_seconds = 3600,
        .sync_interval_ms = 100,
        .group = (gid_t)-1,
        .io = &rig->io,
    };
    archive_rig_open_ring(rig);
}

void archive_rig_end(struct rig *rig)
{
    if (rig->ring)
        archive_rig_close_ring(rig);
    support_remove(rig->folder);
}

void archive_rig_start(struct rig *rig)
{
    struct error err = {""};
    struct ring_reader *reader = ring_reader_attach(rig->ring);
    enum status status = archive_recover(&rig->settings, reader, &rig->found, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.text);
    status = archive_start(&rig->archive, &rig->settings, reader, ring_writer_counters(rig->ring),
                           &rig->found, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.text);
}

void archive_rig_stop(struct rig *rig)
{
    struct error err = {""};
    enum status status = archive_stop(rig->archive, 10000, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.text);
    ck_assert_uint_eq(support_count(rig->folder, ".open"), 0);
    rig->archive = NULL;
}

/* ---- what the relay would do ---- */

static uint64_t append(struct rig *rig, struct record *record, unsigned session)
{
    struct rig_session *from = &rig->sessions[session];
    record->wall_ns = clock_wall_ns();
    record->mono_ns = clock_mono_ns();
    record->slot = from->slot;
    record->session = from->info.session;
    record->offset_up = from->up;
    record->offset_down = from->down;
    uint64_t seq = ring_writer_append(rig->ring, record);
    ring_writer_publish(rig->ring, record->mono_ns + 5000);
    return seq;
}

static void append_event(struct rig *rig, unsigned session, enum record_type type)
{
    struct rig_session *from = &rig->sessions[session];
    struct record record = {.type = type};
    from->info.bytes_up = from->up;
    from->info.bytes_down = from->down;
    record.payload = span_make((const char *)&from->info, sizeof from->info);
    ring_session_update(rig->ring, from->slot, &from->info);
    append(rig, &record, session);
}

void archive_rig_connect(struct rig *rig, unsigned session)
{
    struct rig_session *from = &rig->sessions[session];
    memset(from, 0, sizeof *from);
    from->info = support_info(session);
    from->info.session = uuid_new(clock_wall_ns());
    from->info.opened_mono_ns = clock_mono_ns();
    from->slot = ring_session_open(rig->ring, &from->info);
    append_event(rig, session, RECORD_OPENED);
    from->info.state = SESSION_OPEN;
    snprintf(from->info.pool, sizeof from->info.pool, "pool.example.com:3333");
    snprintf(from->info.address, sizeof from->info.address, "203.0.113.9:3333");
    snprintf(from->info.local, sizeof from->info.local, "10.0.0.2:40112");
    append_event(rig, session, RECORD_POOL_CONNECTED);
}

void archive_rig_close(struct rig *rig, unsigned session)
{
    struct rig_session *from = &rig->sessions[session];
    from->info.state = SESSION_CLOSED;
    snprintf(from->info.closed_by, sizeof from->info.closed_by, "miner");
    snprintf(from->info.reason, sizeof from->info.reason, "end");
    append_event(rig, session, RECORD_CLOSED);
}

static uint64_t say(struct rig *rig, unsigned session, enum direction direction, const char *text,
                    uint64_t re)
{
    struct rig_session *from = &rig->sessions[session];
    struct record record = support_message(1, session, text);
    record.direction = direction;
    if (re) {
        record.flags |= RECORD_PAIRED;
        record.re = re;
        record.latency_ns = 40000000;
    }
    uint64_t seq = append(rig, &record, session);
    *(direction == DIRECTION_MINER_TO_POOL ? &from->up : &from->down) += strlen(text) + 1;
    return seq;
}

uint64_t archive_rig_say(struct rig *rig, unsigned session, enum direction direction,
                         const char *text)
{
    return say(rig, session, direction, text, 0);
}

uint64_t archive_rig_answer(struct rig *rig, unsigned session, uint64_t re, const char *text)
{
    return say(rig, session, DIRECTION_POOL_TO_MINER, text, re);
}

void archive_rig_submits(struct rig *rig, unsigned count)
{
    char text[160];
    for (unsigned i = 0; i < count; i++) {
        snprintf(text, sizeof text,
                 "{\"id\":%u,\"method\":\"mining.submit\",\"params\":[\"w\",\"1\",\"%016llx\","
                 "\"6740a649\",\"%08x\"]}",
                 i, (unsigned long long)random_u64(), i);
        archive_rig_say(rig, i % 4, DIRECTION_MINER_TO_POOL, text);
    }
}

/* ---- looking ---- */

void archive_rig_wait(struct rig *rig,
                      bool (*met)(const struct archive_status *status, uint64_t value),
                      uint64_t value)
{
    struct archive_status status;
    int64_t until = clock_mono_ns() + PATIENCE_NS;
    do {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        archive_status_get(rig->archive, &status);
        ck_assert_msg(clock_mono_ns() < until, "archived %llu, synced %llu, degraded %d (%s)",
                      (unsigned long long)status.archived_seq,
                      (unsigned long long)status.synced_seq, status.degraded, status.reason);
    } while (!met(&status, value));
}

bool archive_rig_archived(const struct archive_status *status, uint64_t seq)
{
    return status->archived_seq >= seq;
}

bool archive_rig_synced(const struct archive_status *status, uint64_t seq)
{
    return status->synced_seq >= seq;
}

bool archive_rig_degraded(const struct archive_status *status, uint64_t yes)
{
    return status->degraded == (yes != 0);
}

static uint64_t number_in(struct span text, const char *key)
{
    const char *at = memmem(text.data, text.len, key, strlen(key));
    ck_assert_ptr_nonnull(at);
    return strtoull(at + strlen(key), NULL, 10);
}

static void read_line(struct rig_reading *out, const struct segment_line *line)
{
    uint64_t expected = out->last_seq + 1;
    if (span_equal_text(line->event, "gap")) {
        out->gaps++;
        out->lost += number_in(line->text, "\"lost\":");
        out->ordered &= number_in(line->text, "\"first_lost\":") == expected;
        out->last_seq += number_in(line->text, "\"lost\":");
        expected = out->last_seq + 1;
    }
    out->states += span_equal_text(line->event, "state");
    out->recovered += span_equal_text(line->event, "recovered");
    out->opened += span_equal_text(line->event, "opened");
    out->closed += span_equal_text(line->event, "closed");
    if (!line->numbered)
        return;
    if (line->seq < expected) {
        out->repeated++;
        return;
    }
    out->ordered &= line->seq == expected;
    out->last_seq = line->seq;
    out->numbered++;
}

struct rig_reading archive_rig_read(const struct rig *rig)
{
    struct rig_reading out = {.ordered = true};
    struct segment_path *paths;
    struct segment_reader *reader;
    struct segment_line line;
    struct error err = {""};
    size_t count;
    ck_assert_int_eq(segment_list(rig->folder, &paths, &count, &err), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        enum status status = segment_reader_open(&reader, paths[i].path, &err);
        ck_assert_msg(status == STATUS_OK, "%s", err.text);
        while ((status = segment_reader_next(reader, &line, &err)) == STATUS_OK)
            read_line(&out, &line);
        ck_assert_msg(status == STATUS_END, "%s", err.text);
        segment_reader_close(reader);
    }
    segment_list_free(paths, count);
    return out;
}

void archive_rig_expect_all(const struct rig *rig, uint64_t last)
{
    struct rig_reading found = archive_rig_read(rig);
    ck_assert(found.ordered);
    ck_assert_uint_eq(found.numbered, last);
    ck_assert_uint_eq(found.last_seq, last);
    ck_assert_uint_eq(found.repeated, 0);
    ck_assert_uint_eq(found.gaps, 0);
    ck_assert(support_check(rig->folder));
}
