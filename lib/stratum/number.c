/*
 * How it works: a double overflows from 2^1024 - 2^970 on, the middle between the largest double
 * and the next power of two (IEEE 754, round half to even). The number's digits and its decimal
 * exponent are compared with the 309 digits of that bound.
 */
#include "lib/stratum/number.h"

#include <stdint.h>
#include <string.h>

#define BOUND_DIGITS        309
#define EXPONENT_DIGITS_MAX 18

static const char bound[BOUND_DIGITS + 1] =
    "17976931348623158079372897140530341507993413271003782693617377"
    "89804449682927647509466490179775872070963302864166928879109465"
    "55547851940402630657488671505820681908902000708383676273854845"
    "81771153176447573027006985557136695962284291481986083493647529"
    "2719074168444365510704342711559699508093042880177904174497792";

/* The mantissa is 0.D1D2D3... x 10^scale, D1 the first digit that is not 0. */
struct mantissa {
    const char *first; /* D1; NULL when the number is zero */
    const char *end;
    int64_t scale;
};

static struct mantissa mantissa_of(const char *text, size_t len)
{
    struct mantissa result = {NULL, text, 0};
    int64_t digits = 0, leading = 0, point = -1;
    for (; result.end < text + len; result.end++) {
        char c = *result.end;
        if (c == 'e' || c == 'E')
            break;
        if (c == '.') {
            point = digits;
        } else if (c != '-') {
            if (c != '0' && result.first == NULL) {
                result.first = result.end;
                leading = digits;
            }
            digits++;
        }
    }
    result.scale = (point < 0 ? digits : point) - leading;
    return result;
}

/* Beyond the bounds of any double when it has too many digits. */
static int64_t exponent_of(const char *text, const char *end)
{
    const int64_t huge = INT64_C(1000000000000000000);
    if (text == end)
        return 0;
    text++;
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    while (text < end && *text == '0')
        text++;
    int64_t value = 0;
    if (end - text > EXPONENT_DIGITS_MAX)
        value = huge;
    else
        for (; text < end; text++)
            value = value * 10 + (*text - '0');
    return negative ? -value : value;
}

/* Compares the digits with the bound's, both with the same scale. */
static bool below_bound(const struct mantissa *mantissa)
{
    const char *limit = bound;
    for (const char *at = mantissa->first; at < mantissa->end && *limit != '\0'; at++) {
        if (*at == '.')
            continue;
        if (*at != *limit)
            return *at < *limit;
        limit++;
    }
    return *limit != '\0'; /* the bound does not end in 0, so a number that ends first is less */
}

bool stratum_number_is_finite(const char *text, size_t len)
{
    struct mantissa mantissa = mantissa_of(text, len);
    int64_t exponent = exponent_of(mantissa.end, text + len);
    if (exponent >= INT64_C(1000000000000000000))
        return false;
    if (mantissa.first == NULL)
        return true;
    int64_t scale = mantissa.scale + exponent;
    return scale < BOUND_DIGITS || (scale == BOUND_DIGITS && below_bound(&mantissa));
}
