/*
 * query.c - where the next row comes from.
 *
 *   oldest first    ARCHIVE ──▶ RING ──▶ ENDED (or, following, asked again)
 *                      ▲         │
 *                      └─────────┘ the ring has overwritten what was not read yet
 *   newest first    RING ──▶ ARCHIVE ──▶ ENDED
 *
 * What both have is given once: every row has a key, and only keys behind the last one are taken
 * (query_take). Oldest first, the change to the ring happens behind the highest number that the
 * archive is known to have; newest first, the archive is read below the lowest one seen in the
 * ring. Where the two do not meet, because the ring was overwritten faster than the archive is
 * flushed, the archive is looked at again for a second; then the numbers in between are missed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/memory.h"
#include "lib/query/query_private.h"

#define PATIENCE_NS (1200 * NS_PER_MS) /* the archive is flushed every second */
#define PAUSE_NS    (20 * NS_PER_MS)

static bool oldest_first(const struct query *query)
{
    return query->order == QUERY_OLDEST_FIRST;
}

/* The lowest number that is still to come, oldest first. */
static uint64_t first_wanted(const struct query *query)
{
    uint64_t seq = query->match.first_seq;
    if (query->placed && query->last.seq >= seq)
        seq = query->last.seq + (query->last.rank == QUERY_RANK_NUMBERED);
    return seq;
}

/* The highest one, newest first; UINT64_MAX: no bound. A line without a number of its own may still
 * be to come with the last one's. */
static uint64_t last_wanted(const struct query *query)
{
    uint64_t seq = query->match.last_seq;
    return query->placed && query->last.seq < seq ? query->last.seq : seq;
}

/* ------------------------------------------------------------------ the two meet */

/* Another look at the archive is worth while; without follow it comes after a pause. */
static bool may_wait(struct query *query)
{
    int64_t now = clock_mono_ns();
    if (!query->waiting_since)
        query->waiting_since = now;
    if (now - query->waiting_since > PATIENCE_NS) {
        query->waiting_since = 0;
        return false;
    }
    if (!query->follow)
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    return true;
}

/* From the archive to the ring. STATUS_BUSY: the ring begins too late. */
static enum status enter_ring(struct query *query, uint64_t seq)
{
    if (!query_ring_seek(query, seq) && query->ring_seq)
        return STATUS_BUSY;
    query->waiting_since = 0;
    query->phase = QUERY_PHASE_RING;
    return STATUS_OK;
}

static uint64_t archive_end(const struct query *query)
{
    bool same = !query->ring || query->newest_instance == query->ring_instance;
    return same ? query->newest : 0;
}

/* The ring has lost what comes behind `have`: reads it from the archive, or counts it as missed. */
static enum status bridge(struct query *query, uint64_t have, struct error *err)
{
    enum status status = query_archive_begin(query, have + 1, query->match.last_seq, true, err);
    if (status != STATUS_OK)
        return status;
    query->phase = QUERY_PHASE_ARCHIVE;
    if (archive_end(query) > have) {
        query->waiting_since = 0;
        return STATUS_OK;
    }
    query->newest = have;
    query->newest_instance = query->ring_instance;
    if (may_wait(query))
        return query->follow ? STATUS_END : STATUS_OK;
    query_archive_close(query);
    ring_reader_seek_oldest(query->ring);
    query->ring_seq = have;
    query->ring_gap = true;
    query->phase = QUERY_PHASE_RING;
    return STATUS_OK;
}

/* Newest first: the archive below what the ring had. Waits until it reaches up to there. */
static enum status enter_archive(struct query *query, struct error *err)
{
    uint64_t low = query->ring_seq, below = last_wanted(query);
    bool joined = low > 1 && low > query->match.first_seq;
    enum status status;
    if (low && low < below)
        below = low;
    bool with_tail = !joined;
    do {
        status = query_archive_begin(query, query->match.first_seq, below, with_tail, err);
        if (status != STATUS_OK || !joined || archive_end(query) + 1 >= low)
            break;
        with_tail = true;
    } while (may_wait(query));
    if (status == STATUS_OK && joined && archive_end(query) + 1 < low)
        query_miss(query, low - 1 - archive_end(query));
    query->waiting_since = 0;
    query->phase = QUERY_PHASE_ARCHIVE;
    return status;
}

/* ------------------------------------------------------------------ where to begin */

static enum status begin_archive(struct query *query, struct error *err)
{
    query->phase = QUERY_PHASE_ARCHIVE;
    if (oldest_first(query))
        return query_archive_begin(query, first_wanted(query), query->match.last_seq,
                                   query->ring == NULL, err);
    query->ring_seq = 0;
    return enter_archive(query, err);
}

/* A ring that ends below the archive is one that nobody writes any more. */
static enum status check_ring(struct query *query, struct error *err)
{
    enum status status = query_archive_begin(query, 0, UINT64_MAX, false, err);
    if (status == STATUS_OK && query->newest_instance == query->ring_instance &&
        query->newest > ring_reader_last_seq(query->ring))
        query_ring_close(query);
    query_archive_close(query);
    query->statistics.files = query->statistics.files_pruned = 0;
    return status;
}

static bool of_ring(const struct query *query)
{
    return !query->placed || query->last.instance == query->ring_instance;
}

/* Whether all that is asked for is in the ring: then no file need be opened. */
static bool ring_suffices(struct query *query)
{
    uint64_t first = first_wanted(query);
    return !(query->match.what & QUERY_STATES) && first > 0 && of_ring(query) &&
           query_ring_seek(query, first);
}

static enum status begin_oldest(struct query *query, struct error *err)
{
    if (query->source == QUERY_LIVE ||
        (query->source == QUERY_ALL && query->ring && ring_suffices(query))) {
        query->phase = QUERY_PHASE_RING;
        if (query->source == QUERY_LIVE && of_ring(query) &&
            !query_ring_seek(query, first_wanted(query)) && !query->placed)
            query_ring_rewind(query);
        return STATUS_OK;
    }
    return begin_archive(query, err);
}

static enum status begin_newest(struct query *query, struct error *err)
{
    uint64_t last = last_wanted(query);
    if (query->source == QUERY_ARCHIVE || !query->ring || !of_ring(query))
        return begin_archive(query, err);
    if (query->placed && query->last.seq == last)
        (void)query_ring_seek(query, last);
    else
        (void)query_ring_seek(query, last == UINT64_MAX ? last : last + 1);
    query->ring_seq = 0;
    query->phase = QUERY_PHASE_RING;
    return STATUS_OK;
}

/* With options.tail: behind all that is there. */
static enum status begin_tail(struct query *query, struct error *err)
{
    enum status status = STATUS_OK;
    struct query_key here = {query->ring_instance, 0, QUERY_RANK_NUMBERED};
    if (query->ring) {
        here.seq = ring_reader_last_seq(query->ring);
    } else {
        status = query_archive_begin(query, 0, UINT64_MAX, true, err);
        here.seq = query->newest;
        here.instance = query->newest_instance;
        query_archive_close(query);
    }
    query->last = here;
    query->placed = here.seq > 0;
    return status;
}

static enum status begin(struct query *query, bool tail, struct error *err)
{
    enum status status = STATUS_OK;
    if (query->source != QUERY_ARCHIVE)
        query_ring_open(query);
    if (query->source == QUERY_LIVE && !query->ring) {
        query->phase = QUERY_PHASE_ENDED;
        return STATUS_OK;
    }
    if (query->source == QUERY_ALL && query->ring)
        status = check_ring(query, err);
    if (status == STATUS_OK && tail && !query->placed)
        status = begin_tail(query, err);
    if (status != STATUS_OK)
        return status;
    return oldest_first(query) ? begin_oldest(query, err) : begin_newest(query, err);
}

/* ------------------------------------------------------------------ opening */

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

enum status query_check_place(const struct query_place *place, struct error *err)
{
    char folder[SEGMENT_PATH_MAX];
    if (!is_folder(place->data_dir))
        return error_set(err, STATUS_NOT_FOUND, "%s: no such data directory", place->data_dir);
    enum status status = segment_folder(folder, place->data_dir, place->series, err);
    if (status == STATUS_OK && place->series && !is_folder(folder))
        return error_set(err, STATUS_NOT_FOUND, "%s: nothing was imported as %016llx",
                         place->data_dir, (unsigned long long)place->series);
    return status;
}

static enum status check_options(const struct query_options *options, struct error *err)
{
    if (options->follow && options->order != QUERY_OLDEST_FIRST)
        return error_set(err, STATUS_INVALID, "only the oldest-first order can be followed");
    return query_check_place(&options->place, err);
}

static enum status take_cursor(struct query *query, const char *cursor, struct error *err)
{
    if (!cursor || !*cursor)
        return STATUS_OK;
    if (!query_cursor_parse(cursor, &query->last, query->hash))
        return error_set(err, STATUS_INVALID,
                         "the cursor is none, or belongs to another filter or order");
    query->placed = query->last.seq > 0;
    return STATUS_OK;
}

/* The cursor's series is neither in the archive nor in the ring. */
static enum status check_series(const struct query *query, struct error *err)
{
    if (query->placed && query->planned && query->plan.count > 0 && query->plan.left == 0 &&
        query->newest_instance != query->last.instance &&
        (!query->ring || query->ring_instance != query->last.instance))
        return error_set(err, STATUS_NOT_FOUND, "the cursor's series is no longer here");
    return STATUS_OK;
}

enum status query_prepare(struct query **out, const struct query_options *options,
                          struct error *err)
{
    enum status status = check_options(options, err);
    if (status != STATUS_OK)
        return status;
    struct query *query = memory_new(sizeof *query);
    query->place.data_dir = memory_text(options->place.data_dir);
    query->place.series = options->place.series;
    if (!options->place.series) /* the ring holds the data directory's own series only */
        query->place.ring_path = memory_text(options->place.ring_path);
    query->order = options->order;
    query->source = options->filter.source;
    query->follow = options->follow;
    query->bare = options->bare;
    query->threads = options->threads;
    query->stop = options->stop;
    query->user = options->user;
    query->reporter =
        (struct query_reporter){options->damage, options->user, &query->statistics.damaged};
    status = query_match_init(&query->match, &options->filter, err);
    query->hash = query->match.hash + (oldest_first(query) ? 0 : 1);
    if (status == STATUS_OK)
        status = take_cursor(query, options->cursor, err);
    if (status != STATUS_OK) {
        query_close(query);
        return status;
    }
    *out = query;
    return STATUS_OK;
}

enum status query_start(struct query *query, bool tail, struct error *err)
{
    enum status status = begin(query, tail, err);
    return status == STATUS_OK ? check_series(query, err) : status;
}

enum status query_open_rows(struct query **out, const struct query_options *options,
                            struct error *err)
{
    struct query *query;
    enum status status = query_prepare(&query, options, err);
    if (status != STATUS_OK)
        return status;
    status = query_start(query, options->tail, err);
    if (status != STATUS_OK) {
        query_close(query);
        return status;
    }
    *out = query;
    return STATUS_OK;
}

void query_close(struct query *query)
{
    if (!query)
        return;
    query_archive_close(query);
    query_ring_close(query);
    query_match_close(&query->match);
    query_hits_close(&query->hits);
    buffer_close(&query->text);
    free((char *)query->place.data_dir);
    free((char *)query->place.ring_path);
    free(query);
}

/* ------------------------------------------------------------------ rows */

/* All up to here has been looked at: a cursor need not begin before. */
static void settle(struct query *query, uint64_t instance, uint64_t seq)
{
    bool behind = !query->placed || query->last.instance != instance || query->last.seq < seq;
    if (oldest_first(query) && seq > 0 && behind) {
        query->last = (struct query_key){instance, seq, QUERY_RANK_NUMBERED};
        query->placed = true;
    }
}

/* Following without a ring: what has been flushed since. */
static enum status follow_archive(struct query *query, struct error *err)
{
    uint64_t have = query->newest;
    enum status status = query_archive_begin(query, have + 1, query->match.last_seq, true, err);
    if (status != STATUS_OK)
        return status;
    return query->newest > have ? STATUS_OK : STATUS_END;
}

/* What follows the archive's last row. STATUS_OK: query->phase says where to look on. */
static enum status after_archive(struct query *query, struct error *err)
{
    if (!oldest_first(query)) {
        query->phase = QUERY_PHASE_ENDED;
        return STATUS_OK;
    }
    settle(query, query->newest_instance, query->newest);
    if (query->source == QUERY_ALL && !query->ring && query->follow)
        query_ring_open(query);
    if (query->source == QUERY_ALL && query->ring) {
        uint64_t have = archive_end(query);
        if (!query->follow && have > 0 && have >= query->ring_end) {
            query->phase = QUERY_PHASE_ENDED; /* or it would chase a writer that is faster */
            return STATUS_OK;
        }
        return enter_ring(query, have + 1) == STATUS_OK ? STATUS_OK : bridge(query, have, err);
    }
    if (query->follow)
        return follow_archive(query, err);
    query->phase = QUERY_PHASE_ENDED;
    return STATUS_OK;
}

static enum status after_ring(struct query *query, struct error *err)
{
    if (!oldest_first(query)) {
        query->phase = QUERY_PHASE_ENDED;
        return query->source == QUERY_ALL ? enter_archive(query, err) : STATUS_OK;
    }
    settle(query, query->ring_instance, query->ring_seq);
    if (!query->follow) {
        query->phase = QUERY_PHASE_ENDED;
        return STATUS_OK;
    }
    uint64_t have = query->ring_seq, instance = query->ring_instance;
    if (!query_ring_replaced(query))
        return STATUS_END;
    if (query->ring_instance != instance)
        have = 0;
    if (query_ring_seek(query, have + 1) || query->source == QUERY_LIVE || have == 0)
        return STATUS_OK;
    return bridge(query, have, err);
}

/* One look at where the query stands. STATUS_BUSY: it stands elsewhere now, look again. */
static enum status look(struct query *query, struct query_row *out, struct error *err)
{
    enum status status = STATUS_END;
    switch (query->phase) {
    case QUERY_PHASE_ARCHIVE:
        status = query_archive_next(query, out);
        if (status == STATUS_CLOSED)
            return error_set(err, status, "the query was stopped");
        if (status != STATUS_END)
            return status;
        status = after_archive(query, err);
        break;
    case QUERY_PHASE_RING:
        status = query_ring_next(query, out);
        if (status == STATUS_END)
            status = after_ring(query, err);
        else if (status == STATUS_BUSY)
            status = bridge(query, query->ring_seq, err);
        else
            return status;
        break;
    case QUERY_PHASE_ENDED:
        return STATUS_END;
    }
    return status == STATUS_OK ? STATUS_BUSY : status;
}

enum status query_next(struct query *query, struct query_row *out, struct error *err)
{
    enum status status;
    do
        status = look(query, out, err);
    while (status == STATUS_BUSY);
    if (status == STATUS_OK) {
        out->missed = query->missed;
        query->missed = 0;
        query->statistics.rows++;
    }
    return status;
}

const struct query_statistics *query_statistics(const struct query *query)
{
    return &query->statistics;
}

void query_cursor(const struct query *query, char out[QUERY_CURSOR_BYTES])
{
    struct query_key begin = {0};
    query_cursor_format(out, query->placed ? &query->last : &begin, query->hash);
}

enum status query_row_bytes(const struct query_row *row, struct buffer *scratch, struct span *out)
{
    const struct segment_line *line = &row->line;
    size_t len;
    *out = line->msg;
    if (!line->is_message)
        return STATUS_INVALID;
    if (line->msg.data)
        return STATUS_OK;
    buffer_clear(scratch);
    char *room = buffer_reserve(scratch, line->bytes_b64.len + 4);
    if (!base64_decode(room, &len, line->bytes_b64.data, line->bytes_b64.len))
        return STATUS_DAMAGED;
    scratch->len = len;
    *out = span_make(room, len);
    return STATUS_OK;
}
