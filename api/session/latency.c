/* latency.c - see latency.h. Nothing fails. */
#include "api/session/latency.h"

#define EIGHTHS 8u
#define MOST_US                                                                                    \
    (INT64_C(1) << 40) /* what is longer is no latency; so that sums are none to fear              \
                        */

static unsigned class_of(int64_t us)
{
    if (us < (int64_t)EIGHTHS)
        return us > 0 ? (unsigned)us : 0;
    unsigned octave = 63u - (unsigned)__builtin_clzll((unsigned long long)us);
    unsigned class = (octave - 2) * EIGHTHS + ((unsigned)(us >> (octave - 3)) & 7u);
    return class < LATENCY_CLASSES ? class : LATENCY_CLASSES - 1;
}

static double lowest(unsigned class)
{
    if (class < EIGHTHS)
        return class;
    return (double)((uint64_t)(EIGHTHS + class % EIGHTHS) << (class / EIGHTHS - 1));
}

static double width(unsigned class)
{
    return class < EIGHTHS ? 1 : (double)(UINT64_C(1) << (class / EIGHTHS - 1));
}

void latency_add(struct latency *latency, int64_t us)
{
    us = us < 0 ? 0 : us > MOST_US ? MOST_US : us;
    latency->count++;
    latency->sum_us += us;
    latency->max_us = us > latency->max_us ? us : latency->max_us;
    latency->classes[class_of(us)]++;
}

void latency_merge(struct latency *latency, const struct latency *other)
{
    latency->count += other->count;
    latency->sum_us += other->sum_us;
    latency->max_us = other->max_us > latency->max_us ? other->max_us : latency->max_us;
    for (unsigned i = 0; i < LATENCY_CLASSES; i++)
        latency->classes[i] += other->classes[i];
}

double latency_percentile(const struct latency *latency, double share)
{
    double wanted = share * (double)latency->count, below = 0, found = 0;
    if (latency->count == 0)
        return -1;
    for (unsigned i = 0; i < LATENCY_CLASSES; i++) {
        double here = latency->classes[i];
        if (here == 0)
            continue;
        if (below + here >= wanted) {
            found = lowest(i) + width(i) * (wanted - below) / here;
            break;
        }
        below += here;
    }
    return (found < (double)latency->max_us ? found : (double)latency->max_us) / 1000;
}

double latency_mean(const struct latency *latency)
{
    return latency->count ? (double)latency->sum_us / (double)latency->count / 1000 : -1;
}

double latency_max(const struct latency *latency)
{
    return latency->count ? (double)latency->max_us / 1000 : -1;
}
