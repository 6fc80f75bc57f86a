/* page_of_live.c - going through the store, or through one session of it, with a filter. */
#include "api/live/live_private.h"
#include "api/live/message_filter.h"

/* The message's own bytes; those in base64 are decoded into `scratch`. */
static struct span bytes_of(const struct live_entry *entry, struct buffer *scratch)
{
    struct query_row row = {0};
    struct span bytes;
    if (entry->msg)
        return span_make(entry->line + entry->msg, entry->len - entry->msg - 1);
    if (segment_line_parse(&row.line, entry->line, entry->len) != STATUS_OK ||
        query_row_bytes(&row, scratch, &bytes) != STATUS_OK)
        return span_text("");
    return bytes;
}

/* -1: it answers nothing. */
static int64_t latency_of(const struct live_entry *entry)
{
    struct segment_line line;
    if (segment_line_parse(&line, entry->line, entry->len) != STATUS_OK || !line.paired)
        return -1;
    return line.latency_us;
}

/* What the entry does not say of itself is read from its line where the filter asks for it. */
static bool fits(const struct query_filter *filter, const struct live_entry *entry,
                 struct buffer *scratch)
{
    bool by_name = filter->method_count && entry->method == STRATUM_METHOD_UNKNOWN;
    struct message_facts facts = {.wall_ns = entry->wall_ns,
                                  .direction = (enum direction)entry->direction,
                                  .method = (enum stratum_method)entry->method,
                                  .error = entry->error};
    if (filter->latency_min_us || filter->latency_max_us)
        facts.latency_us = latency_of(entry);
    if (by_name || filter->text_len)
        facts.bytes = bytes_of(entry, scratch);
    if (by_name) {
        struct stratum_scan scan;
        stratum_scan_line(&scan, facts.bytes.data, facts.bytes.len);
        facts.method_text = scan.method_text;
    }
    return message_filter_fits(filter, &facts);
}

/* ---- the way ---- */

/* The place to begin with, LIVE_NONE: none. Chains hold no entries that were taken away. */
static uint64_t begin(const struct live *live, const struct live_session *chain,
                      const struct page *page)
{
    bool newest = page->order == QUERY_NEWEST_FIRST;
    uint64_t place;
    if (live->next == live->first)
        return LIVE_NONE;
    if (chain) {
        place = newest ? chain->newest : chain->oldest;
        while (page->behind && place != LIVE_NONE &&
               (newest ? live_entry(live, place)->seq >= page->behind
                       : live_entry(live, place)->seq <= page->behind))
            place = newest ? live_entry(live, place)->before : live_entry(live, place)->behind;
        return place;
    }
    if (newest) {
        place = page->behind ? live_place(live, page->behind) : live->next;
        return place == live->first ? LIVE_NONE : place - 1;
    }
    place = page->behind ? live_place(live, page->behind + 1) : live->first;
    return place == live->next ? LIVE_NONE : place;
}

static uint64_t step(const struct live *live, bool chained, uint64_t place, enum query_order order)
{
    const struct live_entry *entry = live_entry(live, place);
    if (order == QUERY_NEWEST_FIRST) {
        if (chained)
            return entry->before;
        return place == live->first ? LIVE_NONE : place - 1;
    }
    if (chained)
        return entry->behind;
    return place + 1 == live->next ? LIVE_NONE : place + 1;
}

static void walk(const struct live *live, const struct query_filter *filter,
                 const struct live_session *chain, struct page *page)
{
    struct buffer scratch = {0};
    uint64_t place = begin(live, chain, page);
    for (; place != LIVE_NONE; place = step(live, chain != NULL, place, page->order)) {
        const struct live_entry *entry = live_entry(live, place);
        if (entry->line && fits(filter, entry, &scratch) &&
            !page_add(page, span_make(entry->line, entry->len), entry->seq))
            break;
    }
    buffer_close(&scratch);
}

bool live_page(struct live *live, const struct query_filter *filter, struct page *page)
{
    const struct live_session *chain = NULL;
    bool whole = true;
    (void)pthread_rwlock_rdlock(&live->lock);
    page->instance = live->instance;
    if (filter->session_count > 0)
        chain = live_session_find(live, &filter->sessions[0]);
    if (filter->session_count == 0 || chain)
        walk(live, filter, chain, page);
    if (page->order == QUERY_OLDEST_FIRST && page->behind && live->next > live->first)
        whole = live_entry(live, live->first)->seq <= page->behind + 1;
    (void)pthread_rwlock_unlock(&live->lock);
    live_complete(live, page);
    return whole;
}
