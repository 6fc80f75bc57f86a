/*
 * row.c - rows of the sessions' section as bytes. Pure; only a number can be malformed.
 */
#include "lib/segment/row.h"

#include <string.h>

/* The columns in their order; a field that is an array is as many columns. */
#define FIELD(name, size, count)                                                                   \
    {                                                                                              \
        offsetof(struct segment_row, name), size, count                                            \
    }
static const struct {
    size_t offset;
    uint8_t size, count;
} columns[] = {
    FIELD(session, 16, 1),
    FIELD(number, 8, 1),
    FIELD(opened_us, 8, 1),
    FIELD(first_us, 8, 1),
    FIELD(last_us, 8, 1),
    FIELD(first_seq, 8, 1),
    FIELD(last_seq, 8, 1),
    FIELD(bytes_up, 8, 1),
    FIELD(bytes_down, 8, 1),
    FIELD(messages, 4, DIRECTION_COUNT),
    FIELD(submits, 4, 1),
    FIELD(accepted, 4, 1),
    FIELD(rejected, 4, 1),
    FIELD(earlier_accepted, 4, 1),
    FIELD(earlier_rejected, 4, 1),
    FIELD(other_errors, 4, 1),
    FIELD(flags, 4, 1),
    FIELD(texts, 4, SEGMENT_ROW_TEXTS),
    FIELD(workers, 4, 1),
    FIELD(worker_count, 4, 1),
    FIELD(runs, 4, 1),
    FIELD(runs_bytes, 4, 1),
};
#undef FIELD
#define COLUMNS (sizeof columns / sizeof columns[0])

static void store(unsigned char *to, const unsigned char *field, size_t size)
{
    uint64_t wide;
    uint32_t narrow;
    if (size == 8) {
        memcpy(&wide, field, 8);
        store_le64(to, wide);
    } else if (size == 4) {
        memcpy(&narrow, field, 4);
        store_le32(to, narrow);
    } else {
        memcpy(to, field, size);
    }
}

static void load(unsigned char *field, const unsigned char *from, size_t size)
{
    if (size == 8) {
        uint64_t wide = load_le64(from);
        memcpy(field, &wide, 8);
    } else if (size == 4) {
        uint32_t narrow = load_le32(from);
        memcpy(field, &narrow, 4);
    } else {
        memcpy(field, from, size);
    }
}

void segment_row_store(unsigned char *table, size_t rows, size_t i, const struct segment_row *row)
{
    for (size_t c = 0; c < COLUMNS; c++) {
        const unsigned char *field = (const unsigned char *)row + columns[c].offset;
        size_t size = columns[c].size;
        for (unsigned n = 0; n < columns[c].count; n++, table += rows * size)
            store(table + i * size, field + n * size, size);
    }
}

void segment_row_load(struct segment_row *out, const unsigned char *table, size_t rows, size_t i)
{
    for (size_t c = 0; c < COLUMNS; c++) {
        unsigned char *field = (unsigned char *)out + columns[c].offset;
        size_t size = columns[c].size;
        for (unsigned n = 0; n < columns[c].count; n++, table += rows * size)
            load(field + n * size, table + i * size, size);
    }
}

size_t segment_varint_store(unsigned char out[5], uint32_t value)
{
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        out[len++] = (unsigned char)(value | 0x80);
    out[len++] = (unsigned char)value;
    return len;
}

const unsigned char *segment_varint_load(const unsigned char *at, const unsigned char *end,
                                         uint32_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; at < end && shift < 35; shift += 7) {
        unsigned char byte = *at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80)
            continue;
        *out = (uint32_t)value;
        return value <= UINT32_MAX ? at : NULL;
    }
    return NULL;
}
