/*
 * reader.c - a segment file read from front to back.
 *
 *   file ──▶ in (64 KiB) ──▶ frame by frame: skipped, or decompressed ──▶ text ──▶ lines
 *
 * The reader is between two frames, inside a data frame, or inside a skippable one. At the end of
 * the file it stays where it is, so a file that grows is read on. What can go wrong: a magic number
 * that is none, a frame that does not decompress or fails its checksum, one whose window is larger
 * than a reader must hold, a frame that ends in mid-line, a line that is too long or none of ours.
 * All of that is told with the offset, and ends the reading.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/base/memory.h"
#include "lib/segment/bytes.h"
#include "lib/segment/layout.h"

#define IN_BYTES   (64u << 10)
#define TEXT_STEP  (128u << 10) /* decompressed at a time */
#define FRAME_HEAD 8u           /* magic and, in a skippable frame, size */

enum where { WHERE_START, WHERE_BETWEEN, WHERE_DATA, WHERE_SKIP };

struct segment_reader {
    int fd;
    char *path;
    struct segment_head head;
    struct segment_place place;
    struct segment_place before; /* where it stood in front of the data frame */
    enum where where;
    uint64_t frame_at;  /* offset of the frame it is in */
    uint64_t skip_left; /* bytes of the skippable frame */
    uint64_t offset;    /* in the file, of in[in_at] */
    size_t in_at, in_len;
    struct buffer text;
    size_t given, searched; /* lines given out; no newline from there up to here */
    enum status
        failed; /* what ended the reading: told behind the lines in `text`, and ever after */
    struct error failure;
    ZSTD_DCtx *decompressor;
    unsigned char in[IN_BYTES];
};

static enum status damaged(const struct segment_reader *reader, struct error *err, const char *what)
{
    return error_set(err, STATUS_DAMAGED, "%s: frame at byte %llu: %s", reader->path,
                     (unsigned long long)reader->frame_at, what);
}

/* ------------------------------------------------------------------ bytes of the file */

/* Makes `count` bytes ready in `in`. STATUS_END: the file has no more. */
static enum status fill(struct segment_reader *reader, size_t count, struct error *err)
{
    if (reader->in_len - reader->in_at >= count)
        return STATUS_OK;
    memmove(reader->in, reader->in + reader->in_at, reader->in_len - reader->in_at);
    reader->in_len -= reader->in_at;
    reader->in_at = 0;
    while (reader->in_len < count) {
        ssize_t got = read(reader->fd, reader->in + reader->in_len, IN_BYTES - reader->in_len);
        if (got == 0)
            return STATUS_END;
        if (got > 0)
            reader->in_len += (size_t)got;
        else if (errno != EINTR)
            return error_errno(err, errno, "reading %s", reader->path);
    }
    return STATUS_OK;
}

static size_t ready(const struct segment_reader *reader)
{
    return reader->in_len - reader->in_at;
}

static void pass(struct segment_reader *reader, size_t count)
{
    reader->in_at += count;
    reader->offset += count;
}

/* ------------------------------------------------------------------ frames */

static enum status read_header(struct segment_reader *reader, struct error *err)
{
    enum status status = fill(reader, SEGMENT_HEADER_BYTES, err);
    if (status == STATUS_END) {
        unsigned char magic[4];
        size_t there = ready(reader) < 4 ? ready(reader) : 4;
        store_le32(magic, SEGMENT_MAGIC_HEADER);
        reader->place.torn = ready(reader) > 0;
        if (memcmp(reader->in + reader->in_at, magic, there) != 0)
            return error_set(err, STATUS_DAMAGED, "%s is not a segment", reader->path);
        return STATUS_END;
    }
    if (status != STATUS_OK)
        return status;
    status = segment_header_decode(&reader->head, reader->in + reader->in_at, ready(reader));
    if (status == STATUS_UNSUPPORTED)
        return error_set(err, status, "%s is a segment of version %u; this program knows %u",
                         reader->path, reader->head.version, SEGMENT_VERSION);
    if (status != STATUS_OK)
        return error_set(err, status, "%s is not a segment", reader->path);
    pass(reader, SEGMENT_HEADER_BYTES);
    reader->where = WHERE_BETWEEN;
    reader->place.end = reader->place.frame_end = reader->place.indexed_end = reader->offset;
    return STATUS_OK;
}

/* An index entry is passed as a whole; whether it fits the frame before it is noted. */
static enum status pass_index(struct segment_reader *reader, struct error *err)
{
    struct segment_index index;
    enum status status = fill(reader, SEGMENT_INDEX_BYTES, err);
    if (status != STATUS_OK)
        return status;
    bool fits = segment_index_decode(&index, reader->in + reader->in_at, ready(reader)) &&
                index.offset == reader->place.frame && reader->place.frame_end == reader->frame_at;
    pass(reader, SEGMENT_INDEX_BYTES);
    if (fits)
        reader->place.indexed_end = reader->offset;
    reader->place.end = reader->offset;
    return STATUS_OK;
}

static enum status begin_skippable(struct segment_reader *reader, uint32_t magic, struct error *err)
{
    uint32_t size = load_le32(reader->in + reader->in_at + 4);
    if (magic == SEGMENT_MAGIC_INDEX && size == SEGMENT_INDEX_BYTES - FRAME_HEAD)
        return pass_index(reader, err);
    pass(reader, FRAME_HEAD);
    reader->skip_left = size;
    reader->where = WHERE_SKIP;
    return STATUS_OK;
}

static enum status begin_frame(struct segment_reader *reader, struct error *err)
{
    reader->frame_at = reader->offset;
    enum status status = fill(reader, FRAME_HEAD, err);
    if (status != STATUS_OK)
        return status;
    uint32_t magic = load_le32(reader->in + reader->in_at);
    if ((magic & 0xfffffff0u) == SEGMENT_MAGIC_SKIPPABLE)
        return begin_skippable(reader, magic, err);
    if (magic != SEGMENT_MAGIC_ZSTD)
        return damaged(reader, err, "not a frame");
    (void)ZSTD_DCtx_reset(reader->decompressor, ZSTD_reset_session_only);
    reader->before = reader->place;
    reader->place.frame = reader->frame_at;
    reader->where = WHERE_DATA;
    return STATUS_OK;
}

static enum status skip(struct segment_reader *reader, struct error *err)
{
    while (reader->skip_left > 0) {
        enum status status = fill(reader, 1, err);
        if (status != STATUS_OK)
            return status;
        size_t step = ready(reader) < reader->skip_left ? ready(reader) : reader->skip_left;
        pass(reader, step);
        reader->skip_left -= step;
    }
    reader->where = WHERE_BETWEEN;
    reader->place.end = reader->offset;
    return STATUS_OK;
}

static enum status end_data(struct segment_reader *reader, struct error *err)
{
    reader->where = WHERE_BETWEEN;
    if (reader->text.len && reader->text.data[reader->text.len - 1] != '\n')
        return damaged(reader, err, "it ends in mid-line");
    reader->place.frame_end = reader->place.end = reader->offset;
    return STATUS_OK;
}

/* Decompresses the next piece behind what is in `text`. */
static enum status read_data(struct segment_reader *reader, struct error *err)
{
    enum status status = fill(reader, 1, err);
    if (status != STATUS_OK && status != STATUS_END)
        return status;
    ZSTD_inBuffer in = {reader->in + reader->in_at, ready(reader), 0};
    ZSTD_outBuffer out = {buffer_reserve(&reader->text, TEXT_STEP), TEXT_STEP, 0};
    size_t left = ZSTD_decompressStream(reader->decompressor, &out, &in);
    reader->text.len += out.pos;
    if (ZSTD_isError(left))
        return damaged(reader, err, ZSTD_getErrorName(left));
    pass(reader, in.pos);
    if (left == 0)
        return end_data(reader, err);
    return status == STATUS_END && out.pos == 0 ? STATUS_END : STATUS_OK;
}

static enum status advance(struct segment_reader *reader, struct error *err)
{
    switch (reader->where) {
    case WHERE_START:
        return read_header(reader, err);
    case WHERE_BETWEEN:
        return begin_frame(reader, err);
    case WHERE_DATA:
        return read_data(reader, err);
    case WHERE_SKIP:
        return skip(reader, err);
    }
    return STATUS_END;
}

/* ------------------------------------------------------------------ lines */

/* The next whole line in `text`; false when there is none yet. */
static bool find_line(struct segment_reader *reader, struct span *line)
{
    struct buffer *text = &reader->text;
    if (text->len == reader->searched)
        return false;
    const char *newline = memchr(text->data + reader->searched, '\n', text->len - reader->searched);
    if (!newline) {
        reader->searched = text->len;
        return false;
    }
    *line = span_make(text->data + reader->given, (size_t)(newline - text->data) - reader->given);
    reader->given = reader->searched = (size_t)(newline - text->data) + 1;
    return true;
}

static void forget_given(struct segment_reader *reader)
{
    if (reader->given == 0)
        return;
    buffer_consume(&reader->text, reader->given);
    reader->searched -= reader->given;
    reader->given = 0;
}

/* Makes more of the file into text. STATUS_END: there is no more for now. */
static enum status more_text(struct segment_reader *reader)
{
    enum status status;
    forget_given(reader);
    if (reader->text.len > SEGMENT_LINE_MAX)
        status = damaged(reader, &reader->failure, "a line is longer than any that is written");
    else
        status = advance(reader, &reader->failure);
    if (status == STATUS_END) {
        bool inside = reader->where == WHERE_DATA || reader->where == WHERE_SKIP;
        reader->place.torn = inside || ready(reader) > 0;
    } else if (status != STATUS_OK) {
        reader->failed = status;
    }
    return status;
}

enum status segment_reader_next(struct segment_reader *reader, struct segment_line *out,
                                struct error *err)
{
    struct span line;
    while (!find_line(reader, &line)) {
        if (reader->failed)
            return error_set(err, reader->failed, "%s", reader->failure.text);
        if (more_text(reader) == STATUS_END)
            return STATUS_END;
    }
    if (segment_line_parse(out, line.data, line.len) == STATUS_OK)
        return STATUS_OK;
    buffer_clear(&reader->text);
    reader->given = reader->searched = 0;
    reader->place.frame_end = reader->before.frame_end; /* whatever its checksum says */
    reader->place.end = reader->before.end;
    reader->failed = damaged(reader, &reader->failure, "a line is none of this format");
    return error_set(err, reader->failed, "%s", reader->failure.text);
}

/* ------------------------------------------------------------------ opening */

enum status segment_reader_open(struct segment_reader **out, const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "opening %s", path);
    struct segment_reader *reader = memory_new(sizeof *reader);
    reader->fd = fd;
    reader->path = memory_text(path);
    reader->decompressor = segment_decompressor_new();
    enum status status = reader->decompressor
                             ? read_header(reader, err)
                             : error_set(err, STATUS_FULL, "no memory for decompressing");
    if (status != STATUS_OK && status != STATUS_END) {
        segment_reader_close(reader);
        return status;
    }
    *out = reader;
    return STATUS_OK;
}

const struct segment_head *segment_reader_head(const struct segment_reader *reader)
{
    return &reader->head;
}

const struct segment_place *segment_reader_place(const struct segment_reader *reader)
{
    return &reader->place;
}

void segment_reader_close(struct segment_reader *reader)
{
    if (!reader)
        return;
    close(reader->fd);
    ZSTD_freeDCtx(reader->decompressor);
    buffer_close(&reader->text);
    free(reader->path);
    free(reader);
}
