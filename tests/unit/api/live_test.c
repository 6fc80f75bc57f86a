/* live_test.c - the newest messages in memory: bounds, pages, pairs, other series. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/live/live.h"
#include "lib/base/memory.h"
#include "tests/unit/unit.h"

#define A "01933b4e-9a7c-7025-8000-00000000000a"
#define B "01933b4e-9a7c-7025-8000-00000000000b"

static struct uuid uuid_of(const char *text)
{
    struct uuid uuid;
    ck_assert(uuid_parse(&uuid, text, strlen(text)));
    return uuid;
}

static void add_line(struct live *live, uint64_t instance, const char *line)
{
    struct query_row row = {.instance = instance};
    ck_assert_msg(segment_line_parse(&row.line, line, strlen(line)) == STATUS_OK, "%s", line);
    live_add(live, &row);
}

/* A submit with the number as its id, or with `re` the answer to one. */
static void add(struct live *live, uint64_t seq, const char *session, uint64_t re)
{
    char line[400], paired[64] = "";
    if (re)
        snprintf(paired, sizeof paired, ",\"latency_us\":7,\"re\":%d", (int)re);
    snprintf(line, sizeof line,
             "{\"ts\":\"2026-11-22T13:53:%02d.000000Z\",\"seq\":%d%s,\"session\":\"%s\",\"dir\":"
             "\"%s\",\"msg\":%s}",
             (int)seq % 60, (int)seq, paired, session, re ? "pool_to_miner" : "miner_to_pool",
             re ? "{\"id\":1,\"result\":null,\"error\":[23,\"low\",null]}"
                : "{\"id\":1,\"method\":\"mining.submit\",\"params\":[]}");
    add_line(live, 7, line);
}

/* The numbers of a page, as text. */
static const char *numbers(struct live *live, const struct query_filter *filter,
                           enum query_order order, size_t limit, uint64_t behind)
{
    static char text[400];
    struct page page;
    size_t len = 0;
    page_open(&page, order, limit);
    page.behind = behind;
    live_page(live, filter, &page);
    text[0] = '\0';
    for (size_t i = 0; i < page.count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%d ", (int)page.rows[i].seq);
    if (page.more)
        snprintf(text + len, sizeof text - len, "+");
    page_close(&page);
    return text;
}

#define NEWEST(filter, limit, behind)                                                              \
    numbers(live, &(filter), QUERY_NEWEST_FIRST, (limit), (behind))
#define OLDEST(filter, limit, behind)                                                              \
    numbers(live, &(filter), QUERY_OLDEST_FIRST, (limit), (behind))

START_TEST(pages_both_ways)
{
    struct live *live = live_new(100, 100, 1 << 20);
    struct uuid a = uuid_of(A), nobody = uuid_of("01933b4e-9a7c-7025-8000-00000000000c");
    struct query_filter all = {0}, of_a = {.sessions = &a, .session_count = 1};
    struct query_filter refused = {.errors = true},
                        absent = {.sessions = &nobody, .session_count = 1};
    ck_assert_str_eq(NEWEST(all, 5, 0), "");
    add(live, 2, A, 0);
    add(live, 3, B, 0);
    add(live, 5, A, 2);
    add(live, 9, B, 0);
    ck_assert_str_eq(NEWEST(all, 9, 0), "9 5 3 2 ");
    ck_assert_str_eq(NEWEST(all, 4, 0), "9 5 3 2 ");
    ck_assert_str_eq(NEWEST(all, 3, 0), "9 5 3 +");
    ck_assert_str_eq(NEWEST(all, 3, 5), "3 2 ");
    ck_assert_str_eq(NEWEST(all, 3, 2), "");
    ck_assert_str_eq(OLDEST(all, 2, 0), "2 3 +");
    ck_assert_str_eq(OLDEST(all, 9, 3), "5 9 ");
    ck_assert_str_eq(OLDEST(all, 9, 4), "5 9 ");
    ck_assert_str_eq(OLDEST(all, 9, 9), "");
    ck_assert_str_eq(NEWEST(of_a, 9, 0), "5 2 ");
    ck_assert_str_eq(NEWEST(of_a, 9, 5), "2 ");
    ck_assert_str_eq(OLDEST(of_a, 1, 0), "2 +");
    ck_assert_str_eq(OLDEST(of_a, 9, 2), "5 ");
    ck_assert_str_eq(NEWEST(refused, 9, 0), "5 ");
    ck_assert_str_eq(NEWEST(absent, 9, 0), "");
    live_free(live);
}
END_TEST

START_TEST(the_oldest_go)
{
    struct live *live = live_new(4, 100, 1 << 20);
    struct query_filter all = {0};
    struct live_facts facts;
    for (uint64_t seq = 1; seq <= 10; seq++)
        add(live, seq, seq % 2 ? A : B, 0);
    ck_assert_str_eq(NEWEST(all, 9, 0), "10 9 8 7 ");
    live_facts(live, &facts);
    ck_assert_uint_eq(facts.messages, 4);
    ck_assert_uint_eq(facts.first_seq, 7);
    ck_assert_uint_eq(facts.last_seq, 10);
    live_free(live);
}
END_TEST

START_TEST(no_session_takes_all)
{
    struct live *live = live_new(100, 3, 1 << 20);
    struct uuid a = uuid_of(A);
    struct query_filter all = {0}, of_a = {.sessions = &a, .session_count = 1};
    add(live, 1, B, 0);
    for (uint64_t seq = 2; seq <= 9; seq++)
        add(live, seq, A, 0);
    ck_assert_str_eq(NEWEST(all, 9, 0), "9 8 7 1 ");
    ck_assert_str_eq(OLDEST(of_a, 9, 0), "7 8 9 ");
    ck_assert_str_eq(OLDEST(of_a, 9, 7), "8 9 ");
    live_free(live);
}
END_TEST

START_TEST(requests_know_their_answers)
{
    struct live *live = live_new(100, 100, 1 << 20);
    struct page page;
    add_line(live, 7,
             "{\"ts\":\"2026-11-22T13:53:01.000000Z\",\"seq\":1,\"session\":\"" A
             "\",\"event\":\"opened\",\"miner\":\"10.0.0.7:51\"}");
    add(live, 2, A, 0);
    add(live, 5, A, 2);
    page_open(&page, QUERY_NEWEST_FIRST, 1);
    ck_assert(live_find(live, 7, 2, &page));
    ck_assert_str_eq(page.rows[0].peer, "10.0.0.7:51");
    struct span answer = page_answer(&page, &page.rows[0]);
    ck_assert_ptr_nonnull(memmem(answer.data, answer.len, "\"seq\":5", 7));
    page_close(&page);
    page_open(&page, QUERY_NEWEST_FIRST, 1);
    ck_assert(live_find(live, 7, 5, &page));
    ck_assert_int_eq(page.rows[0].answered, STRATUM_MINING_SUBMIT);
    page_close(&page);
    page_open(&page, QUERY_NEWEST_FIRST, 1);
    ck_assert(!live_find(live, 8, 5, &page));
    ck_assert(!live_find(live, 7, 4, &page));
    page_close(&page);
    live_free(live);
}
END_TEST

START_TEST(another_series_empties_it)
{
    struct live *live = live_new(100, 100, 1 << 20);
    struct query_filter all = {0};
    add(live, 50, A, 0);
    add_line(live, 8,
             "{\"ts\":\"2026-11-22T13:53:01.000000Z\",\"seq\":3,\"session\":\"" B
             "\",\"dir\":\"miner_to_pool\",\"msg\":{}}");
    ck_assert_str_eq(NEWEST(all, 9, 0), "3 ");
    live_free(live);
}
END_TEST

START_TEST(text_and_methods)
{
    struct live *live = live_new(100, 100, 1 << 20);
    const char *names[] = {"own.method"};
    struct query_filter text = {.text = "Caf\xc3\xa9", .text_len = 5};
    struct query_filter base64 = {.text = "no\xff", .text_len = 3};
    struct query_filter named = {.method_names = names, .method_count = 1};
    struct query_filter submits = {.methods = UINT64_C(1) << STRATUM_MINING_SUBMIT};
    add(live, 1, A, 0);
    add_line(live, 7,
             "{\"ts\":\"2026-11-22T13:53:01.000000Z\",\"seq\":2,\"session\":\"" A
             "\",\"dir\":\"miner_to_pool\",\"msg\":{\"id\":3,\"method\":\"own.method\",\"x\":"
             "\"Caf\xc3\xa9\"}}");
    add_line(
        live, 7,
        "{\"ts\":\"2026-11-22T13:53:01.000000Z\",\"seq\":3,\"session\":\"" A
        "\",\"dir\":\"miner_to_pool\",\"bytes_b64\":\"bm//\",\"why\":\"invalid UTF-8 at byte 2\"}");
    ck_assert_str_eq(NEWEST(text, 9, 0), "2 ");
    ck_assert_str_eq(NEWEST(base64, 9, 0), "3 ");
    ck_assert_str_eq(NEWEST(named, 9, 0), "2 ");
    ck_assert_str_eq(NEWEST(submits, 9, 0), "1 ");
    live_free(live);
}
END_TEST

/* A message of about so many bytes. */
static void add_long(struct live *live, uint64_t seq, const char *session, size_t bytes)
{
    struct buffer line = {0};
    buffer_append_format(&line,
                         "{\"ts\":\"2026-11-22T13:53:01.000000Z\",\"seq\":%d,\"session\":\"%s\","
                         "\"dir\":\"miner_to_pool\",\"msg\":{\"id\":1,\"x\":\"",
                         (int)seq, session);
    for (size_t i = 0; i < bytes; i++)
        buffer_append_char(&line, 'x');
    buffer_append_text(&line, "\"}}");
    buffer_append_char(&line, '\0');
    add_line(live, 7, line.data);
    buffer_close(&line);
}

static uint64_t count_of(struct live *live, const char *session)
{
    struct uuid uuid = uuid_of(session);
    struct query_filter filter = {.sessions = &uuid, .session_count = 1};
    struct page page;
    page_open(&page, QUERY_NEWEST_FIRST, 5000);
    live_page(live, &filter, &page);
    uint64_t count = page.count;
    page_close(&page);
    return count;
}

START_TEST(bytes_are_bounded_and_long_lines_push_out_their_own)
{
    struct live *live = live_new(1000, 1000, 1 << 20);
    struct live_facts facts;
    for (uint64_t seq = 1; seq <= 400; seq++)
        add(live, seq, B, 0);
    for (uint64_t seq = 401; seq <= 900; seq++) {
        add_long(live, seq, A, 100000);
        live_facts(live, &facts);
        ck_assert_uint_le(facts.bytes, 1 << 20);
    }
    ck_assert_uint_eq(facts.bytes_most, 1 << 20);
    ck_assert_uint_eq(count_of(live, B), 400);
    ck_assert_uint_eq(count_of(live, A), 9);
    ck_assert_uint_eq(facts.first_seq, 1);
    ck_assert_uint_eq(facts.last_seq, 900);
    live_free(live);
}
END_TEST

START_TEST(sessions_alike_share_the_bytes_alike)
{
    struct live *live = live_new(100000, 100000, 1 << 20);
    char session[UUID_TEXT_LEN + 1] = A;
    for (uint64_t seq = 1; seq <= 20000; seq++) {
        session[UUID_TEXT_LEN - 1] = (char)('0' + seq % 8);
        add_long(live, seq, session, 500);
    }
    for (int i = 0; i < 8; i++) {
        session[UUID_TEXT_LEN - 1] = (char)('0' + i);
        ck_assert_uint_ge(count_of(live, session), (1 << 20) / 8 / 1000);
        ck_assert_uint_le(count_of(live, session), 2 * (1 << 20) / 8 / 600);
    }
    live_free(live);
}
END_TEST

/* What a session with a bound of its own has lost takes no places from others. */
START_TEST(what_was_taken_away_takes_no_places)
{
    struct live *live = live_new(100, 10, 1 << 20);
    struct query_filter all = {0};
    struct live_facts facts;
    char expected[64];
    for (uint64_t seq = 1; seq <= 5; seq++)
        add(live, seq, B, 0);
    for (uint64_t seq = 6; seq <= 5000; seq++) {
        add(live, seq, A, 0);
        live_facts(live, &facts);
        ck_assert_uint_eq(facts.first_seq, 1);
        ck_assert_uint_le(facts.messages, 15);
        snprintf(expected, sizeof expected, "%d %d +", (int)seq, (int)seq - (seq > 6));
        if (seq > 7)
            ck_assert_str_eq(NEWEST(all, 2, 0), expected);
    }
    ck_assert_str_eq(OLDEST(all, 7, 0), "1 2 3 4 5 4991 4992 +");
    ck_assert_str_eq(OLDEST(all, 3, 4998), "4999 5000 ");
    ck_assert_str_eq(NEWEST(all, 9, 4992), "4991 5 4 3 2 1 ");
    live_free(live);
}
END_TEST

/* Those without messages go, however many of those with messages are older. */
START_TEST(sessions_that_say_nothing_are_bounded)
{
    struct live *live = live_new(1000, 1000, 1 << 20);
    struct live_facts facts;
    char line[300], session[UUID_TEXT_LEN + 1];
    for (unsigned i = 0; i < 40000; i++) {
        snprintf(session, sizeof session, "01933b4e-9a7c-7025-8000-%012x", i);
        snprintf(line, sizeof line,
                 "{\"ts\":\"2026-11-22T13:53:01.000000Z\",\"seq\":%u,\"session\":\"%s\","
                 "\"event\":\"opened\",\"miner\":\"10.0.0.7:51\"}",
                 i + 1, session);
        if (i < 100)
            add(live, i + 1, session, 0);
        else
            add_line(live, 7, line);
    }
    live_facts(live, &facts);
    ck_assert_uint_eq(facts.messages, 100);
    ck_assert_uint_le(facts.sessions, 16384 + 100);
    live_free(live);
}
END_TEST

START_TEST(a_page_is_bounded_in_bytes)
{
    struct live *live = live_new(1000, 1000, 64 << 20);
    struct query_filter all = {0};
    struct page page;
    uint64_t behind = 0, seen = 0;
    for (uint64_t seq = 1; seq <= 40; seq++)
        add_long(live, seq, A, 1000000);
    do {
        page_open(&page, QUERY_OLDEST_FIRST, 1000);
        page.behind = behind;
        live_page(live, &all, &page);
        page_trim(&page);
        ck_assert_uint_le(page.lines.len, PAGE_BYTES);
        ck_assert_uint_gt(page.count, 0);
        for (size_t i = 0; i < page.count; i++)
            ck_assert_uint_eq(page.rows[i].seq, ++seen);
        behind = seen;
        bool more = page.more;
        page_close(&page);
        if (!more)
            break;
    } while (seen < 100);
    ck_assert_uint_eq(seen, 40);
    live_free(live);
}
END_TEST

/* Answers have room of their own; a row without room for its answer is left for the next page. */
START_TEST(a_page_ends_where_answers_find_no_room)
{
    struct page page;
    char *large = memory_new(5 << 20);
    page_open(&page, QUERY_OLDEST_FIRST, 10);
    for (uint64_t seq = 1; seq <= 4; seq++)
        ck_assert(page_add(&page, span_text("{}"), seq));
    page_set_answer(&page, &page.rows[0], span_make(large, 5 << 20));
    page_set_answer(&page, &page.rows[3], span_make(large, 1 << 20));
    page_set_answer(&page, &page.rows[2], span_make(large, 5 << 20));
    page_set_answer(&page, &page.rows[1], span_make(large, 1 << 20));
    page_trim(&page);
    ck_assert_uint_eq(page.count, 2);
    ck_assert(page.more);
    ck_assert_uint_eq(page_answer(&page, &page.rows[0]).len, 5 << 20);
    ck_assert_uint_eq(page_answer(&page, &page.rows[1]).len, 1 << 20);
    page_close(&page);
    free(large);
}
END_TEST

int main(void)
{
    return UNIT_RUN("api live", pages_both_ways, the_oldest_go, no_session_takes_all,
                    requests_know_their_answers, another_series_empties_it, text_and_methods,
                    bytes_are_bounded_and_long_lines_push_out_their_own,
                    sessions_alike_share_the_bytes_alike, what_was_taken_away_takes_no_places,
                    sessions_that_say_nothing_are_bounded, a_page_is_bounded_in_bytes,
                    a_page_ends_where_answers_find_no_room);
}
