/* The archive's thread: everything reaches the disk, in time, through rotations and faults. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/segment/segment.h"
#include "tests/unit/archive/archive_support.h"
#include "tests/unit/unit.h"

static struct rig rig;

static uint64_t last_seq(void)
{
    return ring_writer_next_seq(rig.ring) - 1;
}

static void connect_four(void)
{
    for (unsigned i = 0; i < 4; i++)
        archive_rig_connect(&rig, i);
}

START_TEST(everything_is_written)
{
    archive_rig_begin(&rig);
    archive_rig_start(&rig);
    connect_four();
    archive_rig_submits(&rig, 6000);
    archive_rig_say(&rig, 1, DIRECTION_POOL_TO_MINER, "\xff\xfe no json");
    archive_rig_say(&rig, 2, DIRECTION_POOL_TO_MINER, "");
    for (unsigned i = 0; i < 4; i++)
        archive_rig_close(&rig, i);
    archive_rig_stop(&rig);
    archive_rig_expect_all(&rig, 6014);
    const struct ring_counters *counters = ring_writer_counters(rig.ring);
    ck_assert_uint_eq(counters->messages_archived, 6002);
    ck_assert_uint_eq(counters->events_archived, 12);
    ck_assert_uint_eq(counters->records_lost, 0);
    ck_assert_uint_eq(counters->segments_sealed, 1);
    struct buffer bytes = support_read(support_only(rig.folder, ".ndjson.zst"));
    ck_assert_uint_eq(counters->archive_bytes, bytes.len);
    buffer_close(&bytes);
    archive_rig_end(&rig);
}
END_TEST

/* Nothing ends the frame, yet lines are in the file, and synced, within the interval. */
START_TEST(a_line_is_soon_on_the_disk)
{
    archive_rig_begin(&rig);
    rig.settings.sync_interval_ms = 1000;
    archive_rig_start(&rig);
    connect_four();
    int64_t begin = clock_mono_ns();
    archive_rig_wait(&rig, archive_rig_synced, last_seq());
    ck_assert_int_lt(clock_mono_ns() - begin, 1500 * NS_PER_MS); /* and a slow machine */
    struct archive_status status;
    archive_status_get(rig.archive, &status);
    ck_assert_ptr_nonnull(strstr(status.file, "segments/"));
    ck_assert_uint_gt(status.file_bytes, SEGMENT_HEADER_BYTES);
    ck_assert_uint_eq(archive_rig_read(&rig).numbered, 8);
    archive_rig_stop(&rig);
    archive_rig_end(&rig);
}
END_TEST

START_TEST(nothing_said_makes_no_file)
{
    archive_rig_begin(&rig);
    archive_rig_start(&rig);
    archive_rotate(rig.archive);
    archive_rig_stop(&rig);
    ck_assert_uint_eq(support_count(rig.folder, ".zst"), 0);
    archive_rig_end(&rig);
}
END_TEST

static bool no_file(const struct archive_status *status, uint64_t value)
{
    (void)value;
    return status->file[0] == '\0';
}

START_TEST(rotation_on_request)
{
    archive_rig_begin(&rig);
    archive_rig_start(&rig);
    connect_four();
    for (unsigned i = 0; i < 5; i++) {
        archive_rig_submits(&rig, 10);
        archive_rotate(rig.archive); /* behind these, and in front of those, however late it is */
        archive_rig_submits(&rig, 4);
        archive_rig_wait(&rig, archive_rig_archived, last_seq());
        ck_assert_uint_eq(support_count(rig.folder, ".ndjson.zst"), i + 1);
        ck_assert_uint_eq(support_count(rig.folder, ".open"), 1);
    }
    archive_rotate(rig.archive);
    archive_rig_wait(&rig, no_file, 0);
    archive_rig_stop(&rig);
    ck_assert_uint_eq(support_count(rig.folder, ".ndjson.zst"), 6);
    archive_rig_expect_all(&rig, 78);
    ck_assert_uint_eq(archive_rig_read(&rig).states,
                      5 * 4); /* in the first file `opened` says it all */
    archive_rig_end(&rig);
}
END_TEST

START_TEST(rotation_by_size)
{
    archive_rig_begin(&rig);
    rig.settings.segment_max_bytes = 50000;
    archive_rig_start(&rig);
    connect_four();
    archive_rig_submits(&rig, 10000);
    archive_rig_stop(&rig);
    ck_assert_uint_ge(support_count(rig.folder, ".ndjson.zst"), 3);
    archive_rig_expect_all(&rig, 10008);
    archive_rig_end(&rig);
}
END_TEST

START_TEST(rotation_by_age)
{
    archive_rig_begin(&rig);
    rig.settings.segment_max_seconds = 1;
    archive_rig_start(&rig);
    connect_four();
    archive_rig_wait(&rig, archive_rig_archived, last_seq());
    archive_rig_wait(&rig, no_file, 0); /* though nothing comes any more */
    archive_rig_stop(&rig);
    archive_rig_expect_all(&rig, 8);
    archive_rig_end(&rig);
}
END_TEST

START_TEST(a_second_run_goes_on)
{
    archive_rig_begin(&rig);
    for (int run = 0; run < 3; run++) {
        archive_rig_start(&rig);
        connect_four();
        archive_rig_submits(&rig, 100);
        for (unsigned i = 0; i < 4; i++)
            archive_rig_close(&rig, i);
        archive_rig_stop(&rig);
        archive_rig_close_ring(&rig);
        archive_rig_open_ring(&rig);
    }
    archive_rig_expect_all(&rig, 3 * 112);
    archive_rig_end(&rig);
}
END_TEST

/* ---- faults ---- */

START_TEST(a_full_disk_is_waited_for)
{
    archive_rig_begin(&rig);
    archive_rig_start(&rig);
    connect_four();
    archive_rig_submits(&rig, 100);
    archive_rig_wait(&rig, archive_rig_archived, last_seq());
    rig.disk.room = 10;
    archive_rig_submits(&rig, 5000);
    archive_rig_wait(&rig, archive_rig_degraded, true);
    struct archive_status status;
    archive_status_get(rig.archive, &status);
    ck_assert_ptr_nonnull(strstr(status.reason, "No space left"));
    archive_rig_submits(&rig, 100);
    rig.disk.room = -1;
    archive_rig_wait(&rig, archive_rig_degraded, false);
    archive_rig_stop(&rig);
    archive_rig_expect_all(&rig, 5208);
    ck_assert_uint_eq(support_count(rig.folder, ".ndjson.zst"), 1);
    ck_assert_uint_gt(ring_writer_counters(rig.ring)->archive_errors, 0);
    archive_rig_end(&rig);
}
END_TEST

/* The ring overruns while the disk is full: the loss stands in the archive, exactly. */
START_TEST(an_overrun_is_told)
{
    archive_rig_begin(&rig);
    archive_rig_start(&rig);
    connect_four();
    archive_rig_wait(&rig, archive_rig_archived, last_seq());
    rig.disk.room = 0;
    archive_rig_submits(&rig, 1000);
    archive_rig_wait(&rig, archive_rig_degraded, true);
    archive_rig_submits(&rig, 120000);
    rig.disk.room = -1;
    archive_rig_wait(&rig, archive_rig_degraded, false);
    archive_rig_stop(&rig);
    struct rig_reading found = archive_rig_read(&rig);
    ck_assert(found.ordered);
    ck_assert_uint_eq(found.gaps, 1);
    ck_assert_uint_gt(found.lost, 10000);
    ck_assert_uint_eq(found.last_seq, last_seq());
    ck_assert_uint_eq(found.numbered + found.lost, last_seq());
    ck_assert_uint_eq(found.states, 4);
    const struct ring_counters *counters = ring_writer_counters(rig.ring);
    ck_assert_uint_eq(counters->records_lost, found.lost);
    ck_assert_uint_eq(counters->gaps, 1);
    ck_assert_uint_eq(counters->messages_archived + counters->events_archived, found.numbered);
    ck_assert(support_check(rig.folder));
    struct buffer text = support_zstdcat(support_only(rig.folder, ".ndjson.zst"));
    ck_assert_ptr_nonnull(memmem(text.data, text.len, "failed: No space left on device\"}", 33));
    buffer_close(&text);
    archive_rig_end(&rig);
}
END_TEST

static void fail_in_the_middle(_Atomic int *errnum, bool writing)
{
    struct error err = {""};
    archive_rig_begin(&rig);
    archive_rig_start(&rig);
    connect_four();
    archive_rig_submits(&rig, 6000); /* more than a frame */
    archive_rig_wait(&rig, archive_rig_synced, last_seq());
    archive_rig_submits(&rig, 6000);
    *errnum = EIO;
    rig.disk.room = writing ? 1000 : -1;
    archive_rig_submits(&rig, 5000);
    archive_rig_wait(&rig, archive_rig_degraded, true);
    archive_rig_submits(&rig, 500);
    rig.disk.room = -1;
    *errnum = 0;
    archive_rig_wait(&rig, archive_rig_degraded, false);
    ck_assert_int_eq(archive_stop(rig.archive, 10000, &err), STATUS_OK);
    const struct ring_counters *counters = ring_writer_counters(rig.ring);
    ck_assert_uint_eq(counters->messages_archived, 17500);
    ck_assert_uint_eq(counters->events_archived, 8);
    /* a file whose sync fails twice is left as it was cut; the next start gives it its name */
    ck_assert_uint_le(support_count(rig.folder, ".open"), writing ? 0 : 1);
    archive_rig_start(&rig);
    archive_rig_stop(&rig);
    ck_assert_uint_ge(support_count(rig.folder, ".ndjson.zst"), 2);
    ck_assert_uint_eq(support_count(rig.folder, ".torn"), 0);
    archive_rig_expect_all(&rig, 17508);
    archive_rig_end(&rig);
}

START_TEST(a_failed_write_begins_another_file)
{
    fail_in_the_middle(&rig.disk.errnum, true);
}
END_TEST

START_TEST(a_failed_sync_begins_another_file)
{
    fail_in_the_middle(&rig.disk.sync_errnum, false);
}
END_TEST

/* The real thing: the file system's greatest file size. */
START_TEST(a_file_that_may_not_grow)
{
    struct rlimit limit = {200000, RLIM_INFINITY};
    archive_rig_begin(&rig);
    rig.settings.io = NULL;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    archive_rig_start(&rig);
    connect_four();
    archive_rig_submits(&rig, 30000);
    archive_rig_stop(&rig);
    ck_assert_uint_ge(support_count(rig.folder, ".ndjson.zst"), 3);
    archive_rig_expect_all(&rig, 30008);
    archive_rig_end(&rig);
}
END_TEST

START_TEST(stopping_gives_up_in_time_and_the_next_run_completes)
{
    struct error err = {""};
    archive_rig_begin(&rig);
    archive_rig_start(&rig);
    connect_four();
    archive_rig_submits(&rig, 3000);
    archive_rig_wait(&rig, archive_rig_archived, last_seq());
    rig.disk.room = 0;
    archive_rig_submits(&rig, 5000);
    int64_t begin = clock_mono_ns();
    ck_assert_int_eq(archive_stop(rig.archive, 300, &err), STATUS_TIMEOUT);
    ck_assert_int_lt(clock_mono_ns() - begin, 2 * NS_PER_S);
    ck_assert_ptr_nonnull(strstr(err.text, "No space left"));
    ck_assert_uint_eq(support_count(rig.folder, ".open"), 1);
    rig.disk.room = -1;
    archive_rig_close_ring(&rig);
    archive_rig_open_ring(&rig);
    archive_rig_start(&rig);
    archive_rig_stop(&rig);
    archive_rig_expect_all(&rig, 8008);
    ck_assert_uint_eq(support_count(rig.folder, ".torn"), 1);
    archive_rig_end(&rig);
}
END_TEST

/* Numbers that the recorder skipped are told by its own record, not by a second line. */
START_TEST(skipped_numbers_are_told_once)
{
    struct gap_info gap = {.first_lost = 9, .lost = 991, .reason = "power_loss"};
    struct record record = {.type = RECORD_GAP, .slot = RING_NO_SLOT, .payload = {0}};
    archive_rig_begin(&rig);
    archive_rig_start(&rig);
    connect_four();
    archive_rig_stop(&rig);
    archive_rig_close_ring(&rig);
    ck_assert_int_eq(unlink(rig.ring_settings.path), 0);
    rig.ring_settings.first_seq = 1000;
    archive_rig_open_ring(&rig);
    record.payload = span_make((const char *)&gap, sizeof gap);
    record.wall_ns = clock_wall_ns();
    ck_assert_uint_eq(ring_writer_append(rig.ring, &record), 1000);
    archive_rig_start(&rig);
    archive_rig_connect(&rig, 0);
    archive_rig_stop(&rig);
    struct rig_reading found = archive_rig_read(&rig);
    ck_assert(found.ordered);
    ck_assert_uint_eq(found.gaps, 1);
    ck_assert_uint_eq(found.lost, 991);
    ck_assert_uint_eq(found.last_seq, 1002);
    ck_assert_uint_eq(ring_writer_counters(rig.ring)->records_lost, 0);
    ck_assert(support_check(rig.folder));
    archive_rig_end(&rig);
}
END_TEST

/* ---- crashes ---- */

static void write_until_killed(int ready)
{
    archive_rig_open_ring(&rig);
    archive_rig_start(&rig);
    connect_four();
    if (write(ready, "x", 1) != 1)
        _exit(1);
    for (;;) {
        archive_rig_submits(&rig, 50);
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
}

/* Runs a writer and kills it after some milliseconds. */
static void crash_after(long ms)
{
    int ready[2];
    char byte;
    ck_assert_int_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0)
        write_until_killed(ready[1]);
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    nanosleep(&(struct timespec){.tv_nsec = ms * NS_PER_MS}, NULL);
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
}

START_TEST(killed_again_and_again)
{
    archive_rig_begin(&rig);
    rig.settings.segment_max_bytes = 60000;
    archive_rig_close_ring(&rig);
    for (long i = 1; i <= 6; i++)
        crash_after(i * 61 % 200);
    archive_rig_open_ring(&rig);
    archive_rig_start(&rig);
    archive_rig_stop(&rig);
    archive_rig_expect_all(&rig, last_seq());
    archive_rig_end(&rig);
}
END_TEST

int main(void)
{
    return UNIT_RUN("archive thread", everything_is_written, a_line_is_soon_on_the_disk,
                    nothing_said_makes_no_file, rotation_on_request, rotation_by_size,
                    rotation_by_age, a_second_run_goes_on, a_full_disk_is_waited_for,
                    an_overrun_is_told, a_failed_write_begins_another_file,
                    a_failed_sync_begins_another_file, a_file_that_may_not_grow,
                    stopping_gives_up_in_time_and_the_next_run_completes,
                    skipped_numbers_are_told_once, killed_again_and_again);
}
