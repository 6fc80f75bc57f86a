/* series.c - see series.h. Nothing fails. */
#include "api/session/series.h"

#include <stdlib.h>
#include <string.h>

#include "api/request/json_out.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"

void series_close(struct series *series)
{
    free(series->buckets);
    *series = (struct series){.buckets = NULL};
}

static void merge(struct series_bucket *bucket, const struct series_bucket *later)
{
    bucket->accepted += later->accepted;
    bucket->rejected += later->rejected;
    bucket->work += later->work;
    if (later->difficulty > 0)
        bucket->difficulty = later->difficulty;
    latency_merge(&bucket->latency, &later->latency);
}

static void widen(struct series *series)
{
    struct series_bucket *buckets = series->buckets;
    for (size_t i = 0; i < SERIES_BUCKETS / 2; i++) {
        if (i > 0)
            buckets[i] = buckets[2 * i];
        merge(&buckets[i], &buckets[2 * i + 1]);
    }
    memset(buckets + SERIES_BUCKETS / 2, 0, SERIES_BUCKETS / 2 * sizeof *buckets);
    series->width_ns *= 2;
}

/* Times in front of the first one (a clock that was set back) count as the first. */
static struct series_bucket *bucket_at(struct series *series, int64_t wall_ns)
{
    if (!series->buckets) {
        series->buckets = memory_new(SERIES_BUCKETS * sizeof *series->buckets);
        series->from_ns = series->last_ns = wall_ns / NS_PER_S * NS_PER_S;
        series->width_ns = NS_PER_S;
    }
    if (wall_ns > series->last_ns)
        series->last_ns = wall_ns;
    int64_t since = wall_ns > series->from_ns ? clock_between(series->from_ns, wall_ns) : 0;
    while (since / series->width_ns >= SERIES_BUCKETS)
        widen(series);
    return &series->buckets[since / series->width_ns];
}

void series_reach(struct series *series, int64_t wall_ns, double difficulty)
{
    struct series_bucket *bucket = bucket_at(series, wall_ns);
    if (difficulty > 0)
        bucket->difficulty = difficulty;
}

void series_add(struct series *series, const struct series_share *share)
{
    struct series_bucket *bucket = bucket_at(series, share->wall_ns);
    bucket->accepted += share->accepted;
    bucket->rejected += !share->accepted;
    bucket->work += share->accepted ? share->difficulty : 0;
    latency_add(&bucket->latency, share->latency_us);
}

/* ---- writing ---- */

static void write_bucket(const struct series *series, size_t at, double difficulty,
                         struct buffer *out)
{
    const struct series_bucket *bucket = &series->buckets[at];
    int64_t begin_ns = clock_later(series->from_ns, clock_ns((int64_t)at, series->width_ns));
    int64_t lasts_ns = clock_between(begin_ns, series->last_ns); /* of the last one, so far */
    if (lasts_ns > series->width_ns)
        lasts_ns = series->width_ns;
    if (lasts_ns < NS_PER_S)
        lasts_ns = NS_PER_S;
    bool told = bucket->accepted == 0 || bucket->work > 0;
    out_comma(out);
    buffer_append_char(out, '{');
    out_time(out, "t", begin_ns);
    out_u64(out, "accepted", bucket->accepted);
    out_u64(out, "rejected", bucket->rejected);
    out_number(out, "latency_p50_ms", latency_percentile(&bucket->latency, 0.5), 6);
    out_number(out, "latency_p90_ms", latency_percentile(&bucket->latency, 0.9), 6);
    out_number(out, "difficulty", difficulty > 0 ? difficulty : -1, 15);
    out_number(out, "hashrate",
               told ? bucket->work * SERIES_HASHES * (double)NS_PER_S / (double)lasts_ns : -1, 6);
    buffer_append_char(out, '}');
}

void series_write(const struct series *series, struct buffer *out)
{
    double difficulty = 0;
    out_name(out, "series");
    buffer_append_char(out, '{');
    out_time(out, "from", series->from_ns);
    out_time(out, "to", series->last_ns);
    out_number(out, "bucket_seconds",
               series->width_ns ? (double)series->width_ns / (double)NS_PER_S : -1, 15);
    out_name(out, "buckets");
    buffer_append_char(out, '[');
    for (size_t i = 0; series->buckets && i < SERIES_BUCKETS; i++) {
        if (clock_later(series->from_ns, clock_ns((int64_t)i, series->width_ns)) > series->last_ns)
            break;
        if (series->buckets[i].difficulty > 0)
            difficulty = series->buckets[i].difficulty;
        write_bucket(series, i, difficulty, out);
    }
    buffer_append_text(out, "]}");
}
