/* Times as text and back, the cached formatter, and UUIDs made from times. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/random.h"
#include "tests/unit/unit.h"

static const char *text_of(int64_t ns)
{
    static char text[CLOCK_TEXT_LEN + 1];

    clock_format(text, ns);
    return text;
}

static int64_t parsed(const char *text)
{
    int64_t ns = 0;

    ck_assert_msg(clock_parse(text, strlen(text), &ns), "refused %s", text);
    return ns;
}

START_TEST(known_times)
{
    ck_assert_str_eq(text_of(0), "1970-01-01T00:00:00.000000Z");
    ck_assert_str_eq(text_of(-1), "1969-12-31T23:59:59.999999Z");
    ck_assert_str_eq(text_of(INT64_C(1234567890123456789)), "2009-02-13T23:31:30.123456Z");
    ck_assert_str_eq(text_of(951782400 * NS_PER_S), "2000-02-29T00:00:00.000000Z");
    ck_assert_str_eq(text_of(INT64_MAX), "2262-04-11T23:47:16.854775Z");
    ck_assert_str_eq(text_of(INT64_MIN), "1677-09-21T00:12:43.145224Z");
}
END_TEST

/* The C library's calendar is the judge, over every day of three centuries. */
START_TEST(every_day_agrees_with_gmtime)
{
    for (int64_t day = -40000; day < 100000; day++) {
        time_t second = (time_t)(day * 86400 + (day * 7919 + 4000000000) % 86400);
        struct tm parts;
        char expected[80];
        int64_t ns = (int64_t)second * NS_PER_S + 999999999;

        gmtime_r(&second, &parts);
        strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S.999999Z", &parts);
        ck_assert_str_eq(text_of(ns), expected);
        ck_assert_int_eq(parsed(expected), ns - 999);
    }
}
END_TEST

START_TEST(cached_formatter_equals_the_plain_one)
{
    struct clock_formatter formatter = {0};
    char text[CLOCK_TEXT_LEN + 1] = {0};
    int64_t ns = INT64_C(1700000000000000000);

    for (int i = 0; i < 3000; i++) {
        clock_formatter_write(&formatter, text, ns);
        ck_assert_str_eq(text, text_of(ns));
        ns += i % 50 == 0 ? -3 * NS_PER_S : 123456789;
    }
    clock_formatter_write(&formatter, text, -1);
    ck_assert_str_eq(text, text_of(-1));
}
END_TEST

START_TEST(all_forms_of_rfc_3339)
{
    int64_t base = parsed("2026-11-22T13:53:01Z");

    ck_assert_int_eq(base, 1795355581 * NS_PER_S);
    ck_assert_int_eq(parsed("2026-11-22t13:53:01z"), base);
    ck_assert_int_eq(parsed("2026-11-22 13:53:01Z"), base);
    ck_assert_int_eq(parsed("2026-11-22T15:53:01+02:00"), base);
    ck_assert_int_eq(parsed("2026-11-22T08:23:01-05:30"), base);
    ck_assert_int_eq(parsed("2026-11-22T13:53:01.1Z"), base + 100000000);
    ck_assert_int_eq(parsed("2026-11-22T13:53:01.123456789Z"), base + 123456789);
    ck_assert_int_eq(parsed("2026-11-22T13:52:60Z"), base - NS_PER_S);
    ck_assert_int_eq(parsed("0001-01-01T00:00:00Z"), INT64_MIN);
    ck_assert_int_eq(parsed("9999-12-31T23:59:59Z"), INT64_MAX);
}
END_TEST

START_TEST(what_is_no_time_is_refused)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-22",
        "2026-11-22T13:53",
        "2026-11-22T13:53:01",
        "2026-11-22T13:53:01.Z",
        "2026-11-22T13:53:01.1234567890Z",
        "2026-11-22T13:53:01ZZ",
        "2026-11-22T13:53:01Z ",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00+01:60",
        "26-01-01T00:00:00Z",
        "2026-1-01T00:00:00Z",
        "+026-01-01T00:00:00Z",
        "2026-01-01X00:00:00Z",
    };
    int64_t ns;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!clock_parse(bad[i], strlen(bad[i]), &ns), "accepted %s", bad[i]);
    ck_assert(!clock_parse("2026-01-01T00:00:00Z", 19, &ns));
}
END_TEST

START_TEST(times_that_cannot_be_stop_at_the_end)
{
    ck_assert_int_eq(clock_ns(7, NS_PER_US), 7000);
    ck_assert_int_eq(clock_ns(INT64_MAX, NS_PER_US), INT64_MAX);
    ck_assert_int_eq(clock_ns(INT64_MIN, NS_PER_US), INT64_MIN);
    ck_assert_int_eq(clock_of_file((struct timespec){7, 9}), 7 * NS_PER_S + 9);
    ck_assert_int_eq(clock_of_file((struct timespec){INT64_C(1) << 34, 9}), INT64_MAX);
    ck_assert_int_eq(clock_of_file((struct timespec){-(INT64_C(1) << 34), 0}), INT64_MIN);
    ck_assert_int_eq(clock_later(5, -7), -2);
    ck_assert_int_eq(clock_later(INT64_MAX, 1), INT64_MAX);
    ck_assert_int_eq(clock_later(INT64_MIN, -1), INT64_MIN);
    ck_assert_int_eq(clock_between(5, 7), 2);
    ck_assert_int_eq(clock_between(INT64_MIN, INT64_MAX), INT64_MAX);
    ck_assert_int_eq(clock_between(1, INT64_MIN), INT64_MIN);
}
END_TEST

START_TEST(clocks_run)
{
    int64_t before = clock_mono_ns();

    ck_assert_int_gt(clock_wall_ns(), 1577836800 * NS_PER_S); /* after 2020 */
    ck_assert_int_ge(clock_mono_ns(), before);
}
END_TEST

START_TEST(uuid_holds_its_time_and_sorts_by_it)
{
    int64_t ns = INT64_C(1645557742000) * NS_PER_MS; /* the time of RFC 9562, appendix A.6 */
    struct uuid before = uuid_new(ns);
    char text[UUID_TEXT_LEN + 1] = {0};

    uuid_format(text, &before);
    ck_assert_mem_eq(text, "017f22e2-79b0-7000-", 19);
    ck_assert_ptr_nonnull(strchr("89ab", text[19]));
    for (int i = 0; i < 5000; i++) {
        struct uuid next = uuid_new(ns += 250);

        ck_assert_int_gt(memcmp(next.bytes, before.bytes, 8), 0);
        before = next;
    }
}
END_TEST

START_TEST(uuid_text_both_ways)
{
    struct uuid uuid = uuid_new(clock_wall_ns());
    struct uuid back;
    char text[UUID_TEXT_LEN + 1] = {0};

    uuid_format(text, &uuid);
    ck_assert(uuid_parse(&back, text, UUID_TEXT_LEN));
    ck_assert(uuid_equal(&uuid, &back));
    ck_assert(!uuid_parse(&back, text, UUID_TEXT_LEN - 1));
    text[8] = '_';
    ck_assert(!uuid_parse(&back, text, UUID_TEXT_LEN));
    text[8] = '-';
    text[0] = 'g';
    ck_assert(!uuid_parse(&back, text, UUID_TEXT_LEN));
    back.bytes[15] ^= 1;
    ck_assert(!uuid_equal(&uuid, &back));
}
END_TEST

START_TEST(random_fills_everything)
{
    unsigned char seen[1000] = {0};
    unsigned char data[1000];

    for (int round = 0; round < 20; round++) {
        random_bytes(data, sizeof data);
        for (size_t i = 0; i < sizeof data; i++)
            seen[i] |= data[i];
    }
    for (size_t i = 0; i < sizeof seen; i++)
        ck_assert_uint_ne(seen[i], 0);
    ck_assert_uint_ne(random_u64(), random_u64());
}
END_TEST

int main(void)
{
    return UNIT_RUN("clock", known_times, every_day_agrees_with_gmtime,
                    cached_formatter_equals_the_plain_one, all_forms_of_rfc_3339,
                    what_is_no_time_is_refused, times_that_cannot_be_stop_at_the_end, clocks_run,
                    uuid_holds_its_time_and_sorts_by_it, uuid_text_both_ways,
                    random_fills_everything);
}
