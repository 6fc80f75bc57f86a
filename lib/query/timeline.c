/*
 * timeline.c - first the stretch of time, then the counts, from directories or from messages.
 *
 *   files:   ▐ totals: one bucket ▌▐ frame: one bucket │ frame over an edge │ being written ▌ ring
 *              added as they are       added as it is      read and counted     read and counted
 *
 * Frames over an edge that hold no refusal are read as long as there are few, and spread from then
 * on.
 *
 * Going by directories, the highest number met says where the ring goes on, so that nothing is
 * counted twice: numbers are given out once. Files that vanish meanwhile were the oldest ones.
 *
 * How it can fail: the place is none, its folder cannot be listed, or a query fails. Damaged files
 * and frames are told, and passed over.
 */
#include "lib/query/timeline.h"

#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/query/plan.h"
#include "lib/query/query_private.h"
#include "lib/segment/bytes.h"
#include "lib/stratum/scan.h"

#define ROWS_A_LOOK 4096 /* messages between two questions whether to stop */

struct counting {
    const struct query_timeline_options *options;
    struct query_timeline *timeline;
    struct query_match match; /* all messages of the stretch */
    struct query_reporter reporter;
    struct query_statistics statistics;
    ZSTD_DCtx *decompressor;
    struct buffer scratch;
    uint64_t newest;    /* the highest number in the files */
    size_t frames_left; /* that may be read without need */
};

static bool is_stopped(struct counting *counting)
{
    const struct query_timeline_options *options = counting->options;
    if (counting->timeline->complete && options->stop && options->stop(options->user))
        counting->timeline->complete = false;
    return !counting->timeline->complete;
}

/* What a file says may be anything. */
static int64_t ns_of(int64_t us)
{
    if (us > INT64_MAX / NS_PER_US)
        return INT64_MAX;
    return us < INT64_MIN / NS_PER_US ? INT64_MIN : us * NS_PER_US;
}

/* ------------------------------------------------------------------ messages, one by one */

static struct query_timeline_bucket *bucket_at(const struct query_timeline *timeline, int64_t ns)
{
    if (ns < timeline->from_ns || ns >= timeline->to_ns)
        return NULL;
    uint64_t behind = (uint64_t)ns - (uint64_t)timeline->from_ns;
    return &timeline->buckets[behind / timeline->bucket_ns];
}

static bool refuses(struct counting *counting, const struct query_row *row)
{
    struct stratum_scan scan;
    struct span bytes;
    if (row->line.is_fragment || query_row_bytes(row, &counting->scratch, &bytes) != STATUS_OK)
        return false;
    stratum_scan_line(&scan, bytes.data, bytes.len);
    return scan.error;
}

static void count_row(struct counting *counting, const struct query_row *row)
{
    struct query_timeline_bucket *bucket = bucket_at(counting->timeline, row->line.wall_ns);
    if (!bucket || !row->line.is_message)
        return;
    bucket->messages[row->line.direction]++;
    bucket->errors += refuses(counting, row);
}

/* All messages that fit and have a number of at least `first_seq`. */
static enum status count_rows(struct counting *counting, uint64_t first_seq, struct error *err)
{
    const struct query_timeline_options *options = counting->options;
    struct query_options asked = {.place = options->place,
                                  .filter = options->filter,
                                  .threads = options->threads,
                                  .damage = options->damage,
                                  .stop = options->stop,
                                  .user = options->user};
    struct query_row row;
    struct query *query;
    asked.filter.what = QUERY_MESSAGES;
    asked.filter.no_scraps = false; /* an index counts them */
    asked.filter.from_ns = counting->timeline->from_ns;
    asked.filter.to_ns = counting->timeline->to_ns;
    if (first_seq > asked.filter.first_seq)
        asked.filter.first_seq = first_seq;
    enum status status = query_open(&query, &asked, err);
    if (status != STATUS_OK)
        return status;
    for (uint64_t rows = 1; (status = query_next(query, &row, err)) == STATUS_OK; rows++) {
        count_row(counting, &row);
        if (rows % ROWS_A_LOOK == 0 && is_stopped(counting))
            break;
    }
    query_close(query);
    if (status == STATUS_CLOSED)
        counting->timeline->complete = false;
    return status == STATUS_CLOSED || status == STATUS_END ? STATUS_OK : status;
}

/* ------------------------------------------------------------------ whole frames */

/* Counts that lie evenly in the microseconds from `lowest` to `highest`. None of them refuses. */
struct heap_of_messages {
    int64_t lowest_us, highest_us;
    uint64_t messages[DIRECTION_COUNT];
};

/* Of `all`, those in front of a place that lies `part` of the way through. */
static uint64_t part_of(uint64_t all, double part)
{
    return part >= 1 ? all : (uint64_t)((double)all * part);
}

/* How much of the heap's time lies in front of `us`. */
static double part_before(const struct heap_of_messages *heap, int64_t us)
{
    if (us <= heap->lowest_us)
        return 0;
    if (us > heap->highest_us)
        return 1;
    double lowest = (double)heap->lowest_us;
    return ((double)us - lowest) / ((double)heap->highest_us - lowest + 1);
}

static void add_part(struct query_timeline_bucket *bucket, const struct heap_of_messages *heap,
                     double from, double to)
{
    for (int i = 0; i < DIRECTION_COUNT; i++)
        bucket->messages[i] += part_of(heap->messages[i], to) - part_of(heap->messages[i], from);
}

/* The edges are those of the stretch and of its buckets, in whole microseconds. */
static void spread(struct query_timeline *timeline, const struct heap_of_messages *heap)
{
    int64_t from_us = timeline->from_ns / NS_PER_US, to_us = timeline->to_ns / NS_PER_US;
    int64_t step_us = (int64_t)(timeline->bucket_ns / (uint64_t)NS_PER_US);
    if (heap->highest_us < from_us || heap->lowest_us >= to_us)
        return;
    size_t i = heap->lowest_us > from_us ? (size_t)((heap->lowest_us - from_us) / step_us) : 0;
    size_t first = i;
    double before = part_before(heap, from_us + (int64_t)i * step_us);
    for (; i < timeline->count; i++) {
        bool last = i + 1 == timeline->count;
        int64_t end_us = last ? to_us : from_us + (int64_t)(i + 1) * step_us;
        double here = part_before(heap, end_us);
        add_part(&timeline->buckets[i], heap, before, here);
        before = here;
        if (here >= 1)
            break;
    }
    if (i != first || heap->lowest_us < from_us || before < 1)
        timeline->exact = false;
}

/* The bucket that all of it lies in: then nothing more need be known. NULL: none. */
static struct query_timeline_bucket *only_bucket(const struct query_timeline *timeline,
                                                 int64_t lowest_us, int64_t highest_us)
{
    struct query_timeline_bucket *low = bucket_at(timeline, ns_of(lowest_us));
    return low == bucket_at(timeline, ns_of(highest_us)) ? low : NULL;
}

static void spread_frame(struct counting *counting, const struct segment_index *frame)
{
    struct heap_of_messages heap = {.lowest_us = frame->lowest_us, .highest_us = frame->highest_us};
    for (int i = 0; i < DIRECTION_COUNT; i++)
        heap.messages[i] = frame->directions[i];
    if (heap.lowest_us <= heap.highest_us)
        spread(counting->timeline, &heap);
}

/* By its entry alone: all of it lies in this bucket. */
static void add_frame(struct query_timeline_bucket *bucket, const struct segment_index *frame)
{
    for (int i = 0; i < DIRECTION_COUNT; i++)
        bucket->messages[i] += frame->directions[i];
    bucket->errors += frame->errors;
}

static bool is_outside(const struct query_timeline *timeline, const struct segment_index *frame)
{
    return ns_of(frame->highest_us) < timeline->from_ns ||
           ns_of(frame->lowest_us) >= timeline->to_ns;
}

/* ------------------------------------------------------------------ files */

static void count_hits(struct counting *counting, const struct query_load *load)
{
    for (size_t i = 0; i < load->hits.count; i++) {
        const struct query_hit *hit = &load->hits.list[i];
        struct query_row row = {.instance = load->file->head.instance};
        if (segment_line_parse(&row.line, load->text.data + hit->offset, hit->len) == STATUS_OK)
            count_row(counting, &row);
    }
}

/* Line by line, whether there is an entry or not. */
static void count_text(struct counting *counting, struct query_file *file,
                       const struct segment_index *frame, bool tail)
{
    struct query_load load = {.file = query_file_hold(file), .frame = *frame, .tail = tail};
    query_load_run(&load, counting->decompressor, &counting->match);
    if (load.damaged)
        query_report(&counting->reporter, file->path, frame->offset, load.why);
    count_hits(counting, &load);
    if (load.last_seq > counting->newest)
        counting->newest = load.last_seq;
    query_load_close(&load);
}

/* Whether the frame has to be read, or may be. */
static bool is_read(struct counting *counting, const struct segment_index *frame)
{
    if (frame->errors > 0)
        return true;
    if (counting->frames_left == 0)
        return false;
    counting->frames_left--;
    return true;
}

static void count_frame(struct counting *counting, struct query_file *file,
                        const struct segment_index *frame)
{
    struct query_timeline_bucket *bucket =
        only_bucket(counting->timeline, frame->lowest_us, frame->highest_us);
    if (bucket)
        add_frame(bucket, frame);
    else if (!is_outside(counting->timeline, frame) && is_read(counting, frame))
        count_text(counting, file, frame, false);
    else
        spread_frame(counting, frame);
    if (frame->last_seq > counting->newest)
        counting->newest = frame->last_seq;
}

static void count_file(struct counting *counting, struct query_file *file)
{
    for (size_t i = 0; i < file->frame_count && !is_stopped(counting); i++) {
        if (file->frames[i].lines > 0)
            count_frame(counting, file, &file->frames[i]);
        else
            count_text(counting, file, &file->frames[i], false);
    }
    if (file->tail && !is_stopped(counting))
        count_text(counting, file, &(struct segment_index){.offset = file->tail}, true);
}

/* By the file's totals alone; false: they do not say enough. */
static bool count_totals(struct counting *counting, const char *path)
{
    struct segment_footer *footer;
    if (segment_footer_open(&footer, path, SEGMENT_FOOTER_TOTALS, NULL) != STATUS_OK)
        return false;
    const struct segment_totals *totals = segment_footer_totals(footer);
    struct query_timeline_bucket *bucket =
        only_bucket(counting->timeline, totals->lowest_us, totals->highest_us);
    bool whole = totals->lines == 0 || bucket;
    for (int i = 0; bucket && totals->lines > 0 && i < DIRECTION_COUNT; i++)
        bucket->messages[i] += totals->messages[i];
    if (bucket && totals->lines > 0)
        bucket->errors += totals->errors;
    if (whole && totals->last_seq > counting->newest)
        counting->newest = totals->last_seq;
    segment_footer_close(footer);
    return whole;
}

static void count_path(struct counting *counting, const char *path)
{
    struct query_file *file;
    struct error err = {""};
    if (count_totals(counting, path))
        return;
    enum status status = query_file_open(&file, path, false, &counting->reporter, &err);
    if (status == STATUS_OK)
        count_file(counting, file);
    else if (status != STATUS_NOT_FOUND)
        query_report(&counting->reporter, path, 0, err.text);
    if (status == STATUS_OK)
        query_file_release(file);
}

static enum status count_files(struct counting *counting, struct error *err)
{
    struct query_plan plan = {.match = &counting->match,
                              .bounds = {.below = UINT64_MAX},
                              .reporter = &counting->reporter,
                              .statistics = &counting->statistics};
    counting->decompressor = segment_decompressor_new();
    if (!counting->decompressor)
        return error_set(err, STATUS_FULL, "no memory for decompressing");
    enum status status = query_plan_open(&plan, &counting->options->place, err);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < plan.count && !is_stopped(counting); i++) {
        if (query_plan_name_fits(&plan, i))
            count_path(counting, plan.paths[i].path);
    }
    query_plan_close(&plan);
    return STATUS_OK;
}

static enum status count_by_index(struct counting *counting, struct error *err)
{
    enum status status =
        query_match_init(&counting->match,
                         &(struct query_filter){.from_ns = counting->timeline->from_ns,
                                                .to_ns = counting->timeline->to_ns,
                                                .what = QUERY_MESSAGES},
                         err);
    if (status != STATUS_OK)
        return status;
    status = count_files(counting, err);
    query_match_close(&counting->match);
    ZSTD_freeDCtx(counting->decompressor);
    if (status != STATUS_OK || counting->options->filter.source == QUERY_ARCHIVE ||
        is_stopped(counting))
        return status;
    return count_rows(counting, counting->newest + 1, err);
}

/* ------------------------------------------------------------------ the stretch */

/* When the first line in this order was recorded; 0: there is none. Frames have the times of all
 * their lines, so going by directories all count. */
static enum status find_end(struct query_timeline *timeline,
                            const struct query_timeline_options *options, enum query_order order,
                            int64_t *out, struct error *err)
{
    struct query_options asked = {.place = options->place,
                                  .filter = {.source = options->filter.source,
                                             .what = options->by_index ? 0 : QUERY_MESSAGES},
                                  .order = order,
                                  .stop = options->stop,
                                  .user = options->user};
    struct query *query;
    struct query_row row;
    *out = 0;
    enum status status = query_open(&query, &asked, err);
    if (status != STATUS_OK)
        return status;
    status = query_next(query, &row, err);
    if (status == STATUS_OK)
        *out = row.line.wall_ns;
    query_close(query);
    if (status == STATUS_CLOSED)
        timeline->complete = false;
    return status == STATUS_END || status == STATUS_CLOSED ? STATUS_OK : status;
}

/* Whole microseconds, as lines have them: the first at or behind this. */
static int64_t round_up(int64_t ns)
{
    int64_t rest = ns % NS_PER_US;
    if (rest > 0)
        return ns - rest + (ns < INT64_MAX - NS_PER_US ? NS_PER_US : 0);
    return ns - rest;
}

static enum status find_stretch(struct query_timeline *timeline,
                                const struct query_timeline_options *options, struct error *err)
{
    int64_t from = options->filter.from_ns, to = options->filter.to_ns;
    enum status status = query_check_place(&options->place, err);
    if (status == STATUS_OK && !from)
        status = find_end(timeline, options, QUERY_OLDEST_FIRST, &from, err);
    if (status == STATUS_OK && !to) {
        status = find_end(timeline, options, QUERY_NEWEST_FIRST, &to, err);
        to = to ? clock_later(to, NS_PER_US) : 0;
    }
    if (status != STATUS_OK)
        return status;
    timeline->from_ns = from ? round_up(from) : 0;
    timeline->to_ns = to ? round_up(to) : 0;
    if (!from || !to || timeline->to_ns <= timeline->from_ns) {
        timeline->from_ns = timeline->to_ns = 0;
        return STATUS_OK;
    }
    uint64_t all = ((uint64_t)timeline->to_ns - (uint64_t)timeline->from_ns) / (uint64_t)NS_PER_US;
    uint64_t step = (all + options->buckets - 1) / options->buckets;
    timeline->bucket_ns = step * (uint64_t)NS_PER_US;
    timeline->count = (size_t)((all + step - 1) / step);
    return STATUS_OK;
}

static enum status check(const struct query_timeline_options *options, struct error *err)
{
    const struct query_filter *filter = &options->filter;
    if (options->buckets < 1 || options->buckets > QUERY_TIMELINE_BUCKETS)
        return error_set(err, STATUS_INVALID, "%zu buckets: expected 1 to %d", options->buckets,
                         QUERY_TIMELINE_BUCKETS);
    bool narrow = filter->session_count || filter->directions || filter->methods ||
                  filter->method_count || filter->errors || filter->answers_to ||
                  filter->text_len || filter->first_seq || filter->last_seq || filter->worker ||
                  filter->peer || filter->route || filter->pool || filter->user_agent;
    if (options->by_index && (narrow || filter->source == QUERY_LIVE))
        return error_set(err, STATUS_INVALID, "directories tell of times only");
    return STATUS_OK;
}

enum status query_timeline_open(struct query_timeline *out,
                                const struct query_timeline_options *options, struct error *err)
{
    struct counting counting = {.options = options,
                                .timeline = out,
                                .reporter = {options->damage, options->user, NULL},
                                .frames_left = options->frames};
    *out = (struct query_timeline){.exact = true, .complete = true};
    enum status status = check(options, err);
    if (status == STATUS_OK)
        status = find_stretch(out, options, err);
    if (status != STATUS_OK || out->count == 0)
        return status;
    out->buckets = memory_new(out->count * sizeof *out->buckets);
    status = options->by_index ? count_by_index(&counting, err) : count_rows(&counting, 0, err);
    buffer_close(&counting.scratch);
    if (status != STATUS_OK)
        query_timeline_close(out);
    return status;
}

void query_timeline_close(struct query_timeline *timeline)
{
    free(timeline->buckets);
    *timeline = (struct query_timeline){0};
}
