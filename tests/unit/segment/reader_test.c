/* The reader against files that are torn, damaged, hostile, or of a later version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/record/record_support.h"
#include "tests/unit/unit.h"

#define LINES       60
#define FRAME_LINES 20

static const char *folder;
static char path[4096];
static struct error err;

/* A sealed file of three frames. */
static struct buffer make_file(void)
{
    struct segment_head head = {.version = SEGMENT_VERSION, .instance = 5, .number = 1};
    struct segment_writer file;
    head.start_wall_ns = SUPPORT_WALL;
    folder = support_folder();
    snprintf(path, sizeof path, "%s/file.ndjson.zst", folder);
    segment_writer_init(&file, NULL, (gid_t)-1);
    ck_assert_int_eq(segment_writer_create(&file, folder, &head, 0, &err), STATUS_OK);
    for (uint64_t seq = 1; seq <= LINES; seq++) {
        struct record record = support_message(seq, 1, "{\"id\":1,\"result\":true}");
        support_put(&file, &record);
        if (seq % FRAME_LINES == 0)
            segment_writer_end_frame(&file);
    }
    ck_assert_int_eq(segment_writer_write(&file, &err), STATUS_OK);
    struct buffer bytes = support_read(file.path);
    segment_writer_free(&file);
    return bytes;
}

struct outcome {
    enum status status;
    uint64_t lines;
    struct segment_place place;
};

static struct outcome read_bytes(const void *data, size_t len)
{
    struct outcome outcome = {0};
    struct segment_reader *reader;
    struct segment_line line;
    support_write(path, data, len);
    outcome.status = segment_reader_open(&reader, path, &err);
    if (outcome.status != STATUS_OK)
        return outcome;
    while ((outcome.status = segment_reader_next(reader, &line, &err)) == STATUS_OK)
        outcome.lines++;
    outcome.place = *segment_reader_place(reader);
    ck_assert_int_eq(segment_reader_next(reader, &line, &err), outcome.status); /* again */
    segment_reader_close(reader);
    return outcome;
}

static void finish(struct buffer *bytes)
{
    buffer_close(bytes);
    support_remove(folder);
}

START_TEST(a_whole_file)
{
    struct buffer bytes = make_file();
    struct outcome outcome = read_bytes(bytes.data, bytes.len);
    ck_assert_int_eq(outcome.status, STATUS_END);
    ck_assert_uint_eq(outcome.lines, LINES);
    ck_assert(!outcome.place.torn);
    ck_assert_uint_eq(outcome.place.end, bytes.len);
    ck_assert_uint_eq(outcome.place.indexed_end, bytes.len);
    ck_assert_uint_eq(outcome.place.frame_end, bytes.len - SEGMENT_INDEX_BYTES);
    finish(&bytes);
}
END_TEST

/* Cut anywhere, a file gives the lines of its whole frames at least, and says where it is trusted.
 */
START_TEST(cut_at_every_byte)
{
    struct buffer bytes = make_file();
    uint64_t lines = 0, trusted = 0;
    for (size_t len = 0; len <= bytes.len; len++) {
        struct outcome outcome = read_bytes(bytes.data, len);
        ck_assert_int_eq(outcome.status, STATUS_END);
        ck_assert_uint_ge(outcome.lines, lines);
        ck_assert_uint_ge(outcome.place.frame_end, trusted);
        ck_assert_uint_le(outcome.place.frame_end, len);
        ck_assert_int_eq(outcome.place.torn, outcome.place.end != len);
        lines = outcome.lines;
        trusted = outcome.place.frame_end;
    }
    ck_assert_uint_eq(lines, LINES);
    finish(&bytes);
}
END_TEST

/* A flipped bit is found, or stands where it changes nothing that is read. */
START_TEST(every_bit_flipped)
{
    struct buffer bytes = make_file();
    unsigned unnoticed = 0;
    for (size_t i = 0; i < bytes.len * 8; i += 3) {
        bytes.data[i / 8] ^= (char)(1 << i % 8);
        struct outcome outcome = read_bytes(bytes.data, bytes.len);
        bool noticed = outcome.status != STATUS_END || outcome.place.torn ||
                       outcome.lines != LINES || outcome.place.indexed_end != bytes.len;
        unnoticed += !noticed;
        bytes.data[i / 8] ^= (char)(1 << i % 8);
    }
    /* entries in the middle are read by those who look for them, not by this reader; zstd ignores
     * one bit of each frame's head, and a window may be larger than it was */
    ck_assert_uint_le(unnoticed, 2 * SEGMENT_INDEX_BYTES * 8 / 3 + 3 * 8);
    finish(&bytes);
}
END_TEST

START_TEST(what_is_no_segment)
{
    static const char text[] =
        "{\"ts\":\"2026-11-22T13:53:01.123456Z\"}\n and much more of that kind";
    struct buffer bytes = make_file();
    ck_assert_int_eq(read_bytes(text, sizeof text).status, STATUS_DAMAGED);
    ck_assert_ptr_nonnull(strstr(err.text, "not a segment"));
    ck_assert_int_eq(read_bytes("x", 1).status, STATUS_DAMAGED);
    ck_assert_int_eq(read_bytes("", 0).status, STATUS_END);
    bytes.data[8] = 'X'; /* another program's skippable frame */
    ck_assert_int_eq(read_bytes(bytes.data, bytes.len).status, STATUS_DAMAGED);
    finish(&bytes);
}
END_TEST

START_TEST(a_later_version_is_refused)
{
    struct buffer bytes = make_file();
    bytes.data[16] = 2;
    ck_assert_int_eq(read_bytes(bytes.data, bytes.len).status, STATUS_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.text, "version 2"));
    finish(&bytes);
}
END_TEST

/* Footers, seek tables and whatever else later versions put into skippable frames. */
START_TEST(unknown_frames_are_passed_over)
{
    struct buffer bytes = make_file();
    size_t len = bytes.len;
    for (uint32_t magic = SEGMENT_MAGIC_SKIPPABLE; magic < SEGMENT_MAGIC_SKIPPABLE + 16; magic++) {
        unsigned char head[8];
        store_le32(head, magic);
        store_le32(head + 4, 100000 + magic % 7);
        buffer_append(&bytes, head, sizeof head);
        memset(buffer_reserve(&bytes, 200000), 0x28, 200000);
        bytes.len += load_le32(head + 4);
    }
    struct outcome outcome = read_bytes(bytes.data, bytes.len);
    ck_assert_int_eq(outcome.status, STATUS_END);
    ck_assert_uint_eq(outcome.lines, LINES);
    ck_assert_uint_eq(outcome.place.indexed_end, len);
    ck_assert_uint_eq(outcome.place.end, bytes.len);
    outcome = read_bytes(bytes.data, bytes.len - 1);
    ck_assert_int_eq(outcome.status, STATUS_END);
    ck_assert(outcome.place.torn);
    finish(&bytes);
}
END_TEST

START_TEST(garbage_behind_the_last_frame)
{
    struct buffer bytes = make_file();
    size_t len = bytes.len;
    memset(buffer_reserve(&bytes, 4096), 0, 4096);
    bytes.len += 4096;
    struct outcome outcome = read_bytes(bytes.data, bytes.len);
    ck_assert_int_eq(outcome.status, STATUS_DAMAGED);
    ck_assert_uint_eq(outcome.lines, LINES);
    ck_assert_uint_eq(outcome.place.end, len);
    finish(&bytes);
}
END_TEST

/* Puts a frame made of `text` behind the header. */
static struct outcome read_text(struct buffer *bytes, const char *text, size_t len, int window)
{
    ZSTD_CCtx *compressor = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(compressor, ZSTD_c_windowLog, window);
    ZSTD_inBuffer in = {text, len, 0};
    bytes->len = SEGMENT_HEADER_BYTES;
    size_t left = 1;
    for (bool ending = false; left != 0; ending = true) { /* in two steps: no size in its head */
        char *room = buffer_reserve(bytes, ZSTD_compressBound(len) + 65536);
        ZSTD_outBuffer out = {room, ZSTD_compressBound(len) + 65536, 0};
        left = ZSTD_compressStream2(compressor, &out, &in, ending ? ZSTD_e_end : ZSTD_e_flush);
        ck_assert(!ZSTD_isError(left));
        bytes->len += out.pos;
        left = ending ? left : 1;
    }
    ZSTD_freeCCtx(compressor);
    return read_bytes(bytes->data, bytes->len);
}

#define GOOD "{\"ts\":\"2026-11-22T13:53:01.123456Z\",\"seq\":1,\"event\":\"x\"}\n"

START_TEST(a_window_that_is_too_large)
{
    struct buffer bytes = make_file();
    struct outcome outcome = read_text(&bytes, GOOD, strlen(GOOD), 23);
    ck_assert_int_eq(outcome.status, STATUS_END);
    ck_assert_uint_eq(outcome.lines, 1);
    outcome = read_text(&bytes, GOOD, strlen(GOOD), 27);
    ck_assert_int_eq(outcome.status, STATUS_DAMAGED);
    ck_assert_uint_eq(outcome.lines, 0);
    finish(&bytes);
}
END_TEST

START_TEST(a_line_that_is_too_long)
{
    struct buffer bytes = make_file(), text = {0};
    memset(buffer_reserve(&text, 200u << 20), 'x', 200u << 20); /* a bomb: it packs to nothing */
    struct outcome outcome = read_text(&bytes, text.data, 200u << 20, 20);
    ck_assert_uint_lt(bytes.len, 100000);
    ck_assert_int_eq(outcome.status, STATUS_DAMAGED);
    ck_assert_ptr_nonnull(strstr(err.text, "longer"));
    buffer_close(&text);
    finish(&bytes);
}
END_TEST

START_TEST(a_frame_must_end_with_its_line)
{
    struct buffer bytes = make_file();
    struct outcome outcome = read_text(&bytes, GOOD GOOD, 2 * strlen(GOOD) - 1, 20);
    ck_assert_int_eq(outcome.status, STATUS_DAMAGED);
    ck_assert_ptr_nonnull(strstr(err.text, "mid-line"));
    ck_assert_uint_eq(outcome.lines, 1);
    finish(&bytes);
}
END_TEST

START_TEST(a_line_that_is_none_of_ours)
{
    struct buffer bytes = make_file();
    struct outcome outcome = read_text(&bytes, GOOD "{\"a\":1}\n" GOOD, 2 * strlen(GOOD) + 8, 20);
    ck_assert_int_eq(outcome.status, STATUS_DAMAGED);
    ck_assert_uint_eq(outcome.lines, 1);
    finish(&bytes);
}
END_TEST

int main(void)
{
    return UNIT_RUN("segment reader", a_whole_file, cut_at_every_byte, every_bit_flipped,
                    what_is_no_segment, a_later_version_is_refused, unknown_frames_are_passed_over,
                    garbage_behind_the_last_frame, a_window_that_is_too_large,
                    a_line_that_is_too_long, a_frame_must_end_with_its_line,
                    a_line_that_is_none_of_ours);
}
