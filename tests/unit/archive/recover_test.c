/* Recovery: a file cut at every byte, with and without a ring; killed at every step; files that are
 * no segments; nothing is lost twice, kept twice or deleted. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/archive/archive_support.h"
#include "tests/unit/unit.h"

#define LINES       18
#define FRAME_LINES 6

static struct rig rig;
static char name[4096]; /* of the segment, without .open */

/* What a killed recorder leaves: a ring with LINES messages, and a file of three frames and a bit.
 */
static struct buffer leave(void)
{
    struct segment_head head = {
        .version = SEGMENT_VERSION, .instance = 77, .number = 3, .start_wall_ns = SUPPORT_WALL};
    struct segment_writer file;
    struct error err;
    archive_rig_begin(&rig);
    segment_writer_init(&file, NULL, (gid_t)-1);
    ck_assert_int_eq(segment_writer_create(&file, rig.folder, &head, 0, &err), STATUS_OK);
    for (uint64_t seq = 1; seq <= LINES + 2; seq++) {
        struct record record = support_message(seq, 1, "{\"id\":1,\"method\":\"mining.submit\"}");
        ck_assert_uint_eq(ring_writer_append(rig.ring, &record), seq);
        if (seq == 1) { /* stands alone */
            struct session_info info = support_info(1);
            struct record opened = record;
            opened.type = RECORD_OPENED;
            opened.payload = span_make((const char *)&info, sizeof info);
            support_put(&file, &opened);
            file.frame.events = SEGMENT_EVENT_OPENED;
            file.frame.methods = file.frame.directions[0] = 0;
        } else {
            support_put(&file, &record);
        }
        if (seq % FRAME_LINES == 0)
            segment_writer_end_frame(&file);
        else
            segment_writer_flush(&file);
    }
    ring_writer_publish(rig.ring, 0);
    ck_assert_int_eq(segment_writer_write(&file, &err), STATUS_OK);
    struct buffer bytes = support_read(file.path);
    snprintf(name, sizeof name, "%.*s", (int)(strlen(file.path) - 5), file.path);
    segment_writer_free(&file);
    return bytes;
}

static const char *with(const char *suffix)
{
    static char path[4200];
    snprintf(path, sizeof path, "%s%s", name, suffix);
    return path;
}

static void finish(struct buffer *bytes)
{
    buffer_close(bytes);
    archive_rig_end(&rig);
}

static bool exists(const char *suffix)
{
    return access(with(suffix), F_OK) == 0;
}

static void remove_results(void)
{
    static const char *const all[] = {"", ".open", ".torn", ".torn.2", ".recovering"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        (void)unlink(with(all[i]));
}

static struct archive_recovered recover(struct ring_reader *ring)
{
    struct archive_recovered found;
    struct error err = {""};
    enum status status = archive_recover(&rig.settings, ring, &found, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.text);
    ck_assert_uint_eq(support_count(rig.folder, ".open"), 0);
    ck_assert_uint_eq(support_count(rig.folder, ".recovering"), 0);
    return found;
}

/* How many whole lines a reader finds in the `.open` file, and how many of them in whole frames:
 * called for ever longer pieces of the same file. */
static uint64_t lines_there(struct segment_place *place, uint64_t *whole)
{
    uint64_t before = place->frame_end;
    struct segment_reader *reader;
    struct segment_line line;
    uint64_t count = 0;
    ck_assert_int_eq(segment_reader_open(&reader, with(".open"), NULL), STATUS_OK);
    while (segment_reader_next(reader, &line, NULL) == STATUS_OK)
        count++;
    *place = *segment_reader_place(reader);
    segment_reader_close(reader);
    if (place->frame_end > before && before > 0)
        *whole += FRAME_LINES;
    return count;
}

/* Without a ring every whole line is kept, those of the torn frame with a mark. */
START_TEST(cut_at_every_byte_without_a_ring)
{
    struct buffer bytes = leave();
    struct segment_place place = {0};
    uint64_t whole = 0;
    for (size_t len = 0; len <= bytes.len; len++) {
        remove_results();
        support_write(with(".open"), bytes.data, len);
        uint64_t lines = lines_there(&place, &whole);
        bool clean = !place.torn && place.indexed_end == len;
        struct archive_recovered found = recover(NULL);
        struct rig_reading read = archive_rig_read(&rig);
        ck_assert(read.ordered);
        ck_assert_uint_eq(read.numbered, lines);
        ck_assert_uint_eq(found.last_seq, lines);
        ck_assert_uint_eq(found.lines_kept, lines - whole);
        ck_assert_uint_eq(read.recovered, lines != whole);
        ck_assert_int_eq(exists(""), lines > 0);
        ck_assert_int_eq(exists(".torn"), len > 0 && !(clean || len == SEGMENT_HEADER_BYTES));
        if (len % 97 == 0 && lines)
            ck_assert(support_check(rig.folder));
        struct archive_recovered again = recover(NULL); /* nothing is left to do */
        ck_assert_uint_eq(again.segments, 0);
        ck_assert_uint_eq(again.last_seq, lines);
    }
    finish(&bytes);
}
END_TEST

/* With the ring the torn frame is dropped and written again: everything is there, once. */
START_TEST(cut_at_every_byte_with_a_ring)
{
    struct buffer bytes = leave();
    struct segment_place place = {0};
    uint64_t whole = 0;
    for (size_t len = 0; len <= bytes.len; len++) {
        remove_results();
        support_write(with(".open"), bytes.data, len);
        (void)lines_there(&place, &whole);
        struct ring_reader *reader = ring_reader_attach(rig.ring);
        struct archive_recovered found = recover(reader);
        ring_reader_close(reader);
        ck_assert_uint_eq(found.last_seq, whole);
        ck_assert_uint_eq(found.lines_kept, 0);
        ck_assert_uint_eq(archive_rig_read(&rig).numbered, whole);
    }
    for (size_t len = 200; len <= bytes.len; len += 333) {
        support_remove(rig.folder);
        ck_assert_int_eq(mkdir(rig.folder, 0750), 0);
        struct error err;
        ck_assert_int_eq(segment_make_folders(name, (gid_t)-1, &err), STATUS_OK);
        support_write(with(".open"), bytes.data, len);
        archive_rig_start(&rig);
        archive_rig_stop(&rig);
        archive_rig_expect_all(&rig, LINES + 2);
    }
    finish(&bytes);
}
END_TEST

/* The ring begins too late, ends too early (a power cut), or is another's: lines are kept. */
START_TEST(a_ring_that_does_not_reach)
{
    struct buffer bytes = leave();
    for (int kind = 0; kind < 3; kind++) {
        remove_results();
        support_write(with(".open"), bytes.data, bytes.len);
        archive_rig_close_ring(&rig);
        (void)unlink(rig.ring_settings.path);
        rig.ring_settings.first_seq = kind == 0 ? LINES + 2 : LINES - 2;
        rig.ring_settings.instance = kind == 2 ? 78 : 77;
        archive_rig_open_ring(&rig);
        for (int i = 0; i < (kind == 1 ? 3 : 6); i++) {
            struct record record = support_message(1, 1, "{}");
            ring_writer_append(rig.ring, &record);
        }
        ring_writer_publish(rig.ring, 0);
        struct ring_reader *reader = ring_reader_attach(rig.ring);
        struct archive_recovered found = recover(reader);
        ring_reader_close(reader);
        ck_assert_uint_eq(found.last_seq, LINES + 2);
        ck_assert_uint_eq(found.lines_kept, 2);
        ck_assert_uint_eq(archive_rig_read(&rig).recovered, 1);
    }
    finish(&bytes);
}
END_TEST

START_TEST(killed_in_the_middle_of_recovery)
{
    struct buffer bytes = leave();
    size_t cut = bytes.len - 10;
    support_write(with(".open"), bytes.data, cut);
    (void)recover(NULL);
    struct buffer result = support_read(with(""));
    /* before the result had its name */
    remove_results();
    support_write(with(".open"), bytes.data, cut);
    support_write(with(".recovering"), result.data, result.len / 2);
    (void)recover(NULL);
    struct buffer second = support_read(with(""));
    ck_assert_uint_eq(second.len, result.len);
    ck_assert_int_eq(memcmp(second.data, result.data, result.len), 0);
    ck_assert(exists(".torn"));
    /* before the original was moved */
    ck_assert_int_eq(unlink(with(".torn")), 0);
    support_write(with(".open"), bytes.data, cut);
    ck_assert_uint_eq(archive_rig_read(&rig).repeated,
                      0); /* a reader sees the lines once already */
    struct archive_recovered found = recover(NULL);
    ck_assert_uint_eq(found.torn, 1);
    struct buffer torn = support_read(with(".torn"));
    ck_assert_uint_eq(torn.len, cut);
    ck_assert_uint_eq(archive_rig_read(&rig).repeated, 0);
    buffer_close(&torn);
    buffer_close(&result);
    buffer_close(&second);
    finish(&bytes);
}
END_TEST

START_TEST(what_is_no_segment_is_moved_aside)
{
    static const char text[] =
        "this is somebody's diary, and it has no business here at all, has it";
    struct buffer bytes = leave();
    support_write(with(".open"), text, sizeof text);
    support_write(with(".torn"), "old", 3);
    struct archive_recovered found = recover(NULL);
    ck_assert_uint_eq(found.torn, 1);
    ck_assert(!exists(""));
    struct buffer torn = support_read(with(".torn.2"));
    ck_assert_uint_eq(torn.len, sizeof text);
    buffer_close(&torn);
    torn = support_read(with(".torn"));
    ck_assert_uint_eq(torn.len, 3);
    buffer_close(&torn);
    finish(&bytes);
}
END_TEST

START_TEST(a_later_version_is_left_alone)
{
    struct archive_recovered found;
    struct error err = {""};
    struct buffer bytes = leave();
    bytes.data[16] = 9;
    support_write(with(".open"), bytes.data, bytes.len);
    ck_assert_int_eq(archive_recover(&rig.settings, NULL, &found, &err), STATUS_UNSUPPORTED);
    ck_assert(exists(".open"));
    finish(&bytes);
}
END_TEST

/* Every byte changed in turn: recovery ends, the original is kept or was whole, and what it made
 * can be read. */
START_TEST(damaged_at_every_byte)
{
    struct buffer bytes = leave();
    for (size_t i = 0; i < bytes.len; i++) {
        struct archive_recovered found;
        struct error err = {""};
        remove_results();
        bytes.data[i] ^= 0x55;
        support_write(with(".open"), bytes.data, bytes.len);
        enum status status = archive_recover(&rig.settings, NULL, &found, &err);
        ck_assert(status == STATUS_OK || (status == STATUS_UNSUPPORTED && i >= 16 && i < 20));
        if (status == STATUS_OK) {
            ck_assert(exists(".torn"));
            struct rig_reading read = archive_rig_read(&rig);
            ck_assert_uint_le(read.numbered, LINES + 2);
            ck_assert_uint_eq(found.last_seq, read.last_seq);
        }
        bytes.data[i] ^= 0x55;
    }
    finish(&bytes);
}
END_TEST

/* The highest number is found in sealed files, also when the newest says nothing. */
START_TEST(the_last_number_of_sealed_files)
{
    struct buffer bytes = leave();
    support_write(with(".open"), bytes.data, bytes.len);
    (void)recover(NULL);
    struct archive_recovered found = recover(NULL);
    ck_assert_uint_eq(found.last_seq, LINES + 2);
    ck_assert_uint_eq(found.next_number, 4);
    struct buffer sealed = support_read(with(""));
    buffer_append(&sealed, "\x5e\x2a\x4d\x18\x04\0\0\0abcd", 12); /* a frame of a later version */
    support_write(with(""), sealed.data, sealed.len);
    ck_assert_uint_eq(recover(NULL).last_seq, LINES + 2);
    memcpy(name + strlen(name) - strlen("3.ndjson.zst"), "9", 1);
    support_write(with(""), "rubbish", 7);
    found = recover(NULL);
    ck_assert_uint_eq(found.last_seq, LINES + 2);
    ck_assert_uint_eq(found.next_number, 10);
    rig.settings.instance = 78; /* another series */
    ck_assert_uint_eq(recover(NULL).last_seq, 0);
    buffer_close(&sealed);
    finish(&bytes);
}
END_TEST

/* No room for the result: the start goes on, the file waits for the next one. */
START_TEST(a_full_disk_postpones_it)
{
    struct rlimit none = {300, RLIM_INFINITY}, all = {RLIM_INFINITY, RLIM_INFINITY};
    struct archive_recovered found;
    struct error err = {""};
    struct buffer bytes = leave();
    support_write(with(".open"), bytes.data, bytes.len);
    ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
    ck_assert_int_eq(archive_recover(&rig.settings, NULL, &found, &err), STATUS_OK);
    ck_assert_uint_eq(found.segments, 0);
    ck_assert_uint_eq(found.torn, 0);
    ck_assert_uint_eq(found.last_seq, LINES + 2);
    ck_assert(exists(".open") && !exists("") && !exists(".recovering"));
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    ck_assert_uint_eq(recover(NULL).last_seq, LINES + 2);
    finish(&bytes);
}
END_TEST

/* Recovery on a disk that fails; then another on one that does not. */
static void fail_then_recover(const struct buffer *bytes, size_t cut, const struct buffer *expected)
{
    struct archive_recovered found;
    struct error err = {""};
    remove_results();
    support_write(with(".open"), bytes->data, cut);
    uint64_t before = rig.disk.failures;
    ck_assert_int_eq(archive_recover(&rig.settings, NULL, &found, &err), STATUS_OK);
    ck_assert_uint_gt(rig.disk.failures, before);
    ck_assert_uint_eq(found.segments, 0);
    ck_assert(exists(".open") && !exists("") && !exists(".torn"));
    rig.disk.room = -1;
    rig.disk.sync_errnum = 0;
    ck_assert_uint_eq(recover(NULL).segments, 1);
    struct buffer result = support_read(with(""));
    ck_assert_uint_eq(result.len, expected->len);
    ck_assert_int_eq(memcmp(result.data, expected->data, result.len), 0);
    ck_assert(exists(".torn"));
    buffer_close(&result);
}

/* A write refused at every byte, a sync refused: the original stays, the next start completes it.
 */
START_TEST(a_disk_that_fails_at_every_byte)
{
    struct buffer bytes = leave();
    size_t cut = bytes.len - 10;
    rig.io = support_io(&rig.disk);
    rig.settings.io = &rig.io;
    support_write(with(".open"), bytes.data, cut);
    (void)recover(NULL);
    struct buffer expected = support_read(with(""));
    ck_assert_uint_gt(rig.disk.writes, 0);
    for (size_t room = 0; room < expected.len; room++) {
        rig.disk.room = (int64_t)room;
        rig.disk.errnum = room % 2 ? EIO : ENOSPC;
        fail_then_recover(&bytes, cut, &expected);
    }
    rig.disk.sync_errnum = EIO;
    fail_then_recover(&bytes, cut, &expected);
    buffer_close(&expected);
    finish(&bytes);
}
END_TEST

START_TEST(an_empty_data_directory)
{
    archive_rig_begin(&rig);
    struct archive_recovered found = recover(NULL);
    ck_assert_uint_eq(found.last_seq, 0);
    ck_assert_uint_eq(found.next_number, 1);
    archive_rig_end(&rig);
}
END_TEST

int main(void)
{
    return UNIT_RUN("archive recovery", cut_at_every_byte_without_a_ring,
                    cut_at_every_byte_with_a_ring, a_ring_that_does_not_reach,
                    killed_in_the_middle_of_recovery, what_is_no_segment_is_moved_aside,
                    a_later_version_is_left_alone, damaged_at_every_byte,
                    the_last_number_of_sealed_files, a_full_disk_postpones_it,
                    a_disk_that_fails_at_every_byte, an_empty_data_directory);
}
