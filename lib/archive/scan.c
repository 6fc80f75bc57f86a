/*
 * scan.c - see scan.h.
 *
 * A data frame waits for the piece behind it: an entry that fits settles it, anything else has its
 * text read. The first frame that fails ends the trusted part; an entry that is damaged does not,
 * since nothing depends on it. Of a frame that the end of the file cuts off the whole lines are
 * kept, up to the last one that has a number: a line without speaks of one that is not there.
 */
#include "lib/archive/scan.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/segment/recount.h"
#include "lib/segment/walk.h"

#define SAME_BOOT_NS (5 * NS_PER_S) /* by which the clocks may part in one boot */

struct scan {
    struct archive_finding *out;
    const char *path;
    struct segment_walk *walk;
    struct segment_piece waiting; /* a data frame; no bytes: none */
    uint64_t believe_below;
    struct error *why;
};

/* Wall time was set, or the machine slept: that costs checking what needs none. */
static bool of_this_boot(const struct segment_head *head)
{
    int64_t now = clock_mono_ns();
    int64_t apart = clock_between(clock_between(head->start_mono_ns, head->start_wall_ns),
                                  clock_wall_ns() - now);
    return head->start_mono_ns > 0 && head->start_mono_ns <= now && apart < SAME_BOOT_NS &&
           apart > -SAME_BOOT_NS;
}

static enum status read_head(struct scan *scan)
{
    struct segment_reader *reader;
    enum status status = segment_reader_open(&reader, scan->path, scan->why);
    if (status != STATUS_OK)
        return status;
    scan->out->head = *segment_reader_head(reader);
    segment_reader_close(reader);
    if (!of_this_boot(&scan->out->head))
        scan->believe_below = 0;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ whole frames */

static void damage(struct scan *scan, const struct segment_piece *piece, const char *why)
{
    scan->out->damaged = true;
    if (!scan->why->text[0])
        (void)error_set(scan->why, STATUS_DAMAGED, "%s: frame at byte %llu: %s", scan->path,
                        (unsigned long long)piece->offset, why);
}

static void trust(struct scan *scan, const struct segment_index *index)
{
    struct archive_finding *out = scan->out;
    out->whole = *index;
    if (index->last_seq)
        out->last_seq = index->last_seq;
    out->frame_end = scan->waiting.offset + scan->waiting.bytes;
    out->end = out->frame_end;
    scan->waiting.bytes = 0;
}

/* Whether the text of the frame that waits fits its checksum; without an entry it is counted too.
 */
static enum status check_text(struct scan *scan, struct segment_index *index, bool count,
                              struct error *err)
{
    struct segment_piece *piece = &scan->waiting;
    enum status status = segment_walk_text(scan->walk, piece, err);
    if (status == STATUS_DAMAGED) {
        damage(scan, piece, piece->why);
    } else if (status == STATUS_OK && count) {
        index->text_bytes = (uint32_t)piece->text.len;
        if (!segment_recount_text(index, NULL, 0, piece->text))
            damage(scan, piece, "a line is none of this format");
    }
    return status == STATUS_DAMAGED ? STATUS_OK : status;
}

/* The frame that waits has no entry that fits. */
static enum status settle(struct scan *scan, struct error *err)
{
    const struct segment_piece *piece = &scan->waiting;
    const struct segment_index *before = &scan->out->whole;
    if (!piece->bytes || scan->out->damaged)
        return STATUS_OK;
    struct segment_index index = {.offset = piece->offset,
                                  .compressed_bytes = (uint32_t)piece->bytes,
                                  .text_offset = before->text_offset + before->text_bytes};
    enum status status = check_text(scan, &index, true, err);
    if (status == STATUS_OK && !scan->out->damaged)
        trust(scan, &index);
    return status;
}

static bool fits(const struct segment_piece *entry, const struct segment_piece *frame)
{
    return frame->bytes && entry->index.lines && entry->index.offset == frame->offset &&
           entry->index.compressed_bytes == frame->bytes;
}

static enum status take_entry(struct scan *scan, const struct segment_piece *entry,
                              struct error *err)
{
    struct segment_index index = entry->index;
    enum status status = STATUS_OK;
    if (!fits(entry, &scan->waiting))
        return settle(scan, err);
    if (index.last_seq >= scan->believe_below)
        status = check_text(scan, &index, false, err);
    if (status != STATUS_OK || scan->out->damaged)
        return status;
    trust(scan, &index);
    scan->out->indexed_end = entry->offset + entry->bytes;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ the end */

static void take_lines(struct archive_finding *out, uint64_t offset, struct span text)
{
    struct segment_index index = {.offset = offset};
    const char *newline;
    size_t kept = 0;
    for (size_t at = 0; at < text.len; at = (size_t)(newline - text.data) + 1) {
        struct segment_line line;
        struct segment_note note;
        newline = memchr(text.data + at, '\n', text.len - at);
        if (!newline || segment_line_parse(&line, text.data + at,
                                           (size_t)(newline - text.data) - at) != STATUS_OK)
            break;
        segment_note_of_line(&note, &line);
        segment_index_count(&index, &note);
        if (!line.numbered)
            continue;
        out->kept = index;
        kept = (size_t)(newline - text.data) + 1;
    }
    buffer_append(&out->text, text.data, kept);
}

static enum status take(struct scan *scan, const struct segment_piece *piece, struct error *err)
{
    struct archive_finding *out = scan->out;
    if (piece->kind == SEGMENT_PIECE_INDEX) {
        enum status status = take_entry(scan, piece, err);
        out->end = out->damaged ? out->end : piece->offset + piece->bytes;
        return status;
    }
    /* reading the frame that waits again takes the place of the text of this one */
    if (piece->kind == SEGMENT_PIECE_TORN)
        take_lines(out, piece->offset, piece->data ? piece->text : (struct span){NULL, 0});
    enum status status = settle(scan, err);
    if (status != STATUS_OK || out->damaged)
        return status;
    if (piece->kind == SEGMENT_PIECE_DATA)
        scan->waiting = *piece;
    else if (piece->kind == SEGMENT_PIECE_TORN)
        out->torn = true;
    else if (piece->kind == SEGMENT_PIECE_DAMAGE && !piece->entry)
        damage(scan, piece, piece->why);
    else
        out->end = piece->offset + piece->bytes;
    if (piece->kind == SEGMENT_PIECE_HEADER)
        out->indexed_end = out->end;
    return STATUS_OK;
}

static enum status go_through(struct scan *scan)
{
    struct segment_piece piece;
    struct error err = {""};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && !scan->out->damaged) {
        status = segment_walk_next(scan->walk, &piece, &err);
        if (status == STATUS_OK)
            status = take(scan, &piece, &err);
    }
    if (status == STATUS_END)
        status = settle(scan, &err);
    return status == STATUS_OK ? status : error_set(scan->why, status, "%s", err.text);
}

enum status archive_scan(struct archive_finding *out, const char *path, uint64_t believe_below,
                         struct error *why)
{
    struct scan scan = {.out = out, .path = path, .believe_below = believe_below, .why = why};
    *out = (struct archive_finding){0};
    why->text[0] = '\0';
    enum status status = read_head(&scan);
    if (status == STATUS_OK)
        status = segment_walk_open(&scan.walk, path, false, why);
    if (status != STATUS_OK)
        return status;
    status = go_through(&scan);
    segment_walk_close(scan.walk);
    if (out->damaged && out->kept.lines) { /* they stand behind a frame that is damaged */
        out->kept = (struct segment_index){0};
        buffer_clear(&out->text);
    }
    return status;
}

void archive_finding_close(struct archive_finding *finding)
{
    buffer_close(&finding->text);
}
