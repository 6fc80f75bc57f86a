/*
 * layout.c - header and index entries as bytes. Nothing can fail but the check of what was
 * read: length, magic, version and CRC.
 */
#include "lib/segment/layout.h"

#include <string.h>

#include "lib/base/clock.h"

/* A cursor that stores or loads one field after the other. */
struct writer {
    unsigned char *at;
};
struct reader {
    const unsigned char *at;
};

static void put32(struct writer *out, uint32_t value)
{
    store_le32(out->at, value);
    out->at += 4;
}

static void put64(struct writer *out, uint64_t value)
{
    store_le64(out->at, value);
    out->at += 8;
}

static uint32_t get32(struct reader *in)
{
    in->at += 4;
    return load_le32(in->at - 4);
}

static uint64_t get64(struct reader *in)
{
    in->at += 8;
    return load_le64(in->at - 8);
}

static struct writer frame_begin(unsigned char *out, uint32_t magic, uint32_t bytes)
{
    struct writer writer = {out};
    put32(&writer, magic);
    put32(&writer, bytes - 8);
    return writer;
}

/* The CRC is the payload's last four bytes. */
static uint32_t payload_crc(const unsigned char *frame, uint32_t bytes)
{
    return crc32c(0, frame + 8, bytes - 12);
}

static bool frame_intact(const unsigned char *in, size_t len, uint32_t magic, uint32_t bytes)
{
    return len >= bytes && load_le32(in) == magic && load_le32(in + 4) == bytes - 8 &&
           load_le32(in + bytes - 4) == payload_crc(in, bytes);
}

void segment_header_encode(unsigned char out[SEGMENT_HEADER_BYTES], const struct segment_head *head)
{
    struct writer writer = frame_begin(out, SEGMENT_MAGIC_HEADER, SEGMENT_HEADER_BYTES);
    memcpy(writer.at, SEGMENT_MAGIC_TEXT, 8);
    writer.at += 8;
    put32(&writer, head->version);
    put32(&writer, head->generation);
    put64(&writer, head->instance);
    put64(&writer, head->number);
    put64(&writer, (uint64_t)head->start_wall_ns);
    put64(&writer, (uint64_t)head->start_mono_ns);
    put32(&writer, head->flags);
    put32(&writer, payload_crc(out, SEGMENT_HEADER_BYTES));
}

enum status segment_header_decode(struct segment_head *out, const unsigned char *in, size_t len)
{
    struct reader reader = {in + 16};
    if (len < SEGMENT_HEADER_BYTES || load_le32(in) != SEGMENT_MAGIC_HEADER ||
        memcmp(in + 8, SEGMENT_MAGIC_TEXT, 8) != 0)
        return STATUS_DAMAGED;
    out->version = get32(&reader);
    if (out->version != SEGMENT_VERSION)
        return STATUS_UNSUPPORTED;
    if (!frame_intact(in, len, SEGMENT_MAGIC_HEADER, SEGMENT_HEADER_BYTES))
        return STATUS_DAMAGED;
    out->generation = get32(&reader);
    out->instance = get64(&reader);
    out->number = get64(&reader);
    out->start_wall_ns = (int64_t)get64(&reader);
    out->start_mono_ns = (int64_t)get64(&reader);
    out->flags = get32(&reader);
    out->padding = 0;
    return STATUS_OK;
}

void segment_index_encode_core(unsigned char out[SEGMENT_INDEX_CORE],
                               const struct segment_index *index)
{
    struct writer writer = {out};
    put64(&writer, index->offset);
    put64(&writer, index->text_offset);
    put32(&writer, index->compressed_bytes);
    put32(&writer, index->text_bytes);
    put64(&writer, (uint64_t)index->lowest_us);
    put64(&writer, (uint64_t)index->highest_us);
    put64(&writer, index->first_seq);
    put64(&writer, index->last_seq);
    for (int i = 0; i < DIRECTION_COUNT; i++)
        put32(&writer, index->directions[i]);
    put32(&writer, index->lines);
    put32(&writer, index->errors);
    put32(&writer, index->events);
    put32(&writer, index->reserved);
    put64(&writer, index->methods);
}

void segment_index_decode_core(struct segment_index *out,
                               const unsigned char in[SEGMENT_INDEX_CORE])
{
    struct reader reader = {in};
    out->offset = get64(&reader);
    out->text_offset = get64(&reader);
    out->compressed_bytes = get32(&reader);
    out->text_bytes = get32(&reader);
    out->lowest_us = (int64_t)get64(&reader);
    out->highest_us = (int64_t)get64(&reader);
    out->first_seq = get64(&reader);
    out->last_seq = get64(&reader);
    for (int i = 0; i < DIRECTION_COUNT; i++)
        out->directions[i] = get32(&reader);
    out->lines = get32(&reader);
    out->errors = get32(&reader);
    out->events = get32(&reader);
    out->reserved = get32(&reader);
    out->methods = get64(&reader);
}

void segment_index_encode(unsigned char out[SEGMENT_INDEX_BYTES], const struct segment_index *index)
{
    struct writer writer = frame_begin(out, SEGMENT_MAGIC_INDEX, SEGMENT_INDEX_BYTES);
    segment_index_encode_core(writer.at, index);
    writer.at += SEGMENT_INDEX_CORE;
    put32(&writer, 0);
    put32(&writer, payload_crc(out, SEGMENT_INDEX_BYTES));
}

bool segment_index_decode(struct segment_index *out, const unsigned char *in, size_t len)
{
    if (!frame_intact(in, len, SEGMENT_MAGIC_INDEX, SEGMENT_INDEX_BYTES))
        return false;
    segment_index_decode_core(out, in + 8);
    return true;
}

int64_t segment_microseconds(int64_t wall_ns)
{
    return wall_ns / NS_PER_US - (wall_ns % NS_PER_US < 0);
}

void segment_index_count(struct segment_index *index, const struct segment_note *note)
{
    int64_t us = segment_microseconds(note->wall_ns);
    if (index->lines == 0 || us < index->lowest_us)
        index->lowest_us = us;
    if (index->lines == 0 || us > index->highest_us)
        index->highest_us = us;
    index->lines++;
    if (note->seq) {
        if (!index->first_seq)
            index->first_seq = note->seq;
        index->last_seq = note->seq;
    }
    if (note->event) {
        index->events |= note->event;
        return;
    }
    index->directions[note->direction]++;
    index->methods |= UINT64_C(1) << (note->method & 63);
    index->errors += note->error;
}
