/*
 * match.c - which lines of a text fit a filter: from clue to clue where there is one, else
 * line by line; each line read only as far as the next test needs.
 */
#include "lib/query/match.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/query/line.h"
#include "lib/stratum/scan.h"

/* ------------------------------------------------------------------ one line */

static bool time_fits(const struct query_match *match, const struct query_line *line)
{
    if (!match->bounded)
        return true;
    if (line->time)
        return memcmp(line->time, match->from, CLOCK_TEXT_LEN) >= 0 &&
               memcmp(line->time, match->to, CLOCK_TEXT_LEN) < 0;
    int64_t us = line->line.wall_ns / NS_PER_US;
    return us >= match->from_us && us < match->to_us;
}

static int compare_texts(const void *a, const void *b)
{
    return memcmp(a, b, UUID_TEXT_LEN);
}

static bool session_fits(const struct query_match *match, struct span session)
{
    if (!match->by_session)
        return true;
    return session.len == UUID_TEXT_LEN && match->ids.count > 0 &&
           bsearch(session.data, match->ids.texts, match->ids.count, UUID_TEXT_LEN,
                   compare_texts) != NULL;
}

static unsigned kind_of(const struct segment_line *line)
{
    if (line->is_message)
        return QUERY_MESSAGES;
    return span_equal_text(line->event, "state") ? QUERY_STATES : QUERY_EVENTS;
}

bool query_match_latency(const struct query_match *match, bool paired, int64_t latency_us)
{
    return !match->by_latency ||
           (paired && latency_us >= match->latency_min_us && latency_us <= match->latency_max_us);
}

static bool subject_fits(const struct query_match *match, const struct segment_line *line)
{
    return (match->what & kind_of(line)) &&
           (!line->is_message || (match->directions & (1u << line->direction))) &&
           (!match->answers_to || (line->paired && line->re == match->answers_to)) &&
           query_match_latency(match, line->paired, line->latency_us) &&
           session_fits(match, line->session);
}

/* The bytes as they were on the wire; false when they are no base64. */
static bool message_bytes(const struct segment_line *line, struct buffer *decoded, struct span *out)
{
    size_t len;
    *out = line->msg;
    if (line->msg.data)
        return true;
    buffer_clear(decoded);
    char *room = buffer_reserve(decoded, line->bytes_b64.len + 4);
    if (!base64_decode(room, &len, line->bytes_b64.data, line->bytes_b64.len))
        return false;
    *out = span_make(room, len);
    return true;
}

static bool name_fits(const struct query_match *match, enum stratum_method method, struct span name)
{
    if (match->methods & (UINT64_C(1) << method))
        return true;
    for (size_t i = 0; i < match->name_count && method == STRATUM_METHOD_UNKNOWN; i++) {
        if (span_equal_text(name, match->names[i]))
            return true;
    }
    return false;
}

/* Pieces of a long line and bytes of a stream that is no text say no more than FORMAT.md allows. */
static bool is_scanned(const struct segment_line *line)
{
    return !line->is_fragment &&
           (line->msg.data ||
            !span_equal_text(line->why, stratum_fault_text(STRATUM_FAULT_OPAQUE)));
}

static bool method_fits(const struct query_match *match, const struct segment_line *line,
                        struct span bytes)
{
    struct stratum_scan scan = {.method = STRATUM_METHOD_NONE};
    if (is_scanned(line)) {
        stratum_scan_line(&scan, bytes.data, bytes.len);
    } else if (line->method.data) {
        scan.method = stratum_method_find(line->method.data, line->method.len);
        scan.method_text = line->method;
    }
    return (!match->by_method || name_fits(match, scan.method, scan.method_text)) &&
           (!match->errors || scan.error);
}

static bool content_fits(const struct query_match *match, struct query_line *line,
                         struct buffer *decoded)
{
    struct span bytes = line->line.text;
    if (line->line.is_message && !message_bytes(&line->line, decoded, &bytes))
        bytes = span_make("", 0);
    if (match->no_scraps && line->line.is_message && segment_line_is_scrap(&line->line))
        return false;
    if (match->text.len && !query_needle_find(&match->text, bytes.data, bytes.len))
        return false;
    return (!match->by_method && !match->errors) || method_fits(match, &line->line, bytes);
}

static bool reads_subject(const struct query_match *match)
{
    return match->by_session || match->answers_to || match->by_latency ||
           match->what != (QUERY_MESSAGES | QUERY_EVENTS | QUERY_STATES) ||
           match->directions != (1u << DIRECTION_COUNT) - 1;
}

static bool reads_content(const struct query_match *match)
{
    return match->text.len || match->by_method || match->errors || match->no_scraps;
}

/* False: it is none of this format. */
static bool take_line(const struct query_match *match, struct query_hits *hits,
                      const struct query_hit *place, const char *text)
{
    struct query_line line;
    hits->lines++;
    if (!query_line_begin(&line, text + place->offset, place->len))
        return false;
    if (line.line.seq < match->first_seq || line.line.seq > match->last_seq ||
        !time_fits(match, &line))
        return true;
    if (reads_subject(match) || reads_content(match)) {
        if (!query_line_subject(&line))
            return false;
        if (!subject_fits(match, &line.line))
            return true;
    }
    if (reads_content(match)) {
        if (!query_line_content(&line))
            return false;
        if (!content_fits(match, &line, &hits->decoded))
            return true;
    }
    if (hits->count == hits->room) {
        hits->room = hits->room ? hits->room * 2 : 256;
        hits->list = memory_resize(hits->list, hits->room * sizeof *hits->list);
    }
    hits->list[hits->count] = *place;
    hits->list[hits->count].seq = line.line.seq;
    hits->list[hits->count++].numbered = line.line.numbered;
    return true;
}

/* ------------------------------------------------------------------ all lines of a text */

/* Where the clue, or what may hide it, comes next. */
struct trail {
    const struct query_match *match;
    const char *end;
    const char *clue, *base64; /* NULL: not again */
};

static const char *look(const struct query_needle *needle, const char *from, const char *end)
{
    return needle->len ? query_needle_find(needle, from, (size_t)(end - from)) : NULL;
}

/* The first place at or behind `from` that may lie in a line that fits; NULL: none. */
static const char *next_place(struct trail *trail, const char *from)
{
    if (!trail->match->clue.len)
        return from < trail->end ? from : NULL;
    if (trail->clue && trail->clue < from)
        trail->clue = look(&trail->match->clue, from, trail->end);
    if (trail->base64 && trail->base64 < from)
        trail->base64 = look(&trail->match->base64, from, trail->end);
    if (!trail->clue || (trail->base64 && trail->base64 < trail->clue))
        return trail->base64;
    return trail->clue;
}

void query_match_text(const struct query_match *match, struct query_hits *hits, struct span text)
{
    const char *from = text.data, *end = text.data + text.len, *place;
    struct trail trail = {.match = match, .end = end};
    hits->count = 0;
    hits->lines = hits->malformed = 0;
    trail.clue = look(&match->clue, from, end);
    trail.base64 = look(&match->base64, from, end);
    while ((place = next_place(&trail, from))) {
        const char *begin = place > from ? memrchr(from, '\n', (size_t)(place - from)) : NULL;
        begin = begin ? begin + 1 : from;
        const char *newline = memchr(place, '\n', (size_t)(end - place));
        if (!newline)
            return;
        struct query_hit hit = {.offset = (uint32_t)(begin - text.data),
                                .len = (uint32_t)(newline - begin)};
        hits->malformed += !take_line(match, hits, &hit, text.data);
        from = newline + 1;
    }
}

void query_hits_close(struct query_hits *hits)
{
    free(hits->list);
    buffer_close(&hits->decoded);
    *hits = (struct query_hits){0};
}

/* ------------------------------------------------------------------ frames and records */

static bool kinds_occur(const struct query_match *match, const struct segment_index *index)
{
    uint32_t events = 0, messages = 0;
    if (match->what & QUERY_EVENTS)
        events |= ~(uint32_t)SEGMENT_EVENT_STATE;
    if (match->what & QUERY_STATES)
        events |= SEGMENT_EVENT_STATE;
    for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
        if (match->directions & (1u << i))
            messages |= index->directions[i];
    }
    return (index->events & events) || ((match->what & QUERY_MESSAGES) && messages);
}

bool query_match_frame(const struct query_match *match, const struct segment_index *index)
{
    uint64_t methods = match->methods;
    if (match->name_count)
        methods |= UINT64_C(1) << STRATUM_METHOD_UNKNOWN;
    if (match->never || index->last_seq < match->first_seq || index->first_seq > match->last_seq)
        return false;
    if (match->bounded && (index->highest_us < match->from_us || index->lowest_us >= match->to_us))
        return false;
    if (match->errors && index->errors == 0)
        return false;
    return (!match->by_method || (index->methods & methods)) && kinds_occur(match, index);
}

bool query_match_session(const struct query_match *match, const struct uuid *session)
{
    if (!match->by_session)
        return true;
    size_t low = 0, high = match->ids.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(session, &match->ids.uuids[middle], sizeof *session);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static bool record_message_fits(const struct query_match *match, const struct record *record)
{
    const struct query_needle *text = &match->text;
    return (match->directions & (1u << record->direction)) &&
           (!match->answers_to ||
            ((record->flags & RECORD_PAIRED) && record->re == match->answers_to)) &&
           query_match_latency(match, record->flags & RECORD_PAIRED,
                               record->latency_ns / NS_PER_US) &&
           (!text->len || query_needle_find(text, record->payload.data, record->payload.len));
}

bool query_match_record(const struct query_match *match, const struct record *record)
{
    bool message = record->type == RECORD_MESSAGE;
    if (match->never || record->seq < match->first_seq || record->seq > match->last_seq)
        return false;
    if (!(match->what & (message ? QUERY_MESSAGES : QUERY_EVENTS)))
        return false;
    return query_match_session(match, &record->session) &&
           (!message || record_message_fits(match, record));
}
