/*
 * clock.c - calendar arithmetic without the C library's time zones: days are counted from
 * 1970-01-01 in the proleptic Gregorian calendar, in years that begin with March, so that the leap
 * day is the last day of a year and of each 4-, 100- and 400-year cycle.
 *
 * An int64_t of nanoseconds spans the years 1677 to 2262; clock_parse clamps what lies outside.
 */
#include "lib/base/clock.h"

#include <string.h>

#define SECONDS_PER_DAY   INT64_C(86400)
#define DAYS_PER_ERA      INT64_C(146097) /* 400 years */
#define DAYS_BEFORE_EPOCH INT64_C(719468) /* 0000-03-01 to 1970-01-01 */

struct date {
    int64_t year;
    unsigned month, day; /* from 1 */
};

static int64_t clock_read(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_wall_ns(void)
{
    return clock_read(CLOCK_REALTIME);
}

int64_t clock_ns(int64_t count, int64_t unit)
{
    int64_t ns;

    if (__builtin_mul_overflow(count, unit, &ns))
        return (count < 0) == (unit < 0) ? INT64_MAX : INT64_MIN;
    return ns;
}

int64_t clock_of_file(struct timespec at)
{
    return clock_later(clock_ns(at.tv_sec, NS_PER_S), at.tv_nsec);
}

int64_t clock_later(int64_t ns, int64_t more)
{
    int64_t sum;

    if (__builtin_add_overflow(ns, more, &sum))
        return more < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

int64_t clock_between(int64_t from_ns, int64_t to_ns)
{
    int64_t difference;

    if (__builtin_sub_overflow(to_ns, from_ns, &difference))
        return to_ns < from_ns ? INT64_MIN : INT64_MAX;
    return difference;
}

int64_t clock_mono_ns(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

/* Division that rounds towards minus infinity; *rest is never negative. */
static int64_t floor_divide(int64_t value, int64_t by, int64_t *rest)
{
    int64_t quotient = value / by;

    *rest = value % by;
    if (*rest < 0) {
        *rest += by;
        quotient--;
    }
    return quotient;
}

static struct date date_of_days(int64_t days)
{
    int64_t day_of_era;
    int64_t era = floor_divide(days + DAYS_BEFORE_EPOCH, DAYS_PER_ERA, &day_of_era);
    int64_t year =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    int64_t day = day_of_year - (153 * month + 2) / 5 + 1;

    return (struct date){
        .year = era * 400 + year + (month >= 10 ? 1 : 0),
        .month = (unsigned)(month >= 10 ? month - 9 : month + 3),
        .day = (unsigned)day,
    };
}

static int64_t days_of_date(const struct date *date)
{
    int64_t year = date->month <= 2 ? date->year - 1 : date->year;
    int64_t month = date->month <= 2 ? date->month + 9 : date->month - 3;
    int64_t year_of_era;
    int64_t era = floor_divide(year, 400, &year_of_era);
    int64_t day_of_year = (153 * month + 2) / 5 + date->day - 1;

    return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
           day_of_year - DAYS_BEFORE_EPOCH;
}

static void put_digits(char *out, uint64_t value, size_t digits)
{
    while (digits > 0) {
        out[--digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

static void format_second(char *out, int64_t second)
{
    static const char pattern[] = "0000-00-00T00:00:00.000000Z";
    int64_t rest;
    struct date date = date_of_days(floor_divide(second, SECONDS_PER_DAY, &rest));

    memcpy(out, pattern, CLOCK_TEXT_LEN);
    put_digits(out, (uint64_t)date.year, 4);
    put_digits(out + 5, date.month, 2);
    put_digits(out + 8, date.day, 2);
    put_digits(out + 11, (uint64_t)rest / 3600, 2);
    put_digits(out + 14, (uint64_t)rest / 60 % 60, 2);
    put_digits(out + 17, (uint64_t)rest % 60, 2);
}

void clock_format(char *out, int64_t wall_ns)
{
    struct clock_formatter formatter = {.valid = false};

    clock_formatter_write(&formatter, out, wall_ns);
}

void clock_formatter_write(struct clock_formatter *formatter, char *out, int64_t wall_ns)
{
    int64_t ns;
    int64_t second = floor_divide(wall_ns, NS_PER_S, &ns);

    if (!formatter->valid || formatter->second != second) {
        format_second(formatter->text, second);
        formatter->second = second;
        formatter->valid = true;
    }
    memcpy(out, formatter->text, CLOCK_TEXT_LEN);
    put_digits(out + 20, (uint64_t)(ns / NS_PER_US), 6);
}

/* Reading: a cursor over the text; each step is false when the text does not go on as it must. */
struct cursor {
    const char *at;
    const char *end;
};

static bool read_number(struct cursor *in, size_t digits, unsigned max, unsigned *value)
{
    if ((size_t)(in->end - in->at) < digits)
        return false;
    *value = 0;
    for (; digits > 0; digits--, in->at++) {
        if (*in->at < '0' || *in->at > '9')
            return false;
        *value = *value * 10 + (unsigned)(*in->at - '0');
    }
    return *value <= max;
}

static bool read_one_of(struct cursor *in, const char *set)
{
    if (in->at == in->end || *in->at == '\0' || strchr(set, *in->at) == NULL)
        return false;
    in->at++;
    return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool read_date(struct cursor *in, int64_t *days)
{
    unsigned year, month, day;

    if (!read_number(in, 4, 9999, &year) || !read_one_of(in, "-") ||
        !read_number(in, 2, 12, &month) || !read_one_of(in, "-") || !read_number(in, 2, 31, &day))
        return false;
    if (month == 0 || day == 0 || day > days_in_month(year, month))
        return false;
    *days = days_of_date(&(struct date){.year = year, .month = month, .day = day});
    return true;
}

/* A leap second (60) counts as the first of the next minute. */
static bool read_time(struct cursor *in, int64_t *seconds)
{
    unsigned hour, minute, second;

    if (!read_number(in, 2, 23, &hour) || !read_one_of(in, ":") ||
        !read_number(in, 2, 59, &minute) || !read_one_of(in, ":") ||
        !read_number(in, 2, 60, &second))
        return false;
    *seconds = (int64_t)hour * 3600 + minute * 60 + second;
    return true;
}

static bool read_fraction(struct cursor *in, int64_t *ns)
{
    int64_t unit = NS_PER_S / 10;
    unsigned digit;

    *ns = 0;
    if (!read_one_of(in, "."))
        return true;
    if (!read_number(in, 1, 9, &digit))
        return false;
    do {
        if (unit == 0)
            return false; /* a tenth decimal */
        *ns += digit * unit;
        unit /= 10;
    } while (read_number(in, 1, 9, &digit));
    return true;
}

static bool read_offset(struct cursor *in, int64_t *seconds)
{
    unsigned hours, minutes;
    bool west;

    *seconds = 0;
    if (read_one_of(in, "Zz"))
        return true;
    west = in->at < in->end && *in->at == '-';
    if (!read_one_of(in, "+-") || !read_number(in, 2, 23, &hours) || !read_one_of(in, ":") ||
        !read_number(in, 2, 59, &minutes))
        return false;
    *seconds = (int64_t)hours * 3600 + minutes * 60;
    if (west)
        *seconds = -*seconds;
    return true;
}

static int64_t clamped_ns(int64_t second, int64_t ns)
{
    int64_t result;

    if (__builtin_mul_overflow(second, NS_PER_S, &result) ||
        __builtin_add_overflow(result, ns, &result))
        return second < 0 ? INT64_MIN : INT64_MAX;
    return result;
}

bool clock_parse(const char *text, size_t len, int64_t *wall_ns)
{
    struct cursor in = {text, text + len};
    int64_t days, seconds, ns, offset;

    if (!read_date(&in, &days) || !read_one_of(&in, "Tt ") || !read_time(&in, &seconds) ||
        !read_fraction(&in, &ns) || !read_offset(&in, &offset) || in.at != in.end)
        return false;
    *wall_ns = clamped_ns(days * SECONDS_PER_DAY + seconds - offset, ns);
    return true;
}
