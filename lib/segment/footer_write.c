/*
 * footer_write.c - totals, two sections, and the seek table. A section is compressed when
 * that makes it smaller, but not to less than a 256th: readers take more for an attack. Fails only
 * by being too large.
 */
#include "lib/segment/footer_write.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "lib/base/memory.h"
#include "lib/segment/footer.h"
#include "lib/segment/footer_layout.h"

#define SECTION_LEVEL 3

void segment_directory_add(struct segment_directory *directory, const struct segment_index *frame)
{
    if (directory->count == directory->room) {
        directory->room = directory->room ? directory->room * 2 : 64;
        directory->frames =
            memory_resize(directory->frames, directory->room * sizeof *directory->frames);
    }
    directory->frames[directory->count++] = *frame;
}

void segment_directory_clear(struct segment_directory *directory)
{
    directory->count = 0;
}

void segment_directory_close(struct segment_directory *directory)
{
    free(directory->frames);
    *directory = (struct segment_directory){0};
}

/* ------------------------------------------------------------------ sections */

static struct segment_section put_section(struct buffer *out, struct span raw)
{
    struct segment_section section = {.stored = (uint32_t)raw.len, .raw = (uint32_t)raw.len};
    size_t room = ZSTD_compressBound(raw.len);
    char *to = buffer_reserve(out, room + 1);
    size_t len = ZSTD_compress(to, room, raw.data, raw.len, SECTION_LEVEL);
    bool smaller = !ZSTD_isError(len) && len < raw.len && raw.len / SEGMENT_SECTION_RATIO < len;
    if (smaller)
        section.stored = (uint32_t)len;
    else if (raw.len)
        memcpy(to, raw.data, raw.len);
    section.crc = crc32c(0, to, section.stored);
    out->len += section.stored;
    return section;
}

/* Rows by columns of four bytes: equal fields stand together, so they compress. */
static void put_frames(struct buffer *out, const struct segment_directory *directory)
{
    size_t rows = directory->count;
    unsigned char row[SEGMENT_INDEX_CORE];
    unsigned char *table = (unsigned char *)buffer_reserve(out, rows * sizeof row + 1);
    for (size_t i = 0; i < rows; i++) {
        segment_index_encode_core(row, &directory->frames[i]);
        for (size_t column = 0; column < sizeof row; column += 4)
            memcpy(table + column * rows + 4 * i, row + column, 4);
    }
    out->len += rows * sizeof row;
}

/* ------------------------------------------------------------------ the whole */

static void append_seek_table(struct buffer *out, const struct segment_directory *directory,
                              uint32_t footer_bytes)
{
    uint32_t entries = 2 * (uint32_t)directory->count + 2;
    uint32_t size = entries * SEGMENT_SEEK_ENTRY + SEGMENT_SEEK_FOOT;
    unsigned char *at = (unsigned char *)buffer_reserve(out, size + 8);
    store_le32(at, SEGMENT_MAGIC_SEEK);
    store_le32(at + 4, size);
    store_le32(at + 8, SEGMENT_HEADER_BYTES);
    store_le32(at + 12, 0);
    at += 16;
    for (size_t i = 0; i < directory->count; i++, at += 16) {
        store_le32(at, directory->frames[i].compressed_bytes);
        store_le32(at + 4, directory->frames[i].text_bytes);
        store_le32(at + 8, SEGMENT_INDEX_BYTES);
        store_le32(at + 12, 0);
    }
    store_le32(at, footer_bytes);
    store_le32(at + 4, 0);
    store_le32(at + 8, entries);
    at[12] = 0;
    store_le32(at + 13, SEGMENT_SEEK_MAGIC);
    out->len += size + 8;
}

bool segment_footer_append(struct buffer *out, const struct segment_head *head,
                           const struct segment_directory *directory, struct span sessions,
                           size_t session_count)
{
    struct buffer raw = {0};
    size_t begin = out->len;
    struct segment_footer_head foot = {.head = *head};
    if (session_count > SEGMENT_SESSIONS_MAX || sessions.len > SEGMENT_SECTION_MAX ||
        directory->count > SEGMENT_SECTION_MAX / SEGMENT_INDEX_CORE)
        return false;
    segment_footer_total(&foot.totals, directory->frames, directory->count);
    foot.totals.sessions = (uint32_t)session_count;
    out->len += buffer_reserve(out, SEGMENT_FOOTER_HEAD) ? SEGMENT_FOOTER_HEAD : 0;
    put_frames(&raw, directory);
    foot.frames = put_section(out, span_make(raw.data, raw.len));
    foot.sessions = put_section(out, sessions);
    buffer_close(&raw);
    foot.payload = (uint32_t)(out->len - begin) - 8;
    segment_footer_head_encode((unsigned char *)out->data + begin, &foot);
    append_seek_table(out, directory, foot.payload + 8);
    return true;
}

bool segment_footer_append_summaries(struct buffer *out, const struct segment_head *head,
                                     const struct segment_directory *directory,
                                     const struct segment_summaries *summaries)
{
    struct buffer section = {0};
    if (!segment_summaries_complete(summaries))
        return false;
    segment_summaries_encode(summaries, &section);
    bool done = segment_footer_append(out, head, directory, span_make(section.data, section.len),
                                      segment_summaries_count(summaries));
    buffer_close(&section);
    return done;
}
