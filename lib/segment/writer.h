/*
 * writer.h - one segment file while it is being written: lines go in, frames, index entries
 * and in the end a sealed file come out. For the rooms that work on segments.
 *
 *   lines ──▶ text ──▶ compressor ──▶ out ──▶ file
 *        append    flush, end_frame      write
 *
 * What the file does not take stays in `out`, in order, and segment_writer_write tries again: a
 * full disk costs nothing but time. When the file itself is at fault its last good end (a mark) is
 * known, and the caller cuts it there and seals it, or leaves it to recovery.
 *
 * Ownership: the struct is embedded; segment_writer_free gives back what it holds. Threads: one.
 */
#ifndef HASHSCOPE_SEGMENT_WRITER_H
#define HASHSCOPE_SEGMENT_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <zstd.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/segment/footer_write.h"
#include "lib/segment/layout.h"

#define SEGMENT_FRAME_TEXT (1u << 20) /* a frame ends when it holds this much */
#define SEGMENT_OPEN       ".open"    /* behind the name while it is being written */
#define SEGMENT_SUFFIX     ".ndjson.zst"

/* The system calls that touch the disk; tests put faults in their place. As write(2), fdatasync(2):
 * -1 and errno on failure. */
struct segment_io {
    ssize_t (*write)(void *user, int fd, const void *data, size_t len);
    int (*sync)(void *user, int fd);
    void *user;
};
extern const struct segment_io segment_io_system;

/* A place behind a whole frame and its index entry. */
struct segment_mark {
    uint64_t offset;
    uint64_t last_seq; /* of all lines before it; of the file before when there are none */
};

/* How much work compression is worth, by how much there is to do. */
enum segment_effort {
    SEGMENT_QUICK,    /* 0.5 us a message; what is not tuned is compressed like this */
    SEGMENT_HASTY,    /* in a flood: 0.3 us, half as large again */
    SEGMENT_THOROUGH, /* 2.5 us, a tenth smaller, where little is said */
};

struct segment_writer {
    const struct segment_io *io;
    gid_t group; /* (gid_t)-1: leave */
    int fd;      /* -1: none open */
    char path[4096];
    struct segment_head head;
    ZSTD_CCtx *compressor;
    struct buffer text, out;
    struct segment_summaries *summaries; /* of all lines so far */
    struct segment_directory directory;  /* of the frames that have ended */
    bool footed;                         /* the footer is in `out`: no line may follow */
    uint64_t written;                    /* bytes that the file has taken */
    uint64_t text_total;                 /* of the frames before this one */
    struct segment_index frame;          /* being written; no lines: none begun */
    enum segment_effort effort;          /* of the next frame */
    bool unflushed;                      /* the compressor may hold text back */
    bool broken;                /* the compressor failed: the frame is lost, the file is not */
    int write_errno;            /* of the last segment_writer_write that failed */
    struct segment_mark begun;  /* behind the header */
    struct segment_mark ended;  /* behind the last frame that ended */
    struct segment_mark framed; /* the same, when the file has taken it as a whole */
    struct segment_mark synced; /* the same, as of the last sync */
};

void segment_writer_init(struct segment_writer *file, const struct segment_io *io, gid_t group);
void segment_writer_free(struct segment_writer *file);

/* Makes <data_dir>/segments/YYYY/MM/DD/<start>-<number>.ndjson.zst.open with its folders; the
 * header waits in `out`. `after_seq`: the number of the last line in the file before. */
enum status segment_writer_create_in(struct segment_writer *file, const char *folder,
                                     const struct segment_head *head, uint64_t after_seq,
                                     struct error *err) MUST_CHECK; /* in the folder of a series */
enum status segment_writer_create(struct segment_writer *file, const char *data_dir,
                                  const struct segment_head *head, uint64_t after_seq,
                                  struct error *err) MUST_CHECK;

/* Says how frames are compressed from the next one on. */
void segment_writer_tune(struct segment_writer *file, enum segment_effort effort);

/* To add a line: append it to file->text, then say what it was. */
void segment_writer_note(struct segment_writer *file, const struct segment_note *note);
bool segment_writer_frame_full(const struct segment_writer *file);

/* Brings all text so far to `out`, so that a reader of the file can read it. */
void segment_writer_flush(struct segment_writer *file);
/* Ends the frame that is begun, if one is, and puts its index entry behind it. */
void segment_writer_end_frame(struct segment_writer *file);

/* Puts footer and seek table behind the last frame, once; then the file can be sealed. A file with
 * more sessions than a footer may have goes without. */
void segment_writer_add_footer(struct segment_writer *file);

/* Writes `out`. On failure what is left stays there. */
enum status segment_writer_write(struct segment_writer *file, struct error *err) MUST_CHECK;
enum status segment_writer_sync(struct segment_writer *file, struct error *err) MUST_CHECK;
/* Does its path still name it? Somebody may have moved or removed it. */
bool segment_writer_is_there(const struct segment_writer *file);
/* Closes it and leaves alone what it holds. */
void segment_writer_forget(struct segment_writer *file);
/* Size that the file has or will have when `out` is written. */
uint64_t segment_writer_size(const struct segment_writer *file);

/* Gives the file its final name and closes it; all must have been written and synced. After a
 * failure with file->fd still open it may be called again. */
enum status segment_writer_seal(struct segment_writer *file, struct error *err) MUST_CHECK;

/* Gives up what lies behind the mark: cuts the file there, reads it again for its footer (without
 * one if that fails) and seals it, or removes it when nothing would be left but its header. Closed
 * in any case; on failure it stays as `.open` for recovery. */
enum status segment_writer_abandon(struct segment_writer *file, const struct segment_mark *mark,
                                   struct error *err) MUST_CHECK;

/* mkdir -p with mode 0750 and the group, made durable; `path` names a file in the folder. */
enum status segment_make_folders(const char *path, gid_t group, struct error *err) MUST_CHECK;
/* A compressor with the archive's settings; NULL when there is no memory. */
ZSTD_CCtx *segment_compressor_new(void);
/* Between two frames: chooses how the next one is compressed. */
void segment_compressor_tune(ZSTD_CCtx *compressor, enum segment_effort effort);

#endif
