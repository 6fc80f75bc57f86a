/* page.c - rows copied into one buffer. */
#include "api/live/page.h"

#include <stdlib.h>

#include "lib/base/memory.h"

void page_open(struct page *page, enum query_order order, size_t limit)
{
    *page = (struct page){.order = order, .limit = limit, .cut = SIZE_MAX};
    page->rows = memory_new(limit * sizeof *page->rows);
}

void page_close(struct page *page)
{
    free(page->rows);
    buffer_close(&page->lines);
    *page = (struct page){0};
}

bool page_add(struct page *page, struct span line, uint64_t seq)
{
    if (page->skip > 0) {
        page->skip--;
        return true;
    }
    page->more =
        page->count == page->limit || (page->count > 0 && page->lines.len + line.len > PAGE_BYTES);
    if (page->more)
        return false;
    page->rows[page->count++] =
        (struct page_row){.seq = seq, .offset = page->lines.len, .len = line.len};
    buffer_append(&page->lines, line.data, line.len);
    return true;
}

void page_set_answer(struct page *page, struct page_row *row, struct span line)
{
    size_t place = (size_t)(row - page->rows);
    if (place >= page->cut)
        return;
    if (place > 0 && page->answer_bytes + line.len > PAGE_BYTES) {
        page->cut = place;
        return;
    }
    page->answer_bytes += line.len;
    row->answer_offset = page->lines.len;
    row->answer_len = line.len;
    buffer_append(&page->lines, line.data, line.len);
}

void page_answer_with(struct page_row *row, const struct page_row *answer)
{
    row->answer_offset = answer->offset;
    row->answer_len = answer->len;
}

void page_trim(struct page *page)
{
    if (page->cut >= page->count)
        return;
    page->count = page->cut;
    page->more = true;
}

struct span page_line(const struct page *page, const struct page_row *row)
{
    return span_make(page->lines.data + row->offset, row->len);
}

struct span page_answer(const struct page *page, const struct page_row *row)
{
    return span_make(page->lines.data + row->answer_offset, row->answer_len);
}
