/* A series written beside the data directory's own, and read by its instance. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/archive/series_writer.h"
#include "lib/base/clock.h"
#include "lib/query/query.h"
#include "tests/unit/unit.h"

#define INSTANCE UINT64_C(0x0123456789abcdef)
#define START    (INT64_C(1795000000) * NS_PER_S)

static char folder[64], series[SEGMENT_PATH_MAX];
static struct series_writer writer;
static struct session_info info;
static struct error err;

static void begin(uint64_t segment_bytes)
{
    snprintf(folder, sizeof folder, "/tmp/hashscope-series-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(segment_folder(series, folder, INSTANCE, &err), STATUS_OK);
    char file[SEGMENT_PATH_MAX + 8];
    snprintf(file, sizeof file, "%s/x", series);
    ck_assert_int_eq(segment_make_folders(file, (gid_t)-1, &err), STATUS_OK);
    series_writer_init(&writer, &(struct series_settings){.folder = series,
                                                          .instance = INSTANCE,
                                                          .segment_max_bytes = segment_bytes,
                                                          .flags = SEGMENT_SPARSE});
    info = (struct session_info){.number = 1, .opened_wall_ns = START, .miner = "10.0.0.1:1"};
    info.session = uuid_new(START);
}

static void end(void)
{
    char command[128];
    series_writer_close(&writer);
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static void put(enum record_type type, uint64_t seq, int64_t seconds, uint64_t offset)
{
    static const char message[] = "{\"id\":1,\"method\":\"mining.submit\"}";
    struct record record = {.type = type,
                            .seq = seq,
                            .wall_ns = START + seconds * NS_PER_S,
                            .session = info.session,
                            .offset_up = offset,
                            .terminator = TERMINATOR_LF,
                            .payload = span_make(message, sizeof message - 1)};
    if (type != RECORD_MESSAGE)
        record.payload = span_make((const char *)&info, sizeof info);
    ck_assert_int_eq(series_writer_put(&writer, &record, &info, &err), STATUS_OK);
}

/* What the series gives: events by their first letter, messages as m, and its number. */
static void check_rows(const char *expected)
{
    struct query_options options = {.place = {folder, "/nonexistent", INSTANCE}};
    struct query *query;
    struct query_row row;
    char text[512] = "";
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_OK);
    while (query_next(query, &row, &err) == STATUS_OK) {
        size_t len = strlen(text);
        ck_assert(row.instance == INSTANCE);
        snprintf(text + len, sizeof text - len, "%c%d ",
                 row.line.is_message ? 'm' : row.line.event.data[0], (int)row.line.seq);
    }
    query_close(query);
    ck_assert_str_eq(text, expected);
}

START_TEST(lines_states_and_losses)
{
    begin(UINT64_C(1) << 30);
    put(RECORD_OPENED, 7, 0, 0);
    put(RECORD_MESSAGE, 9, 1, 0);
    series_writer_lost(&writer, &info.session);
    put(RECORD_MESSAGE, 10, 2, 500);
    put(RECORD_MESSAGE, 12, 3, 534);
    put(RECORD_CLOSED, 13, 4, 568);
    ck_assert_int_eq(series_writer_end(&writer, &err), STATUS_OK);
    ck_assert_uint_eq(writer.files, 1);
    check_rows("o7 m9 s10 m10 m12 c13 ");
    end();
}
END_TEST

START_TEST(files_end_by_size_and_time)
{
    begin(1);
    put(RECORD_OPENED, 1, 0, 0);
    put(RECORD_MESSAGE, 2, 1, 0);
    put(RECORD_MESSAGE, 3, 2, 34);
    ck_assert_int_eq(series_writer_end(&writer, &err), STATUS_OK);
    ck_assert_uint_eq(writer.files, 3);
    check_rows("o1 s2 m2 s3 m3 ");
    end();
    begin(UINT64_C(1) << 30);
    put(RECORD_OPENED, 1, 0, 0);
    put(RECORD_MESSAGE, 2, 24 * 3600, 0);
    put(RECORD_MESSAGE, 3, 24 * 3600 + 1, 34);
    put(RECORD_MESSAGE, 4, 22 * 3600, 68);
    ck_assert_int_eq(series_writer_end(&writer, &err), STATUS_OK);
    ck_assert_uint_eq(writer.files, 3);
    check_rows("o1 m2 s3 m3 s4 m4 ");
    end();
}
END_TEST

START_TEST(ids_name_their_series)
{
    struct query_place place = {folder, NULL, 0};
    struct query *query;
    struct query_row row;
    char id[QUERY_ID_BYTES];
    begin(UINT64_C(1) << 30);
    put(RECORD_OPENED, 1, 0, 0);
    put(RECORD_MESSAGE, 2, 1, 0);
    ck_assert_int_eq(series_writer_end(&writer, &err), STATUS_OK);
    query_id_format(id, INSTANCE, 2);
    ck_assert_int_eq(query_find(&query, &place, id, &row, &err), STATUS_OK);
    ck_assert(row.line.is_message && row.line.seq == 2);
    query_close(query);
    query_id_format(id, INSTANCE + 1, 2);
    ck_assert_int_eq(query_find(&query, &place, id, &row, &err), STATUS_NOT_FOUND);
    place.series = INSTANCE + 1;
    ck_assert_int_eq(query_open(&query, &(struct query_options){.place = place}, &err),
                     STATUS_NOT_FOUND);
    end();
}
END_TEST

int main(void)
{
    return UNIT_RUN("series writer", lines_states_and_losses, files_end_by_size_and_time,
                    ids_name_their_series);
}
