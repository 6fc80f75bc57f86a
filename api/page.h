/*
 * page.h - some messages on their way to a client: copies of their lines, with the answers to those
 * that are requests, wherever they came from.
 *
 * Ownership: struct page owns the copies; page_close frees them. Threads: one.
 */
#ifndef HASHSCOPE_API_PAGE_H
#define HASHSCOPE_API_PAGE_H

#include "lib/base/bytes.h"
#include "lib/capture/query.h"

struct page_row {
    size_t offset, len;               /* of the line in page->lines */
    size_t answer_offset, answer_len; /* of the line that answers it; 0, 0: none known */
    uint64_t seq;
    int64_t wall_ns;
};

struct page {
    enum query_order order;
    size_t limit, skip; /* rows; the first `skip` that fit are left out */
    uint64_t behind;    /* only rows behind this number, in the order; 0: all */
    uint64_t instance;
    bool more; /* there are rows behind the last one */
    struct page_row *rows;
    size_t count;
    struct buffer lines;
};

void page_open(struct page *page, enum query_order order, size_t limit);
void page_close(struct page *page);
struct page_row *page_add(struct page *page, struct span line, uint64_t seq, int64_t wall_ns);
void page_set_answer(struct page *page, struct page_row *row, struct span line);
struct span page_line(const struct page *page, const struct page_row *row);
struct span page_answer(const struct page *page, const struct page_row *row); /* len 0: none */

#endif
