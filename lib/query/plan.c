/*
 * plan.c - files by their names and first numbers, frames by their entries.
 *
 * A file's times lie between its start and the next one's, both as in the names, an hour of doubt
 * around them; its numbers begin where its first lines say, so the file to begin with is found by
 * halving. All that fails is a folder that cannot be listed; files that cannot be read are damage.
 */
#include "lib/query/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/segment/bytes.h"

#define CLOCK_DOUBT_US  (3600 * (NS_PER_S / NS_PER_US))
#define SINGLE_SESSIONS 4 /* looked up in a footer one by one */

/* ------------------------------------------------------------------ names */

/* 20261122T135301Z at the beginning of the file's name. */
static bool start_of(const struct segment_path *path, int64_t *us)
{
    const char *slash = strrchr(path->path, '/'), *name = slash ? slash + 1 : path->path;
    char text[] = "0000-00-00T00:00:00Z";
    int64_t ns;
    if (strlen(name) < 16)
        return false;
    memcpy(text, name, 4);
    memcpy(text + 5, name + 4, 2);
    memcpy(text + 8, name + 6, 2);
    memcpy(text + 11, name + 9, 2);
    memcpy(text + 14, name + 11, 2);
    memcpy(text + 17, name + 13, 2);
    if (!clock_parse(text, strlen(text), &ns))
        return false;
    *us = ns / NS_PER_US;
    return true;
}

/* The session's beginning, out of its UUID; false when it is not of version 7. */
static bool session_start(const struct uuid *session, int64_t *us)
{
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | session->bytes[i];
    *us = (int64_t)ms * 1000;
    return session->bytes[6] >> 4 == 7;
}

/* When the lines of the i-th file were recorded, as far as names tell; false: they do not. */
static bool times_of(const struct query_plan *plan, size_t i, int64_t *low, int64_t *high)
{
    int64_t begin, end = INT64_MAX - CLOCK_DOUBT_US;
    if (!start_of(&plan->paths[i], &begin) ||
        (i + 1 < plan->count && !start_of(&plan->paths[i + 1], &end)))
        return false;
    *low = (begin < end ? begin : end) - CLOCK_DOUBT_US;
    *high = (begin < end ? end : begin) + CLOCK_DOUBT_US;
    return true;
}

/* The first file that the oldest of the sessions may have begun in. All behind it may have lines of
 * it, whatever their names say: a clock can be set back by any time while a session goes on. */
static size_t first_of_sessions(const struct query_plan *plan)
{
    const struct query_match *match = plan->match;
    int64_t oldest = INT64_MAX, start, low, high;
    if (!match || !match->by_session) /* nothing but numbers is asked for */
        return 0;
    for (size_t i = 0; i < match->ids.count; i++) {
        if (!session_start(&match->ids.uuids[i], &start))
            return 0;
        oldest = start < oldest ? start : oldest;
    }
    size_t i = 0;
    while (i < plan->count && times_of(plan, i, &low, &high) && high < oldest)
        i++;
    return i;
}

bool query_plan_name_fits(const struct query_plan *plan, size_t i)
{
    const struct query_match *match = plan->match;
    int64_t low, high;
    if (i < plan->first)
        return false;
    if (!match->bounded || !times_of(plan, i, &low, &high))
        return true;
    return high >= match->from_us && low < match->to_us;
}

/* ------------------------------------------------------------------ numbers */

struct probe {
    uint64_t instance, first_seq;
    bool known;
};

static struct probe probe(const struct query_plan *plan, size_t i)
{
    struct probe out = {0};
    out.known = query_file_probe(plan->paths[i].path, &out.instance, &out.first_seq);
    return out;
}

/* How many files from the oldest on begin at or below seq. Where it is not known: `otherwise`. */
static size_t files_up_to(const struct query_plan *plan, uint64_t seq, bool otherwise)
{
    size_t low = 0, high = plan->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct probe here = probe(plan, middle);
        if (here.known ? here.first_seq <= seq : otherwise)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Numbers order the files only where all are of one series. */
static bool one_series(const struct query_plan *plan, uint64_t instance)
{
    struct probe first = probe(plan, 0), last = probe(plan, plan->count - 1);
    if (!last.known && plan->count > 1)
        last = probe(plan, plan->count - 2); /* just made, still empty */
    return first.known && last.known && first.instance == last.instance &&
           (instance == 0 || first.instance == instance);
}

/* Another series, of a data directory whose live/instance was lost: begins where the cursor's own
 * files do. */
static void skip_foreign(struct query_plan *plan)
{
    bool oldest_first = plan->order == QUERY_OLDEST_FIRST;
    for (; plan->bounds.instance && plan->left > 0; plan->left--) {
        struct probe here = probe(plan, oldest_first ? plan->count - plan->left : plan->left - 1);
        if (here.known && here.instance == plan->bounds.instance)
            return;
    }
}

static void seek(struct query_plan *plan)
{
    bool oldest_first = plan->order == QUERY_OLDEST_FIRST;
    uint64_t bound = oldest_first ? plan->bounds.above : plan->bounds.below;
    plan->left = plan->count;
    if (plan->count < 2 || bound == (oldest_first ? 0 : UINT64_MAX))
        return;
    if (!one_series(plan, plan->bounds.instance)) {
        skip_foreign(plan);
        return;
    }
    size_t up_to = files_up_to(plan, bound, !oldest_first);
    if (oldest_first)
        plan->left = plan->count - (up_to ? up_to - 1 : 0);
    else
        plan->left = up_to;
}

uint64_t query_plan_first_seq(const struct query_plan *plan)
{
    struct probe here = {0};
    if (plan->left > 0)
        here = probe(plan, plan->count - plan->left);
    return here.known ? here.first_seq : 0;
}

/* ------------------------------------------------------------------ files */

static enum status list(struct query_plan *plan, const struct query_place *place, struct error *err)
{
    char folder[SEGMENT_PATH_MAX];
    enum status status = segment_folder(folder, place->data_dir, place->series, err);
    if (status == STATUS_OK)
        status = segment_list_folder(folder, &plan->paths, &plan->count, err);
    return status == STATUS_OK ? status : error_wrap(err, status, "listing segments");
}

enum status query_plan_open(struct query_plan *plan, const struct query_place *place,
                            struct error *err)
{
    enum status status = list(plan, place, err);
    if (status != STATUS_OK)
        return status;
    plan->first = first_of_sessions(plan);
    seek(plan);
    plan->statistics->files += plan->count;
    plan->statistics->files_pruned += plan->count - plan->left;
    return STATUS_OK;
}

static void close_file(struct query_plan *plan)
{
    query_file_release(plan->file);
    free(plan->wanted);
    plan->file = NULL;
    plan->wanted = NULL;
}

void query_plan_close(struct query_plan *plan)
{
    close_file(plan);
    segment_list_free(plan->paths, plan->count);
    plan->paths = NULL;
    plan->count = plan->left = 0;
}

static void want(struct query_plan *plan, size_t session)
{
    struct segment_runs runs;
    segment_footer_session_frames(plan->file->footer, session, &runs);
    for (uint32_t first, count; segment_runs_next(&runs, &first, &count);) {
        for (size_t i = first; i < plan->file->frame_count && i - first < count; i++)
            plan->wanted[i] = true;
    }
}

static int compare_uuids(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

/* The frames of the sessions asked for. */
static void choose_frames(struct query_plan *plan)
{
    const struct query_ids *ids = &plan->match->ids;
    const struct segment_footer *footer = plan->file->footer;
    size_t sessions = segment_footer_sessions(footer), at;
    plan->wanted = memory_new(plan->file->frame_count + 1);
    for (size_t i = 0; i < ids->count && ids->count <= SINGLE_SESSIONS; i++) {
        if (segment_footer_find(footer, &ids->uuids[i], &at))
            want(plan, at);
    }
    for (size_t i = 0; i < sessions && ids->count > SINGLE_SESSIONS; i++) {
        struct uuid id;
        segment_footer_session_id(footer, i, &id);
        if (bsearch(&id, ids->uuids, ids->count, sizeof id, compare_uuids))
            want(plan, i);
    }
}

/* Numbers only grow: behind a file that lies beyond the bound there is nothing more. */
static bool is_beyond(const struct query_plan *plan)
{
    const struct query_file *file = plan->file;
    if (plan->bounds.instance && file->head.instance != plan->bounds.instance)
        return false;
    if (plan->order == QUERY_OLDEST_FIRST)
        return file->frame_count && file->frames[0].first_seq > plan->bounds.below;
    uint64_t last = query_file_last_seq(file);
    return last && last < plan->bounds.above && !file->tail;
}

static void begin_file(struct query_plan *plan)
{
    struct query_file *file = plan->file;
    plan->statistics->files_opened++;
    plan->statistics->bytes_read += file->bytes_read;
    plan->instance = file->head.instance;
    plan->frames_left = file->frame_count;
    plan->tail_left = plan->with_tail && file->tail;
    if (plan->match->by_session && file->footer)
        choose_frames(plan);
    plan->ended = is_beyond(plan);
}

static bool goes_on(struct query_plan *plan)
{
    if (!plan->stopped && plan->stop)
        plan->stopped = plan->stop(plan->stop_user);
    return !plan->stopped;
}

/* Opens the next file that may hold rows; false: none is left. */
static bool next_file(struct query_plan *plan)
{
    close_file(plan);
    while (plan->left > 0 && !plan->ended && goes_on(plan)) {
        struct error err = {""};
        size_t i = plan->order == QUERY_OLDEST_FIRST ? plan->count - plan->left : plan->left - 1;
        plan->left--;
        if (!query_plan_name_fits(plan, i)) {
            plan->statistics->files_pruned++;
            continue;
        }
        const char *path = plan->paths[i].path;
        enum status status =
            query_file_open(&plan->file, path, plan->match->by_session, plan->reporter, &err);
        if (status == STATUS_OK) {
            begin_file(plan);
            return !plan->ended;
        }
        if (status == STATUS_NOT_FOUND)
            plan->statistics->files_vanished++;
        else
            query_report(plan->reporter, path, 0, err.text);
    }
    close_file(plan);
    plan->statistics->files_pruned += plan->left;
    plan->left = 0;
    return false;
}

/* ------------------------------------------------------------------ frames */

static bool within_bounds(const struct query_plan *plan, const struct segment_index *frame)
{
    if (plan->bounds.instance && plan->bounds.instance != plan->instance)
        return true;
    return frame->last_seq >= plan->bounds.above && frame->first_seq <= plan->bounds.below;
}

static bool is_wanted(const struct query_plan *plan, size_t i)
{
    const struct segment_index *frame = &plan->file->frames[i];
    if (frame->lines == 0)
        return true; /* nothing is known of it */
    return (!plan->wanted || plan->wanted[i]) && within_bounds(plan, frame) &&
           query_match_frame(plan->match, frame);
}

static void give(struct query_plan *plan, struct query_load *load, bool tail, size_t i)
{
    query_file_release(load->file);
    load->file = query_file_hold(plan->file);
    load->tail = tail;
    load->frame = tail ? (struct segment_index){.offset = plan->file->tail} : plan->file->frames[i];
}

static bool next_frame(struct query_plan *plan, struct query_load *load)
{
    const struct query_file *file = plan->file;
    bool oldest_first = plan->order == QUERY_OLDEST_FIRST;
    while (plan->frames_left > 0) {
        size_t i = oldest_first ? file->frame_count - plan->frames_left : plan->frames_left - 1;
        plan->frames_left--;
        if (is_wanted(plan, i)) {
            give(plan, load, false, i);
            return true;
        }
        plan->statistics->frames_pruned++;
    }
    return false;
}

static bool next_tail(struct query_plan *plan, struct query_load *load)
{
    if (!plan->tail_left)
        return false;
    plan->tail_left = false;
    give(plan, load, true, 0);
    return true;
}

bool query_plan_next(struct query_plan *plan, struct query_load *load)
{
    if (plan->match->never || !goes_on(plan))
        return false;
    while (plan->file || next_file(plan)) {
        if (plan->order == QUERY_NEWEST_FIRST && next_tail(plan, load))
            return true;
        if (next_frame(plan, load))
            return true;
        if (next_tail(plan, load))
            return true;
        if (!next_file(plan))
            break;
    }
    return false;
}

/* ------------------------------------------------------------------ the newest number */

static uint64_t newest_of(struct query_plan *plan, struct query_file *file)
{
    struct query_match all;
    struct query_load load = {.tail = true, .frame = {.offset = file->tail}};
    if (!plan->with_tail || !file->tail ||
        query_match_init(&all, &(struct query_filter){.first_seq = UINT64_MAX}, NULL) != STATUS_OK)
        return query_file_last_seq(file);
    ZSTD_DCtx *decompressor = segment_decompressor_new();
    load.file = query_file_hold(file);
    if (decompressor)
        query_load_run(&load, decompressor, &all);
    uint64_t seq = load.last_seq ? load.last_seq : query_file_last_seq(file);
    query_load_close(&load);
    query_match_close(&all);
    ZSTD_freeDCtx(decompressor);
    return seq;
}

uint64_t query_plan_newest(struct query_plan *plan, uint64_t *instance)
{
    uint64_t seq = 0;
    for (size_t i = plan->count; i > 0 && seq == 0; i--) {
        struct query_file *file;
        if (query_file_open(&file, plan->paths[i - 1].path, false, NULL, NULL) != STATUS_OK)
            continue;
        seq = newest_of(plan, file);
        *instance = file->head.instance;
        query_file_release(file);
    }
    return seq;
}
