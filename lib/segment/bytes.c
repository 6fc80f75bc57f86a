/*
 * bytes.c - a window that moves over the file, and the walk from block to block of a
 * Zstandard frame. A file that became shorter meanwhile is an error of reading.
 */
#include "lib/segment/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/segment/layout.h"

#define WINDOW_BYTES (256u << 10)
#define WINDOW_KEEP  (4u << 20) /* a window that grew beyond is given back */
#define FRAME_MAX    (SEGMENT_FRAME_TEXT_MAX + SEGMENT_FRAME_TEXT_MAX / 128) /* compressed */

enum status segment_bytes_open(struct segment_bytes *bytes, const char *path, struct error *err)
{
    struct stat st;
    *bytes = (struct segment_bytes){.fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (bytes->fd < 0)
        return error_errno(err, errno, "opening %s", path);
    if (fstat(bytes->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(bytes->fd);
        return error_set(err, STATUS_INVALID, "%s is not a file", path);
    }
    bytes->size = (uint64_t)st.st_size;
    bytes->path = memory_text(path);
    return STATUS_OK;
}

void segment_bytes_close(struct segment_bytes *bytes)
{
    close(bytes->fd);
    free(bytes->path);
    buffer_close(&bytes->window);
}

static enum status fill(struct segment_bytes *bytes, uint64_t offset, size_t least,
                        struct error *err)
{
    struct buffer *window = &bytes->window;
    uint64_t left = bytes->size - offset;
    size_t want = least > WINDOW_BYTES ? least : WINDOW_BYTES;
    if (want > left)
        want = (size_t)left;
    if (window->capacity > WINDOW_KEEP && least < WINDOW_KEEP)
        buffer_close(window);
    buffer_clear(window);
    bytes->window_at = offset;
    char *room = buffer_reserve(window, want + 1);
    while (window->len < least) {
        ssize_t got =
            pread(bytes->fd, room + window->len, want - window->len, (off_t)(offset + window->len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? error_errno(err, errno, "reading %s", bytes->path)
                           : error_set(err, STATUS_IO, "%s became shorter while it was read",
                                       bytes->path);
        window->len += (size_t)got;
    }
    return STATUS_OK;
}

enum status segment_bytes_get(struct segment_bytes *bytes, uint64_t offset, size_t len,
                              const unsigned char **out, struct error *err)
{
    uint64_t into = offset - bytes->window_at;
    if (offset < bytes->window_at || into + len > bytes->window.len) {
        enum status status = fill(bytes, offset, len, err);
        if (status != STATUS_OK)
            return status;
        into = 0;
    }
    *out = (const unsigned char *)bytes->window.data + into;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ frames */

static uint64_t window_size(unsigned char descriptor)
{
    uint64_t base = UINT64_C(1) << (10 + (descriptor >> 3));
    return base + base / 8 * (descriptor & 7);
}

/* Size of the frame's header; 0 and out->why: not one of ours. */
static size_t header_size(const unsigned char *head, struct segment_frame_shape *out)
{
    static const unsigned char id_sizes[] = {0, 1, 2, 4}, content_sizes[] = {0, 2, 4, 8};
    size_t descriptor = head[4], single = descriptor >> 5 & 1;
    out->why = NULL;
    if (load_le32(head) != SEGMENT_MAGIC_ZSTD)
        out->why = "not a frame";
    else if (descriptor & 8)
        out->why = "its header has a reserved bit set";
    else if (!(descriptor & 4))
        out->why = "it has no checksum";
    else if (!single && window_size(head[5]) > UINT64_C(1) << SEGMENT_WINDOW_LOG_MAX)
        out->why = "its window is larger than any that is written";
    if (out->why)
        return 0;
    size_t content = descriptor >> 6 ? content_sizes[descriptor >> 6] : single;
    return 5 + (1 - single) + id_sizes[descriptor & 3] + content;
}

static enum status walk_blocks(struct segment_bytes *bytes, uint64_t offset, uint64_t at,
                               struct segment_frame_shape *out, struct error *err)
{
    const unsigned char *head;
    for (;;) {
        if (at + 3 > bytes->size) {
            out->shape = SEGMENT_SHAPE_CUT;
            return STATUS_OK;
        }
        enum status status = segment_bytes_get(bytes, at, 3, &head, err);
        if (status != STATUS_OK)
            return status;
        uint32_t block = head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16;
        unsigned type = block >> 1 & 3;
        out->blocks++;
        if (type == 3 || (block >> 3) > (128u << 10) || at - offset > FRAME_MAX) {
            out->why =
                type == 3 ? "a block of a reserved type" : "a block or frame that is too big";
            return STATUS_OK;
        }
        at += 3 + (type == 1 ? 1 : block >> 3);
        if (block & 1)
            break;
    }
    out->bytes = at + 4 - offset;
    out->shape = at + 4 > bytes->size ? SEGMENT_SHAPE_CUT : SEGMENT_SHAPE_WHOLE;
    return STATUS_OK;
}

enum status segment_bytes_frame(struct segment_bytes *bytes, uint64_t offset,
                                struct segment_frame_shape *out, struct error *err)
{
    const unsigned char *head;
    *out = (struct segment_frame_shape){.shape = SEGMENT_SHAPE_BAD};
    if (offset + 6 > bytes->size) {
        out->shape = SEGMENT_SHAPE_CUT;
        return STATUS_OK;
    }
    enum status status = segment_bytes_get(bytes, offset, 6, &head, err);
    if (status != STATUS_OK)
        return status;
    size_t size = header_size(head, out);
    return size ? walk_blocks(bytes, offset, offset + size, out, err) : STATUS_OK;
}

ZSTD_DCtx *segment_decompressor_new(void)
{
    ZSTD_DCtx *decompressor = ZSTD_createDCtx();
    if (decompressor && ZSTD_isError(ZSTD_DCtx_setParameter(decompressor, ZSTD_d_windowLogMax,
                                                            SEGMENT_WINDOW_LOG_MAX))) {
        ZSTD_freeDCtx(decompressor);
        return NULL;
    }
    return decompressor;
}
