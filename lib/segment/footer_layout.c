/*
 * footer_layout.c - the footer's first bytes, both ways. What is read is believed only when
 * CRC and limits fit.
 */
#include "lib/segment/footer_layout.h"

#include <string.h>

#define AT_CRC (SEGMENT_FOOTER_HEAD - 4)

static void encode_section(unsigned char *sizes, unsigned char *crc,
                           const struct segment_section *section)
{
    store_le32(sizes, section->stored);
    store_le32(sizes + 4, section->raw);
    store_le32(crc, section->crc);
}

static struct segment_section decode_section(const unsigned char *sizes, const unsigned char *crc)
{
    return (struct segment_section){load_le32(sizes), load_le32(sizes + 4), load_le32(crc)};
}

void segment_footer_head_encode(unsigned char out[SEGMENT_FOOTER_HEAD],
                                const struct segment_footer_head *foot)
{
    const struct segment_totals *totals = &foot->totals;
    memset(out, 0, SEGMENT_FOOTER_HEAD);
    store_le32(out, SEGMENT_MAGIC_FOOTER);
    store_le32(out + 4, foot->payload);
    memcpy(out + 8, SEGMENT_FOOTER_TEXT, 8);
    store_le32(out + 16, SEGMENT_VERSION);
    store_le32(out + 20, foot->head.generation);
    store_le64(out + 24, foot->head.instance);
    store_le64(out + 32, foot->head.number);
    store_le64(out + 40, (uint64_t)foot->head.start_wall_ns);
    store_le64(out + 48, (uint64_t)foot->head.start_mono_ns);
    store_le64(out + 56, totals->end);
    store_le64(out + 64, totals->text_bytes);
    store_le64(out + 72, (uint64_t)totals->lowest_us);
    store_le64(out + 80, (uint64_t)totals->highest_us);
    store_le64(out + 88, totals->first_seq);
    store_le64(out + 96, totals->last_seq);
    for (unsigned i = 0; i < DIRECTION_COUNT; i++)
        store_le64(out + 104 + 8 * (size_t)i, totals->messages[i]);
    store_le64(out + 136, totals->lines);
    store_le64(out + 144, totals->errors);
    store_le64(out + 152, totals->methods);
    store_le32(out + 160, totals->events);
    store_le32(out + 164, totals->frames);
    store_le32(out + 168, totals->sessions);
    encode_section(out + 172, out + 188, &foot->frames);
    encode_section(out + 180, out + 192, &foot->sessions);
    store_le32(out + AT_CRC, crc32c(0, out + 8, AT_CRC - 8));
}

static void decode_totals(struct segment_totals *out, const unsigned char *in)
{
    *out = (struct segment_totals){.end = load_le64(in + 56)};
    out->text_bytes = load_le64(in + 64);
    out->lowest_us = (int64_t)load_le64(in + 72);
    out->highest_us = (int64_t)load_le64(in + 80);
    out->first_seq = load_le64(in + 88);
    out->last_seq = load_le64(in + 96);
    for (unsigned i = 0; i < DIRECTION_COUNT; i++)
        out->messages[i] = load_le64(in + 104 + 8 * (size_t)i);
    out->lines = load_le64(in + 136);
    out->errors = load_le64(in + 144);
    out->methods = load_le64(in + 152);
    out->events = load_le32(in + 160);
    out->frames = load_le32(in + 164);
    out->sessions = load_le32(in + 168);
}

static bool section_fits(const struct segment_section *section)
{
    return section->stored <= section->raw && section->raw <= SEGMENT_SECTION_MAX &&
           (section->stored == section->raw ||
            section->raw / SEGMENT_SECTION_RATIO < section->stored);
}

bool segment_footer_head_decode(struct segment_footer_head *out, const unsigned char *in)
{
    if (load_le32(in) != SEGMENT_MAGIC_FOOTER || memcmp(in + 8, SEGMENT_FOOTER_TEXT, 8) != 0 ||
        load_le32(in + AT_CRC) != crc32c(0, in + 8, AT_CRC - 8) ||
        load_le32(in + 16) != SEGMENT_VERSION)
        return false;
    out->payload = load_le32(in + 4);
    out->head = (struct segment_head){
        .version = load_le32(in + 16),
        .generation = load_le32(in + 20),
        .instance = load_le64(in + 24),
        .number = load_le64(in + 32),
        .start_wall_ns = (int64_t)load_le64(in + 40),
        .start_mono_ns = (int64_t)load_le64(in + 48),
    };
    decode_totals(&out->totals, in);
    out->frames = decode_section(in + 172, in + 188);
    out->sessions = decode_section(in + 180, in + 192);
    return section_fits(&out->frames) && section_fits(&out->sessions) &&
           out->totals.frames == out->frames.raw / SEGMENT_INDEX_CORE &&
           out->frames.raw % SEGMENT_INDEX_CORE == 0 &&
           out->totals.sessions <= SEGMENT_SESSIONS_MAX &&
           out->sessions.raw >= (uint64_t)out->totals.sessions * SEGMENT_ROW_BYTES &&
           (uint64_t)out->payload + 8 ==
               SEGMENT_FOOTER_HEAD + (uint64_t)out->frames.stored + out->sessions.stored;
}

void segment_footer_total(struct segment_totals *out, const struct segment_index *frames,
                          size_t count)
{
    uint32_t sessions = out->sessions;
    *out = (struct segment_totals){
        .sessions = sessions, .frames = (uint32_t)count, .end = SEGMENT_HEADER_BYTES};
    for (size_t i = 0; i < count; i++) {
        const struct segment_index *frame = &frames[i];
        if (i == 0 || frame->lowest_us < out->lowest_us)
            out->lowest_us = frame->lowest_us;
        if (i == 0 || frame->highest_us > out->highest_us)
            out->highest_us = frame->highest_us;
        out->first_seq = out->first_seq ? out->first_seq : frame->first_seq;
        out->last_seq = frame->last_seq ? frame->last_seq : out->last_seq;
        for (int d = 0; d < DIRECTION_COUNT; d++)
            out->messages[d] += frame->directions[d];
        out->lines += frame->lines;
        out->errors += frame->errors;
        out->methods |= frame->methods;
        out->events |= frame->events;
        out->text_bytes += frame->text_bytes;
        out->end = frame->offset + frame->compressed_bytes + SEGMENT_INDEX_BYTES;
    }
}
