/*
 * ring.c - rows out of the live ring: what may fit is written as the archive would write it,
 * and then looked at as any line.
 */
#include <string.h>

#include "lib/query/query_private.h"
#include "lib/record/line.h"

void query_ring_open(struct query *query)
{
    struct error err = {""};
    if (!query->place.ring_path)
        return;
    enum status status = ring_reader_open(&query->ring, query->place.ring_path, &err);
    if (status == STATUS_OK) {
        query->ring_instance = ring_reader_instance(query->ring);
        query->ring_end = ring_reader_last_seq(query->ring);
    } else if (status != STATUS_NOT_FOUND) {
        query_report(&query->reporter, query->place.ring_path, 0, err.text);
    }
}

void query_ring_close(struct query *query)
{
    ring_reader_close(query->ring);
    query->ring = NULL;
}

bool query_ring_seek(struct query *query, uint64_t seq)
{
    query->ring_seq = seq ? seq - 1 : 0;
    if (seq == UINT64_MAX) {
        ring_reader_seek_end(query->ring);
        query->ring_seq = 0;
        return true;
    }
    return ring_reader_seek_seq(query->ring, seq);
}

void query_ring_rewind(struct query *query)
{
    struct record record;
    ring_reader_seek_oldest(query->ring);
    query->ring_seq = 0;
    if (ring_reader_next(query->ring, &record, NULL) != STATUS_OK)
        return;
    query->ring_seq = record.seq - 1;
    query->ring_whole = true;
    (void)ring_reader_seek_seq(query->ring, record.seq);
}

bool query_ring_replaced(struct query *query)
{
    struct ring_reader *other;
    if (!ring_reader_replaced(query->ring, query->place.ring_path, NULL) ||
        ring_reader_open(&other, query->place.ring_path, NULL) != STATUS_OK)
        return false;
    ring_reader_close(query->ring);
    query->ring = other;
    query->ring_instance = ring_reader_instance(other);
    return true;
}

static bool give(struct query *query, const struct record *record, struct query_row *out)
{
    struct query_key key = {query->ring_instance, record->seq, QUERY_RANK_NUMBERED};
    if (!query_match_record(&query->match, record))
        return false;
    buffer_clear(&query->text);
    line_append_record(&query->text, &query->clock, record);
    query->statistics.lines++;
    query_match_text(&query->match, &query->hits, span_make(query->text.data, query->text.len));
    *out = (struct query_row){.origin = QUERY_FROM_RING, .instance = key.instance};
    return query->hits.count == 1 &&
           query_line_parse(&out->line, &query->second, query->text.data, query->text.len - 1) ==
               STATUS_OK &&
           query_take(query, &key);
}

static enum status older(struct query *query, struct query_row *out)
{
    struct record record;
    while (ring_reader_previous(query->ring, &record) == STATUS_OK) {
        query->statistics.ring_records++;
        if (record.seq < query->match.first_seq)
            return STATUS_END;
        query->ring_seq = record.seq;
        if (give(query, &record, out))
            return STATUS_OK;
    }
    return STATUS_END;
}

static enum status newer(struct query *query, struct query_row *out)
{
    struct record record;
    while (ring_reader_next(query->ring, &record, NULL) == STATUS_OK) {
        if (!query->follow && query->ring_seq >= query->ring_end && record.seq > query->ring_end)
            return STATUS_END;
        bool follows = query->ring_seq || query->ring_whole;
        if (follows && record.seq > query->ring_seq + 1) {
            if (query->source != QUERY_LIVE && !query->ring_gap)
                return STATUS_BUSY;
            query_miss(query, record.seq - query->ring_seq - 1);
        }
        query->ring_seq = record.seq;
        query->ring_gap = false;
        query->statistics.ring_records++;
        if (record.seq > query->match.last_seq)
            return STATUS_END;
        if (give(query, &record, out))
            return STATUS_OK;
    }
    return STATUS_END;
}

enum status query_ring_next(struct query *query, struct query_row *out)
{
    return query->order == QUERY_OLDEST_FIRST ? newer(query, out) : older(query, out);
}
