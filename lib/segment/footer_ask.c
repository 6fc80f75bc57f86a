/*
 * footer_ask.c - what a footer says. The sections may be anything: an offset that points
 * outside of the heap is the empty text, a list that does not fit ends, and so do runs that go
 * beyond the last frame.
 */
#include <string.h>

#include "lib/segment/footer_private.h"
#include "lib/segment/row.h"

bool segment_footer_rebuilt(const struct segment_footer *footer)
{
    return footer->rebuilt;
}

const struct segment_head *segment_footer_head(const struct segment_footer *footer)
{
    return &footer->head;
}

const struct segment_totals *segment_footer_totals(const struct segment_footer *footer)
{
    return &footer->totals;
}

const struct segment_index *segment_footer_frames(const struct segment_footer *footer,
                                                  size_t *count)
{
    *count = footer->directory.count;
    return footer->directory.frames;
}

size_t segment_footer_sessions(const struct segment_footer *footer)
{
    return footer->session_count;
}

/* ------------------------------------------------------------------ the heap */

static const unsigned char *table_of(const struct segment_footer *footer)
{
    return (const unsigned char *)footer->sessions.data;
}

/* `len` bytes at `offset` of the heap; NULL when they are not there. */
static const unsigned char *heap_at(const struct segment_footer *footer, uint64_t offset,
                                    uint64_t len)
{
    uint64_t begin = footer->session_count * (uint64_t)SEGMENT_ROW_BYTES;
    if (begin + offset + len > footer->sessions.len)
        return NULL;
    return table_of(footer) + begin + offset;
}

static struct span text_at(const struct segment_footer *footer, uint32_t offset)
{
    const unsigned char *head = offset ? heap_at(footer, offset, 2) : NULL;
    size_t len = head ? load_le16(head) : 0;
    if (!head || len > SEGMENT_TEXT_MAX || !heap_at(footer, offset + (uint64_t)2, len))
        return span_make("", 0);
    return span_make((const char *)head + 2, len);
}

static void take_texts(const struct segment_footer *footer, const struct segment_row *row,
                       struct segment_summary *out)
{
    struct span *const texts[SEGMENT_ROW_TEXTS] = {
        [SEGMENT_ROW_ROUTE] = &out->route,
        [SEGMENT_ROW_MINER] = &out->miner,
        [SEGMENT_ROW_VIA] = &out->via,
        [SEGMENT_ROW_LISTEN] = &out->listen,
        [SEGMENT_ROW_USER_AGENT] = &out->user_agent,
        [SEGMENT_ROW_POOL] = &out->pool,
        [SEGMENT_ROW_ADDRESS] = &out->address,
        [SEGMENT_ROW_CLOSED_BY] = &out->closed_by,
        [SEGMENT_ROW_REASON] = &out->reason,
    };
    for (int i = 0; i < SEGMENT_ROW_TEXTS; i++)
        *texts[i] = text_at(footer, row->texts[i]);
}

static void take_workers(const struct segment_footer *footer, const struct segment_row *row,
                         struct segment_summary *out)
{
    const unsigned char *list = NULL;
    uint32_t refused = row->worker_count >> SEGMENT_ROW_REFUSED_SHIFT;
    uint32_t count = row->worker_count & ((1u << SEGMENT_ROW_REFUSED_SHIFT) - 1);
    if (count <= SESSION_WORKERS_MAX && refused <= SESSION_REFUSED_MAX)
        list = heap_at(footer, row->workers, (count + refused) * (uint64_t)4);
    out->worker_count = list ? count : 0;
    out->refused_count = list ? refused : 0;
    for (uint32_t i = 0; i < out->worker_count; i++)
        out->workers[i] = text_at(footer, load_le32(list + 4 * (size_t)i));
    for (uint32_t i = 0; i < out->refused_count; i++)
        out->refused[i] = text_at(footer, load_le32(list + 4 * (size_t)(count + i)));
}

static int64_t lasted_of(const struct segment_footer *footer, const struct segment_row *row)
{
    const unsigned char *at = NULL;
    if ((row->flags & SEGMENT_ROW_LASTED) && row->runs >= SEGMENT_ROW_LASTED_BYTES)
        at = heap_at(footer, row->runs - SEGMENT_ROW_LASTED_BYTES, SEGMENT_ROW_LASTED_BYTES);
    uint64_t lasted_us = at ? load_le64(at) : UINT64_MAX;
    return lasted_us <= INT64_MAX ? (int64_t)lasted_us : SEGMENT_TIME_UNKNOWN;
}

/* ------------------------------------------------------------------ sessions */

void segment_footer_session(const struct segment_footer *footer, size_t i,
                            struct segment_summary *out)
{
    struct segment_row row;
    segment_row_load(&row, table_of(footer), footer->session_count, i);
    out->session = row.session;
    out->number = row.number;
    out->opened_us = row.opened_us;
    out->first_us = row.first_us;
    out->last_us = row.last_us;
    out->lasted_us = lasted_of(footer, &row);
    out->first_seq = row.first_seq;
    out->last_seq = row.last_seq;
    out->bytes_up = row.bytes_up;
    out->bytes_down = row.bytes_down;
    memcpy(out->messages, row.messages, sizeof out->messages);
    out->submits = row.submits;
    out->accepted = row.accepted;
    out->rejected = row.rejected;
    out->earlier_accepted = row.earlier_accepted;
    out->earlier_rejected = row.earlier_rejected;
    out->other_errors = row.other_errors;
    out->unasked = row.flags >> SEGMENT_ROW_UNASKED_SHIFT;
    out->opened = (row.flags & SEGMENT_ROW_OPENED) != 0;
    out->connected = (row.flags & SEGMENT_ROW_CONNECTED) != 0;
    out->closed = (row.flags & SEGMENT_ROW_CLOSED) != 0;
    take_texts(footer, &row, out);
    take_workers(footer, &row, out);
}

void segment_footer_session_id(const struct segment_footer *footer, size_t i, struct uuid *out)
{
    memcpy(out, table_of(footer) + i * sizeof *out, sizeof *out);
}

bool segment_footer_find(const struct segment_footer *footer, const struct uuid *session, size_t *i)
{
    for (size_t n = 0; n < footer->session_count; n++) {
        if (memcmp(table_of(footer) + n * sizeof *session, session, sizeof *session) == 0) {
            *i = n;
            return true;
        }
    }
    return false;
}

void segment_footer_session_frames(const struct segment_footer *footer, size_t i,
                                   struct segment_runs *out)
{
    struct segment_row row;
    segment_row_load(&row, table_of(footer), footer->session_count, i);
    *out = (struct segment_runs){.frames = footer->totals.frames};
    out->at = heap_at(footer, row.runs, row.runs_bytes);
    out->end = out->at ? out->at + row.runs_bytes : NULL;
}

bool segment_runs_next(struct segment_runs *runs, uint32_t *first, uint32_t *count)
{
    uint32_t skipped;
    if (runs->at == runs->end)
        return false;
    const unsigned char *at = segment_varint_load(runs->at, runs->end, &skipped);
    at = at ? segment_varint_load(at, runs->end, count) : NULL;
    uint64_t begin = (uint64_t)runs->next + skipped;
    runs->at = at ? at : runs->end;
    if (!at || *count == 0 || begin + *count > runs->frames) {
        runs->at = runs->end;
        return false;
    }
    *first = (uint32_t)begin;
    runs->next = *first + *count;
    return true;
}
