/*
 * recompress_private.h - the writing half of recompress.c: lines go in, frames with their index
 * entries come out.
 *
 * While a frame is being gathered lines are added; when it is full the writer is busy, and
 * recompress_writer_work compresses it by pieces of bounded length until it is not. A frame ends
 * behind a numbered line only, since lines without a number speak of the one that follows, and it
 * ends in front of a `recovered` line, which is the first of its frame.
 */
#ifndef HASHSCOPE_UPKEEP_RECOMPRESS_PRIVATE_H
#define HASHSCOPE_UPKEEP_RECOMPRESS_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <zstd.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/segment/footer_write.h"
#include "lib/segment/layout.h"
#include "lib/segment/writer.h"

struct recompress_writer {
    const struct segment_io *io;
    int fd;
    bool made; /* there is a file to remove */
    int level;
    ZSTD_CCtx *compressor;
    struct buffer text; /* of the frame; `fed` bytes of it are compressed */
    size_t fed;
    size_t numbered;     /* end of the last numbered line in `text` */
    bool busy;           /* the frame is full */
    struct buffer out;   /* to be written */
    uint64_t written;    /* bytes of the file, `out` included */
    uint64_t text_total; /* of the frames before this one */
    struct segment_index frame;
    struct segment_head head;
    struct segment_directory directory; /* of the frames that have ended */
    struct segment_summaries *summaries;
    uint64_t lines; /* of the file so far */
    bool footed;    /* it has a footer */
};

void recompress_writer_init(struct recompress_writer *writer, const struct segment_io *io);
enum status recompress_writer_open(struct recompress_writer *writer, const char *path,
                                   const struct segment_head *head, int level,
                                   struct error *err) MUST_CHECK;
void recompress_writer_close(struct recompress_writer *writer);

/* Not while busy. */
void recompress_writer_add(struct recompress_writer *writer, const struct segment_line *line);
bool recompress_writer_busy(const struct recompress_writer *writer);
enum status recompress_writer_work(struct recompress_writer *writer, struct error *err) MUST_CHECK;

/* Whether the file may end here: behind a numbered line. */
bool recompress_writer_may_end(const struct recompress_writer *writer);
/* Ends the last frame: true when there is one, and so work to do. */
bool recompress_writer_end(struct recompress_writer *writer);
/* What stands behind the last frame; then the file gets times, mode and group of the old one. */
enum status recompress_writer_finish(struct recompress_writer *writer, const struct stat *like,
                                     struct error *err) MUST_CHECK;

#endif
