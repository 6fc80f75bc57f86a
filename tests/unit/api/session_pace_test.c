/* session_pace_test.c - hashrate and latency from the shares of a session. */
#include "api/session/pace.h"

#include "tests/unit/unit.h"

#define HASHES 4294967296.0

/* `count` shares of difficulty 1000, one every ten seconds, from `at` on; the time of the last. */
static int64_t mine(struct session_pace *pace, int64_t begin_ns, int64_t at, int count)
{
    for (int i = 0; i < count; i++) {
        at += 10 * NS_PER_S;
        struct pace_share share = {at, begin_ns, 1000 * (i % 5), 1000, true};
        session_pace_add(pace, &share);
    }
    return at;
}

static void expect_rate(const struct session_pace *pace, int64_t at, double wanted, double percent)
{
    double rate = session_pace_hashrate(pace, at);
    ck_assert_msg(rate > wanted * (1 - percent / 100) && rate < wanted * (1 + percent / 100),
                  "%g is not %g within %g %%", rate, wanted, percent);
}

START_TEST(nothing_is_known_of_nothing)
{
    struct session_pace pace = {0};
    ck_assert(session_pace_hashrate(&pace, NS_PER_S) < 0);
    ck_assert(session_pace_latency(&pace) < 0);
    struct pace_share unknown = {NS_PER_S, NS_PER_S, -1, 0, true};
    struct pace_share refused = {NS_PER_S, NS_PER_S, -1, 1000, false};
    session_pace_add(&pace, &unknown);
    session_pace_add(&pace, &refused);
    ck_assert(session_pace_hashrate(&pace, 2 * NS_PER_S) < 0);
    ck_assert(session_pace_latency(&pace) < 0);
}
END_TEST

START_TEST(a_steady_rate_is_told_from_the_beginning_on)
{
    struct session_pace pace = {0};
    int64_t begin = 1000 * NS_PER_S;
    int64_t at = mine(&pace, begin, begin, 12); /* two minutes */
    expect_rate(&pace, at, 100 * HASHES, 2);
    at = mine(&pace, begin, at, 1000);
    expect_rate(&pace, at + 5 * NS_PER_S, 100 * HASHES, 2);
}
END_TEST

START_TEST(a_session_met_in_its_middle)
{
    struct session_pace pace = {0};
    int64_t at = mine(&pace, 0, 1000 * NS_PER_S, 1);
    ck_assert(session_pace_hashrate(&pace, at) < 0);
    at = mine(&pace, 0, at, 20);
    expect_rate(&pace, at, 100 * HASHES, 2);
}
END_TEST

START_TEST(it_follows_and_fades)
{
    struct session_pace pace = {0};
    int64_t begin = 1000 * NS_PER_S, at = mine(&pace, begin, begin, 2000);
    expect_rate(&pace, at + PACE_WINDOW_NS, 100 * HASHES / 2.718281828, 2);
    struct pace_share back = {at - 500 * NS_PER_S, begin, -1, 1000, true}; /* the clock was set */
    session_pace_add(&pace, &back);
    expect_rate(&pace, at, 100 * HASHES, 3);
}
END_TEST

START_TEST(the_median_of_the_last_answers)
{
    struct session_pace pace = {0};
    mine(&pace, NS_PER_S, NS_PER_S, 3); /* 0, 1, 2 ms */
    ck_assert_double_eq(session_pace_latency(&pace), 1.0);
    mine(&pace, NS_PER_S, NS_PER_S, 100);
    ck_assert_double_eq(session_pace_latency(&pace), 2.0);
    for (int i = 0; i < PACE_LATENCIES; i++)
        session_pace_add(&pace, &(struct pace_share){NS_PER_S, 0, 250, 0, false});
    ck_assert_double_eq(session_pace_latency(&pace), 0.25);
}
END_TEST

int main(void)
{
    return UNIT_RUN("session's pace", nothing_is_known_of_nothing,
                    a_steady_rate_is_told_from_the_beginning_on, a_session_met_in_its_middle,
                    it_follows_and_fades, the_median_of_the_last_answers);
}
