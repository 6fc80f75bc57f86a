/* load_stats.c - see load_stats.h. */
#include "tests/bench/load_stats.h"

#include <inttypes.h>

#define STEPS (UINT64_C(1) << HISTOGRAM_STEP_BITS)

/* Below 2*STEPS a value is its own index; above, the top HISTOGRAM_STEP_BITS + 1 bits count, and
 * the shift that leaves them selects the row. */
static size_t histogram_index(uint64_t value)
{
    if (value < 2 * STEPS) {
        return (size_t)value;
    }
    const unsigned shift = 63 - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
    const size_t index = (size_t)(shift * STEPS + (value >> shift));
    return index < HISTOGRAM_SIZE ? index : HISTOGRAM_SIZE - 1;
}

/* The middle of the values that share an index. */
static int64_t histogram_value(size_t index)
{
    if (index < 2 * STEPS) {
        return (int64_t)index;
    }
    const unsigned shift = (unsigned)(index / STEPS) - 1;
    const uint64_t top = index - shift * STEPS;
    return (int64_t)((top << shift) + ((UINT64_C(1) << shift) >> 1));
}

void histogram_add(struct histogram *histogram, int64_t value)
{
    if (value < 0) {
        value = 0;
    }
    histogram->counts[histogram_index((uint64_t)value)]++;
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->max) {
        histogram->max = value;
    }
}

int64_t histogram_at(const struct histogram *histogram, double share)
{
    const double wanted = share * (double)histogram->count;
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_SIZE && histogram->count > 0; i++) {
        seen += histogram->counts[i];
        if (seen > 0 && (double)seen >= wanted) {
            return histogram_value(i);
        }
    }
    return 0;
}

bool load_faults_none(const struct load_faults *f)
{
    return f->handshake + f->mismatch_up + f->mismatch_down + f->unmatched + f->duplicate +
               f->lost + f->order + f->protocol + f->disconnect + f->close_not_relayed ==
           0;
}

static double ratio(double value, double by)
{
    return by > 0 ? value / by : 0;
}

static void print_times(FILE *out, const char *name, const struct histogram *h)
{
    const double us = 1e-3;
    fprintf(out,
            ",\"%s\":{\"count\":%" PRIu64
            ",\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"max\":%.1f}",
            name, h->count, us * ratio((double)h->sum, (double)h->count),
            us * (double)histogram_at(h, 0.5), us * (double)histogram_at(h, 0.9),
            us * (double)histogram_at(h, 0.99), us * (double)h->max);
}

static void print_rates(FILE *out, const struct load_report *report)
{
    const struct load_mark *a = &report->begin;
    const struct load_mark *b = &report->end;
    const double ns = (double)(b->at_ns - a->at_ns);
    const double messages = (double)(b->counters.lines_up + b->counters.lines_down -
                                     a->counters.lines_up - a->counters.lines_down);
    const double relay = (double)(b->relay_cpu_ns - a->relay_cpu_ns);
    const double own = (double)(b->own_cpu_ns - a->own_cpu_ns);
    const double all = (double)(b->machine_cpu_ns - a->machine_cpu_ns);
    const double other = all > relay + own ? all - relay - own : 0;
    fprintf(out, ",\"seconds\":%.3f,\"messages\":%.0f,\"messages_per_s\":%.1f", ns / 1e9, messages,
            1e9 * ratio(messages, ns));
    fprintf(out, ",\"submits_per_s\":%.1f,\"megabytes_per_s\":%.3f",
            1e9 * ratio((double)(b->counters.submits - a->counters.submits), ns),
            1e3 * ratio((double)(b->bytes - a->bytes), ns));
    fprintf(out, ",\"relay_cpu_us_per_message\":%.4f,\"own_cpu_us_per_message\":%.4f",
            1e-3 * ratio(relay, messages), 1e-3 * ratio(own, messages));
    fprintf(out, ",\"relay_cpu_percent\":%.1f,\"own_cpu_percent\":%.1f,\"other_cpu_percent\":%.1f",
            100 * ratio(relay, ns), 100 * ratio(own, ns), 100 * ratio(other, ns));
}

static void print_memory(FILE *out, const struct load_report *report)
{
    const struct load_memory *a = &report->memory_before;
    const struct load_memory *b = &report->memory_after;
    const double sessions = (double)report->ready;
    fprintf(out,
            ",\"memory\":{\"rss_before_kib\":%" PRIu64 ",\"rss_after_kib\":%" PRIu64
            ",\"pss_before_kib\":%" PRIu64 ",\"pss_after_kib\":%" PRIu64
            ",\"anonymous_before_kib\":%" PRIu64 ",\"anonymous_after_kib\":%" PRIu64,
            a->rss_kib, b->rss_kib, a->pss_kib, b->pss_kib, a->anonymous_kib, b->anonymous_kib);
    fprintf(out,
            ",\"rss_kib_per_session\":%.3f,\"pss_kib_per_session\":%.3f"
            ",\"anonymous_kib_per_session\":%.3f}",
            ratio((double)b->rss_kib - (double)a->rss_kib, sessions),
            ratio((double)b->pss_kib - (double)a->pss_kib, sessions),
            ratio((double)b->anonymous_kib - (double)a->anonymous_kib, sessions));
}

static void print_faults(FILE *out, const struct load_faults *f)
{
    fprintf(out,
            ",\"faults\":{\"handshake\":%" PRIu64 ",\"mismatch_up\":%" PRIu64
            ",\"mismatch_down\":%" PRIu64 ",\"unmatched\":%" PRIu64 ",\"duplicate\":%" PRIu64,
            f->handshake, f->mismatch_up, f->mismatch_down, f->unmatched, f->duplicate);
    fprintf(out,
            ",\"lost\":%" PRIu64 ",\"order\":%" PRIu64 ",\"protocol\":%" PRIu64
            ",\"disconnect\":%" PRIu64 ",\"close_not_relayed\":%" PRIu64 "}",
            f->lost, f->order, f->protocol, f->disconnect, f->close_not_relayed);
}

void load_report_print(const struct load_report *report, FILE *out)
{
    fprintf(out, "{\"label\":\"%s\",\"mode\":\"%s\",\"ok\":%s", report->label, report->mode,
            load_faults_none(&report->faults) ? "true" : "false");
    fprintf(out, ",\"miners\":%u,\"ready\":%u,\"window\":%u,\"rate\":%.1f", report->miners,
            report->ready, report->window, report->rate);
    fprintf(out, ",\"notify_ms\":%.1f,\"frag\":%s,\"connect_seconds\":%.3f", report->notify_ms,
            report->frag ? "true" : "false", report->connect_seconds);
    fprintf(out, ",\"relay_connect_cpu_us_per_session\":%.1f",
            1e-3 * ratio((double)report->connect_cpu_ns, (double)report->ready));
    print_rates(out, report);
    print_times(out, "round_trip_us", report->round_trip);
    print_times(out, "lateness_us", report->lateness);
    print_memory(out, report);
    fprintf(out, ",\"lines_up\":%" PRIu64 ",\"lines_down\":%" PRIu64, report->total.lines_up,
            report->total.lines_down);
    fprintf(out, ",\"submits\":%" PRIu64 ",\"replies\":%" PRIu64, report->total.submits,
            report->total.replies);
    fprintf(out, ",\"bytes_sent\":%" PRIu64 ",\"bytes_received\":%" PRIu64, report->bytes_sent,
            report->bytes_received);
    print_faults(out, &report->faults);
    fprintf(out, "}\n");
    fflush(out);
}
