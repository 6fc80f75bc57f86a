/* Counts over time against the plain reading of every line, and queries that are stopped. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/query/timeline.h"
#include "lib/stratum/scan.h"
#include "tests/unit/query/query_support.h"
#include "tests/unit/unit.h"

#define BEGIN (SUPPORT_WALL / NS_PER_US * NS_PER_US) /* as a line has it */

static struct made made;
static struct error err;

static struct query_timeline counted(const struct query_timeline_options *options)
{
    struct query_timeline timeline;
    ck_assert_msg(query_timeline_open(&timeline, options, &err) == STATUS_OK, "%s", err.text);
    return timeline;
}

static struct query_timeline_options options_of(const struct query_filter *filter, size_t buckets)
{
    return (struct query_timeline_options){
        .place = {made.folder, NULL, 0}, .filter = *filter, .buckets = buckets};
}

static void count_line(struct query_timeline *timeline, const struct segment_line *line)
{
    struct query_timeline_bucket *bucket;
    struct buffer scratch = {0};
    struct stratum_scan scan;
    struct span bytes;
    struct query_row row = {.line = *line};
    if (line->wall_ns < timeline->from_ns || line->wall_ns >= timeline->to_ns)
        return;
    bucket =
        &timeline->buckets[(uint64_t)(line->wall_ns - timeline->from_ns) / timeline->bucket_ns];
    bucket->messages[line->direction]++;
    if (!line->is_fragment && query_row_bytes(&row, &scratch, &bytes) == STATUS_OK) {
        stratum_scan_line(&scan, bytes.data, bytes.len);
        bucket->errors += scan.error;
    }
    buffer_close(&scratch);
}

/* The buckets of `like`, filled in the plainest way. */
static struct query_timeline plain(const struct query_timeline *like,
                                   const struct query_filter *filter)
{
    struct query_timeline out = *like;
    struct query_filter messages = *filter;
    struct segment_line line;
    messages.what = QUERY_MESSAGES;
    struct buffer lines = made_expected(&made, &messages, QUERY_OLDEST_FIRST);
    out.buckets = calloc(like->count + 1, sizeof *out.buckets);
    ck_assert_ptr_nonnull(out.buckets);
    for (size_t at = 0, len; at < lines.len; at += len + 1) {
        len =
            (size_t)((const char *)memchr(lines.data + at, '\n', lines.len - at) - lines.data) - at;
        ck_assert_int_eq(segment_line_parse(&line, lines.data + at, len), STATUS_OK);
        count_line(&out, &line);
    }
    buffer_close(&lines);
    return out;
}

static struct query_timeline_bucket sum_of(const struct query_timeline *timeline)
{
    struct query_timeline_bucket sum = {.errors = 0};
    for (size_t i = 0; i < timeline->count; i++) {
        for (int k = 0; k < DIRECTION_COUNT; k++)
            sum.messages[k] += timeline->buckets[i].messages[k];
        sum.errors += timeline->buckets[i].errors;
    }
    return sum;
}

START_TEST(messages_are_counted_one_by_one)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        made_begin(&made, seed);
        made_archive(&made, 1 + (unsigned)made_random(&made, 5));
        for (int i = 0; i < 20; i++) {
            struct made_filter filter;
            made_filter_choose(&made, &filter);
            filter.filter.what = 0;
            struct query_timeline_options options =
                options_of(&filter.filter, 1 + (size_t)made_random(&made, 300));
            options.threads = (unsigned)made_random(&made, 3);
            struct query_timeline timeline = counted(&options);
            ck_assert(timeline.exact && timeline.complete);
            ck_assert_uint_le(timeline.count, options.buckets);
            struct query_timeline expected = plain(&timeline, &filter.filter);
            ck_assert_mem_eq(timeline.buckets ? timeline.buckets : expected.buckets,
                             expected.buckets, timeline.count * sizeof *expected.buckets);
            free(expected.buckets);
            query_timeline_close(&timeline);
        }
        made_end(&made);
    }
}
END_TEST

START_TEST(directories_give_the_same_sums)
{
    for (uint64_t seed = 11; seed <= 18; seed++) {
        made_begin(&made, seed);
        made.footers = seed % 2 == 0;
        made_archive(&made, 1 + (unsigned)made_random(&made, 6));
        struct query_filter all = {.from_ns = SUPPORT_WALL - 365 * 86400 * NS_PER_S,
                                   .to_ns = SUPPORT_WALL + 365 * 86400 * NS_PER_S};
        struct query_timeline_options options = options_of(&all, 1 + made_random(&made, 4000));
        options.by_index = true;
        struct query_timeline timeline = counted(&options);
        struct query_timeline expected = plain(&timeline, &all);
        struct query_timeline_bucket sum = sum_of(&timeline), right = sum_of(&expected);
        ck_assert_mem_eq(&sum, &right, sizeof sum);
        ck_assert(timeline.complete);
        free(expected.buckets);
        query_timeline_close(&timeline);
        made_end(&made);
    }
}
END_TEST

/* Over the same archives: the counts are those of a plain reading, bucket for bucket, while few
 * frames lie over an edge; and refusals are in any case. */
static void compare_by_index(size_t frames)
{
    struct query_filter all = {.from_ns = SUPPORT_WALL - (int64_t)made_random(&made, 2) * NS_PER_S,
                               .to_ns = SUPPORT_WALL +
                                        (int64_t)(1 + made_random(&made, 36000)) * NS_PER_S};
    struct query_timeline_options options = options_of(&all, 1 + made_random(&made, 4000));
    options.by_index = true;
    options.frames = frames;
    struct query_timeline timeline = counted(&options);
    struct query_timeline expected = plain(&timeline, &all);
    for (size_t i = 0; i < timeline.count; i++) {
        ck_assert_uint_eq(timeline.buckets[i].errors, expected.buckets[i].errors);
        if (timeline.exact)
            ck_assert_mem_eq(&timeline.buckets[i], &expected.buckets[i], sizeof *expected.buckets);
    }
    ck_assert(timeline.complete);
    ck_assert(timeline.exact || frames < 1000);
    free(expected.buckets);
    query_timeline_close(&timeline);
}

START_TEST(directories_draw_what_a_recount_finds)
{
    for (uint64_t seed = 31; seed <= 42; seed++) {
        made_begin(&made, seed);
        made_archive(&made, 1 + (unsigned)made_random(&made, 6));
        for (int i = 0; i < 4; i++) {
            compare_by_index(0);
            compare_by_index(made_random(&made, 5));
            compare_by_index(1000);
        }
        made_end(&made);
    }
}
END_TEST

/* `count` messages, about a second apart, in one frame of one file. */
static void make_even(unsigned count)
{
    made_begin(&made, 3);
    made_file_begin(&made);
    for (unsigned i = 0; i < count; i++) {
        made_message(&made, 1, DIRECTION_MINER_TO_POOL, "{\"id\":1,\"method\":\"mining.submit\"}");
        made.wall_ns = BEGIN + (int64_t)(i + 1) * NS_PER_S;
    }
    made_frame_end(&made);
    made_file_seal(&made);
}

START_TEST(a_frame_that_is_not_read_is_spread_over_its_time)
{
    make_even(101);
    struct query_filter some = {.from_ns = BEGIN, .to_ns = BEGIN + 100 * NS_PER_S};
    struct query_timeline_options options = options_of(&some, 10);
    options.by_index = true;
    struct query_timeline timeline = counted(&options);
    ck_assert(!timeline.exact && timeline.complete);
    ck_assert_uint_eq(timeline.count, 10);
    ck_assert_uint_eq(timeline.bucket_ns, 10 * NS_PER_S);
    for (size_t i = 0; i < 10; i++) {
        ck_assert_uint_ge(timeline.buckets[i].messages[DIRECTION_MINER_TO_POOL], 9);
        ck_assert_uint_le(timeline.buckets[i].messages[DIRECTION_MINER_TO_POOL], 12);
    }
    query_timeline_close(&timeline);

    some.to_ns = BEGIN + 1000 * NS_PER_S;
    options = options_of(&some, 1);
    options.by_index = true;
    timeline = counted(&options);
    ck_assert(timeline.exact);
    ck_assert_uint_eq(timeline.buckets[0].messages[DIRECTION_MINER_TO_POOL], 101);
    query_timeline_close(&timeline);
    made_end(&made);
}
END_TEST

START_TEST(without_times_it_is_all_that_is_there)
{
    make_even(11);
    struct query_filter all = {0};
    struct query_timeline_options options = options_of(&all, 1000);
    struct query_timeline timeline = counted(&options);
    ck_assert_int_ge(timeline.from_ns, BEGIN);
    ck_assert_int_lt(timeline.from_ns, BEGIN + NS_PER_S);
    ck_assert_int_gt(timeline.to_ns, BEGIN + 10 * NS_PER_S);
    ck_assert_int_lt(timeline.to_ns, BEGIN + 11 * NS_PER_S);
    struct query_timeline_bucket sum = sum_of(&timeline);
    ck_assert_uint_eq(sum.messages[DIRECTION_MINER_TO_POOL], 11);
    query_timeline_close(&timeline);
    made_end(&made);

    made_begin(&made, 4);
    timeline = counted(&options);
    ck_assert_uint_eq(timeline.count, 0);
    ck_assert_int_eq(timeline.from_ns, 0);
    ck_assert(timeline.complete);
    query_timeline_close(&timeline);
    made_end(&made);
}
END_TEST

START_TEST(extreme_times_are_no_harm)
{
    static const int64_t ends[] = {INT64_MIN, INT64_MIN + 1, -1, 1, 999, BEGIN, INT64_MAX};
    make_even(5);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        for (size_t k = i + 1; k < sizeof ends / sizeof ends[0]; k++) {
            struct query_filter some = {.from_ns = ends[i], .to_ns = ends[k]};
            struct query_timeline_options options = options_of(&some, 1000);
            options.by_index = (i + k) % 2 == 0;
            struct query_timeline timeline = counted(&options);
            uint64_t expected = some.to_ns == INT64_MAX ? 5 : 0;
            ck_assert_uint_eq(sum_of(&timeline).messages[DIRECTION_MINER_TO_POOL], expected);
            query_timeline_close(&timeline);
        }
    }
    made_end(&made);
}
END_TEST

/* The last microseconds that a line can have. */
START_TEST(what_is_newest_may_be_the_end_of_time)
{
    struct query_filter all = {0};
    struct query_timeline_options options = options_of(&all, 1000);
    made_begin(&made, 3);
    made_file_begin(&made);
    struct made foreseen = made; /* by how much its clock will go on */
    made.wall_ns = INT64_MAX / NS_PER_US * NS_PER_US;
    made.wall_ns -= (int64_t)made_random(&foreseen, 200) * NS_PER_MS;
    made_message(&made, 1, DIRECTION_MINER_TO_POOL, "{\"id\":1,\"method\":\"mining.submit\"}");
    made_frame_end(&made);
    made_file_seal(&made);
    struct query_timeline timeline = counted(&options);
    ck_assert_int_eq(made.wall_ns, INT64_MAX / NS_PER_US * NS_PER_US);
    ck_assert_int_ge(timeline.from_ns, 0);
    ck_assert_int_le(timeline.from_ns, timeline.to_ns);
    query_timeline_close(&timeline);
    made_end(&made);
}
END_TEST

/* ---- stopping ---- */

static unsigned questions;

static bool stop_soon(void *user)
{
    return ++questions > *(const unsigned *)user;
}

START_TEST(it_stops_when_it_is_told_to)
{
    made_begin(&made, 21);
    made_archive(&made, 6);
    struct query_filter all = {.text = "this stands nowhere", .text_len = 19};
    for (unsigned threads = 0; threads < 3; threads++) {
        for (unsigned after = 0; after < 4; after++) {
            struct query_timeline_options options = options_of(&all, 10);
            options.threads = threads;
            options.stop = stop_soon;
            options.user = &after;
            questions = 0;
            struct query_timeline timeline = counted(&options);
            ck_assert(!timeline.complete);
            query_timeline_close(&timeline);
        }
    }
    made_end(&made);
}
END_TEST

START_TEST(a_query_that_finds_nothing_stops_too)
{
    unsigned after = 3;
    struct query *query;
    struct query_row row;
    made_begin(&made, 22);
    made_archive(&made, 6);
    struct query_options options = {
        .place = {made.folder, NULL, 0},
        .filter = {.text = "this stands nowhere", .text_len = 19},
        .stop = stop_soon,
        .user = &after,
    };
    questions = 0;
    ck_assert_int_eq(query_open(&query, &options, &err), STATUS_OK);
    ck_assert_int_eq(query_next(query, &row, &err), STATUS_CLOSED);
    ck_assert_uint_eq(questions, after + 1);
    query_close(query);
    made_end(&made);
}
END_TEST

START_TEST(what_is_asked_wrongly_is_refused)
{
    struct query_timeline timeline;
    made_begin(&made, 7);
    struct query_filter errors = {.errors = true};
    struct query_timeline_options options = options_of(&errors, 10);
    options.by_index = true;
    ck_assert_int_eq(query_timeline_open(&timeline, &options, &err), STATUS_INVALID);
    options.by_index = false;
    options.buckets = 0;
    ck_assert_int_eq(query_timeline_open(&timeline, &options, &err), STATUS_INVALID);
    options.buckets = 1;
    options.place.data_dir = "/nonexistent";
    ck_assert_int_eq(query_timeline_open(&timeline, &options, &err), STATUS_NOT_FOUND);
    made_end(&made);
}
END_TEST

int main(void)
{
    return UNIT_RUN("query_timeline", messages_are_counted_one_by_one,
                    directories_give_the_same_sums, directories_draw_what_a_recount_finds,
                    a_frame_that_is_not_read_is_spread_over_its_time,
                    without_times_it_is_all_that_is_there, extreme_times_are_no_harm,
                    what_is_newest_may_be_the_end_of_time, it_stops_when_it_is_told_to,
                    a_query_that_finds_nothing_stops_too, what_is_asked_wrongly_is_refused);
}
