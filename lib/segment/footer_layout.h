/*
 * footer_layout.h - the first 200 bytes of a footer (FORMAT.md, section 11), and the totals
 * that stand in them. For lib/segment alone.
 */
#ifndef HASHSCOPE_SEGMENT_FOOTER_LAYOUT_H
#define HASHSCOPE_SEGMENT_FOOTER_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/segment/footer.h"
#include "lib/segment/layout.h"
#include "lib/segment/row.h"

#define SEGMENT_SECTION_RATIO 256u /* a section is no larger than so many times its stored size */
#define SEGMENT_SECTION_MAX   (512u << 20) /* nor than this */

struct segment_section {
    uint32_t stored, raw; /* bytes in the footer, and decompressed; equal: stored as it is */
    uint32_t crc;         /* of the stored bytes */
};

struct segment_footer_head {
    uint32_t payload; /* size of the footer's payload: what stands in its frame's head */
    struct segment_head head;
    struct segment_totals totals;
    struct segment_section frames, sessions; /* in this order behind the 200 bytes */
};

void segment_footer_head_encode(unsigned char out[SEGMENT_FOOTER_HEAD],
                                const struct segment_footer_head *foot);
/* False: none, its CRC does not fit, or its numbers contradict each other or the limits. `in` has
 * SEGMENT_FOOTER_HEAD bytes. */
bool segment_footer_head_decode(struct segment_footer_head *out, const unsigned char *in);

/* Sums up a directory; `sessions` is left alone. */
void segment_footer_total(struct segment_totals *out, const struct segment_index *frames,
                          size_t count);

#endif
