/* Queries of archives that change or are damaged: what is intact is given, the rest is told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/segment/footer.h"
#include "lib/upkeep/recompress.h"
#include "tests/unit/query/query_support.h"
#include "tests/unit/unit.h"

#define FILES  4
#define FRAMES 5
#define LINES  10

static struct made made;
static struct error err;
static struct segment_path *paths;
static size_t path_count;

static struct {
    unsigned count;
    uint64_t offset;
    char why[200];
} told;

static void tell(void *user, const struct query_damage *damage)
{
    (void)user;
    told.count++;
    told.offset = damage->offset;
    snprintf(told.why, sizeof told.why, "%s", damage->why);
}

/* 200 messages of numbers 1 to 200. */
static void make(bool footers)
{
    char text[64];
    made_begin(&made, 3);
    for (int i = 0; i < FILES; i++) {
        made_file_begin(&made);
        made.footers = footers;
        for (int k = 0; k < FRAMES; k++) {
            for (int n = 0; n < LINES; n++) {
                snprintf(text, sizeof text, "{\"id\":%d,\"method\":\"mining.submit\"}", n);
                made_message(&made, 1, DIRECTION_MINER_TO_POOL, text);
            }
            made_frame_end(&made);
        }
        made_file_seal(&made);
    }
    ck_assert_int_eq(segment_list(made.folder, &paths, &path_count, &err), STATUS_OK);
    memset(&told, 0, sizeof told);
}

static void finish(void)
{
    segment_list_free(paths, path_count);
    made_end(&made);
}

static struct query_options options_for(enum query_order order)
{
    return (struct query_options){.place = {made.folder, NULL, 0}, .order = order, .damage = tell};
}

/* The numbers that come, as a set of 200 bits; checks their order. */
static uint64_t count_rows(struct query *query, bool seen[201], bool upwards)
{
    struct query_row row;
    uint64_t rows = 0, last = 0;
    memset(seen, 0, 201 * sizeof *seen);
    while (query_next(query, &row, &err) == STATUS_OK) {
        ck_assert(last == 0 || (upwards ? row.line.seq > last : row.line.seq < last));
        last = row.line.seq;
        ck_assert_uint_le(last, 200);
        seen[last] = true;
        rows++;
    }
    return rows;
}

static uint64_t ask(enum query_order order, bool seen[201])
{
    struct query_options options = options_for(order);
    struct query *query;
    ck_assert_msg(query_open(&query, &options, &err) == STATUS_OK, "%s", err.text);
    uint64_t rows = count_rows(query, seen, order == QUERY_OLDEST_FIRST);
    ck_assert_uint_eq(query_statistics(query)->damaged, told.count);
    query_close(query);
    return rows;
}

static void flip(const char *path, uint64_t offset)
{
    struct buffer bytes = support_read(path);
    ck_assert_uint_lt(offset, bytes.len);
    bytes.data[offset] ^= 0x55;
    support_write(path, bytes.data, bytes.len);
    buffer_close(&bytes);
}

/* The directory of the second file: numbers 51 to 100. */
static struct segment_index frame_of(size_t ordinal)
{
    struct segment_footer *footer;
    size_t count;
    ck_assert_int_eq(segment_footer_load(&footer, paths[1].path, SEGMENT_FOOTER_FRAMES, &err),
                     STATUS_OK);
    struct segment_index frame = segment_footer_frames(footer, &count)[ordinal];
    segment_footer_close(footer);
    return frame;
}

static void check_all_but(uint64_t first, uint64_t last)
{
    bool seen[201];
    for (int order = 0; order < 2; order++) {
        memset(&told, 0, sizeof told);
        uint64_t rows = ask((enum query_order)order, seen);
        ck_assert_uint_eq(rows, 200 - (last - first + 1));
        for (uint64_t i = 1; i <= 200; i++)
            ck_assert_int_eq(seen[i], i < first || i > last);
        ck_assert_uint_ge(told.count, 1);
    }
}

START_TEST(a_damaged_frame_is_passed_over)
{
    for (int footers = 0; footers < 2; footers++) {
        make(footers);
        struct segment_index frame = frame_of(2);
        flip(paths[1].path, frame.offset + frame.compressed_bytes / 2);
        check_all_but(71, 80);
        ck_assert_uint_eq(told.offset, frame.offset);
        finish();
    }
}
END_TEST

START_TEST(a_frame_whose_beginning_is_damaged)
{
    make(false);
    struct segment_index frame = frame_of(2);
    flip(paths[1].path, frame.offset);
    check_all_but(71, 80);
    finish();
}
END_TEST

START_TEST(a_damaged_entry_costs_nothing)
{
    bool seen[201];
    make(false);
    struct segment_index frame = frame_of(2);
    flip(paths[1].path, frame.offset + frame.compressed_bytes + 20);
    ck_assert_uint_eq(ask(QUERY_OLDEST_FIRST, seen), 200);
    ck_assert_uint_eq(ask(QUERY_NEWEST_FIRST, seen), 200);
    finish();
}
END_TEST

START_TEST(a_file_that_is_cut)
{
    make(true);
    struct segment_index frame = frame_of(3);
    ck_assert_int_eq(truncate(paths[1].path, (off_t)frame.offset + 10), 0);
    check_all_but(81, 100);
    finish();
}
END_TEST

START_TEST(a_file_that_is_no_segment)
{
    make(true);
    support_write(paths[1].path,
                  "nonsense that is as long as a header would be, and then some more", 65);
    check_all_but(51, 100);
    finish();
}
END_TEST

/* ---- files that go, or come under another name ---- */

START_TEST(a_file_that_vanishes)
{
    struct query_options options = options_for(QUERY_OLDEST_FIRST);
    struct query *query;
    struct query_row row;
    bool seen[201];
    make(true);
    options.place.data_dir = made.folder;
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_OK);
    ck_assert_int_eq(query_next(query, &row, &err), STATUS_OK);
    ck_assert_int_eq(unlink(paths[0].path), 0); /* open already: read to its end */
    ck_assert_int_eq(unlink(paths[2].path), 0);
    ck_assert_uint_eq(count_rows(query, seen, true), 149);
    ck_assert(!seen[101] && seen[50] && seen[151]);
    ck_assert_uint_eq(query_statistics(query)->files_vanished, 1);
    ck_assert_uint_eq(query_statistics(query)->damaged, 0);
    query_close(query);
    finish();
}
END_TEST

static void take_page(enum query_order order, unsigned rows, char cursor[QUERY_CURSOR_BYTES])
{
    struct query_options options = options_for(order);
    struct query *query;
    struct query_row row;
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_OK);
    for (unsigned i = 0; i < rows; i++)
        ck_assert_int_eq(query_next(query, &row, &err), STATUS_OK);
    query_cursor(query, cursor);
    query_close(query);
}

static uint64_t go_on(enum query_order order, const char *cursor, bool seen[201])
{
    struct query_options options = options_for(order);
    struct query *query;
    options.cursor = cursor;
    ck_assert_msg(query_open(&query, &options, &err) == STATUS_OK, "%s", err.text);
    uint64_t rows = count_rows(query, seen, order == QUERY_OLDEST_FIRST);
    query_close(query);
    return rows;
}

START_TEST(a_cursor_outlives_expiry)
{
    char up[QUERY_CURSOR_BYTES], down[QUERY_CURSOR_BYTES];
    bool seen[201];
    make(true);
    take_page(QUERY_OLDEST_FIRST, 30, up);
    take_page(QUERY_NEWEST_FIRST, 120, down);
    ck_assert_int_eq(unlink(paths[0].path), 0);
    ck_assert_uint_eq(go_on(QUERY_OLDEST_FIRST, up, seen), 150);
    ck_assert(seen[51] && seen[200]);
    ck_assert_uint_eq(go_on(QUERY_NEWEST_FIRST, down, seen), 30);
    ck_assert(seen[51] && seen[80] && !seen[81]);
    finish();
}
END_TEST

START_TEST(a_cursor_outlives_sealing_and_new_files)
{
    char up[QUERY_CURSOR_BYTES];
    bool seen[201];
    make(true);
    take_page(QUERY_OLDEST_FIRST, 199, up);
    char open_path[4200];
    snprintf(open_path, sizeof open_path, "%s.open", paths[3].path);
    ck_assert_int_eq(rename(paths[3].path, open_path), 0);
    ck_assert_uint_eq(go_on(QUERY_OLDEST_FIRST, up, seen), 1);
    ck_assert_int_eq(rename(open_path, paths[3].path), 0);
    ck_assert_uint_eq(go_on(QUERY_OLDEST_FIRST, up, seen), 1);
    ck_assert(seen[200]);
    finish();
}
END_TEST

static void recompress(const char *path)
{
    struct recompress *job;
    enum status status = recompress_new(&job, path, 19, &segment_io_system, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.text);
    while ((status = recompress_step(job, &err)) == STATUS_OK)
        ;
    ck_assert_msg(status == STATUS_END, "%s", err.text);
    recompress_free(job);
}

START_TEST(a_cursor_outlives_recompression)
{
    struct query_options options = options_for(QUERY_OLDEST_FIRST);
    struct query *query;
    struct query_row row;
    char up[QUERY_CURSOR_BYTES], down[QUERY_CURSOR_BYTES];
    bool seen[201];
    make(true);
    options.place.data_dir = made.folder;
    take_page(QUERY_OLDEST_FIRST, 70, up);
    take_page(QUERY_NEWEST_FIRST, 120, down);
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_OK);
    for (int i = 0; i < 70; i++)
        ck_assert_int_eq(query_next(query, &row, &err), STATUS_OK);
    recompress(paths[1].path);
    ck_assert_uint_eq(count_rows(query, seen, true), 130); /* reads the old file on */
    query_close(query);
    ck_assert_uint_eq(go_on(QUERY_OLDEST_FIRST, up, seen), 130);
    ck_assert(seen[71] && !seen[70]);
    ck_assert_uint_eq(go_on(QUERY_NEWEST_FIRST, down, seen), 80);
    ck_assert(seen[80] && seen[1] && !seen[81]);
    finish();
}
END_TEST

/* A disk error: the second file begins with lines that the first one has. */
START_TEST(a_line_that_stands_in_two_files_comes_once)
{
    made_begin(&made, 6);
    for (int i = 0; i < 2; i++) {
        made_file_begin(&made);
        for (int n = 0; n < 50; n++)
            made_message(&made, 1, DIRECTION_MINER_TO_POOL, "{\"id\":1}");
        made_frame_end(&made);
        made_file_seal(&made);
        made.seq -= 20;
    }
    for (int order = 0; order < 2; order++) {
        bool seen[201];
        memset(&told, 0, sizeof told);
        ck_assert_uint_eq(ask((enum query_order)order, seen), 80);
    }
    made_end(&made);
}
END_TEST

/* Without a ring: what is flushed, and what comes in the next file. */
START_TEST(following_files)
{
    struct query_options options = options_for(QUERY_OLDEST_FIRST);
    struct query *query;
    struct query_row row;
    made_begin(&made, 6);
    options.place.data_dir = made.folder;
    options.follow = true;
    made_file_begin(&made);
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_OK);
    ck_assert_int_eq(query_next(query, &row, &err), STATUS_END);
    for (uint64_t i = 1; i <= 6; i++) {
        made_message(&made, 1, DIRECTION_MINER_TO_POOL, "{\"id\":1}");
        segment_writer_flush(&made.file);
        ck_assert_int_eq(segment_writer_write(&made.file, &err), STATUS_OK);
        ck_assert_int_eq(query_next(query, &row, &err), STATUS_OK);
        ck_assert_uint_eq(row.line.seq, i);
        ck_assert_int_eq(query_next(query, &row, &err), STATUS_END);
        if (i % 3 == 0) {
            made_frame_end(&made);
            made_file_seal(&made);
            made_file_begin(&made);
        }
    }
    query_close(query);
    made_end(&made);
}
END_TEST

int main(void)
{
    return UNIT_RUN("query_damage", a_damaged_frame_is_passed_over,
                    a_frame_whose_beginning_is_damaged, a_damaged_entry_costs_nothing,
                    a_file_that_is_cut, a_file_that_is_no_segment, a_file_that_vanishes,
                    a_cursor_outlives_expiry, a_cursor_outlives_sealing_and_new_files,
                    a_cursor_outlives_recompression, a_line_that_stands_in_two_files_comes_once,
                    following_files);
}
