/*
 * archive.c - rows out of segment files: hits of one frame after the other, taken apart when
 * they are given out.
 */
#include <string.h>

#include "lib/query/query_private.h"

enum status query_archive_begin(struct query *query, uint64_t above, uint64_t below, bool with_tail,
                                struct error *err)
{
    query_archive_close(query);
    query->plan = (struct query_plan){
        .match = &query->match,
        .order = query->order,
        .with_tail = with_tail,
        .bounds = {query->placed ? query->last.instance : 0, above, below},
        .reporter = &query->reporter,
        .statistics = &query->statistics,
        .stop = query->stop,
        .stop_user = query->user,
    };
    enum status status = query_plan_open(&query->plan, &query->place, err);
    if (status != STATUS_OK)
        return status;
    query->planned = true;
    query->newest = query_plan_newest(&query->plan, &query->newest_instance);
    query->ahead = query_read_ahead_new(query->threads, &query->match);
    return query->ahead ? STATUS_OK : error_set(err, STATUS_FULL, "no memory for decompressing");
}

void query_archive_close(struct query *query)
{
    query_read_ahead_free(query->ahead);
    if (query->planned)
        query_plan_close(&query->plan);
    query->ahead = NULL;
    query->load = NULL;
    query->planned = false;
    query->hits_left = 0;
}

/* ------------------------------------------------------------------ frames */

static bool next_load(struct query *query)
{
    struct query_statistics *statistics = &query->statistics;
    query->load = query_read_ahead_next(query->ahead, &query->plan);
    if (!query->load)
        return false;
    const struct query_load *load = query->load;
    statistics->frames_read++;
    statistics->bytes_read += load->raw.len;
    statistics->text_bytes += load->text.len;
    statistics->lines += load->hits.lines;
    query->hits_left = load->hits.count;
    if (load->damaged)
        query_report(&query->reporter, load->file->path, load->frame.offset, load->why);
    return true;
}

/* ------------------------------------------------------------------ lines */

/* How many lines without a number stand directly in front of this one, and name the same. */
static uint32_t rank_of(const struct buffer *text, const struct query_hit *hit)
{
    uint32_t rank = 0;
    size_t begin = hit->offset;
    struct query_line line;
    while (begin > 0 && rank < QUERY_RANK_NUMBERED - 1) {
        size_t end = begin - 1;
        const char *newline = end ? memrchr(text->data, '\n', end) : NULL;
        begin = newline ? (size_t)(newline - text->data) + 1 : 0;
        if (!query_line_begin(&line, text->data + begin, end - begin) || line.line.numbered ||
            line.line.seq != hit->seq)
            break;
        rank++;
    }
    return rank;
}

/* False: it is no line of this format after all, or has been given already. */
static bool give(struct query *query, const struct query_hit *hit, struct query_row *out)
{
    const struct query_load *load = query->load;
    const char *text = load->text.data + hit->offset;
    struct query_key key = {load->file->head.instance, hit->seq, QUERY_RANK_NUMBERED};
    if (!hit->numbered)
        key.rank = rank_of(&load->text, hit);
    *out = (struct query_row){
        .origin = QUERY_FROM_ARCHIVE, .instance = key.instance, .segment = load->file->head.number};
    if (query->bare) {
        out->line.text = span_make(text, hit->len);
        out->line.seq = hit->seq;
        out->line.numbered = hit->numbered;
    } else if (query_line_parse(&out->line, &query->second, text, hit->len) != STATUS_OK) {
        query_report(&query->reporter, load->file->path, load->frame.offset,
                     "a line is none of this format");
        return false;
    }
    return query_take(query, &key);
}

enum status query_archive_next(struct query *query, struct query_row *out)
{
    for (;;) {
        while (query->hits_left > 0) {
            size_t left = query->hits_left--, count = query->load->hits.count;
            size_t i = query->order == QUERY_OLDEST_FIRST ? count - left : left - 1;
            if (give(query, &query->load->hits.list[i], out))
                return STATUS_OK;
        }
        if (!query->ahead || !next_load(query))
            return query->plan.stopped ? STATUS_CLOSED : STATUS_END;
    }
}
