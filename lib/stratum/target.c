/*
 * Targets and difficulty, see share.h.
 *
 * How it works: a difficulty is a double, so a whole number of 53 bits times a power of two; the
 * target is then a long division of integers, with no rounding but the last. The other way round
 * the leading 64 bits of the number are converted and divided, which rounds two times.
 */
#include <math.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/stratum/share.h"

#define DOUBLE_BITS     53
#define DIFF1_MANTISSA  0xffff /* the target of difficulty 1 is this ... */
#define DIFF1_SHIFT     208    /* ... times 2 to this */
#define NUMERATOR_LIMBS 5
#define SHIFT_MAX       (64 * NUMERATOR_LIMBS - 16) /* what the limbs have room for */

__extension__ typedef unsigned __int128 uint128;

double share_difficulty(const uint8_t number[32])
{
    int top = 31;
    while (top >= 0 && number[top] == 0)
        top--;
    if (top < 0)
        return HUGE_VAL;
    /* The 64 bits from the highest bit that is set on; `low` is the bit they begin at. */
    uint64_t lead = 0;
    for (int i = 0; i < 8; i++)
        lead = lead << 8 | (top - i >= 0 ? number[top - i] : 0);
    int low = 8 * (top - 7);
    int shift = __builtin_clzll(lead);
    if (shift > 0 && top >= 8)
        lead = lead << shift | number[top - 8] >> (8 - shift);
    else
        lead <<= shift;
    return ldexp(DIFF1_MANTISSA / (double)lead, DIFF1_SHIFT - (low - shift));
}

/* limbs = 0xffff * 2^shift, least significant first. */
static void shifted_diff1(uint64_t limbs[NUMERATOR_LIMBS], unsigned shift)
{
    uint128 part = (uint128)DIFF1_MANTISSA << (shift % 64);
    memset(limbs, 0, NUMERATOR_LIMBS * sizeof(*limbs));
    limbs[shift / 64] = (uint64_t)part;
    if (shift / 64 + 1 < NUMERATOR_LIMBS)
        limbs[shift / 64 + 1] = (uint64_t)(part >> 64);
}

static void divide(uint64_t limbs[NUMERATOR_LIMBS], uint64_t divisor)
{
    uint128 rest = 0;
    for (int i = NUMERATOR_LIMBS - 1; i >= 0; i--) {
        rest = rest << 64 | limbs[i];
        limbs[i] = (uint64_t)(rest / divisor);
        rest %= divisor;
    }
}

bool share_target_from_difficulty(uint8_t target[32], double difficulty)
{
    int exponent;
    if (!isfinite(difficulty) || difficulty <= 0)
        return false;
    uint64_t mantissa = (uint64_t)ldexp(frexp(difficulty, &exponent), DOUBLE_BITS);
    /* difficulty = mantissa * 2^(exponent - 53), so target = 0xffff * 2^shift / mantissa. */
    int shift = DIFF1_SHIFT + DOUBLE_BITS - exponent;
    uint64_t limbs[NUMERATOR_LIMBS] = {0};
    if (shift >= 0 && shift <= SHIFT_MAX) {
        shifted_diff1(limbs, (unsigned)shift);
        divide(limbs, mantissa);
    }
    if (shift > SHIFT_MAX || limbs[NUMERATOR_LIMBS - 1] != 0)
        memset(limbs, 0xff, sizeof(limbs));
    for (int i = 0; i < 4; i++)
        store_le64(target + 8 * i, limbs[i]);
    return true;
}

bool share_target_from_nbits(uint8_t target[32], uint32_t nbits)
{
    unsigned size = nbits >> 24;
    uint32_t mantissa = nbits & 0x7fffff;
    bool negative = (nbits & 0x800000) != 0;
    memset(target, 0, 32);
    if (size < 3)
        mantissa >>= 8 * (3 - size);
    if (mantissa == 0 || negative)
        return false;
    unsigned at = size > 3 ? size - 3 : 0;
    for (; mantissa != 0; mantissa >>= 8, at++) {
        if (at >= 32)
            return false;
        target[at] = (uint8_t)mantissa;
    }
    return true;
}

bool share_meets(const uint8_t hash[32], const uint8_t target[32])
{
    for (int i = 31; i >= 0; i--) {
        if (hash[i] != target[i])
            return hash[i] < target[i];
    }
    return true;
}
