/*
 * page.h - some messages on their way to a client: copies of their lines, with the answers to those
 * that are requests, wherever they came from.
 *
 * Ownership: struct page owns the copies; page_close frees them. Threads: one.
 */
#ifndef HASHSCOPE_API_LIVE_PAGE_H
#define HASHSCOPE_API_LIVE_PAGE_H

#include "lib/base/bytes.h"
#include "lib/query/query.h"
#include "lib/stratum/scan.h"

#define PAGE_PEER_BYTES 64
#define PAGE_BYTES      (8u << 20) /* of lines, but for the first one; of answers the same */

struct page_row {
    uint64_t seq;
    size_t offset, len;               /* of the line in page->lines */
    size_t answer_offset, answer_len; /* of the line that answers it; 0, 0: none known */
    enum stratum_method answered;     /* what it answers; NONE: not known */
    char peer[PAGE_PEER_BYTES];       /* the miner; "": not known */
};

struct page {
    enum query_order order;
    size_t limit, skip; /* rows; the first `skip` that fit are left out */
    uint64_t behind;    /* only rows behind this number, in the order; 0: all */
    uint64_t instance;
    bool imported; /* it is an import's */
    bool more;     /* there are rows behind the last one */
    size_t cut;    /* rows from here on have no room for their answers */
    size_t answer_bytes;
    struct page_row *rows;
    size_t count;
    struct buffer lines;
};

void page_open(struct page *page, enum query_order order, size_t limit);
void page_close(struct page *page);
/* False: it is full, by rows or bytes; page->more is set then. A row that page->skip leaves out
 * counts as added. */
bool page_add(struct page *page, struct span line, uint64_t seq);
/* When there is no room for it the page ends before this row, with page_trim. */
void page_set_answer(struct page *page, struct page_row *row, struct span line);
/* When all answers are set: leaves out the rows that had no room for theirs, but for the first. */
void page_trim(struct page *page);
void page_answer_with(struct page_row *row, const struct page_row *answer); /* of the same page */
/* Both are void when the page gets another line. */
struct span page_line(const struct page *page, const struct page_row *row);
struct span page_answer(const struct page *page, const struct page_row *row); /* len 0: none */

#endif
