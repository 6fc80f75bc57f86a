/* odd_forgery.c - what only a forger does: numbers that lie under checksums that fit. */
#include <stdlib.h>
#include <string.h>

#include "lib/segment/footer_private.h"
#include "lib/segment/layout.h"
#include "tests/fuzz/odd_archive.h"

#define ENTRY_PLACES 24u /* bytes of an entry that say where its frame lies: they stay */
#define AT_TIMES     40u /* of the two times in a header */
#define TIMES        16u

static uint64_t odd_number(struct odd_tape *tape)
{
    static const uint64_t numbers[] = {
        INT64_MAX,
        UINT64_C(1) << 63,
        INT64_MAX / 1000 + 1,
        UINT64_MAX - INT64_MAX / 1000,
        INT64_MAX / 1000,
        UINT64_C(253402300800000000), /* us: the year 10000 */
        UINT64_MAX,
        UINT32_MAX,
        1,
        0,
    };
    const size_t count = sizeof numbers / sizeof numbers[0];
    size_t which = odd_below(tape, count + 6);
    uint64_t number = which < count ? numbers[which] : 0;
    for (size_t i = 0; which >= count && i < 8; i++)
        number = number << 8 | odd_byte(tape);
    return number;
}

/* A few of the numbers that stand there become others, of eight bytes or of four. */
static void lie(void *fields, size_t len, struct odd_tape *tape)
{
    for (size_t i = odd_below(tape, 4); i > 0 && len >= 8; i--) {
        size_t at = 4 * odd_below(tape, len / 4 - 1);
        uint64_t number = odd_number(tape);
        if (odd_byte(tape) % 4)
            store_le64((unsigned char *)fields + at / 8 * 8, number);
        else
            store_le32((unsigned char *)fields + at, (uint32_t)number);
    }
}

static void forge_header(struct buffer *file, struct segment_head *head, struct odd_tape *tape)
{
    unsigned char *header = (unsigned char *)file->data;
    lie(header + AT_TIMES, TIMES, tape);
    store_le32(header + SEGMENT_HEADER_BYTES - 4, crc32c(0, header + 8, SEGMENT_HEADER_BYTES - 12));
    odd_require(segment_header_decode(head, header, file->len) == STATUS_OK, "a header stays one");
}

/* An entry says the same in its place and in the footer. */
static void forge_entry(struct buffer *file, struct segment_index *entry, struct odd_tape *tape)
{
    unsigned char core[SEGMENT_INDEX_CORE];
    segment_index_encode_core(core, entry);
    lie(core + ENTRY_PLACES, sizeof core - ENTRY_PLACES, tape);
    segment_index_decode_core(entry, core);
    uint8_t times = odd_byte(tape); /* what everybody reckons with */
    if (!(times & 1))
        entry->lowest_us = (int64_t)odd_number(tape);
    if (times & 2)
        entry->highest_us = (int64_t)odd_number(tape);
    segment_index_encode((unsigned char *)file->data + entry->offset + entry->compressed_bytes,
                         entry);
}

void odd_forge(struct buffer *file, const char *path, struct odd_tape *tape)
{
    struct segment_footer *footer;
    struct error err;
    odd_require(segment_footer_open(&footer, path, SEGMENT_FOOTER_ALL, &err) == STATUS_OK,
                err.text);
    forge_header(file, &footer->head, tape);
    for (size_t i = 0; i < footer->directory.count; i++)
        forge_entry(file, &footer->directory.frames[i], tape);
    lie(footer->sessions.data, footer->sessions.len, tape);
    file->len = footer->totals.end;
    if (odd_byte(tape) & 1) /* its sums are those of what it says */
        odd_require(segment_footer_append(file, &footer->head, &footer->directory,
                                          span_make(footer->sessions.data, footer->sessions.len),
                                          footer->session_count),
                    "a footer can be made");
    segment_footer_close(footer);
}
