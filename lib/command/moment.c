/*
 * How it works: each form has a reader of its own, tried in turn; days are counted in UTC, where
 * each has 86,400 seconds. How it can fail: no form fits, or the time is out of range (years 1 to
 * 9999 for dates, 290 years for spans).
 */
#include "lib/command/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

#define NS_PER_DAY (86400 * NS_PER_S)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The beginning of its day. */
static int64_t day_of(int64_t ns)
{
    return ns / NS_PER_DAY * NS_PER_DAY - (ns % NS_PER_DAY < 0 ? NS_PER_DAY : 0);
}

/* Far enough from the ends of the range for a day more or less. */
static bool is_ordinary(int64_t ns)
{
    return ns > INT64_MIN + 2 * NS_PER_DAY && ns < INT64_MAX - 2 * NS_PER_DAY;
}

static int64_t unit_ns(char unit)
{
    static const char units[] = "smhdw";
    static const int64_t seconds[] = {1, 60, 3600, 86400, 604800};
    const char *at = unit == '\0' ? NULL : strchr(units, unit);

    return at == NULL ? 0 : seconds[at - units] * NS_PER_S;
}

/* "1d12h", each number with its unit. */
static bool parse_span(const char *text, int64_t *out)
{
    int64_t total = 0;

    if (*text == '\0')
        return false;
    while (*text != '\0') {
        int64_t number = 0, unit, part;

        if (!is_digit(*text))
            return false;
        for (; is_digit(*text); text++) {
            if (__builtin_mul_overflow(number, 10, &number) ||
                __builtin_add_overflow(number, *text - '0', &number))
                return false;
        }
        unit = unit_ns(*text++);
        if (unit == 0 || __builtin_mul_overflow(number, unit, &part) ||
            __builtin_add_overflow(total, part, &total))
            return false;
    }
    *out = total;
    return true;
}

static bool parse_relative(const char *text, int64_t now, int64_t begin, int64_t *out)
{
    int64_t span = 0;

    if (*text == '-')
        return parse_span(text + 1, &span) && !__builtin_sub_overflow(now, span, out);
    return *text == '+' && begin != MOMENT_NONE && parse_span(text + 1, &span) &&
           !__builtin_add_overflow(begin, span, out);
}

/* Completes what was left out, and lets the one reader of RFC 3339 judge. */
static bool parse_date(const char *text, int64_t *out)
{
    size_t len = strlen(text);
    char whole[80];
    int written;

    if (len < 10 || len > 40)
        return false;
    if (clock_parse(text, len, out))
        return true;
    if (len > 10 && text[10] != ' ' && text[10] != 'T')
        return false;
    written = snprintf(whole, sizeof(whole), "%.10sT%s%sZ", text, len > 10 ? text + 11 : "00:00",
                       len <= 16 ? ":00" : "");
    return clock_parse(whole, (size_t)written, out);
}

static bool parse_time_of_day(const char *text, int64_t now, int64_t begin, int64_t *out)
{
    char whole[64] = "1970-01-01 ";
    size_t len = strlen(text);
    int64_t time = 0;

    if (len < 5 || len > 20 || text[2] != ':')
        return false;
    memcpy(whole + 11, text, len + 1);
    if (!parse_date(whole, &time) || (begin != MOMENT_NONE && !is_ordinary(begin)))
        return false;
    if (begin == MOMENT_NONE)
        *out = day_of(now) + time - (day_of(now) + time > now ? NS_PER_DAY : 0);
    else
        *out = day_of(begin) + time + (day_of(begin) + time < begin ? NS_PER_DAY : 0);
    return true;
}

static bool parse_word(const char *text, int64_t now, int64_t *out)
{
    if (strcmp(text, "now") == 0)
        *out = now;
    else if (strcmp(text, "today") == 0)
        *out = day_of(now);
    else if (strcmp(text, "yesterday") == 0)
        *out = day_of(now) - NS_PER_DAY;
    else
        return false;
    return true;
}

bool moment_parse(const char *text, int64_t now_ns, int64_t begin_ns, int64_t *out_ns)
{
    return parse_word(text, now_ns, out_ns) || parse_relative(text, now_ns, begin_ns, out_ns) ||
           parse_date(text, out_ns) || parse_time_of_day(text, now_ns, begin_ns, out_ns);
}

bool moment_parse_wait(const char *text, int64_t *out_us)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}};
    size_t whole = strspn(text, "0123456789"), len = whole;
    const char *unit;
    double number = 0;

    if (text[len] == '.')
        len += 1 + strspn(text + len + 1, "0123456789");
    unit = text + len;
    if (whole == 0 || len > 30 || unit[-1] == '.')
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].name) != 0)
            continue;
        number = strtod(text, NULL) * (double)units[i].us;
        if (number > (double)NS_PER_DAY / (double)NS_PER_US)
            return false;
        *out_us = (int64_t)number;
        return true;
    }
    return false;
}
