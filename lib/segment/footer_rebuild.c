/*
 * footer_rebuild.c - a footer made from the frames of a file that has none, or a wrong one.
 *
 * Every whole frame counts, in front of damage and behind it. Where only the directory is wanted an
 * index entry that fits its frame stands for the frame's text. A frame with a line that is none of
 * ours is damage; its first lines may have been counted into summaries then.
 */
#include "lib/segment/footer_rebuild.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/segment/footer_layout.h"
#include "lib/segment/footer_private.h"
#include "lib/segment/recount.h"
#include "lib/segment/walk.h"

struct segment_rebuild {
    const char *path;
    struct segment_walk *walk;
    struct segment_footer *footer;
    struct segment_summaries *summaries; /* NULL: not wanted */
    struct segment_piece waiting;        /* a data frame whose entry may follow; no bytes: none */
    struct error *damage;
};

static void tell(const struct segment_rebuild *rebuild, const struct segment_piece *piece,
                 const char *why)
{
    if (rebuild->damage && !rebuild->damage->text[0])
        (void)error_set(rebuild->damage, STATUS_DAMAGED, "%s: byte %llu: %s", rebuild->path,
                        (unsigned long long)piece->offset, why);
}

static void add_frame(struct segment_rebuild *rebuild, struct segment_index *index,
                      const struct segment_piece *piece, uint32_t text_bytes)
{
    struct segment_totals *totals = &rebuild->footer->totals;
    index->offset = piece->offset;
    index->compressed_bytes = (uint32_t)piece->bytes;
    index->text_bytes = text_bytes;
    index->text_offset = totals->text_bytes;
    totals->text_bytes += text_bytes;
    segment_directory_add(&rebuild->footer->directory, index);
}

static void take_text(struct segment_rebuild *rebuild, const struct segment_piece *piece)
{
    struct segment_index index = {0};
    uint32_t frame = (uint32_t)rebuild->footer->directory.count;
    if (segment_recount_text(&index, rebuild->summaries, frame, piece->text))
        add_frame(rebuild, &index, piece, (uint32_t)piece->text.len);
    else
        tell(rebuild, piece, "a line is none of this format");
}

/* The frame that waits has no entry that fits: its text must tell. */
static enum status settle(struct segment_rebuild *rebuild, struct error *err)
{
    struct segment_piece *piece = &rebuild->waiting;
    if (!piece->bytes)
        return STATUS_OK;
    enum status status = segment_walk_text(rebuild->walk, piece, err);
    if (status == STATUS_OK)
        take_text(rebuild, piece);
    else if (status == STATUS_DAMAGED)
        tell(rebuild, piece, piece->why);
    piece->bytes = 0;
    return status == STATUS_DAMAGED ? STATUS_OK : status;
}

static enum status take(struct segment_rebuild *rebuild, struct segment_piece *piece,
                        struct error *err)
{
    struct segment_piece *waiting = &rebuild->waiting;
    bool fits = piece->kind == SEGMENT_PIECE_INDEX && waiting->bytes && piece->index.lines &&
                piece->index.offset == waiting->offset &&
                piece->index.compressed_bytes == waiting->bytes;
    if (fits) {
        add_frame(rebuild, &piece->index, waiting, piece->index.text_bytes);
        waiting->bytes = 0;
        return STATUS_OK;
    }
    enum status status = settle(rebuild, err);
    if (status != STATUS_OK)
        return status;
    if (piece->kind == SEGMENT_PIECE_HEADER)
        rebuild->footer->head = piece->head;
    else if (piece->kind == SEGMENT_PIECE_DATA && rebuild->summaries)
        take_text(rebuild, piece);
    else if (piece->kind == SEGMENT_PIECE_DATA)
        *waiting = *piece;
    else if (piece->kind == SEGMENT_PIECE_DAMAGE)
        tell(rebuild, piece, piece->why);
    return STATUS_OK;
}

/* ------------------------------------------------------------------ in steps */

enum status segment_rebuild_open(struct segment_rebuild **out, const char *path, unsigned parts,
                                 struct error *damage, struct error *err)
{
    bool sessions = (parts & SEGMENT_FOOTER_SESSIONS) != 0;
    struct segment_walk *walk;
    enum status status = segment_walk_open(&walk, path, sessions, err);
    if (status != STATUS_OK)
        return status;
    struct segment_rebuild *rebuild = memory_new(sizeof *rebuild);
    *rebuild = (struct segment_rebuild){.path = path, .walk = walk, .damage = damage};
    rebuild->footer = memory_new(sizeof *rebuild->footer);
    rebuild->summaries = sessions ? segment_summaries_new() : NULL;
    if (damage)
        damage->text[0] = '\0';
    *out = rebuild;
    return STATUS_OK;
}

enum status segment_rebuild_step(struct segment_rebuild *rebuild, struct error *err)
{
    struct segment_piece piece;
    enum status status = segment_walk_next(rebuild->walk, &piece, err);
    if (status == STATUS_OK)
        return take(rebuild, &piece, err);
    if (status != STATUS_END)
        return status;
    status = settle(rebuild, err);
    return status == STATUS_OK ? STATUS_END : status;
}

struct segment_footer *segment_rebuild_finish(struct segment_rebuild *rebuild)
{
    struct segment_footer *footer = rebuild->footer;
    rebuild->footer = NULL;
    footer->rebuilt = true;
    if (rebuild->summaries) {
        segment_summaries_encode(rebuild->summaries, &footer->sessions);
        footer->session_count = segment_summaries_count(rebuild->summaries);
        footer->complete = segment_summaries_complete(rebuild->summaries);
    }
    footer->totals.sessions = (uint32_t)footer->session_count;
    segment_footer_total(&footer->totals, footer->directory.frames, footer->directory.count);
    return footer;
}

void segment_rebuild_close(struct segment_rebuild *rebuild)
{
    if (!rebuild)
        return;
    segment_footer_close(rebuild->footer);
    segment_summaries_free(rebuild->summaries);
    segment_walk_close(rebuild->walk);
    free(rebuild);
}

enum status segment_footer_rebuild(struct segment_footer **out, const char *path, unsigned parts,
                                   struct error *damage, struct error *err)
{
    struct segment_rebuild *rebuild;
    enum status status = segment_rebuild_open(&rebuild, path, parts, damage, err);
    if (status != STATUS_OK)
        return status;
    while (status == STATUS_OK)
        status = segment_rebuild_step(rebuild, err);
    if (status == STATUS_END) {
        *out = segment_rebuild_finish(rebuild);
        status = STATUS_OK;
    }
    segment_rebuild_close(rebuild);
    return status;
}

bool segment_footer_append_rebuilt(struct buffer *out, const struct segment_footer *footer)
{
    uint64_t end = SEGMENT_HEADER_BYTES;
    for (size_t i = 0; i < footer->directory.count; i++) {
        const struct segment_index *frame = &footer->directory.frames[i];
        if (frame->offset != end)
            return false;
        end += (uint64_t)frame->compressed_bytes + SEGMENT_INDEX_BYTES;
    }
    return footer->complete &&
           segment_footer_append(out, &footer->head, &footer->directory,
                                 span_make(footer->sessions.data, footer->sessions.len),
                                 footer->session_count);
}

enum status segment_footer_load(struct segment_footer **out, const char *path, unsigned parts,
                                struct error *err)
{
    enum status status = segment_footer_open(out, path, parts, err);
    if (status == STATUS_NOT_FOUND && access(path, F_OK) == 0)
        status = segment_footer_rebuild(out, path, parts, NULL, err);
    return status;
}
