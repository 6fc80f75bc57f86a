/* Queries of ring and archive as one, while both are being written. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/archive/archive_support.h"
#include "tests/unit/query/query_support.h"
#include "tests/unit/unit.h"

static struct rig rig;
static struct error err;
static char ring_path[128];

static void begin(void)
{
    archive_rig_begin(&rig);
    snprintf(ring_path, sizeof ring_path, "%s/ring", rig.folder);
    archive_rig_start(&rig);
    for (unsigned i = 0; i < 4; i++)
        archive_rig_connect(&rig, i);
}

static struct query_options everything(enum query_order order)
{
    return (struct query_options){.place = {rig.folder, ring_path, 0},
                                  .filter = {.what = QUERY_MESSAGES | QUERY_EVENTS},
                                  .order = order};
}

static struct query *open_query(const struct query_options *options)
{
    struct query *query;
    enum status status = query_open(&query, options, &err);
    ck_assert_msg(status == STATUS_OK, "%s", err.text);
    return query;
}

/* All numbers from the first one on, each once, up to `last` at least. Gives the last one. */
static uint64_t expect_run_up(struct query *query, uint64_t first, uint64_t last)
{
    struct query_row row;
    uint64_t expected = first;
    enum status status;
    while ((status = query_next(query, &row, &err)) == STATUS_OK) {
        ck_assert_uint_eq(row.line.seq, expected);
        ck_assert_uint_eq(row.missed, 0);
        expected++;
    }
    ck_assert_msg(status == STATUS_END, "%s", err.text);
    ck_assert_uint_ge(expected, last + 1);
    return expected - 1;
}

static void expect_run_down(struct query *query, uint64_t last)
{
    struct query_row row;
    uint64_t expected = 0;
    enum status status;
    while ((status = query_next(query, &row, &err)) == STATUS_OK) {
        if (expected == 0)
            ck_assert_uint_ge(expected = row.line.seq, last);
        ck_assert_uint_eq(row.line.seq, expected);
        ck_assert_uint_eq(row.missed, 0);
        expected--;
    }
    ck_assert_msg(status == STATUS_END, "%s", err.text);
    ck_assert_uint_eq(expected, 0);
}

static void check_both_orders(uint64_t last)
{
    struct query_options options = everything(QUERY_OLDEST_FIRST);
    struct query *query = open_query(&options);
    expect_run_up(query, 1, last);
    query_close(query);
    options.order = QUERY_NEWEST_FIRST;
    query = open_query(&options);
    expect_run_down(query, last);
    query_close(query);
}

START_TEST(ring_and_archive_are_one)
{
    begin();
    archive_rig_submits(&rig, 500);
    check_both_orders(508);
    archive_rotate(rig.archive);
    archive_rig_submits(&rig, 500);
    check_both_orders(1008);
    archive_rig_stop(&rig);
    check_both_orders(1008);
    archive_rig_end(&rig);
}
END_TEST

START_TEST(rows_look_alike_from_both)
{
    begin();
    uint64_t asked =
        archive_rig_say(&rig, 1, DIRECTION_MINER_TO_POOL,
                        "{\"id\":7,\"method\":\"mining.authorize\",\"params\":[\"w\"]}");
    archive_rig_answer(&rig, 1, asked, "{\"id\":7,\"result\":true}");
    archive_rig_say(&rig, 1, DIRECTION_POOL_TO_MINER, "no \xff JSON");
    archive_rig_close(&rig, 2);
    archive_rig_stop(&rig);
    struct query_options options = everything(QUERY_OLDEST_FIRST);
    options.filter.source = QUERY_LIVE;
    struct buffer live = made_queried(&options, 3);
    options.filter.source = QUERY_ARCHIVE;
    struct buffer archived = made_queried(&options, 0);
    ck_assert_uint_gt(live.len, 0);
    made_compare(&live, &archived);
    options.order = QUERY_NEWEST_FIRST;
    options.filter.source = QUERY_ALL;
    options.filter.text = "JSON";
    options.filter.text_len = 4;
    struct buffer found = made_queried(&options, 0);
    ck_assert_ptr_nonnull(memmem(found.data, found.len, "bytes_b64", 9));
    buffer_close(&live);
    buffer_close(&archived);
    buffer_close(&found);
    archive_rig_end(&rig);
}
END_TEST

/* ---- while the recorder writes ---- */

struct writer {
    _Atomic bool stop;
    _Atomic uint64_t seq;
    _Atomic uint64_t most; /* it waits there: a reader slower than it would never be done */
};

/* As the relay does: the archive is given the time it needs. */
static void give_way(void)
{
    struct archive_status status;
    do {
        usleep(500);
        archive_status_get(rig.archive, &status);
    } while (status.lag_bytes > 1u << 20);
}

static void *write_on(void *user)
{
    struct writer *writer = user;
    for (unsigned i = 0; !writer->stop; i++) {
        while (writer->seq >= writer->most && !writer->stop)
            usleep(500);
        writer->seq = archive_rig_say(&rig, i % 4, DIRECTION_MINER_TO_POOL,
                                      "{\"id\":1,\"method\":\"mining.submit\",\"params\":[\"w\"]}");
        if (i % 2000 == 0)
            archive_rotate(rig.archive);
        if (i % 50 == 0)
            give_way();
    }
    return NULL;
}

START_TEST(nothing_twice_and_no_hole_while_rotating)
{
    struct writer writer = {0};
    pthread_t thread;
    begin();
    ck_assert_int_eq(pthread_create(&thread, NULL, write_on, &writer), 0);
    for (uint64_t i = 0; i < 10; i++) {
        writer.most += 2000;
        while (writer.seq < 100 + 2000 * i)
            sched_yield();
        check_both_orders(writer.seq);
    }
    writer.stop = true;
    pthread_join(thread, NULL);
    archive_rig_stop(&rig);
    check_both_orders(writer.seq);
    archive_rig_end(&rig);
}
END_TEST

START_TEST(following_gives_every_number_once)
{
    struct writer writer = {.most = 6000};
    struct query_row row;
    pthread_t thread;
    begin();
    ck_assert_int_eq(pthread_create(&thread, NULL, write_on, &writer), 0);
    struct query_options options = everything(QUERY_OLDEST_FIRST);
    options.follow = true;
    struct query *query = open_query(&options);
    for (uint64_t expected = 1; expected <= 5000;) {
        enum status status = query_next(query, &row, &err);
        if (status == STATUS_OK)
            ck_assert_uint_eq(row.line.seq, expected++);
        else
            ck_assert_int_eq(status, STATUS_END);
    }
    query_close(query);
    writer.stop = true;
    pthread_join(thread, NULL);
    archive_rig_stop(&rig);
    archive_rig_end(&rig);
}
END_TEST

START_TEST(tail_begins_with_what_comes)
{
    struct query_row row;
    begin();
    archive_rig_submits(&rig, 10);
    struct query_options options = everything(QUERY_OLDEST_FIRST);
    options.follow = options.tail = true;
    struct query *query = open_query(&options);
    ck_assert_int_eq(query_next(query, &row, &err), STATUS_END);
    uint64_t seq = archive_rig_say(&rig, 0, DIRECTION_MINER_TO_POOL, "{\"id\":1}");
    ck_assert_int_eq(query_next(query, &row, &err), STATUS_OK);
    ck_assert_uint_eq(row.line.seq, seq);
    ck_assert_int_eq(query_next(query, &row, &err), STATUS_END);
    query_close(query);
    archive_rig_stop(&rig);
    archive_rig_end(&rig);
}
END_TEST

/* ---- overrun ---- */

static void flood(unsigned count)
{
    static char text[60000];
    memset(text, 'x', sizeof text - 1);
    for (unsigned i = 0; i < count; i++)
        archive_rig_say(&rig, i % 4, DIRECTION_MINER_TO_POOL, text);
}

START_TEST(a_lapped_reader_counts_what_it_missed)
{
    struct query_row row;
    begin();
    archive_rig_stop(&rig);
    struct query_options options = everything(QUERY_OLDEST_FIRST);
    options.filter.source = QUERY_LIVE;
    options.follow = true;
    struct query *query = open_query(&options);
    uint64_t rows = 0, missed = 0, last = 0;
    for (int lap = 0; lap < 3; lap++) {
        flood(700); /* 42 MB through 16 */
        while (query_next(query, &row, &err) == STATUS_OK) {
            rows++;
            missed += row.missed;
            ck_assert_uint_eq(row.line.seq, last + 1 + row.missed);
            last = row.line.seq;
        }
    }
    ck_assert_uint_eq(last, 8 + 3 * 700);
    ck_assert_uint_eq(rows + missed, last);
    ck_assert_uint_gt(missed, 1000);
    ck_assert_uint_eq(query_statistics(query)->missed, missed);
    query_close(query);
    archive_rig_end(&rig);
}
END_TEST

START_TEST(what_the_ring_lost_comes_from_the_archive)
{
    begin();
    struct query_options options = everything(QUERY_OLDEST_FIRST);
    options.follow = true;
    struct query *query = open_query(&options);
    uint64_t last = expect_run_up(query, 1, 8);
    for (int i = 0; i < 20; i++) {
        flood(50); /* 3 MB at a time, so that the archive follows */
        archive_rig_wait(&rig, archive_rig_archived, last + 50 * (uint64_t)(i + 1));
    }
    uint64_t end = last + 1000;
    for (int64_t until = clock_mono_ns() + 10 * NS_PER_S; last < end && clock_mono_ns() < until;)
        last = expect_run_up(query, last + 1, 0);
    ck_assert_uint_eq(last, end);
    ck_assert_uint_eq(query_statistics(query)->missed, 0);
    query_close(query);
    archive_rig_stop(&rig);
    check_both_orders(end);
    archive_rig_end(&rig);
}
END_TEST

/* The commit word of the ring's record with this text, somewhere in the middle, is wiped out. */
static void damage_ring(const char *text)
{
    struct buffer bytes = {0};
    FILE *file = fopen(ring_path, "r+b");
    ck_assert_ptr_nonnull(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    bytes.len = fread(buffer_reserve(&bytes, (size_t)size), 1, (size_t)size, file);
    const char *found = memmem(bytes.data, bytes.len, text, strlen(text));
    ck_assert_ptr_nonnull(found);
    const size_t head_bytes = 128;
    fseek(file, found - bytes.data - (long)head_bytes, SEEK_SET);
    ck_assert_uint_eq(fwrite("\0\0\0\0\0\0\0", 1, 8, file), 8);
    fclose(file);
    buffer_close(&bytes);
}

START_TEST(a_damaged_ring_holds_nobody_up)
{
    struct query_row row;
    begin();
    archive_rig_submits(&rig, 100);
    archive_rig_say(&rig, 0, DIRECTION_MINER_TO_POOL, "{\"id\":\"here\"}");
    archive_rig_submits(&rig, 100);
    archive_rig_stop(&rig);
    damage_ring("{\"id\":\"here\"}");
    check_both_orders(209);
    struct query_options options = everything(QUERY_OLDEST_FIRST);
    options.filter.source = QUERY_LIVE;
    struct query *query = open_query(&options);
    for (uint64_t seq = 1; seq <= 108; seq++) {
        ck_assert_int_eq(query_next(query, &row, &err), STATUS_OK);
        ck_assert_uint_eq(row.line.seq, seq);
    }
    ck_assert_int_eq(query_next(query, &row, &err), STATUS_END);
    query_close(query);
    options.filter.first_seq = 150;
    query = open_query(&options);
    ck_assert_int_eq(query_next(query, &row, &err), STATUS_END);
    query_close(query);
    archive_rig_end(&rig);
}
END_TEST

START_TEST(what_is_nowhere_is_counted)
{
    struct query_row row;
    begin();
    archive_rig_stop(&rig); /* the archive has 1 to 8 */
    flood(700);
    struct query_options options = everything(QUERY_OLDEST_FIRST);
    struct query *query = open_query(&options);
    uint64_t rows = 0, missed = 0;
    while (query_next(query, &row, &err) == STATUS_OK) {
        rows++;
        missed += row.missed;
        ck_assert_uint_eq(row.line.seq, rows + missed);
    }
    ck_assert_uint_gt(missed, 0);
    ck_assert_uint_eq(rows + missed, 708);
    query_close(query);
    options.order = QUERY_NEWEST_FIRST;
    query = open_query(&options);
    uint64_t down = 0;
    while (query_next(query, &row, &err) == STATUS_OK)
        down++;
    ck_assert_uint_eq(down, rows);
    ck_assert_uint_eq(query_statistics(query)->missed, missed);
    query_close(query);
    archive_rig_end(&rig);
}
END_TEST

/* ---- sessions ---- */

/* The wall time at which these were opened is another one: it must not count. */
static void expect_lasted(const struct query_sessions_options *options, enum session_state state)
{
    struct query_sessions *sessions;
    struct query_session session;
    unsigned found = 0;
    ck_assert_int_eq(query_sessions_open(&sessions, options, &err), STATUS_OK);
    while (query_sessions_next(sessions, &session, &err) == STATUS_OK) {
        found += session.state == state;
        ck_assert(session.lasted_steady);
        ck_assert_int_ge(session.lasted_ns, 0);
        ck_assert_int_lt(session.lasted_ns, 60 * NS_PER_S);
    }
    ck_assert_uint_gt(found, 0);
    query_sessions_close(sessions);
}

START_TEST(how_long_sessions_lasted)
{
    begin();
    archive_rig_close(&rig, 3);
    struct query_sessions_options options = {.place = {rig.folder, ring_path, 0}};
    expect_lasted(&options, SESSION_OPEN);
    expect_lasted(&options, SESSION_CLOSED); /* the archive may not know it yet */
    options.filter.source = QUERY_LIVE;
    expect_lasted(&options, SESSION_CLOSED);
    for (unsigned i = 0; i < 3; i++)
        archive_rig_close(&rig, i);
    archive_rig_stop(&rig);
    options.filter.source = QUERY_ARCHIVE;
    expect_lasted(&options, SESSION_CLOSED);
    archive_rig_end(&rig);
}
END_TEST

START_TEST(sessions_of_ring_and_archive)
{
    begin();
    archive_rig_say(&rig, 1, DIRECTION_MINER_TO_POOL,
                    "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cgminer/4.11\"]}");
    archive_rig_say(
        &rig, 1, DIRECTION_MINER_TO_POOL,
        "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"Farm.rig\\u0037\",\"x\"]}");
    archive_rig_close(&rig, 3);
    struct query_sessions_options options = {.place = {rig.folder, ring_path, 0}, .exact = true};
    struct query_sessions *sessions;
    struct query_session session;
    ck_assert_msg(query_sessions_open(&sessions, &options, &err) == STATUS_OK, "%s", err.text);
    ck_assert_uint_eq(query_sessions_count(sessions), 4);
    ck_assert_int_eq(query_sessions_next(sessions, &session, &err), STATUS_OK);
    ck_assert_uint_eq(session.number, 4);
    ck_assert_int_eq(session.state, SESSION_CLOSED);
    query_sessions_close(sessions);

    options.filter.worker = "farm.RIG";
    ck_assert_int_eq(query_sessions_open(&sessions, &options, &err), STATUS_OK);
    ck_assert_uint_eq(query_sessions_count(sessions), 1);
    ck_assert_int_eq(query_sessions_next(sessions, &session, &err), STATUS_OK);
    ck_assert_uint_eq(session.number, 2);
    ck_assert(span_equal_text(session.user_agent, "cgminer/4.11"));
    ck_assert_uint_eq(session.messages[DIRECTION_MINER_TO_POOL], 2);
    query_sessions_close(sessions);

    struct query_options by_worker = everything(QUERY_OLDEST_FIRST);
    by_worker.filter.worker = "farm.rig7";
    struct buffer rows = made_queried(&by_worker, 1);
    unsigned lines = 0;
    for (size_t i = 0; i < rows.len; i++)
        lines += rows.data[i] == '\n';
    ck_assert_uint_eq(lines, 4);
    buffer_close(&rows);
    archive_rig_stop(&rig);

    options.filter.worker = "rig7"; /* and out of a footer */
    options.filter.source = QUERY_ARCHIVE;
    ck_assert_int_eq(query_sessions_open(&sessions, &options, &err), STATUS_OK);
    ck_assert_uint_eq(query_sessions_count(sessions), 1);
    ck_assert_int_eq(query_sessions_next(sessions, &session, &err), STATUS_OK);
    ck_assert(span_equal_text(session.workers[0], "Farm.rig7"));
    query_sessions_close(sessions);
    archive_rig_end(&rig);
}
END_TEST

int main(void)
{
    return UNIT_RUN("query_live", ring_and_archive_are_one, rows_look_alike_from_both,
                    nothing_twice_and_no_hole_while_rotating, following_gives_every_number_once,
                    tail_begins_with_what_comes, a_lapped_reader_counts_what_it_missed,
                    what_the_ring_lost_comes_from_the_archive, a_damaged_ring_holds_nobody_up,
                    what_is_nowhere_is_counted, sessions_of_ring_and_archive,
                    how_long_sessions_lasted);
}
