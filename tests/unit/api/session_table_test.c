/* session_table_test.c - what is known of sessions: its memory is bounded, whatever miners say. */
#include <stdio.h>
#include <string.h>

#include "api/session/table.h"
#include "tests/unit/unit.h"

static void add(struct session_table *table, uint64_t seq, unsigned session, const char *message)
{
    struct query_row row = {.instance = 7};
    struct buffer line = {0};
    buffer_append_format(&line,
                         "{\"ts\":\"2026-11-22T13:53:01.000000Z\",\"seq\":%llu,\"session\":"
                         "\"01933b4e-9a7c-7025-8000-%012x\",\"dir\":\"miner_to_pool\",\"msg\":%s}",
                         (unsigned long long)seq, session, message);
    ck_assert_int_eq(segment_line_parse(&row.line, line.data, line.len), STATUS_OK);
    session_table_add(table, &row);
    buffer_close(&line);
}

/* Asks for a worker whose name is as long as one may be. */
static void authorize(struct session_table *table, uint64_t seq, unsigned session)
{
    char message[700];
    snprintf(message, sizeof message,
             "{\"id\":%d,\"method\":\"mining.authorize\",\"params\":[\"%0510d\",\"x\"]}",
             (int)(seq % 1000000), (int)seq);
    add(table, seq, session, message);
}

START_TEST(one_session_takes_little)
{
    struct session_table *table = session_table_new();
    struct session_table_facts facts;
    for (uint64_t seq = 1; seq <= 3000; seq++)
        authorize(table, seq, 1);
    session_table_facts(table, &facts);
    ck_assert_uint_eq(facts.sessions, 1);
    ck_assert_uint_le(facts.bytes, 64 << 10);
    session_table_free(table);
}
END_TEST

START_TEST(all_sessions_are_bounded_and_the_oldest_go)
{
    struct session_table *table = session_table_new();
    struct session_table_facts facts;
    struct session_name newest = {.series = 0};
    uint64_t seq = 1;
    for (unsigned session = 1; session <= 4000; session++) {
        for (int i = 0; i < 40; i++)
            authorize(table, seq++, session);
    }
    session_table_facts(table, &facts);
    ck_assert_uint_le(facts.bytes, SESSION_TABLE_BYTES);
    ck_assert_uint_gt(facts.bytes, SESSION_TABLE_BYTES / 2);
    ck_assert_uint_lt(facts.sessions, 4000);
    ck_assert(uuid_parse(&newest.session, "01933b4e-9a7c-7025-8000-000000000fa0", 36));
    ck_assert_ptr_nonnull(session_table_borrow(table, &newest));
    session_table_return(table);
    newest.series = 7; /* the same session in an import is another */
    ck_assert_ptr_null(session_table_borrow(table, &newest));
    session_table_return(table);
    session_table_free(table);
}
END_TEST

/* What is counted goes when it goes. */
START_TEST(what_is_answered_takes_nothing_more)
{
    struct session_table *table = session_table_new();
    struct session_table_facts before, after;
    char answer[200];
    add(table, 1, 1, "{\"id\":1,\"method\":\"mining.authorize\",\"params\":[\"a\",\"x\"]}");
    for (uint64_t seq = 2; seq <= 2000; seq += 2) {
        struct query_row row = {.instance = 7};
        add(table, seq, 1, "{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"b\",\"x\"]}");
        snprintf(answer, sizeof answer,
                 "{\"ts\":\"2026-11-22T13:53:01.000000Z\",\"seq\":%d,\"latency_us\":7,\"re\":%d,"
                 "\"session\":\"01933b4e-9a7c-7025-8000-000000000001\",\"dir\":\"pool_to_miner\","
                 "\"msg\":{\"id\":2,\"result\":null,\"error\":[24,\"no\",null]}}",
                 (int)seq + 1, (int)seq);
        ck_assert_int_eq(segment_line_parse(&row.line, answer, strlen(answer)), STATUS_OK);
        session_table_add(table, &row);
        if (seq == 2)
            session_table_facts(table, &before); /* the name that was refused is kept, once */
    }
    session_table_facts(table, &after);
    ck_assert_uint_eq(before.bytes, after.bytes);
    session_table_free(table);
}
END_TEST

int main(void)
{
    return UNIT_RUN("session table", one_session_takes_little,
                    all_sessions_are_bounded_and_the_oldest_go,
                    what_is_answered_takes_nothing_more);
}
