/* A small sealed segment cut at every byte and with every single bit flipped: what is read is true,
 * what is wrong is told, and repair keeps the rest. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/record/line.h"
#include "lib/segment/footer.h"
#include "lib/segment/repair.h"
#include "lib/segment/verify.h"
#include "tests/unit/record/record_support.h"
#include "tests/unit/unit.h"

#define FRAMES      5
#define FRAME_LINES 4
#define LINES       (FRAMES * FRAME_LINES)

static const char *folder;
static char path[4096], fixed[4096];
static struct error err;
static struct buffer lines[LINES + 1]; /* by number, as they were written */

/* In front of the first line of each of the three sessions. */
static void put_state(struct segment_writer *file, const struct record *record)
{
    struct clock_formatter clock = {0};
    struct segment_note note = {
        .wall_ns = record->wall_ns, .event = SEGMENT_EVENT_STATE, .session = record->session};
    size_t before = file->text.len;
    line_begin(&file->text, &clock, record->wall_ns, "at", record->seq);
    line_add_session(&file->text, &record->session);
    line_add_text(&file->text, "event", "state");
    line_add_u64(&file->text, "bytes_up", 0);
    line_add_u64(&file->text, "bytes_down", 0);
    line_end(&file->text);
    note.line = span_make(file->text.data + before, file->text.len - before - 1);
    segment_writer_note(file, &note);
}

static void put(struct segment_writer *file, uint64_t seq)
{
    char text[120];
    snprintf(text, sizeof text,
             "{\"id\":%d,\"method\":\"mining.submit\",\"params\":[\"w%d\",\"%llx\"]}", (int)seq,
             (int)(seq % 3), seq * 0x9e3779b97f4a7c15ULL);
    struct record record = support_message(seq, (unsigned)(seq % 3), text);
    if (seq <= 3)
        put_state(file, &record);
    size_t before = file->text.len;
    support_put(file, &record);
    buffer_clear(&lines[seq]);
    buffer_append(&lines[seq], file->text.data + before, file->text.len - before - 1);
}

/* A sealed file of five frames. */
static struct buffer make_file(void)
{
    struct segment_head head = {.version = SEGMENT_VERSION, .instance = 5, .number = 1};
    struct segment_writer file;
    head.start_wall_ns = SUPPORT_WALL;
    folder = support_folder();
    snprintf(path, sizeof path, "%s/20261122T135301Z-00000001.ndjson.zst", folder);
    snprintf(fixed, sizeof fixed, "%s/fixed.ndjson.zst", folder);
    segment_writer_init(&file, NULL, (gid_t)-1);
    ck_assert_int_eq(segment_writer_create(&file, folder, &head, 0, &err), STATUS_OK);
    for (uint64_t seq = 1; seq <= LINES; seq++) {
        put(&file, seq);
        if (seq % FRAME_LINES == 0)
            segment_writer_end_frame(&file);
    }
    segment_writer_add_footer(&file);
    ck_assert_int_eq(segment_writer_write(&file, &err), STATUS_OK);
    struct buffer bytes = support_read(file.path);
    segment_writer_free(&file);
    return bytes;
}

static void finish(struct buffer *bytes)
{
    for (int i = 0; i <= LINES; i++)
        buffer_close(&lines[i]);
    buffer_close(bytes);
    support_remove(folder);
}

/* Reads a sound file: every message is one that was written, in order; returns how many. */
static uint64_t read_true_lines(const char *name)
{
    struct segment_reader *reader;
    struct segment_line line;
    uint64_t count = 0, last = 0;
    enum status status;
    ck_assert_int_eq(segment_reader_open(&reader, name, &err), STATUS_OK);
    while ((status = segment_reader_next(reader, &line, &err)) == STATUS_OK) {
        if (!line.numbered)
            continue;
        ck_assert_uint_gt(line.seq, last);
        ck_assert_uint_le(line.seq, LINES);
        last = line.seq;
        const struct buffer *is = &lines[last];
        ck_assert(span_equal(line.text, span_make(is->data, is->len)));
        count++;
    }
    ck_assert_msg(status == STATUS_END, "%s", err.text);
    segment_reader_close(reader);
    return count;
}

static uint32_t generation_of(const char *name)
{
    struct segment_reader *reader;
    ck_assert_int_eq(segment_reader_open(&reader, name, &err), STATUS_OK);
    uint32_t generation = segment_reader_head(reader)->generation;
    segment_reader_close(reader);
    return generation;
}

struct outcome {
    enum status status;
    struct segment_verdict verdict;
    enum status repair;
    struct segment_repaired repaired;
    uint64_t kept;
};

/* Verifies, repairs, and verifies what was repaired. */
static struct outcome examine(const void *data, size_t len)
{
    struct outcome outcome = {0};
    struct segment_footer *footer;
    struct segment_verdict after;
    support_write(path, data, len);
    (void)unlink(fixed);
    outcome.status = segment_verify(path, NULL, NULL, &outcome.verdict, &err);
    if (segment_footer_load(&footer, path, SEGMENT_FOOTER_ALL, &err) == STATUS_OK)
        segment_footer_close(footer);
    outcome.repair = segment_repair(path, fixed, NULL, NULL, &outcome.repaired, &err);
    if (outcome.repair != STATUS_OK) {
        ck_assert_int_ne(access(fixed, F_OK), 0);
        return outcome;
    }
    outcome.kept = read_true_lines(fixed);
    ck_assert_uint_eq(generation_of(fixed), outcome.repaired.sound ? 0 : 1);
    ck_assert_int_eq(segment_verify(fixed, NULL, NULL, &after, &err), STATUS_OK);
    ck_assert_uint_eq(after.problems, 0);
    ck_assert_uint_eq(after.missing, 0);
    ck_assert(after.footer);
    return outcome;
}

START_TEST(a_sound_file)
{
    struct buffer bytes = make_file();
    struct outcome outcome = examine(bytes.data, bytes.len);
    ck_assert_int_eq(outcome.status, STATUS_OK);
    ck_assert_uint_eq(outcome.verdict.problems, 0);
    ck_assert_uint_eq(outcome.verdict.frames, FRAMES);
    ck_assert_uint_eq(outcome.verdict.messages, LINES);
    ck_assert_uint_eq(outcome.verdict.last_seq, LINES);
    ck_assert(outcome.verdict.footer);
    ck_assert(outcome.repaired.sound);
    struct buffer same = support_read(fixed);
    ck_assert_uint_eq(same.len, bytes.len);
    ck_assert_int_eq(memcmp(same.data, bytes.data, bytes.len), 0);
    ck_assert(support_check(fixed));
    buffer_close(&same);
    finish(&bytes);
}
END_TEST

/* All lines of whole frames are kept, and of a cut one those that can be read. */
START_TEST(cut_at_every_byte)
{
    struct buffer bytes = make_file();
    uint64_t kept = 0;
    for (size_t len = 0; len < bytes.len; len += UNIT_STRIDE) {
        struct outcome outcome = examine(bytes.data, len);
        ck_assert_int_eq(outcome.status, STATUS_OK);
        ck_assert_msg(len == 0 || outcome.verdict.problems > 0 || !outcome.verdict.footer,
                      "cut at %zu", len);
        if (len > 0 && outcome.verdict.torn)
            ck_assert_uint_gt(outcome.verdict.problems, 0);
        ck_assert_uint_ge(outcome.kept, kept);
        ck_assert_uint_ge(outcome.kept, outcome.verdict.messages);
        kept = outcome.kept;
    }
    ck_assert_uint_eq(kept, LINES);
    finish(&bytes);
}
END_TEST

/* Each costs one frame at most. What is not noticed changes nothing that is read: zstd ignores a
 * bit of a frame's head, and a window may be larger than it was. */
static void flip_bits(size_t first)
{
    struct buffer bytes = make_file();
    unsigned unnoticed = 0;
    for (size_t i = first; i < bytes.len * 8; i += 8 * UNIT_STRIDE) {
        bytes.data[i / 8] ^= (char)(1 << i % 8);
        struct outcome outcome = examine(bytes.data, bytes.len);
        bytes.data[i / 8] ^= (char)(1 << i % 8);
        ck_assert_msg(outcome.status == STATUS_OK, "bit %zu: %s", i, err.text);
        ck_assert_msg(outcome.repair == STATUS_OK, "bit %zu: %s", i, err.text);
        ck_assert_msg(outcome.kept >= LINES - FRAME_LINES, "bit %zu: %d lines kept", i,
                      (int)outcome.kept);
        ck_assert_msg(outcome.kept == LINES || outcome.verdict.problems, "bit %zu", i);
        ck_assert_uint_eq(outcome.kept, outcome.verdict.messages);
        unnoticed += outcome.verdict.problems == 0;
    }
    ck_assert_uint_le(unnoticed, FRAMES * 3);
    finish(&bytes);
}

START_TEST(bit_0_of_every_byte)
{
    flip_bits(0);
}
END_TEST

START_TEST(bit_1_of_every_byte)
{
    flip_bits(1);
}
END_TEST

START_TEST(bit_2_of_every_byte)
{
    flip_bits(2);
}
END_TEST

START_TEST(bit_3_of_every_byte)
{
    flip_bits(3);
}
END_TEST

START_TEST(bit_4_of_every_byte)
{
    flip_bits(4);
}
END_TEST

START_TEST(bit_5_of_every_byte)
{
    flip_bits(5);
}
END_TEST

START_TEST(bit_6_of_every_byte)
{
    flip_bits(6);
}
END_TEST

START_TEST(bit_7_of_every_byte)
{
    flip_bits(7);
}
END_TEST

/* The second of five frames goes: the gap is named, and the independent reader agrees. */
START_TEST(a_hole_is_named)
{
    struct buffer bytes = make_file();
    struct segment_footer *footer;
    size_t count;
    support_write(path, bytes.data, bytes.len);
    ck_assert_int_eq(segment_footer_open(&footer, path, SEGMENT_FOOTER_ALL, &err), STATUS_OK);
    size_t at = segment_footer_frames(footer, &count)[1].offset + 20;
    ck_assert_uint_eq(count, FRAMES);
    segment_footer_close(footer);
    bytes.data[at] ^= 4;
    struct outcome outcome = examine(bytes.data, bytes.len);
    ck_assert_uint_eq(outcome.kept, LINES - FRAME_LINES);
    ck_assert_uint_eq(outcome.repaired.lost_numbers, FRAME_LINES);
    ck_assert_uint_eq(outcome.repaired.gaps, 1);
    ck_assert_uint_eq(outcome.verdict.missing, FRAME_LINES);
    ck_assert_uint_eq(outcome.verdict.frames_damaged, 1);
    ck_assert(support_check(fixed));
    finish(&bytes);
}
END_TEST

/* Bytes that went astray in front of a frame, and ones that came in. */
START_TEST(bytes_missing_or_added)
{
    struct buffer bytes = make_file();
    struct buffer other = {0};
    for (size_t at = 1; at < bytes.len; at += 7 * UNIT_STRIDE) {
        buffer_clear(&other);
        buffer_append(&other, bytes.data, at);
        buffer_append(&other, bytes.data + at + 1, bytes.len - at - 1);
        struct outcome outcome = examine(other.data, other.len);
        ck_assert_uint_ge(outcome.kept, LINES - FRAME_LINES);
        ck_assert_uint_gt(outcome.verdict.problems, 0);
        buffer_clear(&other);
        buffer_append(&other, bytes.data, at);
        buffer_append_text(&other, "(\xb5/\xfd astray");
        buffer_append(&other, bytes.data + at, bytes.len - at);
        outcome = examine(other.data, other.len);
        ck_assert_uint_ge(outcome.kept, LINES - FRAME_LINES);
        ck_assert_uint_gt(outcome.verdict.problems, 0);
    }
    buffer_close(&other);
    finish(&bytes);
}
END_TEST

START_TEST(repair_takes_no_ones_place)
{
    struct segment_repaired repaired;
    struct buffer bytes = make_file();
    char lock[4200];
    support_write(path, bytes.data, bytes.len);
    support_write(fixed, "mine", 4);
    ck_assert_int_eq(segment_repair(path, fixed, NULL, NULL, &repaired, &err), STATUS_EXISTS);
    ck_assert_int_eq(segment_repair(path, path, NULL, NULL, &repaired, &err), STATUS_EXISTS);
    struct buffer still = support_read(fixed);
    ck_assert_uint_eq(still.len, 4);
    buffer_close(&still);
    ck_assert_int_eq(unlink(fixed), 0);
    snprintf(lock, sizeof lock, "%s/live", folder);
    ck_assert_int_eq(mkdir(lock, 0750), 0);
    snprintf(lock, sizeof lock, "%s/live/lock", folder);
    int fd = open(lock, O_RDWR | O_CREAT, 0640);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    ck_assert_int_eq(segment_repair(path, fixed, NULL, NULL, &repaired, &err), STATUS_BUSY);
    ck_assert_int_ne(access(fixed, F_OK), 0);
    close(fd);
    ck_assert_int_eq(segment_repair(path, fixed, NULL, NULL, &repaired, &err), STATUS_OK);
    finish(&bytes);
}
END_TEST

int main(void)
{
    return UNIT_RUN("segment damage", a_sound_file, cut_at_every_byte, bit_0_of_every_byte,
                    bit_1_of_every_byte, bit_2_of_every_byte, bit_3_of_every_byte,
                    bit_4_of_every_byte, bit_5_of_every_byte, bit_6_of_every_byte,
                    bit_7_of_every_byte, a_hole_is_named, bytes_missing_or_added,
                    repair_takes_no_ones_place);
}
