/* A segment while it is being written: frames, index, a reader beside it, and disks that refuse. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/segment/writer.h"
#include "tests/unit/record/record_support.h"
#include "tests/unit/unit.h"

static const char *folder;
static struct support_disk disk;
static struct segment_io io;
static struct segment_writer file;
static struct error err;

static void begin(void)
{
    struct segment_head head = {
        .version = SEGMENT_VERSION,
        .instance = 0x1122334455667788,
        .number = 42,
        .start_wall_ns = SUPPORT_WALL,
        .start_mono_ns = 77,
    };
    folder = support_folder();
    io = support_io(&disk);
    segment_writer_init(&file, &io, (gid_t)-1);
    ck_assert_int_eq(segment_writer_create(&file, folder, &head, 0, &err), STATUS_OK);
}

static void finish(void)
{
    segment_writer_free(&file);
    support_remove(folder);
}

static void put(uint64_t seq)
{
    char text[128];
    uint64_t mixed = seq * 0x9e3779b97f4a7c15;
    snprintf(text, sizeof text,
             "{\"id\":%" PRIu64 ",\"method\":\"mining.submit\",\"params\":[\"%" PRIx64 "\"]}", seq,
             mixed);
    struct record record = support_message(seq, (unsigned)(seq % 5), text);
    record.direction = (enum direction)(seq % DIRECTION_COUNT);
    support_put(&file, &record);
}

static void write_ok(void)
{
    ck_assert_int_eq(segment_writer_write(&file, &err), STATUS_OK);
}

static void seal_ok(void)
{
    segment_writer_end_frame(&file);
    write_ok();
    ck_assert_int_eq(segment_writer_sync(&file, &err), STATUS_OK);
    ck_assert_int_eq(segment_writer_seal(&file, &err), STATUS_OK);
}

/* All numbers of a file, which must be first, first+1 …; returns how many. */
static uint64_t read_numbers(const char *path, uint64_t first, enum status expected)
{
    struct segment_reader *reader;
    struct segment_line line;
    enum status status;
    uint64_t count = 0;
    ck_assert_int_eq(segment_reader_open(&reader, path, &err), STATUS_OK);
    while ((status = segment_reader_next(reader, &line, &err)) == STATUS_OK)
        ck_assert_uint_eq(line.seq, first + count++);
    ck_assert_int_eq(status, expected);
    segment_reader_close(reader);
    return count;
}

START_TEST(names_modes_and_folders)
{
    struct stat st;
    begin();
    ck_assert_str_eq(file.path + strlen(folder),
                     "/segments/2026/11/22/20261122T135301Z-00000042.ndjson.zst.open");
    put(1);
    seal_ok();
    ck_assert_uint_eq(support_count(folder, ".open"), 0);
    const char *path = support_only(folder, "/20261122T135301Z-00000042.ndjson.zst");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0640);
    char parent[4096];
    snprintf(parent, sizeof parent, "%s/segments/2026/11", folder);
    ck_assert_int_eq(stat(parent, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0750);
    finish();
}
END_TEST

START_TEST(header_round_trip)
{
    struct segment_reader *reader;
    begin();
    put(1);
    seal_ok();
    ck_assert_int_eq(segment_reader_open(&reader, support_only(folder, ".zst"), &err), STATUS_OK);
    const struct segment_head *head = segment_reader_head(reader);
    ck_assert_uint_eq(head->version, 1);
    ck_assert_uint_eq(head->generation, 0);
    ck_assert_uint_eq(head->instance, 0x1122334455667788);
    ck_assert_uint_eq(head->number, 42);
    ck_assert_int_eq(head->start_wall_ns, SUPPORT_WALL);
    ck_assert_int_eq(head->start_mono_ns, 77);
    segment_reader_close(reader);
    finish();
}
END_TEST

START_TEST(index_entries_tell_their_frames)
{
    begin();
    for (uint64_t seq = 1; seq <= 10; seq++)
        put(seq);
    segment_writer_end_frame(&file);
    write_ok();
    struct buffer bytes = support_read(file.path);
    struct segment_index index;
    const unsigned char *data = (const unsigned char *)bytes.data;
    ck_assert(
        segment_index_decode(&index, data + bytes.len - SEGMENT_INDEX_BYTES, SEGMENT_INDEX_BYTES));
    ck_assert_uint_eq(index.offset, SEGMENT_HEADER_BYTES);
    ck_assert_uint_eq(index.compressed_bytes,
                      bytes.len - SEGMENT_HEADER_BYTES - SEGMENT_INDEX_BYTES);
    ck_assert_uint_eq(index.first_seq, 1);
    ck_assert_uint_eq(index.last_seq, 10);
    ck_assert_int_eq(index.lowest_us, (SUPPORT_WALL + 1000000) / 1000);
    ck_assert_int_eq(index.highest_us, (SUPPORT_WALL + 10000000) / 1000);
    ck_assert_uint_eq(index.lines, 10);
    ck_assert_uint_eq(index.directions[0], 2);
    ck_assert_uint_eq(index.directions[1], 3);
    for (size_t i = 0; i < SEGMENT_INDEX_BYTES; i++) { /* no byte of it may differ */
        bytes.data[bytes.len - 1 - i] ^= 1;
        ck_assert(!segment_index_decode(&index, data + bytes.len - SEGMENT_INDEX_BYTES,
                                        SEGMENT_INDEX_BYTES));
        bytes.data[bytes.len - 1 - i] ^= 1;
    }
    buffer_close(&bytes);
    finish();
}
END_TEST

/* Many frames of all kinds, read by the reader, by zstd, and checked by the independent reader. */
START_TEST(many_frames)
{
    uint64_t seq = 0;
    begin();
    for (int frame = 0; frame < 6; frame++) {
        segment_writer_tune(&file, (enum segment_effort)(frame % 3));
        while (!segment_writer_frame_full(&file))
            put(++seq);
        segment_writer_end_frame(&file);
        write_ok();
    }
    seal_ok();
    const char *path = support_only(folder, ".ndjson.zst");
    ck_assert_uint_eq(read_numbers(path, 1, STATUS_END), seq);
    struct buffer text = support_zstdcat(path);
    ck_assert_uint_eq(text.len, file.text_total);
    buffer_close(&text);
    finish();
}
END_TEST

START_TEST(a_reader_follows_the_writer)
{
    struct segment_reader *reader;
    struct segment_line line;
    begin();
    ck_assert_int_eq(segment_reader_open(&reader, file.path, &err), STATUS_OK);
    ck_assert_int_eq(segment_reader_next(reader, &line, &err), STATUS_END);
    ck_assert(!segment_reader_place(reader)->torn);
    for (uint64_t seq = 1; seq <= 300; seq++) {
        put(seq);
        if (seq % 7 == 0)
            segment_writer_end_frame(&file);
        else
            segment_writer_flush(&file);
        write_ok();
        ck_assert_int_eq(segment_reader_next(reader, &line, &err), STATUS_OK);
        ck_assert_uint_eq(line.seq, seq);
        ck_assert_int_eq(segment_reader_next(reader, &line, &err), STATUS_END);
        ck_assert_int_eq(segment_reader_place(reader)->torn, seq % 7 != 0);
    }
    segment_reader_close(reader);
    finish();
}
END_TEST

/* The disk fills up after every possible byte; nothing is missing or doubled in the end. */
START_TEST(a_full_disk_costs_only_time)
{
    begin();
    for (uint64_t seq = 1; seq <= 40; seq++) {
        put(seq);
        if (seq % 9 == 0)
            segment_writer_end_frame(&file);
        else
            segment_writer_flush(&file);
        for (disk.room = 0; segment_writer_write(&file, &err) != STATUS_OK; disk.room = 3)
            ck_assert_int_eq(file.write_errno, ENOSPC);
    }
    ck_assert_uint_gt(disk.failures, 100);
    disk.room = -1;
    seal_ok();
    ck_assert_uint_eq(read_numbers(support_only(folder, ".ndjson.zst"), 1, STATUS_END), 40);
    finish();
}
END_TEST

START_TEST(an_abandoned_file_ends_at_its_mark)
{
    begin();
    for (uint64_t seq = 1; seq <= 30; seq++) {
        put(seq);
        if (seq % 10 == 0)
            segment_writer_end_frame(&file);
        segment_writer_flush(&file);
        write_ok();
        if (seq == 10)
            ck_assert_int_eq(segment_writer_sync(&file, &err), STATUS_OK);
    }
    put(31);
    segment_writer_flush(&file);
    write_ok();
    ck_assert_uint_eq(file.synced.last_seq, 10);
    ck_assert_uint_eq(file.framed.last_seq, 30);
    struct segment_mark mark = file.framed;
    ck_assert_int_eq(segment_writer_abandon(&file, &mark, &err), STATUS_OK);
    ck_assert_int_eq(file.fd, -1);
    ck_assert_uint_eq(read_numbers(support_only(folder, ".ndjson.zst"), 1, STATUS_END), 30);
    finish();
}
END_TEST

START_TEST(an_abandoned_file_without_a_frame_goes)
{
    begin();
    put(1);
    segment_writer_flush(&file);
    write_ok();
    struct segment_mark mark = file.framed;
    ck_assert_int_eq(segment_writer_abandon(&file, &mark, &err), STATUS_OK);
    ck_assert_uint_eq(support_count(folder, ""), 0);
    finish();
}
END_TEST

/* A mark counts only when the file has taken everything before it. */
START_TEST(a_frame_that_is_not_written_is_no_mark)
{
    begin();
    put(1);
    segment_writer_end_frame(&file);
    write_ok();
    put(2);
    segment_writer_end_frame(&file);
    disk.room = 5;
    ck_assert_int_ne(segment_writer_write(&file, &err), STATUS_OK);
    ck_assert_uint_eq(file.ended.last_seq, 2);
    ck_assert_uint_eq(file.framed.last_seq, 1);
    struct segment_mark mark = file.framed;
    disk.room = -1;
    ck_assert_int_eq(segment_writer_abandon(&file, &mark, &err), STATUS_OK);
    ck_assert_uint_eq(read_numbers(support_only(folder, ".ndjson.zst"), 1, STATUS_END), 1);
    finish();
}
END_TEST

START_TEST(a_line_of_many_megabytes)
{
    struct segment_reader *reader;
    struct segment_line line;
    size_t len = 8u << 20;
    begin();
    char *bytes = malloc(len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    struct record record = support_message(1, 1, "");
    record.payload = span_make(bytes, len);
    support_put(&file, &record);
    put(2);
    seal_ok();
    ck_assert_uint_lt(file.text.capacity, 4u << 20); /* it does not stay */
    ck_assert_int_eq(segment_reader_open(&reader, support_only(folder, ".zst"), &err), STATUS_OK);
    ck_assert_int_eq(segment_reader_next(reader, &line, &err), STATUS_OK);
    char *back = malloc(line.bytes_b64.len);
    size_t back_len;
    ck_assert(base64_decode(back, &back_len, line.bytes_b64.data, line.bytes_b64.len));
    ck_assert_uint_eq(back_len, len);
    ck_assert_int_eq(memcmp(back, bytes, len), 0);
    ck_assert_int_eq(segment_reader_next(reader, &line, &err), STATUS_OK);
    segment_reader_close(reader);
    free(back);
    free(bytes);
    finish();
}
END_TEST

START_TEST(files_are_listed_by_number)
{
    static const char *const names[] = {
        "2026/11/23/20261123T000000Z-00000001.ndjson.zst",
        "2026/11/22/20261122T000000Z-00000003.ndjson.zst.open",
        "2026/11/22/20261122T000000Z-00000002.ndjson.zst",
        "2026/11/22/20261122T000000Z-123456789.ndjson.zst",
        "2026/11/22/20261122T000000Z-00000002.ndjson.zst.open", /* of an interrupted recovery */
        "2026/11/22/20261122T000000Z-00000004.ndjson.zst.torn",
        "2026/11/22/20261122T000000Z-.ndjson.zst",
        "2026/11/22/notes.txt",
        "2026/11/20261122T000000Z-00000005.ndjson.zst",
        "imported/ab/20261122T000000Z-00000006.ndjson.zst",
    };
    struct segment_path *paths;
    size_t count;
    char path[4096];
    folder = support_folder();
    ck_assert_int_eq(segment_list(folder, &paths, &count, &err), STATUS_OK);
    ck_assert_uint_eq(count, 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/segments/%s", folder, names[i]);
        ck_assert_int_eq(segment_make_folders(path, (gid_t)-1, &err), STATUS_OK);
        support_write(path, "", 0);
    }
    ck_assert_int_eq(segment_list(folder, &paths, &count, &err), STATUS_OK);
    ck_assert_uint_eq(count, 4);
    static const uint64_t numbers[] = {1, 2, 3, 123456789};
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(paths[i].number, numbers[i]);
        ck_assert_int_eq(paths[i].open, numbers[i] == 3);
    }
    segment_list_free(paths, count);
    support_remove(folder);
}
END_TEST

int main(void)
{
    return UNIT_RUN("segment file", names_modes_and_folders, header_round_trip,
                    index_entries_tell_their_frames, many_frames, a_reader_follows_the_writer,
                    a_full_disk_costs_only_time, an_abandoned_file_ends_at_its_mark,
                    an_abandoned_file_without_a_frame_goes, a_frame_that_is_not_written_is_no_mark,
                    a_line_of_many_megabytes, files_are_listed_by_number);
}
