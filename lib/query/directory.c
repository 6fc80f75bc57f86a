/*
 * directory.c - the frames of a file that has no footer.
 *
 *   header │ data index data index … data index │ data (being written)
 *          ◀── chain: each entry says where ─────┤── walk ▶
 *              the one before it ends          anchor
 *
 * The anchor is the last index entry that fits, searched in the last few megabytes. In front of the
 * place where the chain breaks (a damaged entry) and behind the anchor the file is walked from
 * frame to frame by the sizes of their blocks (RFC 8878, section 3.1.1), and where that fails, from
 * the next entry that fits on. Every number is checked against the place where it was found, so the
 * walk always moves on.
 */
#include "lib/query/directory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/memory.h"

#define ANCHOR_WINDOW (4u << 20)
#define SEARCH_STEP   (256u << 10)
#define FRAME_HEAD    8u

struct entries {
    struct segment_index *list;
    size_t count, room;
};

static bool read_at(struct query_file *file, void *out, size_t len, uint64_t offset)
{
    if (offset > file->size || file->size - offset < len)
        return false;
    file->bytes_read += len;
    return pread(file->fd, out, len, (off_t)offset) == (ssize_t)len;
}

static void add(struct entries *entries, const struct segment_index *entry)
{
    if (entries->count == entries->room) {
        entries->room = entries->room ? entries->room * 2 : 64;
        entries->list = memory_resize(entries->list, entries->room * sizeof *entries->list);
    }
    entries->list[entries->count++] = *entry;
}

/* An entry that stands at `offset` and describes the frame right before it. */
static bool entry_fits(const struct segment_index *entry, uint64_t offset)
{
    return entry->offset >= SEGMENT_HEADER_BYTES && entry->compressed_bytes > 0 &&
           entry->offset < offset && offset - entry->offset == entry->compressed_bytes &&
           entry->text_bytes > 0 && entry->text_bytes <= QUERY_TEXT_MAX && entry->lines > 0;
}

static bool decode_fitting(const unsigned char *bytes, size_t len, uint64_t offset,
                           struct segment_index *out)
{
    return segment_index_decode(out, bytes, len) && entry_fits(out, offset);
}

static bool read_entry(struct query_file *file, uint64_t offset, struct segment_index *out)
{
    unsigned char bytes[SEGMENT_INDEX_BYTES];
    return read_at(file, bytes, sizeof bytes, offset) &&
           decode_fitting(bytes, sizeof bytes, offset, out);
}

/* ------------------------------------------------------------------ searching for an entry */

static const unsigned char entry_mark[FRAME_HEAD] = {0x51, 0x2a, 0x4d, 0x18,
                                                     SEGMENT_INDEX_BYTES - FRAME_HEAD};

/* The offset of the last entry in the file that fits; 0: none near the end. */
static uint64_t find_anchor(struct query_file *file, struct segment_index *out)
{
    struct segment_index entry;
    if (file->size >= SEGMENT_INDEX_BYTES &&
        read_entry(file, file->size - SEGMENT_INDEX_BYTES, out))
        return file->size - SEGMENT_INDEX_BYTES;
    size_t window = file->size < ANCHOR_WINDOW ? (size_t)file->size : ANCHOR_WINDOW;
    uint64_t from = file->size - window, found = 0;
    unsigned char *bytes = memory_new(window + 1), *at = bytes;
    if (!read_at(file, bytes, window, from))
        window = 0;
    while ((at = memmem(at, (size_t)(bytes + window - at), entry_mark, sizeof entry_mark))) {
        uint64_t offset = from + (uint64_t)(at - bytes);
        if (decode_fitting(at, (size_t)(bytes + window - at), offset, &entry)) {
            found = offset;
            *out = entry;
        }
        at++;
    }
    free(bytes);
    return found;
}

/* The first entry that fits from `from` on, below `limit`; 0: none. */
static uint64_t find_entry(struct query_file *file, uint64_t from, uint64_t limit,
                           struct segment_index *out)
{
    const size_t keep = SEGMENT_INDEX_BYTES - 1;
    unsigned char *bytes = memory_new(SEARCH_STEP);
    uint64_t found = 0;
    while (!found && from < limit && limit - from >= SEGMENT_INDEX_BYTES) {
        size_t len = limit - from < SEARCH_STEP ? (size_t)(limit - from) : SEARCH_STEP;
        unsigned char *at = bytes;
        if (!read_at(file, bytes, len, from))
            break;
        while (!found &&
               (at = memmem(at, (size_t)(bytes + len - at), entry_mark, sizeof entry_mark))) {
            uint64_t offset = from + (uint64_t)(at - bytes);
            if (decode_fitting(at, (size_t)(bytes + len - at), offset, out))
                found = offset;
            at++;
        }
        from += len > keep ? len - keep : len;
    }
    free(bytes);
    return found;
}

/* ------------------------------------------------------------------ walking forwards */

/* Where the data frame at `offset` ends; 0: it is none, *cut: or not yet whole. */
static uint64_t data_end(struct query_file *file, uint64_t offset, bool *cut)
{
    static const unsigned dictionary_bytes[] = {0, 1, 2, 4}, content_bytes[] = {0, 2, 4, 8};
    unsigned char head[5], block[3];
    *cut = true;
    if (!read_at(file, head, sizeof head, offset))
        return 0;
    bool single = head[4] & 0x20;
    unsigned content = content_bytes[head[4] >> 6];
    offset += sizeof head + !single + dictionary_bytes[head[4] & 3] +
              (content == 0 && single ? 1 : content);
    for (bool last = false; !last;) {
        if (!read_at(file, block, sizeof block, offset))
            return 0;
        uint32_t bits = block[0] | (uint32_t)block[1] << 8 | (uint32_t)block[2] << 16;
        last = bits & 1;
        unsigned type = bits >> 1 & 3;
        *cut = type != 3;
        if (type == 3)
            return 0;
        offset += sizeof block + (type == 1 ? 1 : bits >> 3);
    }
    offset += head[4] & 4 ? 4 : 0;
    *cut = offset > file->size;
    return *cut ? 0 : offset;
}

struct walk {
    struct query_file *file;
    struct query_reporter *reporter;
    struct entries *entries;
    uint64_t at, limit;
    bool growing; /* the file may end in mid-frame */
};

/* The frame at walk->at cannot be passed: goes on behind the next entry that fits. */
static void pass_damage(struct walk *walk, const char *why)
{
    struct segment_index entry;
    uint64_t found = find_entry(walk->file, walk->at, walk->limit, &entry);
    query_report(walk->reporter, walk->file->path, walk->at, why);
    if (found && entry.offset > walk->at)
        add(walk->entries, &entry);
    walk->at = found ? found + SEGMENT_INDEX_BYTES : walk->limit;
}

static void pass_cut(struct walk *walk)
{
    if (!walk->growing || walk->limit != walk->file->size) {
        pass_damage(walk, "it is cut off");
        return;
    }
    walk->file->tail = walk->at;
    walk->at = walk->limit;
}

static void pass_data(struct walk *walk)
{
    struct segment_index frame = {.offset = walk->at}, entry;
    bool cut;
    uint64_t end = data_end(walk->file, walk->at, &cut);
    if (end == 0 && cut) {
        pass_cut(walk);
        return;
    }
    if (end == 0 || end > walk->limit || end - walk->at > UINT32_MAX) {
        pass_damage(walk, "it has a block of no known type");
        return;
    }
    frame.compressed_bytes = (uint32_t)(end - walk->at);
    walk->at = end;
    if (read_entry(walk->file, end, &entry) && entry.offset == frame.offset) {
        frame = entry;
        walk->at += SEGMENT_INDEX_BYTES;
    }
    add(walk->entries, &frame);
}

static void walk_on(struct walk *walk)
{
    unsigned char head[FRAME_HEAD];
    while (walk->at < walk->limit) {
        if (!read_at(walk->file, head, sizeof head, walk->at)) {
            pass_cut(walk);
            continue;
        }
        uint32_t magic = load_le32(head), size = load_le32(head + 4);
        if (magic == SEGMENT_MAGIC_ZSTD)
            pass_data(walk);
        else if ((magic & 0xfffffff0u) != SEGMENT_MAGIC_SKIPPABLE)
            pass_damage(walk, "not a frame");
        else if (walk->limit - walk->at - FRAME_HEAD < size)
            pass_cut(walk);
        else
            walk->at += FRAME_HEAD + size;
    }
}

/* ------------------------------------------------------------------ all of it */

/* From this entry backwards; returns the offset of the first frame that was reached. */
static uint64_t follow_chain(struct query_file *file, struct entries *chain,
                             const struct segment_index *last)
{
    struct segment_index entry = *last;
    do
        add(chain, &entry);
    while (entry.offset >= SEGMENT_HEADER_BYTES + SEGMENT_INDEX_BYTES &&
           read_entry(file, entry.offset - SEGMENT_INDEX_BYTES, &entry));
    return chain->list[chain->count - 1].offset;
}

void query_directory_read(struct query_file *file, struct query_reporter *reporter)
{
    struct entries entries = {0}, chain = {0};
    struct segment_index last;
    size_t len = strlen(file->path), suffix = strlen(".open");
    bool growing = len > suffix && strcmp(file->path + len - suffix, ".open") == 0;
    uint64_t anchor = find_anchor(file, &last), end = SEGMENT_HEADER_BYTES;
    if (anchor) {
        uint64_t begin = follow_chain(file, &chain, &last);
        struct walk front = {file, reporter, &entries, SEGMENT_HEADER_BYTES, begin, growing};
        walk_on(&front);
        end = anchor + SEGMENT_INDEX_BYTES;
    }
    for (size_t i = chain.count; i > 0; i--)
        add(&entries, &chain.list[i - 1]);
    free(chain.list);
    struct walk back = {file, reporter, &entries, end, file->size, growing};
    walk_on(&back);
    file->own = entries.list;
    file->frames = entries.list;
    file->frame_count = entries.count;
}
