/*
 * pace_test.c - who may be read while the archive is behind.
 */
#include "recorder/pace.h"
#include "tests/unit/unit.h"

#define MIB  (UINT64_C(1) << 20)
#define RING (64 * MIB)

START_TEST(each_has_its_level)
{
    static const struct {
        enum pace_who who;
        uint64_t level;
    } cases[] = {
        {PACE_ANYBODY, RING / 2}, {PACE_NEWCOMER, RING / 4 * 3}, {PACE_LIGHT, RING / 8 * 7}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ck_assert(pace_has_room(0, 0, RING, cases[i].who));
        ck_assert(pace_has_room(cases[i].level, 0, RING, cases[i].who));
        ck_assert(!pace_has_room(cases[i].level + 1, 0, RING, cases[i].who));
    }
}
END_TEST

START_TEST(no_read_is_begun_that_might_not_fit)
{
    static const uint64_t rings[] = {RING_BYTES_MIN, 32 * MIB, RING, 1024 * MIB};
    for (size_t i = 0; i < sizeof rings / sizeof rings[0]; i++)
        for (uint64_t lag = 0; lag <= rings[i]; lag += MIB / 4)
            for (uint64_t held = 0; held <= RING_PAYLOAD_MAX; held += MIB)
                if (pace_has_room(lag, held, rings[i], PACE_LIGHT))
                    ck_assert_uint_le(lag + held + PACE_READ, rings[i] - rings[i] / 16);
}
END_TEST

START_TEST(the_longest_line_fits_the_smallest_ring)
{
    ck_assert(pace_has_room(RING_BYTES_MIN / 4, RING_PAYLOAD_MAX, RING_BYTES_MIN, PACE_ANYBODY));
}
END_TEST

int main(void)
{
    return UNIT_RUN("pace", each_has_its_level, no_read_is_begun_that_might_not_fit,
                    the_longest_line_fits_the_smallest_ring);
}
