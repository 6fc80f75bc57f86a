/*
 * unpack.c - a stdio stream (fopencookie) whose reads unpack as much as is asked for. One
 * compressed unit behind the other is read as one stream, as gzip and zstd do; a file that ends
 * inside one is an error.
 */
#include "exporter/import/unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "lib/base/bytes.h"
#include "lib/base/memory.h"

#define ZSTD_MAGIC   0xFD2FB528u
#define ZSTD_SKIPPED 0x184D2A50u /* the last four bits are free */
#define WINDOW_LOG   27
#define GZIP_WINDOW  (15 + 16) /* with gzip's own header */
#define PACKED_BYTES 65536

struct unpack {
    FILE *file;
    z_stream gzip;
    ZSTD_DCtx *zstd; /* NULL: gzip */
    bool inside;     /* a unit has begun */
    const char **why;
    size_t at, len; /* of packed */
    unsigned char packed[PACKED_BYTES];
};

static bool is_zstd(const unsigned char head[4])
{
    uint32_t magic = load_le32(head);
    return magic == ZSTD_MAGIC || (magic & 0xFFFFFFF0u) == ZSTD_SKIPPED;
}

bool import_unpack_knows(const unsigned char head[4])
{
    return (head[0] == 0x1f && head[1] == 0x8b) || is_zstd(head);
}

/* False: there is nothing more below. */
static bool fill(struct unpack *unpack)
{
    if (unpack->at < unpack->len)
        return true;
    unpack->at = 0;
    unpack->len = fread(unpack->packed, 1, sizeof unpack->packed, unpack->file);
    return unpack->len > 0;
}

/* So many bytes unpacked, 0 when more has to be read first; -1: it cannot be. */
static ssize_t unpack_gzip(struct unpack *unpack, char *out, size_t size)
{
    z_stream *stream = &unpack->gzip;
    stream->next_in = unpack->packed + unpack->at;
    stream->avail_in = (unsigned)(unpack->len - unpack->at);
    stream->next_out = (unsigned char *)out;
    stream->avail_out = (unsigned)size;
    int result = inflate(stream, Z_NO_FLUSH);
    unpack->at = unpack->len - stream->avail_in;
    unpack->inside = result != Z_STREAM_END;
    if (result == Z_STREAM_END)
        (void)inflateReset(stream);
    if (result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR)
        return (ssize_t)(size - stream->avail_out);
    *unpack->why = result == Z_DATA_ERROR ? "its gzip is damaged" : "its gzip cannot be unpacked";
    return -1;
}

static ssize_t unpack_zstd(struct unpack *unpack, char *out, size_t size)
{
    ZSTD_inBuffer in = {unpack->packed, unpack->len, unpack->at};
    ZSTD_outBuffer made = {out, size, 0};
    size_t result = ZSTD_decompressStream(unpack->zstd, &made, &in);
    unpack->at = in.pos;
    unpack->inside = result != 0;
    if (!ZSTD_isError(result))
        return (ssize_t)made.pos;
    *unpack->why = ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge
                       ? "its zstd wants a window of more than 128 MiB; unpack it first, with zstd "
                         "-d --long=31"
                       : "its zstd is damaged";
    return -1;
}

static ssize_t read_unpacked(void *cookie, char *out, size_t size)
{
    struct unpack *unpack = cookie;
    ssize_t made = 0;
    size = size < PACKED_BYTES ? size : PACKED_BYTES;
    while (made == 0 && size > 0) {
        if (!fill(unpack)) {
            if (unpack->inside)
                *unpack->why = "it ends in mid-compression";
            errno = EIO;
            return unpack->inside ? -1 : 0;
        }
        made = unpack->zstd ? unpack_zstd(unpack, out, size) : unpack_gzip(unpack, out, size);
    }
    if (made < 0)
        errno = EIO;
    return made;
}

static int seek_unpacked(void *cookie, off64_t *offset, int whence)
{
    struct unpack *unpack = cookie;
    if (whence != SEEK_SET || *offset != 0) {
        errno = EINVAL;
        return -1;
    }
    rewind(unpack->file);
    unpack->at = unpack->len = 0;
    unpack->inside = false;
    if (unpack->zstd)
        (void)ZSTD_DCtx_reset(unpack->zstd, ZSTD_reset_session_only);
    else
        (void)inflateReset(&unpack->gzip);
    return 0;
}

static void unpack_free(struct unpack *unpack)
{
    if (unpack->zstd)
        ZSTD_freeDCtx(unpack->zstd);
    else
        (void)inflateEnd(&unpack->gzip);
    free(unpack);
}

static int close_unpacked(void *cookie)
{
    struct unpack *unpack = cookie;
    int result = fclose(unpack->file);
    unpack_free(unpack);
    return result;
}

FILE *import_unpack(FILE *file, const unsigned char head[4], const char **why)
{
    static const cookie_io_functions_t calls = {
        .read = read_unpacked, .seek = seek_unpacked, .close = close_unpacked};
    struct unpack *unpack = memory_new(sizeof *unpack);
    unpack->file = file;
    unpack->why = why;
    if (is_zstd(head)) {
        unpack->zstd = ZSTD_createDCtx();
        if (unpack->zstd)
            (void)ZSTD_DCtx_setParameter(unpack->zstd, ZSTD_d_windowLogMax, WINDOW_LOG);
    }
    if (is_zstd(head) ? !unpack->zstd : inflateInit2(&unpack->gzip, GZIP_WINDOW) != Z_OK) {
        free(unpack);
        return NULL;
    }
    FILE *made = fopencookie(unpack, "rb", calls);
    if (!made)
        unpack_free(unpack);
    return made;
}
