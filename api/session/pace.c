/* pace.c - see pace.h. */
#include "api/session/pace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HASHES_PER_DIFFICULTY 4294967296.0 /* 2^32 */

/* Clocks are set back: then no time has passed. */
static double windows_between(int64_t from_ns, int64_t to_ns)
{
    return to_ns > from_ns ? (double)clock_between(from_ns, to_ns) / (double)PACE_WINDOW_NS : 0;
}

static void add_work(struct session_pace *pace, const struct pace_share *share)
{
    if (!pace->since_ns) {
        pace->since_ns = share->begin_ns ? share->begin_ns : share->wall_ns;
        pace->last_ns = share->wall_ns;
        if (!share->begin_ns)
            return; /* the time begins with it: it tells nothing yet */
    }
    pace->work =
        pace->work * exp(-windows_between(pace->last_ns, share->wall_ns)) + share->difficulty;
    if (share->wall_ns > pace->last_ns)
        pace->last_ns = share->wall_ns;
}

void session_pace_add(struct session_pace *pace, const struct pace_share *share)
{
    if (share->latency_us >= 0 && share->latency_us <= UINT32_MAX)
        pace->latencies_us[pace->answered++ % PACE_LATENCIES] = (uint32_t)share->latency_us;
    if (share->accepted && share->difficulty > 0)
        add_work(pace, share);
}

double session_pace_hashrate(const struct session_pace *pace, int64_t wall_ns)
{
    double seen = windows_between(pace->since_ns, wall_ns);
    double window_s = (double)PACE_WINDOW_NS / (double)NS_PER_S;
    if (!pace->since_ns || seen <= 0)
        return -1;
    double work = pace->work * exp(-windows_between(pace->last_ns, wall_ns));
    return HASHES_PER_DIFFICULTY * work / (window_s * -expm1(-seen));
}

static int compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

double session_pace_latency(const struct session_pace *pace)
{
    uint32_t sorted[PACE_LATENCIES];
    size_t count = pace->answered < PACE_LATENCIES ? pace->answered : PACE_LATENCIES;
    if (count == 0)
        return -1;
    memcpy(sorted, pace->latencies_us, count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], compare);
    size_t middle = count / 2;
    return sorted[middle] / 1000.0;
}
