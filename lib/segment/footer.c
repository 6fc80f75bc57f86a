/*
 * footer.c - reading a footer from the end of a file, and answering from it.
 *
 *   file size ──▶ the last nine bytes: seek table ──▶ its last entry: footer ──▶ sections
 *
 * The tail of the file is read at once, 64 KiB, which holds all of it but in large files. Anything
 * that does not fit makes it STATUS_NOT_FOUND, with the reason. Numbers in the sections are checked
 * where they are used: a row that points outside says nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "lib/base/memory.h"
#include "lib/segment/footer_layout.h"
#include "lib/segment/footer_private.h"

#define TAIL_BYTES (64u << 10)
#define SEEK_LEAST (8u + 2 * SEGMENT_SEEK_ENTRY + SEGMENT_SEEK_FOOT) /* header and footer */

/* ------------------------------------------------------------------ bytes of the tail */

struct tail {
    int fd;
    const char *path;
    uint64_t size;      /* of the file */
    struct buffer data; /* from `at` to the end of the file */
    uint64_t at;
};

/* Makes the tail reach back to `from`. */
static enum status reach(struct tail *tail, uint64_t from, struct error *err)
{
    struct buffer more = {0};
    enum status status = STATUS_OK;
    if (from >= tail->at)
        return STATUS_OK;
    size_t len = (size_t)(tail->at - from);
    char *room = buffer_reserve(&more, len + tail->data.len);
    while (more.len < len && status == STATUS_OK) {
        ssize_t got = pread(tail->fd, room + more.len, len - more.len, (off_t)(from + more.len));
        if (got > 0)
            more.len += (size_t)got;
        else if (got == 0)
            status = error_set(err, STATUS_NOT_FOUND, "%s became shorter", tail->path);
        else if (errno != EINTR)
            status = error_errno(err, errno, "reading %s", tail->path);
    }
    if (status == STATUS_OK) {
        buffer_append(&more, tail->data.data, tail->data.len);
        buffer_close(&tail->data);
        tail->data = more;
        tail->at = from;
    } else {
        buffer_close(&more);
    }
    return status;
}

static const unsigned char *tail_at(const struct tail *tail, uint64_t offset)
{
    return (const unsigned char *)tail->data.data + (offset - tail->at);
}

static enum status none(const struct tail *tail, struct error *err, const char *why)
{
    return error_set(err, STATUS_NOT_FOUND, "%s: %s", tail->path, why);
}

/* ------------------------------------------------------------------ finding it */

/* Checks the seek table and finds the footer before it. */
static enum status find(struct tail *tail, uint64_t *footer_at, struct error *err)
{
    uint64_t size = tail->size;
    if (size < SEGMENT_HEADER_BYTES + SEGMENT_FOOTER_HEAD + SEEK_LEAST)
        return none(tail, err, "no footer");
    enum status status = reach(tail, size > TAIL_BYTES ? size - TAIL_BYTES : 0, err);
    if (status != STATUS_OK)
        return status;
    const unsigned char *foot = tail_at(tail, size - SEGMENT_SEEK_FOOT);
    uint64_t table = 8 + (uint64_t)load_le32(foot) * SEGMENT_SEEK_ENTRY + SEGMENT_SEEK_FOOT;
    if (load_le32(foot + 5) != SEGMENT_SEEK_MAGIC || foot[4] != 0)
        return none(tail, err, "no seek table");
    if (table < SEEK_LEAST || table > size - SEGMENT_HEADER_BYTES - SEGMENT_FOOTER_HEAD)
        return none(tail, err, "the seek table's size is wrong");
    status = reach(tail, size - table, err);
    if (status != STATUS_OK)
        return status;
    const unsigned char *begin = tail_at(tail, size - table);
    uint64_t footer = load_le32(tail_at(tail, size - SEGMENT_SEEK_FOOT - SEGMENT_SEEK_ENTRY));
    if (load_le32(begin) != SEGMENT_MAGIC_SEEK || load_le32(begin + 4) != table - 8)
        return none(tail, err, "the seek table's head is damaged");
    if (footer < SEGMENT_FOOTER_HEAD || footer > size - table - SEGMENT_HEADER_BYTES)
        return none(tail, err, "the footer's size in the seek table is wrong");
    *footer_at = size - table - footer;
    return reach(tail, *footer_at, err);
}

/* Every entry of the seek table against its frame. */
static bool seek_table_fits(const struct tail *tail, const struct segment_footer_head *foot,
                            const struct segment_directory *directory)
{
    uint64_t at = foot->totals.end + 8 + foot->payload;
    const unsigned char *entry = tail_at(tail, at + 8);
    if (load_le32(tail_at(tail, tail->size - SEGMENT_SEEK_FOOT)) != 2 * directory->count + 2)
        return false;
    bool fits = load_le32(entry) == SEGMENT_HEADER_BYTES && load_le32(entry + 4) == 0;
    for (size_t i = 0; i < directory->count && fits; i++) {
        const struct segment_index *frame = &directory->frames[i];
        entry += SEGMENT_SEEK_ENTRY;
        fits = load_le32(entry) == frame->compressed_bytes &&
               load_le32(entry + 4) == frame->text_bytes;
        entry += SEGMENT_SEEK_ENTRY;
        fits = fits && load_le32(entry) == SEGMENT_INDEX_BYTES && load_le32(entry + 4) == 0;
    }
    return fits && load_le32(entry + SEGMENT_SEEK_ENTRY + 4) == 0;
}

/* ------------------------------------------------------------------ sections */

static bool unpack(struct buffer *out, const struct segment_section *section,
                   const unsigned char *stored)
{
    if (crc32c(0, stored, section->stored) != section->crc)
        return false;
    if (section->stored == section->raw) {
        buffer_append(out, stored, section->raw);
        return true;
    }
    size_t got =
        ZSTD_decompress(buffer_reserve(out, section->raw), section->raw, stored, section->stored);
    out->len = ZSTD_isError(got) ? 0 : got;
    return out->len == section->raw;
}

/* Frames lie end to end, each with its entry, from the header to the footer. */
static bool directory_fits(const struct segment_directory *directory,
                           const struct segment_totals *totals)
{
    uint64_t offset = SEGMENT_HEADER_BYTES, text = 0;
    struct segment_totals sum = {.sessions = totals->sessions};
    for (size_t i = 0; i < directory->count; i++) {
        const struct segment_index *frame = &directory->frames[i];
        if (frame->offset != offset || frame->text_offset != text)
            return false;
        offset += (uint64_t)frame->compressed_bytes + SEGMENT_INDEX_BYTES;
        text += frame->text_bytes;
    }
    segment_footer_total(&sum, directory->frames, directory->count);
    return memcmp(&sum, totals, sizeof sum) == 0;
}

static bool unpack_frames(struct segment_footer *footer, const struct segment_section *section,
                          const unsigned char *stored)
{
    struct buffer raw = {0};
    unsigned char row[SEGMENT_INDEX_CORE];
    struct segment_index frame = {0};
    size_t rows = footer->totals.frames;
    bool fits = unpack(&raw, section, stored);
    for (size_t i = 0; i < rows && fits; i++) {
        for (size_t column = 0; column < sizeof row; column += 4)
            memcpy(row + column, raw.data + column * rows + 4 * i, 4);
        segment_index_decode_core(&frame, row);
        segment_directory_add(&footer->directory, &frame);
    }
    buffer_close(&raw);
    return fits && directory_fits(&footer->directory, &footer->totals);
}

static enum status take_sections(struct segment_footer *footer, const struct tail *tail,
                                 const struct segment_footer_head *foot, unsigned parts,
                                 struct error *err)
{
    const unsigned char *stored = tail_at(tail, foot->totals.end + SEGMENT_FOOTER_HEAD);
    if (parts & SEGMENT_FOOTER_FRAMES) {
        if (!unpack_frames(footer, &foot->frames, stored))
            return none(tail, err, "the footer's directory of frames is damaged");
        if (!seek_table_fits(tail, foot, &footer->directory))
            return none(tail, err, "the seek table contradicts the footer");
    }
    if (parts & SEGMENT_FOOTER_SESSIONS) {
        if (!unpack(&footer->sessions, &foot->sessions, stored + foot->frames.stored))
            return none(tail, err, "the footer's list of sessions is damaged");
        footer->session_count = foot->totals.sessions;
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ opening */

/* The file's header: it must be that of this footer. */
static enum status check_header(const struct tail *tail, const struct segment_head *expected,
                                struct error *err)
{
    unsigned char bytes[SEGMENT_HEADER_BYTES];
    struct segment_head head;
    ssize_t got = pread(tail->fd, bytes, sizeof bytes, 0);
    if (got < 0)
        return error_errno(err, errno, "reading %s", tail->path);
    enum status status = segment_header_decode(&head, bytes, (size_t)got);
    if (status == STATUS_UNSUPPORTED)
        return error_set(err, status, "%s is a segment of version %u; this program knows %u",
                         tail->path, head.version, SEGMENT_VERSION);
    if (status != STATUS_OK)
        return error_set(err, status, "%s is not a segment", tail->path);
    if (head.generation != expected->generation || head.instance != expected->instance ||
        head.number != expected->number || head.start_wall_ns != expected->start_wall_ns ||
        head.start_mono_ns != expected->start_mono_ns)
        return none(tail, err, "its footer is one of another file");
    return STATUS_OK;
}

static enum status read_footer(struct segment_footer *footer, struct tail *tail, unsigned parts,
                               struct error *err)
{
    struct segment_footer_head foot;
    uint64_t at = 0;
    enum status status = find(tail, &at, err);
    if (status != STATUS_OK)
        return status;
    if (!segment_footer_head_decode(&foot, tail_at(tail, at)))
        return none(tail, err, "the footer's head is damaged");
    uint64_t table = tail->size - at - 8 - foot.payload;
    if (foot.totals.end != at || at + 8 + (uint64_t)foot.payload > tail->size ||
        load_le32(tail_at(tail, tail->size - table)) != SEGMENT_MAGIC_SEEK)
        return none(tail, err, "the footer is one of a file of another size");
    footer->head = foot.head;
    footer->totals = foot.totals;
    status = check_header(tail, &foot.head, err);
    return status == STATUS_OK ? take_sections(footer, tail, &foot, parts, err) : status;
}

enum status segment_footer_open(struct segment_footer **out, const char *path, unsigned parts,
                                struct error *err)
{
    struct stat st;
    struct tail tail = {.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (tail.fd < 0)
        return error_errno(err, errno, "opening %s", path);
    struct segment_footer *footer = memory_new(sizeof *footer);
    enum status status = STATUS_OK;
    if (fstat(tail.fd, &st) != 0)
        status = error_errno(err, errno, "looking at %s", path);
    else if (!S_ISREG(st.st_mode))
        status = error_set(err, STATUS_INVALID, "%s is not a file", path);
    tail.size = tail.at = status == STATUS_OK ? (uint64_t)st.st_size : 0;
    if (status == STATUS_OK)
        status = read_footer(footer, &tail, parts, err);
    close(tail.fd);
    buffer_close(&tail.data);
    if (status == STATUS_OK)
        *out = footer;
    else
        segment_footer_close(footer);
    return status;
}

void segment_footer_close(struct segment_footer *footer)
{
    if (!footer)
        return;
    segment_directory_close(&footer->directory);
    buffer_close(&footer->sessions);
    free(footer);
}
