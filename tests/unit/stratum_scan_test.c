/* The scanner: JSON it accepts and refuses, kinds, methods, ids, refusals, lines that are cut off.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/stratum/scan.h"
#include "tests/unit/unit.h"

#define CASES "tests/data/json-cases.tsv"

/* Scans a copy that ends where the line ends, so that a sanitizer sees every byte read beyond. The
 * spans of the result point into `line`. */
static struct stratum_scan scan_bytes(const char *line, size_t len)
{
    struct stratum_scan copied, scan;
    char *copy = malloc(len > 0 ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, line, len);
    stratum_scan_line(&copied, copy, len);
    free(copy);
    stratum_scan_line(&scan, line, len);
    ck_assert_int_eq(copied.fault, scan.fault);
    ck_assert_int_eq(copied.kind, scan.kind);
    ck_assert_uint_eq(copied.id.value, scan.id.value);
    return scan;
}

static struct stratum_scan scan_text(const char *line)
{
    return scan_bytes(line, strlen(line));
}

/* ---- JSON ---- */

/* Undoes \xNN and \\; returns the length. */
static size_t unescape(char *text)
{
    char *out = text;
    for (const char *at = text; *at != '\0';) {
        if (*at != '\\') {
            *out++ = *at++;
        } else if (at[1] == '\\') {
            *out++ = '\\';
            at += 2;
        } else {
            ck_assert(at[1] == 'x' && hex_decode(out, at + 2, 2));
            out++;
            at += 4;
        }
    }
    return (size_t)(out - text);
}

static void check_case(char *row)
{
    char *at = strchr(row, '\t'), *line = at != NULL ? strchr(at + 1, '\t') : NULL;
    ck_assert_ptr_nonnull(line);
    *at++ = *line++ = '\0';
    line[strcspn(line, "\n")] = '\0';
    size_t len = unescape(line);
    struct stratum_scan scan = scan_bytes(line, len);
    const char *fault = scan.fault == STRATUM_FAULT_NONE ? "none" : stratum_fault_text(scan.fault);
    ck_assert_msg(strcmp(fault, row) == 0, "%s: %s at %u instead of %s", line, fault,
                  (unsigned)scan.fault_at, row);
    ck_assert_msg(scan.fault_at == strtoul(at, NULL, 10), "%s: %s at %u instead of %s", line, fault,
                  (unsigned)scan.fault_at, at);
}

START_TEST(every_case_of_the_list_is_judged_as_it_says)
{
    char row[1024];
    int cases = 0;
    FILE *file = fopen(CASES, "r");
    ck_assert_msg(file != NULL, "%s is missing", CASES);
    while (fgets(row, sizeof(row), file) != NULL) {
        if (row[0] == '#')
            continue;
        check_case(row);
        cases++;
    }
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_ge(cases, 190);
}
END_TEST

static void expect_depth(const char *open, const char *close, unsigned depth,
                         enum stratum_fault expected)
{
    struct buffer line = {0};
    for (unsigned i = 0; i < depth; i++)
        buffer_append_text(&line, open);
    size_t deepest = line.len - (open[0] == '[' ? 1 : 5);
    if (open[0] == '{')
        buffer_append_text(&line, "1");
    for (unsigned i = 0; i < depth; i++)
        buffer_append_text(&line, close);
    struct stratum_scan scan = scan_bytes(line.data, line.len);
    ck_assert_int_eq(scan.fault, expected);
    if (expected == STRATUM_FAULT_DEPTH)
        ck_assert_uint_eq(scan.fault_at, deepest);
    buffer_close(&line);
}

START_TEST(nesting_is_allowed_up_to_64)
{
    expect_depth("[", "]", 64, STRATUM_FAULT_NONE);
    expect_depth("[", "]", 65, STRATUM_FAULT_DEPTH);
    expect_depth("{\"a\":", "}", 64, STRATUM_FAULT_NONE);
    expect_depth("{\"a\":", "}", 65, STRATUM_FAULT_DEPTH);
}
END_TEST

START_TEST(a_million_brackets_need_no_deeper_stack)
{
    struct buffer line = {0};
    memset(buffer_reserve(&line, 1000000), '[', 1000000);
    ck_assert_int_eq(scan_bytes(line.data, 1000000).fault, STRATUM_FAULT_DEPTH);
    buffer_close(&line);
}
END_TEST

/* Depth counts what is open, not what was. */
START_TEST(many_containers_side_by_side_are_not_deep)
{
    struct buffer line = {0};
    buffer_append_text(&line, "[0");
    for (int i = 0; i < 1000; i++)
        buffer_append_text(&line, ",[],{},[{\"a\":[]}]");
    buffer_append_text(&line, "]");
    ck_assert_int_eq(scan_bytes(line.data, line.len).fault, STRATUM_FAULT_NONE);
    buffer_close(&line);
}
END_TEST

/* 0.{zeros}1e{exponent} and {digits}e-{exponent}: far apart, but finite. */
START_TEST(long_numbers_are_judged_by_their_value)
{
    struct buffer line = {0};
    buffer_append_format(&line, "0.%0400d1e600", 0);
    ck_assert_int_eq(scan_bytes(line.data, line.len).fault, STRATUM_FAULT_NONE);
    buffer_clear(&line);
    buffer_append_format(&line, "1%0400de-200", 0);
    ck_assert_int_eq(scan_bytes(line.data, line.len).fault, STRATUM_FAULT_NONE);
    buffer_clear(&line);
    buffer_append_format(&line, "1%0308d", 0);
    ck_assert_int_eq(scan_bytes(line.data, line.len).fault, STRATUM_FAULT_NONE);
    buffer_clear(&line);
    buffer_append_format(&line, "-1%0309d", 0);
    ck_assert_int_eq(scan_bytes(line.data, line.len).fault, STRATUM_FAULT_NUMBER);
    buffer_close(&line);
}
END_TEST

/* One odd byte at every place of strings of every length, so at every place of a vector load. */
static void odd_byte(size_t len, size_t at, const char *odd, enum stratum_fault expected)
{
    char line[128] = "\"";
    memset(line + 1, 'a', len);
    for (size_t i = 0; odd[i] != '\0'; i++)
        line[1 + at + i] = odd[i];
    line[1 + len] = '"';
    struct stratum_scan scan = scan_bytes(line, len + 2);
    ck_assert_int_eq(scan.fault, expected);
    if (expected != STRATUM_FAULT_NONE)
        ck_assert_uint_eq(scan.fault_at, 1 + at);
}

START_TEST(odd_bytes_are_seen_wherever_they_are)
{
    for (size_t len = 4; len < 70; len++) {
        for (size_t at = 0; at + 4 <= len; at++) {
            odd_byte(len, at, "\x01", STRATUM_FAULT_CONTROL);
            odd_byte(len, at, "\r", STRATUM_FAULT_CR);
            odd_byte(len, at, "\xff", STRATUM_FAULT_UTF8);
            odd_byte(len, at, "\\\"", STRATUM_FAULT_NONE);
            odd_byte(len, at, "\xf0\x9f\x98\x80", STRATUM_FAULT_NONE);
            odd_byte(len, at, "\xed\xa0\x80", STRATUM_FAULT_UTF8);
        }
    }
}
END_TEST

START_TEST(no_line_at_all)
{
    struct stratum_scan scan;
    stratum_scan_line(&scan, NULL, 0);
    ck_assert_int_eq(scan.fault, STRATUM_FAULT_EMPTY);
    ck_assert_int_eq(scan.kind, STRATUM_OTHER);
}
END_TEST

START_TEST(the_first_of_several_faults_is_told)
{
    struct stratum_scan scan = scan_text("{\"a\":\"\x01\xff\",\"b\":1e999");
    ck_assert_int_eq(scan.fault, STRATUM_FAULT_CONTROL);
    ck_assert_uint_eq(scan.fault_at, 6);
}
END_TEST

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

int main(void)
{
    return UNIT_RUN(
        "stratum_scan", every_case_of_the_list_is_judged_as_it_says, nesting_is_allowed_up_to_64,
        a_million_brackets_need_no_deeper_stack, many_containers_side_by_side_are_not_deep,
        long_numbers_are_judged_by_their_value, odd_bytes_are_seen_wherever_they_are,
        no_line_at_all, the_first_of_several_faults_is_told, kinds,
        a_line_that_is_no_JSON_is_other_but_tells_what_was_seen,
        lesser_faults_do_not_hide_the_message, only_members_of_the_outer_object_count,
        the_last_of_equal_names_wins, spans_hold_the_raw_values, method_numbers_never_change,
        every_method_is_found_by_its_name_and_by_nothing_else,
        every_fault_has_a_text_and_its_number, integer_ids_keep_their_value,
        other_ids_are_compared_by_their_text, string_ids_are_not_numbers, refusals_in_every_dialect,
        every_prefix_tells_what_it_has_seen, a_response_is_known_from_its_first_member);
}
