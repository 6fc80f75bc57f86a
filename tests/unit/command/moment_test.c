/*
 * moment_test.c - moments as people write them.
 */
#include <string.h>

#include "lib/base/clock.h"
#include "lib/command/moment.h"
#include "tests/unit/unit.h"

#define NOW "2026-11-22T13:53:01.500000Z"

static int64_t at(const char *text)
{
    int64_t ns = 0;

    ck_assert_msg(clock_parse(text, strlen(text), &ns), "%s", text);
    return ns;
}

static void check(const char *text, int64_t begin, const char *expected)
{
    char shown[CLOCK_TEXT_LEN + 1] = "";
    int64_t ns = 0;

    ck_assert_msg(moment_parse(text, at(NOW), begin, &ns), "%s is a moment", text);
    clock_format(shown, ns);
    ck_assert_msg(ns == at(expected), "%s is %s, not %s", text, shown, expected);
}

START_TEST(dates)
{
    check("2026-11-22T13:53:01Z", MOMENT_NONE, "2026-11-22T13:53:01Z");
    check("2026-11-22T13:53:01.25+01:00", MOMENT_NONE, "2026-11-22T12:53:01.25Z");
    check("2026-11-22 13:53", MOMENT_NONE, "2026-11-22T13:53:00Z");
    check("2026-11-22T13:53", MOMENT_NONE, "2026-11-22T13:53:00Z");
    check("2026-11-22 13:53:09.5", MOMENT_NONE, "2026-11-22T13:53:09.5Z");
    check("2024-02-29", MOMENT_NONE, "2024-02-29T00:00:00Z");
    check("1969-12-31", MOMENT_NONE, "1969-12-31T00:00:00Z");
}
END_TEST

START_TEST(a_time_of_day_has_passed)
{
    check("13:53", MOMENT_NONE, "2026-11-22T13:53:00Z");
    check("13:53:01.5", MOMENT_NONE, "2026-11-22T13:53:01.5Z");
    check("13:53:02", MOMENT_NONE, "2026-11-21T13:53:02Z");
    check("23:59", MOMENT_NONE, "2026-11-21T23:59:00Z");
    check("00:00", MOMENT_NONE, "2026-11-22T00:00:00Z");
}
END_TEST

START_TEST(an_end_lies_behind_its_beginning)
{
    check("03:12", at("2026-11-21T23:00:00Z"), "2026-11-22T03:12:00Z");
    check("23:00", at("2026-11-21T23:00:00Z"), "2026-11-21T23:00:00Z");
    check("23:30", at("2026-11-20T23:00:00Z"), "2026-11-20T23:30:00Z");
    check("+5m", at("2026-11-20T23:58:00Z"), "2026-11-21T00:03:00Z");
}
END_TEST

START_TEST(spans_before_now)
{
    check("-2h", MOMENT_NONE, "2026-11-22T11:53:01.5Z");
    check("-90s", MOMENT_NONE, "2026-11-22T13:51:31.5Z");
    check("-1d12h", MOMENT_NONE, "2026-11-21T01:53:01.5Z");
    check("-1w", at("2026-11-20T23:58:00Z"), "2026-11-15T13:53:01.5Z");
    check("-0s", MOMENT_NONE, NOW);
}
END_TEST

START_TEST(words)
{
    check("now", MOMENT_NONE, NOW);
    check("today", MOMENT_NONE, "2026-11-22T00:00:00Z");
    check("yesterday", MOMENT_NONE, "2026-11-21T00:00:00Z");
}
END_TEST

START_TEST(what_is_no_moment)
{
    static const char *const texts[] = {
        "",
        "-",
        "+",
        "-2",
        "-h",
        "-2x",
        "2h",
        "--2h",
        "-2h ",
        "-99999999999999999999s",
        "-9223372036854775807w",
        "-9223372036s-",
        "+5m",
        "24:00",
        "13:60",
        "1:5",
        "13",
        "13:5",
        "13:53Z:",
        "2026-13-01",
        "2026-02-30",
        "2026-1-1",
        "2026-11-22 13",
        "2026-11-22x13:53",
        "2026-11-22 13:53:01:01",
        "tomorrow",
        "NOW",
        "2026-11-22T13:53:01Z2026-11-22T13:53:01Z2026-11-22T13:53:01Z"};
    int64_t ns = 0;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(!moment_parse(texts[i], at(NOW), MOMENT_NONE, &ns), "'%s'", texts[i]);
    ck_assert(!moment_parse("13:53", at(NOW), INT64_MAX, &ns));
    ck_assert(!moment_parse("+1s", at(NOW), INT64_MAX, &ns));
}
END_TEST

int main(void)
{
    return UNIT_RUN("moment", dates, a_time_of_day_has_passed, an_end_lies_behind_its_beginning,
                    spans_before_now, words, what_is_no_moment);
}
