/*
 * row.h - a session in the sessions' section of a footer, as FORMAT.md, section 11 lays it
 * out. For lib/segment alone.
 *
 * The section is a table of rows, stored by columns, and a heap behind it: a column at offset `at`
 * of the row begins at at * rows, its fields stand end to end. Texts (two bytes of length, then the
 * text), lists of workers (four bytes each: the offset of a text) and runs of frames lie in the
 * heap and are named by their offset in it. Offset 0 is the empty text. How long a session lasted,
 * where that is known, stands in the eight bytes in front of its runs.
 */
#ifndef HASHSCOPE_SEGMENT_ROW_H
#define HASHSCOPE_SEGMENT_ROW_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/random.h"
#include "lib/record/record.h"

#define SEGMENT_ROW_BYTES 176u

enum segment_row_flag {
    SEGMENT_ROW_OPENED = 1 << 0,
    SEGMENT_ROW_CONNECTED = 1 << 1,
    SEGMENT_ROW_CLOSED = 1 << 2,
    SEGMENT_ROW_LASTED = 1 << 3, /* it is known how long the session lasted */
};
/* Above them, answers that nobody asked for: their number, as far as it goes. */
#define SEGMENT_ROW_UNASKED_SHIFT 8
#define SEGMENT_ROW_UNASKED_MAX   0xffffffu

#define SEGMENT_ROW_LASTED_BYTES 8u

#define SEGMENT_ROW_REFUSED_SHIFT 8 /* of the number of workers */

enum segment_row_text {
    SEGMENT_ROW_ROUTE,
    SEGMENT_ROW_MINER,
    SEGMENT_ROW_VIA,
    SEGMENT_ROW_LISTEN,
    SEGMENT_ROW_USER_AGENT,
    SEGMENT_ROW_POOL,
    SEGMENT_ROW_ADDRESS,
    SEGMENT_ROW_CLOSED_BY,
    SEGMENT_ROW_REASON,
    SEGMENT_ROW_TEXTS
};

struct segment_row {
    struct uuid session;
    uint64_t number;
    int64_t opened_us, first_us, last_us;
    uint64_t first_seq, last_seq;
    uint64_t bytes_up, bytes_down;
    uint32_t messages[DIRECTION_COUNT];
    uint32_t submits, accepted, rejected;
    uint32_t earlier_accepted, earlier_rejected, other_errors;
    uint32_t flags;
    uint32_t texts[SEGMENT_ROW_TEXTS]; /* offsets in the heap */
    uint32_t workers, worker_count; /* offset and number of a list of texts; stored, the number */
                                    /* of those that were refused, which follow, stands above it */
    uint32_t runs, runs_bytes;
};

/* Writes row `i` of `rows` into the table, reads it back; the table has rows * SEGMENT_ROW_BYTES.
 */
void segment_row_store(unsigned char *table, size_t rows, size_t i, const struct segment_row *row);
void segment_row_load(struct segment_row *out, const unsigned char *table, size_t rows, size_t i);

/* Variable-length numbers of the runs: seven bits a byte, the lowest first, the eighth bit set on
 * all but the last. Load returns behind the number, NULL when there is none that fits 32 bits. */
size_t segment_varint_store(unsigned char out[5], uint32_t value);
const unsigned char *segment_varint_load(const unsigned char *at, const unsigned char *end,
                                         uint32_t *out);

#endif
