/*
 * file.c - opening segment files, and reading single frames of them.
 *
 * A frame is read by one pread and decompressed by one call into a buffer of the size that its
 * index entry promises; without an entry, and at the growing end of a file, as a stream. What can
 * go wrong with a frame stays with its load.
 */
#include "lib/query/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/memory.h"
#include "lib/query/directory.h"
#include "lib/query/line.h"

#define STREAM_STEP (256u << 10)

/* ------------------------------------------------------------------ opening */

/* A file may be sealed, and so renamed, between being listed and being opened. */
static int open_either(const char *path)
{
    size_t len = strlen(path), suffix = strlen(".open");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 || errno != ENOENT || len <= suffix || strcmp(path + len - suffix, ".open") != 0)
        return fd;
    char *sealed = memory_text_n(path, len - suffix);
    fd = open(sealed, O_RDONLY | O_CLOEXEC);
    free(sealed);
    return fd;
}

static enum status read_head(struct query_file *file, struct error *err)
{
    unsigned char head[SEGMENT_HEADER_BYTES];
    struct stat st;
    if (fstat(file->fd, &st) != 0)
        return error_errno(err, errno, "%s", file->path);
    file->size = (uint64_t)st.st_size;
    if (file->size < sizeof head)
        return STATUS_OK;
    ssize_t got = pread(file->fd, head, sizeof head, 0);
    if (got < 0)
        return error_errno(err, errno, "reading %s", file->path);
    file->bytes_read += (size_t)got;
    enum status status = segment_header_decode(&file->head, head, (size_t)got);
    if (status == STATUS_UNSUPPORTED)
        return error_set(err, status, "%s is a segment of version %u; this program knows %u",
                         file->path, file->head.version, SEGMENT_VERSION);
    return status == STATUS_OK ? status : error_set(err, status, "%s is not a segment", file->path);
}

/* The footer when there is one that belongs to this very file: it may just have been replaced. */
static void read_footer(struct query_file *file, bool sessions)
{
    unsigned parts = SEGMENT_FOOTER_FRAMES | (sessions ? SEGMENT_FOOTER_SESSIONS : 0);
    if (segment_footer_open(&file->footer, file->path, parts, NULL) != STATUS_OK) {
        file->footer = NULL;
        return;
    }
    const struct segment_head *head = segment_footer_head(file->footer);
    const struct segment_totals *totals = segment_footer_totals(file->footer);
    file->bytes_read += file->size > totals->end ? file->size - totals->end : 0;
    file->frames = segment_footer_frames(file->footer, &file->frame_count);
    if (head->generation == file->head.generation && head->number == file->head.number &&
        totals->end <= file->size)
        return;
    segment_footer_close(file->footer);
    file->footer = NULL;
    file->frames = NULL;
    file->frame_count = 0;
}

enum status query_file_open(struct query_file **out, const char *path, bool sessions,
                            struct query_reporter *reporter, struct error *err)
{
    int fd = open_either(path);
    if (fd < 0)
        return error_errno(err, errno, "opening %s", path);
    struct query_file *file = memory_new(sizeof *file);
    *file = (struct query_file){.holders = 1, .fd = fd, .path = memory_text(path)};
    enum status status = read_head(file, err);
    if (status != STATUS_OK) {
        query_file_release(file);
        return status;
    }
    if (file->size >= SEGMENT_HEADER_BYTES) {
        read_footer(file, sessions);
        if (!file->footer)
            query_directory_read(file, reporter);
    }
    *out = file;
    return STATUS_OK;
}

struct query_file *query_file_hold(struct query_file *file)
{
    file->holders++;
    return file;
}

void query_file_release(struct query_file *file)
{
    if (!file || --file->holders > 0)
        return;
    close(file->fd);
    segment_footer_close(file->footer);
    free(file->own);
    free(file->path);
    free(file);
}

uint64_t query_file_last_seq(const struct query_file *file)
{
    for (size_t i = file->frame_count; i > 0; i--) {
        if (file->frames[i - 1].last_seq)
            return file->frames[i - 1].last_seq;
    }
    return 0;
}

bool query_file_probe(const char *path, uint64_t *instance, uint64_t *first_seq)
{
    struct segment_reader *reader;
    struct segment_line line;
    if (segment_reader_open(&reader, path, NULL) != STATUS_OK)
        return false;
    *instance = segment_reader_head(reader)->instance;
    enum status status;
    do
        status = segment_reader_next(reader, &line, NULL);
    while (status == STATUS_OK && !line.numbered);
    *first_seq = line.seq;
    segment_reader_close(reader);
    return status == STATUS_OK;
}

/* ------------------------------------------------------------------ frames */

static bool failed(struct query_load *load, const char *why)
{
    load->damaged = true;
    snprintf(load->why, sizeof load->why, "%s", why);
    return false;
}

static bool read_raw(struct query_load *load)
{
    const struct query_file *file = load->file;
    uint64_t offset = load->frame.offset, len = load->frame.compressed_bytes;
    struct stat st;
    if (load->tail && fstat(file->fd, &st) == 0)
        len = (uint64_t)st.st_size > offset ? (uint64_t)st.st_size - offset : 0;
    if (len > QUERY_TEXT_MAX * 2u)
        return failed(load, "it is larger than any that is written");
    buffer_clear(&load->raw);
    char *room = buffer_reserve(&load->raw, (size_t)len + 1);
    while (load->raw.len < len) {
        ssize_t got = pread(file->fd, room + load->raw.len, (size_t)len - load->raw.len,
                            (off_t)(offset + load->raw.len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return failed(load, got < 0 ? strerror(errno) : "it is cut off");
        load->raw.len += (size_t)got;
    }
    return true;
}

static bool decompress_whole(struct query_load *load, ZSTD_DCtx *decompressor)
{
    size_t room = load->frame.text_bytes;
    if (room > QUERY_TEXT_MAX)
        return failed(load, "its text is longer than any that is written");
    char *text = buffer_reserve(&load->text, room + 1);
    size_t got = ZSTD_decompressDCtx(decompressor, text, room, load->raw.data, load->raw.len);
    if (ZSTD_isError(got))
        return failed(load, ZSTD_getErrorName(got));
    load->text.len = got;
    return true;
}

static bool decompress_stream(struct query_load *load, ZSTD_DCtx *decompressor)
{
    ZSTD_inBuffer in = {load->raw.data, load->raw.len, 0};
    size_t left = 1, before;
    (void)ZSTD_DCtx_reset(decompressor, ZSTD_reset_session_only);
    do {
        ZSTD_outBuffer out = {buffer_reserve(&load->text, STREAM_STEP), STREAM_STEP, 0};
        before = in.pos;
        left = ZSTD_decompressStream(decompressor, &out, &in);
        load->text.len += out.pos;
        if (ZSTD_isError(left))
            return failed(load, ZSTD_getErrorName(left));
        if (load->text.len > QUERY_TEXT_MAX)
            return failed(load, "its text is longer than any that is written");
        if (out.pos == 0 && in.pos == before)
            break;
    } while (left != 0);
    return left == 0 || load->tail || failed(load, "it is cut off");
}

/* The lines of a tail end with its last newline; those of a whole frame with its text. */
static bool check_end(struct query_load *load)
{
    struct buffer *text = &load->text;
    const char *newline = text->len ? memrchr(text->data, '\n', text->len) : NULL;
    size_t end = newline ? (size_t)(newline - text->data) + 1 : 0;
    bool whole = end == text->len;
    text->len = end;
    return whole || load->tail || failed(load, "it ends in mid-line");
}

/* The last number, from the last lines. */
static uint64_t find_last_seq(const struct buffer *text)
{
    size_t end = text->len;
    struct query_line line;
    while (end > 0) {
        const char *newline = end > 1 ? memrchr(text->data, '\n', end - 1) : NULL;
        size_t begin = newline ? (size_t)(newline - text->data) + 1 : 0;
        if (query_line_begin(&line, text->data + begin, end - 1 - begin) && line.line.numbered)
            return line.line.seq;
        end = begin;
    }
    return 0;
}

void query_load_run(struct query_load *load, ZSTD_DCtx *decompressor,
                    const struct query_match *match)
{
    bool stream = load->tail || load->frame.lines == 0;
    load->damaged = false;
    load->last_seq = load->frame.last_seq;
    load->hits.count = 0;
    load->hits.lines = load->hits.malformed = 0;
    buffer_clear(&load->text);
    if (!read_raw(load))
        return;
    if (!(stream ? decompress_stream(load, decompressor) : decompress_whole(load, decompressor)))
        return;
    (void)check_end(load);
    if (stream)
        load->last_seq = find_last_seq(&load->text);
    if (load->text.len)
        query_match_text(match, &load->hits, span_make(load->text.data, load->text.len));
    if (load->hits.malformed)
        (void)failed(load, "a line is none of this format");
}

void query_load_close(struct query_load *load)
{
    query_file_release(load->file);
    buffer_close(&load->raw);
    buffer_close(&load->text);
    query_hits_close(&load->hits);
    *load = (struct query_load){0};
}
