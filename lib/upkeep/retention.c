/*
 * retention.c - the plan: pure, no file is looked at here.
 *
 * First the files that are too old go, wherever they stand: after a clock was set back a file in
 * the middle may be the oldest. Then, from the oldest number on, as many as bytes and room still
 * want.
 */
#include "lib/upkeep/retention.h"

#include <stdlib.h>
#include <string.h>

/* Removal order: by number, and of one number what matters least first. */
static int compare(const void *a, const void *b)
{
    const struct retention_file *left = a, *right = b;
    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    if (left->state != right->state)
        return left->state < right->state ? -1 : 1;
    return left->path && right->path ? strcmp(left->path, right->path) : 0;
}

void retention_sort(struct retention_file *files, size_t count)
{
    if (count)
        qsort(files, count, sizeof *files, compare);
}

static uint64_t add_capped(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* What is still to be made up for, on the way through the files. */
struct tally {
    uint64_t excess;  /* bytes above the limit */
    uint64_t missing; /* bytes of room */
};

static struct tally tally_of(const struct retention_file *files, size_t count,
                             const struct retention_limits *limits,
                             const struct retention_view *view)
{
    uint64_t total = view->growth_bytes;
    for (size_t i = 0; i < count; i++)
        total = add_capped(total, files[i].bytes);
    uint64_t wanted = add_capped(limits->min_free_bytes, view->growth_bytes);
    return (struct tally){
        .excess = limits->bytes && total > limits->bytes ? total - limits->bytes : 0,
        .missing =
            limits->min_free_bytes && wanted > view->free_bytes ? wanted - view->free_bytes : 0,
    };
}

static bool too_old(const struct retention_file *file, const struct retention_limits *limits,
                    int64_t now_ns)
{
    if (!limits->age_ns || file->state == RETENTION_WRITING || file->last_ns >= now_ns)
        return false;
    return (uint64_t)now_ns - (uint64_t)file->last_ns > (uint64_t)limits->age_ns;
}

static void subtract(uint64_t *from, uint64_t bytes)
{
    *from = *from > bytes ? *from - bytes : 0;
}

static void take(struct retention_outcome *out, struct tally *tally,
                 const struct retention_file *file, enum retention_verdict *verdict,
                 enum retention_verdict why)
{
    *verdict = why;
    out->count++;
    out->bytes = add_capped(out->bytes, file->bytes);
    subtract(&tally->excess, file->bytes);
    subtract(&tally->missing, file->bytes);
}

struct retention_outcome retention_plan(const struct retention_file *files, size_t count,
                                        const struct retention_limits *limits,
                                        const struct retention_view *view,
                                        enum retention_verdict *verdicts)
{
    struct retention_outcome out = {0};
    struct tally tally = tally_of(files, count, limits, view);
    for (size_t i = 0; i < count; i++) {
        bool old = too_old(&files[i], limits, view->now_ns);
        out.age_paused = out.age_paused || (old && !view->clock_trusted);
        verdicts[i] = RETENTION_KEEP;
        if (old && view->clock_trusted)
            take(&out, &tally, &files[i], &verdicts[i], RETENTION_TOO_OLD);
    }
    for (size_t i = 0; i < count && (tally.excess || tally.missing); i++) {
        if (verdicts[i] != RETENTION_KEEP || files[i].state == RETENTION_WRITING)
            continue;
        take(&out, &tally, &files[i], &verdicts[i],
             tally.excess ? RETENTION_TOO_MANY_BYTES : RETENTION_NO_ROOM);
    }
    out.bytes_exceeded = tally.excess > 0;
    out.room_missing = tally.missing > 0;
    return out;
}

const char *retention_setting(enum retention_verdict verdict)
{
    switch (verdict) {
    case RETENTION_KEEP:
        return "";
    case RETENTION_TOO_MANY_BYTES:
        return "RETAIN_BYTES";
    case RETENTION_TOO_OLD:
        return "RETAIN_DAYS";
    case RETENTION_NO_ROOM:
        return "MIN_FREE_BYTES";
    }
    return "";
}
