/* The scanner as a judge of JSON: what may stand in the archive, and what is wrong with the rest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/stratum/scan.h"
#include "tests/unit/stratum/stratum_lines.h"
#include "tests/unit/unit.h"

#define CASES "tests/data/json-cases.tsv"

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

int main(void)
{
    return UNIT_RUN("stratum_json", every_case_of_the_list_is_judged_as_it_says,
                    nesting_is_allowed_up_to_64, a_million_brackets_need_no_deeper_stack,
                    many_containers_side_by_side_are_not_deep,
                    long_numbers_are_judged_by_their_value, odd_bytes_are_seen_wherever_they_are,
                    no_line_at_all, the_first_of_several_faults_is_told);
}
