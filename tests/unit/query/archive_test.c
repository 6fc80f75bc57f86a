/* Queries of archives against the plain reading of every line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/record/line.h"
#include "lib/stratum/scan.h"
#include "tests/unit/query/query_support.h"
#include "tests/unit/unit.h"

static struct made made;
static struct error err;

static struct query_options options_of(const struct query_filter *filter, enum query_order order)
{
    return (struct query_options){
        .place = {made.folder, NULL, 0}, .filter = *filter, .order = order};
}

static void check_pages(const struct query_options *options, unsigned page)
{
    struct buffer expected = made_expected(&made, &options->filter, options->order);
    struct buffer got = made_queried(options, page);
    if (got.data)
        *buffer_reserve(&got, 1) = '\0';
    if (expected.data)
        *buffer_reserve(&expected, 1) = '\0';
    made_compare(&got, &expected);
    buffer_close(&expected);
    buffer_close(&got);
}

START_TEST(random_filters_orders_and_pages)
{
    static const unsigned pages[] = {0, 1, 7, 100};
    for (uint64_t seed = 1; seed <= 6; seed++) {
        made_begin(&made, seed);
        made_archive(&made, (unsigned)made_random(&made, 6));
        for (int i = 0; i < 40; i++) {
            struct made_filter filter;
            made_filter_choose(&made, &filter);
            struct query_options options =
                options_of(&filter.filter, (enum query_order)made_random(&made, 2));
            options.threads = (unsigned)made_random(&made, 3);
            options.filter.source = made_random(&made, 2) ? QUERY_ARCHIVE : QUERY_ALL;
            check_pages(&options, pages[made_random(&made, 4)]);
        }
        made_end(&made);
    }
}
END_TEST

START_TEST(everything_in_both_orders)
{
    made_begin(&made, 99);
    made_archive(&made, 5);
    struct query_filter all = {0};
    struct query_options options = options_of(&all, QUERY_OLDEST_FIRST);
    check_pages(&options, 0);
    options.bare = true;
    options.threads = 2;
    check_pages(&options, 0);
    options.order = QUERY_NEWEST_FIRST;
    check_pages(&options, 13);
    made_end(&made);
}
END_TEST

/* Read to the end; gives the statistics. */
static struct query_statistics run(const struct query_options *options)
{
    struct query *query;
    struct query_row row;
    ck_assert_msg(query_open(&query, options, &err) == STATUS_OK, "%s", err.text);
    enum status status;
    while ((status = query_next(query, &row, &err)) == STATUS_OK)
        ;
    ck_assert_int_eq(status, STATUS_END);
    struct query_statistics statistics = *query_statistics(query);
    query_close(query);
    return statistics;
}

/* A hundred frames in ten files an hour apart; session 1 and mining.configure only in frame 42. */
static void make_sparse(bool footers)
{
    made_begin(&made, 5);
    for (int i = 0; i < 10; i++) {
        made_file_begin(&made);
        made.footers = footers;
        for (int k = 0; k < 10; k++) {
            for (int n = 0; n < 20; n++)
                made_message(&made, 2, DIRECTION_MINER_TO_POOL, "{\"id\":1,\"result\":true}");
            if (i == 4 && k == 2)
                made_message(&made, 1, DIRECTION_MINER_TO_POOL,
                             "{\"id\":1,\"method\":\"mining.configure\"}");
            made_frame_end(&made);
        }
        made_file_seal(&made);
        made.wall_ns += 4 * 3600 * NS_PER_S;
    }
}

START_TEST(few_frames_are_read)
{
    struct uuid session = support_session(1);
    make_sparse(true);
    struct query_filter filter = {.sessions = &session, .session_count = 1};
    struct query_options options = options_of(&filter, QUERY_NEWEST_FIRST);
    struct query_statistics found = run(&options);
    ck_assert_uint_eq(found.rows, 1);
    ck_assert_uint_eq(found.frames_read, 1);

    options.filter = (struct query_filter){.methods = UINT64_C(1) << STRATUM_MINING_CONFIGURE};
    found = run(&options);
    ck_assert_uint_eq(found.rows, 1);
    ck_assert_uint_eq(found.frames_read, 1);
    ck_assert_uint_eq(found.frames_pruned, 99);

    options.filter = (struct query_filter){.from_ns = SUPPORT_WALL + 16 * 3600 * NS_PER_S,
                                           .to_ns = SUPPORT_WALL + 17 * 3600 * NS_PER_S};
    found = run(&options);
    ck_assert_uint_eq(found.rows, 201);
    ck_assert_uint_le(found.files_opened, 2);
    ck_assert_uint_eq(found.frames_read, 10);
    made_end(&made);
}
END_TEST

START_TEST(a_number_is_found_by_halving)
{
    make_sparse(false);
    struct query_filter filter = {.first_seq = 1000, .last_seq = 1001};
    struct query_options options = options_of(&filter, QUERY_OLDEST_FIRST);
    struct query_statistics found = run(&options);
    ck_assert_uint_eq(found.rows, 2);
    ck_assert_uint_le(found.files_opened, 2);
    options.order = QUERY_NEWEST_FIRST;
    found = run(&options);
    ck_assert_uint_eq(found.rows, 2);
    ck_assert_uint_le(found.files_opened, 2);
    made_end(&made);
}
END_TEST

START_TEST(one_row_and_its_answer)
{
    char id[QUERY_ID_BYTES];
    struct query *query;
    struct query_row row;
    made_begin(&made, 8);
    made_file_begin(&made);
    made_message(&made, 1, DIRECTION_MINER_TO_POOL, "{\"id\":1,\"method\":\"mining.submit\"}");
    made_message(&made, 2, DIRECTION_MINER_TO_POOL, "{\"id\":1,\"method\":\"mining.submit\"}");
    made_frame_end(&made);
    static const char answer[] =
        "{\"ts\":\"2026-11-22T13:53:20.000000Z\",\"seq\":3,\"latency_us\":5,\"re\":1,\"session\":"
        "\"01933b4e-9a7c-7025-8000-000000000001\",\"dir\":\"pool_to_miner\",\"msg\":{\"id\":1}}\n";
    made_line(&made, answer, sizeof answer - 1);
    made_frame_end(&made);
    made_file_seal(&made);
    struct query_place place = {made.folder, NULL, 0};
    query_id_format(id, MADE_INSTANCE, 1);
    ck_assert_msg(query_find(&query, &place, id, &row, &err) == STATUS_OK, "%s", err.text);
    ck_assert_uint_eq(row.line.seq, 1);
    struct query *other;
    struct query_row found;
    ck_assert_msg(query_response(&other, &place, &row, 120, &found, &err) == STATUS_OK, "%s",
                  err.text);
    ck_assert_uint_eq(found.line.seq, 3);
    query_close(other);
    query_close(query);
    query_id_format(id, MADE_INSTANCE, 2);
    ck_assert_int_eq(query_find(&query, &place, id, &row, &err), STATUS_OK);
    ck_assert_int_eq(query_response(&other, &place, &row, 120, &found, &err), STATUS_NOT_FOUND);
    query_close(query);
    query_id_format(id, MADE_INSTANCE, 4);
    ck_assert_int_eq(query_find(&query, &place, id, &row, &err), STATUS_NOT_FOUND);
    query_id_format(id, MADE_INSTANCE + 1, 2);
    ck_assert_int_eq(query_find(&query, &place, id, &row, &err), STATUS_NOT_FOUND);
    ck_assert_int_eq(query_find(&query, &place, "12-2", &row, &err), STATUS_INVALID);
    made_end(&made);
}
END_TEST

static void expect_worker(struct span worker, char between, size_t len)
{
    ck_assert_uint_eq(worker.len, len);
    ck_assert_int_eq(worker.data[0], 'p');
    ck_assert_int_eq(worker.data[1], '\0');
    for (size_t i = 2; i < len; i++)
        ck_assert_int_eq(worker.data[i], between);
}

/* What firmware of texts with a fixed size sends. */
START_TEST(names_keep_their_zeros)
{
    char text[600], long_name[401] = "";
    struct query_sessions *sessions;
    struct query_session session;
    memset(long_name, 'A', 400);
    for (int footers = 0; footers < 2; footers++) {
        made_begin(&made, 3);
        made_file_begin(&made);
        made.footers = footers;
        made_message(&made, 1, DIRECTION_MINER_TO_POOL,
                     "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"fw/1\\u0000\"]}");
        made_message(&made, 1, DIRECTION_MINER_TO_POOL,
                     "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"p\\u0000\\u0000\"]}");
        snprintf(text, sizeof text,
                 "{\"id\":3,\"method\":\"mining.authorize\",\"params\":[\"p\\u0000%s\"]}",
                 long_name);
        made_message(&made, 1, DIRECTION_MINER_TO_POOL, text);
        made_frame_end(&made);
        made_file_seal(&made);
        struct query_sessions_options options = {.place = {made.folder, NULL, 0}};
        ck_assert_msg(query_sessions_open(&sessions, &options, &err) == STATUS_OK, "%s", err.text);
        ck_assert_int_eq(query_sessions_next(sessions, &session, &err), STATUS_OK);
        ck_assert_uint_eq(session.worker_count, 2);
        expect_worker(session.workers[0], '\0', 3);
        expect_worker(session.workers[1], 'A', 402);
        ck_assert_uint_eq(session.user_agent.len, 5);
        ck_assert_mem_eq(session.user_agent.data, "fw/1", 5);
        query_sessions_close(sessions);
        made_end(&made);
    }
}
END_TEST

START_TEST(what_is_asked_wrongly_is_refused)
{
    struct query *query;
    made_begin(&made, 7);
    struct query_filter filter = {.from_ns = 5, .to_ns = 4};
    struct query_options options = options_of(&filter, QUERY_OLDEST_FIRST);
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_INVALID);
    options.filter = (struct query_filter){.first_seq = 5, .last_seq = 4};
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_INVALID);
    options.filter = (struct query_filter){0};
    options.cursor = "nonsense";
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_INVALID);
    options.cursor = NULL;
    options.place.data_dir = "/nonexistent";
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_NOT_FOUND);
    made_end(&made);
}
END_TEST

START_TEST(a_cursor_belongs_to_its_filter_and_order)
{
    char cursor[QUERY_CURSOR_BYTES];
    struct query *query;
    struct query_row row;
    make_sparse(true);
    struct query_filter filter = {0};
    struct query_options options = options_of(&filter, QUERY_OLDEST_FIRST);
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_OK);
    ck_assert_int_eq(query_next(query, &row, &err), STATUS_OK);
    query_cursor(query, cursor);
    query_close(query);
    options.cursor = cursor;
    options.order = QUERY_NEWEST_FIRST;
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_INVALID);
    options.order = QUERY_OLDEST_FIRST;
    options.filter.errors = true;
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_INVALID);
    options.filter.errors = false;
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_OK);
    ck_assert_int_eq(query_next(query, &row, &err), STATUS_OK);
    ck_assert_uint_eq(row.line.seq, 2);
    query_close(query);
    made_end(&made);
}
END_TEST

START_TEST(a_session_goes_on_when_the_clock_is_set_back)
{
    struct uuid session = uuid_new(SUPPORT_WALL);
    made_begin(&made, 77);
    for (int i = 0; i < 4; i++) {
        struct record record = support_message(++made.seq, 0, "{\"id\":1}");
        struct clock_formatter clock = {0};
        struct buffer line = {0};
        record.session = session;
        record.wall_ns = made.wall_ns = SUPPORT_WALL - i * 7 * 3600 * NS_PER_S;
        line_append_record(&line, &clock, &record);
        made_file_begin(&made);
        made_line(&made, line.data, line.len);
        made_frame_end(&made);
        made_file_seal(&made);
        buffer_close(&line);
    }
    for (int order = 0; order < 2; order++) {
        struct query_options options = {
            .place = {made.folder, NULL, 0},
            .filter = {.sessions = &session, .session_count = 1},
            .order = order ? QUERY_NEWEST_FIRST : QUERY_OLDEST_FIRST,
        };
        struct buffer got = made_queried(&options, 0);
        struct buffer expected = made_expected(&made, &options.filter, options.order);
        ck_assert_uint_gt(expected.len, 0);
        made_compare(&got, &expected);
        buffer_close(&got);
        buffer_close(&expected);
    }
    made_end(&made);
}
END_TEST

int main(void)
{
    return UNIT_RUN("query_archive", random_filters_orders_and_pages, everything_in_both_orders,
                    few_frames_are_read, a_number_is_found_by_halving, one_row_and_its_answer,
                    names_keep_their_zeros, what_is_asked_wrongly_is_refused,
                    a_cursor_belongs_to_its_filter_and_order,
                    a_session_goes_on_when_the_clock_is_set_back);
}
