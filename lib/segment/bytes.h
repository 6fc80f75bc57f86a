/*
 * bytes.h - a file's bytes by offset, read in large pieces, and the structure of Zstandard
 * frames in it. For the rooms that work on segments. Threads: one at a time.
 */
#ifndef HASHSCOPE_SEGMENT_BYTES_H
#define HASHSCOPE_SEGMENT_BYTES_H

#include <stdint.h>
#include <zstd.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

struct segment_bytes {
    int fd;
    char *path;
    uint64_t size; /* when it was opened; nothing behind is looked at */
    struct buffer window;
    uint64_t window_at;
};

enum status segment_bytes_open(struct segment_bytes *bytes, const char *path,
                               struct error *err) MUST_CHECK;
void segment_bytes_close(struct segment_bytes *bytes);
/* `len` bytes at `offset`, valid until the next call; the range must lie in the file. */
enum status segment_bytes_get(struct segment_bytes *bytes, uint64_t offset, size_t len,
                              const unsigned char **out, struct error *err) MUST_CHECK;

/* What stands where a data frame should be (RFC 8878, 3.1.1). */
enum segment_shape {
    SEGMENT_SHAPE_WHOLE, /* from its magic number to its checksum */
    SEGMENT_SHAPE_CUT,   /* the file ends inside it */
    SEGMENT_SHAPE_BAD    /* it contradicts the format, or what a writer may do */
};
struct segment_frame_shape {
    enum segment_shape shape;
    uint64_t bytes;  /* of the whole frame */
    uint32_t blocks; /* that were looked at */
    const char *why; /* bad */
};
/* Goes from block to block without decompressing. */
enum status segment_bytes_frame(struct segment_bytes *bytes, uint64_t offset,
                                struct segment_frame_shape *out, struct error *err) MUST_CHECK;

/* For frames of segment files: one with a larger window than a writer may use is refused. NULL:
 * there is no memory. ZSTD_freeDCtx gives it back. */
ZSTD_DCtx *segment_decompressor_new(void);

#endif
