/* parameter_test.c - query strings held against a table. */
#include <string.h>

#include "api/live/message_filter.h"
#include "api/request/parameter.h"
#include "lib/stratum/scan.h"
#include "tests/unit/unit.h"

static const struct parameter table[] = {
    {.name = "limit", .kind = PARAMETER_INTEGER, .least = 1, .most = 1000, .fallback = 100},
    {.name = "order", .kind = PARAMETER_CHOICE, .choices = "newest|oldest"},
    {.name = "q", .kind = PARAMETER_TEXT, .most = 8},
    {.name = "errors", .kind = PARAMETER_SWITCH},
    {.name = "session_id", .kind = PARAMETER_SESSION},
    {.name = "from", .kind = PARAMETER_TIME},
};

static enum status parse(struct parameters *out, const char *query, struct error *err)
{
    return parameters_parse(out, table, sizeof table / sizeof table[0], span_text(query), err);
}

START_TEST(what_is_given_and_what_is_not)
{
    struct parameters all;
    struct error err;
    ck_assert_int_eq(parse(&all,
                           "&order=oldest&&q=a%2Bb+%C3%A9&errors=1&from=1970-01-01T00:00:01Z&"
                           "session_id=01933b4e-9a7c-7025-8000-000000000001&",
                           &err),
                     STATUS_OK);
    ck_assert_int_eq(parameter_number(&all, "limit"), 100);
    ck_assert(!parameter(&all, "limit")->given);
    ck_assert_int_eq(parameter_number(&all, "order"), 1);
    ck_assert_str_eq(parameter_text(&all, "q"), "a+b \xc3\xa9");
    ck_assert_int_eq(parameter_number(&all, "errors"), 1);
    ck_assert_int_eq(parameter_number(&all, "from"), 1000000000);
    ck_assert_int_eq(parameter(&all, "session_id")->uuid.bytes[15], 1);
    parameters_close(&all);
    ck_assert_int_eq(parse(&all, "", &err), STATUS_OK);
    ck_assert_ptr_null(parameter_text(&all, "q"));
    parameters_close(&all);
    ck_assert_int_eq(parse(&all, "limit=1000&order=newest&errors=false", &err), STATUS_OK);
    ck_assert_int_eq(parameter_number(&all, "limit"), 1000);
    parameters_close(&all);
}
END_TEST

START_TEST(what_makes_no_sense_is_named)
{
    static const char *const bad[][2] = {
        {"limit=0", "limit: 0 is not 1 to 1000"},
        {"limit=1001", "limit: 1001 is not 1 to 1000"},
        {"limit=99999999999999999999", "limit: 99999999999999999999 is not 1 to 1000"},
        {"limit", "limit: nothing is not 1 to 1000"},
        {"limit=1e2", "limit: 1e2 is not 1 to 1000"},
        {"limit=%201", "limit:  1 is not 1 to 1000"},
        {"limit=1&limit=1", "limit: given twice"},
        {"order=new", "order: 'new' is none of newest|oldest"},
        {"order=", "order: '' is none of newest|oldest"},
        {"q=", "q: 0 bytes are not 1 to 8"},
        {"q=123456789", "q: 9 bytes are not 1 to 8"},
        {"q=%", "q: not percent-encoded UTF-8"},
        {"q=%4", "q: not percent-encoded UTF-8"},
        {"q=%gg", "q: not percent-encoded UTF-8"},
        {"q=a%00b", "q: not percent-encoded UTF-8"},
        {"q=%ff", "q: not percent-encoded UTF-8"},
        {"errors=yes", "errors: 'yes' is neither true nor false"},
        {"session_id=7", "session_id: '7' is no UUID"},
        {"from=noon", "from: 'noon' is no time such as 2026-11-22T13:53:01Z"},
        {"Limit=1", "Limit: there is no such parameter here"},
        {"=1", ": there is no such parameter here"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct parameters all;
        struct error err;
        ck_assert_msg(parse(&all, bad[i][0], &err) == STATUS_INVALID, "taken: %s", bad[i][0]);
        ck_assert_str_eq(err.text, bad[i][1]);
        parameters_close(&all);
    }
}
END_TEST

START_TEST(a_filter_of_messages)
{
    static const struct parameter known[] = {MESSAGE_FILTER_PARAMETERS};
    struct parameters all;
    struct message_filter filter;
    struct error err;
    ck_assert_int_eq(parameters_parse(&all, known, sizeof known / sizeof known[0],
                                      span_text("method=mining.submit,x.y&direction=pool_to_miner"),
                                      &err),
                     STATUS_OK);
    ck_assert_int_eq(message_filter_read(&filter, &all, &err), STATUS_OK);
    ck_assert_uint_eq(filter.query.methods, UINT64_C(1) << STRATUM_MINING_SUBMIT);
    ck_assert_uint_eq(filter.query.method_count, 1);
    ck_assert_str_eq(filter.query.method_names[0], "x.y");
    ck_assert_uint_eq(filter.query.directions, 1u << DIRECTION_POOL_TO_MINER);
    ck_assert_int_eq(filter.query.source, QUERY_ALL);
    ck_assert(message_filter_is_narrow(&filter));
    parameters_close(&all);
    ck_assert_int_eq(parameters_parse(&all, known, sizeof known / sizeof known[0],
                                      span_text("source=live&to=2026-11-22T13:53:01Z"), &err),
                     STATUS_OK);
    ck_assert_int_eq(message_filter_read(&filter, &all, &err), STATUS_OK);
    ck_assert_int_eq(filter.query.source, QUERY_LIVE);
    ck_assert(!message_filter_is_narrow(&filter));
    parameters_close(&all);
}
END_TEST

int main(void)
{
    return UNIT_RUN("api parameters", what_is_given_and_what_is_not, what_makes_no_sense_is_named,
                    a_filter_of_messages);
}
