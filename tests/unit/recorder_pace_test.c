/*
 * recorder_pace_test.c - how long the relay pauses for an archive that is behind.
 */
#include "lib/base/clock.h"
#include "recorder/pace.h"
#include "tests/unit/unit.h"

#define RING (UINT64_C(64) << 20)

START_TEST(no_pause_below_half)
{
    ck_assert_int_eq(pace_pause_ns(0, RING), 0);
    ck_assert_int_eq(pace_pause_ns(RING / 2, RING), 0);
}
END_TEST

START_TEST(grows_and_is_bounded)
{
    int64_t before = 0;
    for (uint64_t lag = RING / 2 + (1 << 20); lag <= RING; lag += 1 << 20) {
        int64_t pause = pace_pause_ns(lag, RING);
        ck_assert_int_gt(pause, before);
        before = pause;
    }
    ck_assert_int_eq(before, PACE_MOST_MS * NS_PER_MS);
    ck_assert_int_eq(pace_pause_ns(3 * RING, RING), PACE_MOST_MS * NS_PER_MS);
    ck_assert_int_eq(pace_pause_ns(RING * 3 / 4, RING), PACE_MOST_MS * NS_PER_MS / 4);
}
END_TEST

int main(void)
{
    return UNIT_RUN("pace", no_pause_below_half, grows_and_is_bounded);
}
