/*
 * frame.c - see frame.h. Fails when there is no memory for compressing, or the disk
 * refuses.
 */
#include "lib/segment/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/segment/footer.h"
#include "lib/segment/writer.h"

void segment_frame_append_index(struct buffer *out, const struct segment_index *index)
{
    segment_index_encode((unsigned char *)buffer_reserve(out, SEGMENT_INDEX_BYTES), index);
    out->len += SEGMENT_INDEX_BYTES;
}

enum status segment_frame_append(struct buffer *out, struct segment_index *index, struct span text,
                                 struct error *err)
{
    ZSTD_CCtx *compressor = segment_compressor_new();
    size_t room = ZSTD_compressBound(text.len);
    char *to = buffer_reserve(out, room);
    size_t len = compressor ? ZSTD_compress2(compressor, to, room, text.data, text.len) : 0;
    ZSTD_freeCCtx(compressor);
    if (len == 0 || ZSTD_isError(len))
        return error_set(err, STATUS_FULL, "no memory for compressing");
    out->len += len;
    index->text_bytes = (uint32_t)text.len;
    index->compressed_bytes = (uint32_t)len;
    segment_frame_append_index(out, index);
    return STATUS_OK;
}

enum status segment_write_all(int fd, const char *data, size_t len, const char *path,
                              struct error *err)
{
    while (len > 0) {
        ssize_t got = write(fd, data, len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_errno(err, got == 0 ? EIO : errno, "writing %s", path);
        data += got;
        len -= (size_t)got;
    }
    return STATUS_OK;
}

/* What the disk does not take is cut off again: a file may do without. False: errno. */
static bool put_at(int fd, off_t end, const struct buffer *bytes, const char *path)
{
    if (ftruncate(fd, end) != 0 || lseek(fd, end, SEEK_SET) != end)
        return false;
    return segment_write_all(fd, bytes->data, bytes->len, path, NULL) == STATUS_OK ||
           ftruncate(fd, end) == 0;
}

enum status segment_footer_complete(int fd, const char *path, struct error *err)
{
    struct segment_footer *footer;
    struct buffer bytes = {0};
    enum status status = segment_footer_rebuild(&footer, path, SEGMENT_FOOTER_ALL, NULL, err);
    if (status != STATUS_OK)
        return status;
    off_t end = (off_t)segment_footer_totals(footer)->end;
    bool fits = segment_footer_append_rebuilt(&bytes, footer);
    segment_footer_close(footer);
    if (fits && !put_at(fd, end, &bytes, path))
        status = error_errno(err, errno, "cutting %s", path);
    buffer_close(&bytes);
    return status;
}

enum status segment_footer_add(const char *path, struct error *err)
{
    struct segment_footer *footer;
    enum status status = segment_footer_open(&footer, path, SEGMENT_FOOTER_ALL, NULL);
    if (status == STATUS_OK) {
        segment_footer_close(footer);
        return error_set(err, STATUS_EXISTS, "%s has a footer", path);
    }
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "opening %s", path);
    status = segment_footer_complete(fd, path, err);
    if (status == STATUS_OK && fsync(fd) != 0)
        status = error_errno(err, errno, "syncing %s", path);
    close(fd);
    if (status != STATUS_OK)
        return status;
    status = segment_footer_open(&footer, path, SEGMENT_FOOTER_TOTALS, err);
    if (status == STATUS_OK)
        segment_footer_close(footer);
    return status == STATUS_NOT_FOUND ? STATUS_DAMAGED : status;
}
