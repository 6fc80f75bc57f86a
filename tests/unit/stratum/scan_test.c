/* The scanner as a reader of messages: kinds, methods, ids, refusals, lines that are cut off. */
#include <stdio.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/stratum/scan.h"
#include "tests/unit/stratum/stratum_lines.h"
#include "tests/unit/unit.h"

/* ---- kinds ---- */

static void expect_kind(const char *line, enum stratum_kind kind)
{
    ck_assert_msg(scan_text(line).kind == kind, "%s: %s", line,
                  stratum_kind_name(scan_text(line).kind));
}

START_TEST(kinds)
{
    expect_kind("{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}", STRATUM_REQUEST);
    expect_kind("{\"params\":[],\"id\":\"a\",\"method\":\"x\"}", STRATUM_REQUEST);
    expect_kind("{\"id\":0,\"method\":\"x\"}", STRATUM_REQUEST);
    expect_kind("{\"id\":null,\"method\":\"mining.notify\",\"params\":[]}", STRATUM_NOTIFICATION);
    expect_kind("{\"method\":\"mining.notify\",\"params\":[]}", STRATUM_NOTIFICATION);
    expect_kind("{\"id\":1,\"result\":true,\"error\":null}", STRATUM_RESPONSE);
    expect_kind("{\"id\":1,\"result\":null}", STRATUM_RESPONSE);
    expect_kind("{\"id\":null,\"error\":[20,\"x\",null]}", STRATUM_RESPONSE);
    expect_kind("{\"result\":true}", STRATUM_RESPONSE);
    expect_kind("{\"id\":1,\"method\":null,\"result\":true}", STRATUM_RESPONSE);
    expect_kind("{\"id\":1,\"method\":5}", STRATUM_REQUEST);
    expect_kind("{\"id\":1}", STRATUM_OTHER);
    expect_kind("{}", STRATUM_OTHER);
    expect_kind("[{\"id\":1,\"method\":\"x\"}]", STRATUM_OTHER);
    expect_kind("5", STRATUM_OTHER);
    expect_kind("\"method\"", STRATUM_OTHER);
}
END_TEST

START_TEST(a_line_that_is_no_JSON_is_other_but_tells_what_was_seen)
{
    struct stratum_scan scan = scan_text("{\"id\":7,\"method\":\"mining.submit\",\"params\":[}");
    ck_assert_int_eq(scan.kind, STRATUM_OTHER);
    ck_assert_int_eq(scan.method, STRATUM_MINING_SUBMIT);
    ck_assert_uint_eq(scan.id.value, 7);
    expect_kind("{\"id\":1,\"result\":true}}", STRATUM_OTHER);
    expect_kind("not JSON", STRATUM_OTHER);
    expect_kind("", STRATUM_OTHER);
}
END_TEST

static void expect_submit_in_spite_of(const char *worker, enum stratum_fault fault)
{
    char line[256];
    int len = snprintf(line, sizeof(line),
                       "{\"params\":[%s],\"id\":9,\"method\":\"mining.submit\"}", worker);
    struct stratum_scan scan = scan_bytes(line, (size_t)len);
    ck_assert_int_eq(scan.fault, fault);
    ck_assert_int_eq(scan.kind, STRATUM_REQUEST);
    ck_assert_int_eq(scan.method, STRATUM_MINING_SUBMIT);
    ck_assert_uint_eq(scan.id.value, 9);
}

START_TEST(lesser_faults_do_not_hide_the_message)
{
    expect_submit_in_spite_of("\"w\xff\"", STRATUM_FAULT_UTF8);
    expect_submit_in_spite_of("\"\\udc00\"", STRATUM_FAULT_SURROGATE);
    expect_submit_in_spite_of("\r\"w\"", STRATUM_FAULT_CR);
    expect_submit_in_spite_of("1e400", STRATUM_FAULT_NUMBER);
    expect_submit_in_spite_of("\"w\x07\"", STRATUM_FAULT_CONTROL);
}
END_TEST

/* 64 levels in the outer object are one too many; a bracket in a string is none. */
START_TEST(what_stands_behind_deep_nesting_is_found)
{
    struct buffer line = {0};
    buffer_append_text(&line, "{\"result\":");
    for (int i = 0; i < 500; i++)
        buffer_append_text(&line, "[{\"]\":\"}\\\"\"},");
    buffer_append_text(&line, "0");
    for (int i = 0; i < 500; i++)
        buffer_append_text(&line, "]");
    buffer_append_text(&line, ",\"error\":[1],\"id\":7}");
    struct stratum_scan scan;
    stratum_scan_line(&scan, line.data, line.len);
    ck_assert_int_eq(scan.fault, STRATUM_FAULT_DEPTH);
    ck_assert_int_eq(scan.kind, STRATUM_RESPONSE);
    ck_assert_int_eq(scan.id.type, STRATUM_ID_INTEGER);
    ck_assert_uint_eq(scan.id.value, 7);
    ck_assert(scan.error);
    buffer_close(&line);
}
END_TEST

START_TEST(only_members_of_the_outer_object_count)
{
    struct stratum_scan scan =
        scan_text("{\"a\":{\"method\":\"x\",\"id\":1,\"error\":5},\"b\":[{\"result\":1}]}");
    ck_assert_int_eq(scan.kind, STRATUM_OTHER);
    ck_assert_int_eq(scan.method, STRATUM_METHOD_NONE);
    ck_assert_int_eq(scan.id.type, STRATUM_ID_ABSENT);
    scan = scan_text("{\"m\\u0065thod\":\"x\",\"Method\":\"x\",\"ID\":1}");
    ck_assert_int_eq(scan.method, STRATUM_METHOD_NONE);
    ck_assert_int_eq(scan.id.type, STRATUM_ID_ABSENT);
}
END_TEST

START_TEST(the_last_of_equal_names_wins)
{
    struct stratum_scan scan = scan_text(
        "{\"id\":1,\"method\":\"mining.submit\",\"id\":\"x\",\"method\":\"mining.notify\","
        "\"params\":[1],\"params\":[2]}");
    ck_assert_int_eq(scan.method, STRATUM_MINING_NOTIFY);
    ck_assert_int_eq(scan.id.type, STRATUM_ID_STRING);
    ck_assert(span_equal_text(scan.params, "[2]"));
}
END_TEST

START_TEST(spans_hold_the_raw_values)
{
    struct stratum_scan scan =
        scan_text(" { \"id\" : \"a\\\"b\" , \"method\" : \"mining.\\u0061\" , \"params\" : [ 1 ] , "
                  "\"result\" : { } , \"error\" : \"e\" , \"reject-reason\" : \"r\" } ");
    ck_assert(span_equal_text(scan.id_text, "\"a\\\"b\""));
    ck_assert(span_equal_text(scan.method_text, "mining.\\u0061"));
    ck_assert(span_equal_text(scan.params, "[ 1 ]"));
    ck_assert(span_equal_text(scan.result, "{ }"));
    ck_assert(span_equal_text(scan.error_text, "\"e\""));
    ck_assert(span_equal_text(scan.reject_text, "\"r\""));
    scan = scan_text("{}");
    ck_assert_ptr_null(scan.params.data);
    ck_assert_ptr_null(scan.id_text.data);
    ck_assert_ptr_null(scan.method_text.data);
}
END_TEST

/* ---- methods ---- */

/* Written into files: a number that changes here breaks every archive. */
START_TEST(method_numbers_never_change)
{
    static const char *const names[] = {"none",
                                        "unknown",
                                        "mining.configure",
                                        "mining.subscribe",
                                        "mining.authorize",
                                        "mining.submit",
                                        "mining.suggest_difficulty",
                                        "mining.suggest_target",
                                        "mining.extranonce.subscribe",
                                        "mining.multi_version",
                                        "mining.get_transactions",
                                        "mining.capabilities",
                                        "mining.notify",
                                        "mining.set_difficulty",
                                        "mining.set_target",
                                        "mining.set_extranonce",
                                        "mining.set_version_mask",
                                        "mining.set_goal",
                                        "client.reconnect",
                                        "client.show_message",
                                        "client.get_version",
                                        "mining.ping",
                                        "login",
                                        "job",
                                        "submit",
                                        "keepalived",
                                        "getjob",
                                        "eth_submitLogin",
                                        "eth_getWork",
                                        "eth_submitWork",
                                        "eth_submitHashrate",
                                        "mining.hello",
                                        "mining.noop",
                                        "mining.set",
                                        "mining.bye"};
    ck_assert_uint_eq(sizeof(names) / sizeof(names[0]), STRATUM_METHOD_COUNT);
    for (unsigned i = 0; i < STRATUM_METHOD_COUNT; i++)
        ck_assert_str_eq(stratum_method_name((enum stratum_method)i), names[i]);
}
END_TEST

START_TEST(every_method_is_found_by_its_name_and_by_nothing_else)
{
    for (unsigned i = STRATUM_METHOD_UNKNOWN + 1; i < STRATUM_METHOD_COUNT; i++) {
        char name[64], line[128];
        size_t len = strlen(stratum_method_name((enum stratum_method)i));
        memcpy(name, stratum_method_name((enum stratum_method)i), len + 1);
        ck_assert_uint_eq(stratum_method_find(name, len), i);
        (void)snprintf(line, sizeof(line), "{\"method\":\"%s\"}", name);
        ck_assert_uint_eq(scan_text(line).method, i);
        name[len - 1] ^= 1;
        ck_assert_int_eq(stratum_method_find(name, len), STRATUM_METHOD_UNKNOWN);
        name[len - 1] ^= 1;
        name[len] = 'x';
        ck_assert_int_eq(stratum_method_find(name, len + 1), STRATUM_METHOD_UNKNOWN);
    }
    ck_assert_int_eq(stratum_method_find("", 0), STRATUM_METHOD_UNKNOWN);
    ck_assert_int_eq(stratum_method_find("none", 4), STRATUM_METHOD_UNKNOWN);
    ck_assert_str_eq(stratum_method_name(STRATUM_METHOD_COUNT), "unknown");
}
END_TEST

START_TEST(every_fault_has_a_text_and_its_number)
{
    ck_assert_int_eq(STRATUM_FAULT_OPAQUE, 10);
    for (unsigned i = 0; i < STRATUM_FAULT_COUNT; i++)
        ck_assert_ptr_nonnull(stratum_fault_text((enum stratum_fault)i));
    ck_assert_str_eq(stratum_fault_text(STRATUM_FAULT_SYNTAX), "invalid JSON");
    ck_assert_str_eq(stratum_fault_text(STRATUM_FAULT_UTF8), "invalid UTF-8");
    ck_assert_str_eq(stratum_fault_text(STRATUM_FAULT_COUNT), "unknown fault");
}
END_TEST

/* ---- ids ---- */

static struct stratum_id id_in(const char *value)
{
    char line[256];
    (void)snprintf(line, sizeof(line), "{\"id\":%s,\"result\":true}", value);
    return scan_text(line).id;
}

static void expect_id(const char *value, enum stratum_id_type type, uint64_t expected)
{
    struct stratum_id id = id_in(value);
    ck_assert_msg(id.type == type, "%s: %s", value, stratum_id_type_name(id.type));
    ck_assert_uint_eq(id.value, expected);
}

START_TEST(integer_ids_keep_their_value)
{
    expect_id("0", STRATUM_ID_INTEGER, 0);
    expect_id("-0", STRATUM_ID_INTEGER, 0);
    expect_id("4", STRATUM_ID_INTEGER, 4);
    expect_id("-1", STRATUM_ID_INTEGER, UINT64_MAX);
    expect_id("2147483647", STRATUM_ID_INTEGER, 2147483647);
    expect_id("9223372036854775807", STRATUM_ID_INTEGER, INT64_MAX);
    expect_id("-9223372036854775808", STRATUM_ID_INTEGER, (uint64_t)1 << 63);
    expect_id("null", STRATUM_ID_NULL, 0);
}
END_TEST

START_TEST(other_ids_are_compared_by_their_text)
{
    static const char *const others[] = {"9223372036854775808",
                                         "-9223372036854775809",
                                         "1.0",
                                         "1e0",
                                         "true",
                                         "false",
                                         "[1]",
                                         "{\"a\":1}",
                                         "1.5",
                                         "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct stratum_id id = id_in(others[i]);
        ck_assert_int_eq(id.type, STRATUM_ID_OTHER);
        for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++) {
            struct stratum_id other = id_in(others[j]);
            ck_assert_int_eq(stratum_id_equal(&id, &other), i == j);
        }
    }
}
END_TEST

START_TEST(string_ids_are_not_numbers)
{
    struct stratum_id text = id_in("\"4\""), same = id_in("\"4\""), empty = id_in("\"\"");
    struct stratum_id number = id_in("4"), null = id_in("null");
    ck_assert_int_eq(text.type, STRATUM_ID_STRING);
    ck_assert(stratum_id_equal(&text, &same));
    ck_assert(!stratum_id_equal(&text, &number));
    ck_assert(!stratum_id_equal(&text, &empty));
    ck_assert(!stratum_id_equal(&empty, &null));
    ck_assert_int_eq(scan_text("{\"result\":1}").id.type, STRATUM_ID_ABSENT);
}
END_TEST

/* ---- refusals ---- */

static void expect_error(const char *members, bool expected)
{
    char line[256];
    (void)snprintf(line, sizeof(line), "{\"id\":4,%s}", members);
    ck_assert_msg(scan_text(line).error == expected, "%s", line);
}

START_TEST(refusals_in_every_dialect)
{
    expect_error("\"result\":true,\"error\":null", false);
    expect_error("\"result\":true", false);
    expect_error("\"result\":null,\"error\":null", false);
    expect_error("\"result\":true,\"error\":false", false);
    expect_error("\"result\":true,\"error\":\"\"", false);
    expect_error("\"result\":true,\"error\":[]", false);
    expect_error("\"result\":true,\"error\":[ \t ]", false);
    expect_error("\"result\":true,\"error\":{}", false);
    expect_error("\"result\":{\"status\":\"OK\"},\"error\":null", false);
    expect_error("\"result\":true,\"reject-reason\":null", false);
    expect_error("\"result\":false,\"error\":null", true);
    expect_error("\"result\":false", true);
    expect_error("\"error\":[21,\"Job not found\",null]", true);
    expect_error("\"result\":null,\"error\":[21,\"Job not found\"]", true);
    expect_error("\"result\":false,\"error\":{\"code\":-1,\"message\":\"Low\"}", true);
    expect_error("\"result\":null,\"error\":\"stale\"", true);
    expect_error("\"result\":null,\"error\":true", true);
    expect_error("\"result\":null,\"error\":23", true);
    expect_error("\"result\":false,\"error\":null,\"reject-reason\":\"high-hash\"", true);
    expect_error("\"result\":true,\"reject-reason\":\"high-hash\"", true);
    expect_error("\"method\":\"x\",\"error\":[21,\"\"]", false); /* a request refuses nothing */
}
END_TEST

/* ---- lines cut off ---- */

/* Every prefix of a line: what is known grows, and none of it is wrong. */
START_TEST(every_prefix_tells_what_it_has_seen)
{
    static const char line[] =
        "{\"id\":123,\"method\":\"mining.notify\",\"params\":[\"a\\u00e9\",-1.5e"
        "+3,[{\"b\":null}],true,false]}";
    for (size_t len = 1; len < sizeof(line) - 1; len++) {
        struct stratum_scan scan = scan_bytes(line, len);
        ck_assert_int_eq(scan.fault, STRATUM_FAULT_TRUNCATED);
        ck_assert_uint_eq(scan.fault_at, len);
        bool id = len >= strlen("{\"id\":123,");
        bool method = len >= strlen("{\"id\":123,\"method\":\"mining.notify\"");
        ck_assert_int_eq(scan.id.type, id ? STRATUM_ID_INTEGER : STRATUM_ID_ABSENT);
        ck_assert_uint_eq(scan.id.value, id ? 123 : 0);
        ck_assert_int_eq(scan.method, method ? STRATUM_MINING_NOTIFY : STRATUM_METHOD_NONE);
        ck_assert_int_eq(scan.kind, method ? STRATUM_REQUEST : STRATUM_OTHER);
        ck_assert_int_eq(scan.params.data != NULL, len == sizeof(line) - 2); /* all but the } */
    }
    ck_assert_int_eq(scan_text(line).fault, STRATUM_FAULT_NONE);
}
END_TEST

START_TEST(a_response_is_known_from_its_first_member)
{
    struct stratum_scan scan = scan_text("{\"id\":5,\"result\":[[[\"mining.no");
    ck_assert_int_eq(scan.kind, STRATUM_RESPONSE);
    ck_assert_int_eq(scan.fault, STRATUM_FAULT_TRUNCATED);
    ck_assert_uint_eq(scan.id.value, 5);
    ck_assert_ptr_null(scan.result.data);
    ck_assert_int_eq(scan_text("{\"id\":0").id.type, STRATUM_ID_ABSENT);
    ck_assert_int_eq(scan_text("{\"id\":9").id.type, STRATUM_ID_ABSENT);
    ck_assert_int_eq(scan_text("{\"id\":null").id.type, STRATUM_ID_NULL);
    ck_assert(scan_text("{\"error\":[20,\"x\"],\"res").error);
}
END_TEST

START_TEST(a_method_that_is_no_string_has_no_name)
{
    static const char *const values[] = {"7", "true", "[\"mining.submit\"]", "{\"k\":1}"};
    char line[64];
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        snprintf(line, sizeof line, "{\"id\":1,\"method\":%s}", values[i]);
        struct stratum_scan scan = scan_text(line);
        ck_assert_int_eq(scan.method, STRATUM_METHOD_UNKNOWN);
        ck_assert_int_eq(scan.kind, STRATUM_REQUEST);
        ck_assert_ptr_null(scan.method_text.data);
    }
}
END_TEST

int main(void)
{
    return UNIT_RUN(
        "stratum_scan", kinds, a_line_that_is_no_JSON_is_other_but_tells_what_was_seen,
        lesser_faults_do_not_hide_the_message, what_stands_behind_deep_nesting_is_found,
        only_members_of_the_outer_object_count, the_last_of_equal_names_wins,
        spans_hold_the_raw_values, a_method_that_is_no_string_has_no_name,
        method_numbers_never_change, every_method_is_found_by_its_name_and_by_nothing_else,
        every_fault_has_a_text_and_its_number, integer_ids_keep_their_value,
        other_ids_are_compared_by_their_text, string_ids_are_not_numbers, refusals_in_every_dialect,
        every_prefix_tells_what_it_has_seen, a_response_is_known_from_its_first_member);
}
