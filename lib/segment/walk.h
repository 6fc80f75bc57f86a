/*
 * walk.h - a segment file taken apart into its pieces, whatever state it is in: frames that
 * are whole, stretches that are damaged, a frame that is cut off by the end. For the rooms that
 * work on segments: directories, verification, repair and recovery are made of it.
 *
 * Every byte of the file is in exactly one piece. Behind damage the walk goes on at the next thing
 * that proves itself: a data frame whose checksum fits, an index entry or footer whose CRC does.
 * Time is bounded by the size of the file, whatever is in it; memory by the largest frame
 * (SEGMENT_FRAME_TEXT_MAX of text). Threads: one at a time per walk.
 */
#ifndef HASHSCOPE_SEGMENT_WALK_H
#define HASHSCOPE_SEGMENT_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/segment/layout.h"

enum segment_piece_kind {
    SEGMENT_PIECE_HEADER,
    SEGMENT_PIECE_DATA,
    SEGMENT_PIECE_INDEX,
    SEGMENT_PIECE_FOOTER, /* its size and tag are right, no more is known */
    SEGMENT_PIECE_SEEK,   /* likewise */
    SEGMENT_PIECE_OTHER,  /* a skippable frame that this version does not know */
    SEGMENT_PIECE_DAMAGE,
    SEGMENT_PIECE_TORN /* a frame that the end of the file cuts off */
};

struct segment_piece {
    enum segment_piece_kind kind;
    uint64_t offset, bytes;
    struct span text; /* DATA: all of it, when texts were asked for; TORN: its whole lines */
    struct segment_head head;   /* HEADER */
    struct segment_index index; /* INDEX */
    bool data;                  /* DAMAGE, TORN: it begins as a data frame */
    bool footer;                /* likewise as a footer */
    bool entry;                 /* DAMAGE: a whole index entry whose CRC does not fit */
    const char *why;            /* DAMAGE, TORN */
};

struct segment_walk;

/* `texts`: decompress (and so check) data frames; else only their structure is looked at. */
enum status segment_walk_open(struct segment_walk **out, const char *path, bool texts,
                              struct error *err) MUST_CHECK;
/* STATUS_END: all pieces were given. STATUS_UNSUPPORTED: a newer version; else the file cannot be
 * read. The piece's spans live until the next call. */
enum status segment_walk_next(struct segment_walk *walk, struct segment_piece *out,
                              struct error *err) MUST_CHECK;
/* Decompresses the data frame that was given last, when texts were not asked for. STATUS_DAMAGED
 * with piece->why set: its checksum does not fit. */
enum status segment_walk_text(struct segment_walk *walk, struct segment_piece *piece,
                              struct error *err) MUST_CHECK;
uint64_t segment_walk_size(const struct segment_walk *walk); /* of the file, when it was opened */
void segment_walk_close(struct segment_walk *walk);

#endif
