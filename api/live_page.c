/* live_page.c - going through the store, or through one session of it, with a filter. */
#include <string.h>

#include "api/live_private.h"
#include "api/message.h"

static const char *find_ignoring_case(struct span in, struct span what)
{
    for (size_t i = 0; i + what.len <= in.len; i++) {
        if (strncasecmp(in.data + i, what.data, what.len) == 0)
            return in.data + i;
    }
    return NULL;
}

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

static bool method_fits(const struct query_filter *filter, const struct live_entry *entry,
                        struct buffer *scratch)
{
    struct stratum_scan scan;
    if (!filter->methods && !filter->method_count)
        return true;
    if (filter->methods >> entry->method & 1)
        return true;
    if (!filter->method_count || entry->method != STRATUM_METHOD_UNKNOWN)
        return false;
    struct span bytes = bytes_of(entry, scratch);
    stratum_scan_line(&scan, bytes.data, bytes.len);
    for (size_t i = 0; i < filter->method_count; i++) {
        if (span_equal_text(scan.method_text, filter->method_names[i]))
            return true;
    }
    return false;
}

static bool fits(const struct query_filter *filter, const struct live_entry *entry,
                 struct buffer *scratch)
{
    if ((filter->directions && !(filter->directions >> entry->direction & 1)) ||
        (filter->from_ns && entry->wall_ns < filter->from_ns) ||
        (filter->to_ns && entry->wall_ns >= filter->to_ns) || (filter->errors && !entry->error) ||
        !method_fits(filter, entry, scratch))
        return false;
    if (!filter->text_len)
        return true;
    struct span bytes = bytes_of(entry, scratch), what = {filter->text, filter->text_len};
    return filter->ignore_case ? find_ignoring_case(bytes, what) != NULL
                               : memmem(bytes.data, bytes.len, what.data, what.len) != NULL;
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
