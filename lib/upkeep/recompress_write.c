/*
 * recompress_write.c - frames at a high level, a piece at a time.
 *
 * A frame's text is gathered first, so that its size is known to the compressor and stands in the
 * frame's header. Tables are small for the level: mining traffic repeats itself at short distances,
 * and larger ones save less than a thousandth. Fails when the disk refuses or memory is missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/upkeep/recompress.h"
#include "lib/upkeep/recompress_private.h"
#include "lib/upkeep/replace.h"

#define PIECE      (64u << 10)  /* text compressed in a step; the compressor works by 128 KiB */
#define OUT_PUSH   (256u << 10) /* compressed bytes that are worth a write */
#define WINDOW_LOG 21           /* RECOMPRESS_FRAME_TEXT */
#define HIGH_LEVEL 16           /* from here on the compressor searches for the shortest way */

void recompress_writer_init(struct recompress_writer *writer, const struct segment_io *io)
{
    *writer = (struct recompress_writer){.io = io, .fd = -1};
}

void recompress_writer_close(struct recompress_writer *writer)
{
    if (writer->fd >= 0)
        close(writer->fd);
    writer->fd = -1;
    ZSTD_freeCCtx(writer->compressor);
    writer->compressor = NULL;
    segment_summaries_free(writer->summaries);
    writer->summaries = NULL;
    segment_directory_close(&writer->directory);
    buffer_close(&writer->text);
    buffer_close(&writer->out);
}

/* ------------------------------------------------------------------ opening */

static bool set_up(ZSTD_CCtx *compressor, int level)
{
    const struct {
        ZSTD_cParameter parameter;
        int value, high; /* high: on high levels */
    } settings[] = {
        {ZSTD_c_compressionLevel, level, level},
        {ZSTD_c_checksumFlag, 1, 1},
        {ZSTD_c_windowLog, WINDOW_LOG, WINDOW_LOG},
        {ZSTD_c_hashLog, 0, 18},
        {ZSTD_c_chainLog, 0, 20},
        {ZSTD_c_minMatch, 0, 4},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        int value = level >= HIGH_LEVEL ? settings[i].high : settings[i].value;
        if (ZSTD_isError(ZSTD_CCtx_setParameter(compressor, settings[i].parameter, value)))
            return false;
    }
    return true;
}

static void begin_frame(struct recompress_writer *writer)
{
    writer->frame = (struct segment_index){.offset = writer->written};
    writer->fed = writer->numbered = 0;
    writer->busy = false;
}

enum status recompress_writer_open(struct recompress_writer *writer, const char *path,
                                   const struct segment_head *head, int level, struct error *err)
{
    writer->compressor = ZSTD_createCCtx();
    if (!writer->compressor || !set_up(writer->compressor, level))
        return error_set(err, STATUS_FULL, "no memory for compressing at level %d", level);
    (void)unlink(path); /* of a run that was killed */
    writer->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (writer->fd < 0)
        return error_errno(err, errno, "making %s", path);
    writer->made = true;
    writer->head = *head;
    writer->summaries = segment_summaries_new();
    segment_header_encode((unsigned char *)buffer_reserve(&writer->out, SEGMENT_HEADER_BYTES),
                          head);
    writer->out.len += SEGMENT_HEADER_BYTES;
    writer->written = SEGMENT_HEADER_BYTES;
    begin_frame(writer);
    return STATUS_OK;
}

/* ------------------------------------------------------------------ gathering */

bool recompress_writer_busy(const struct recompress_writer *writer)
{
    return writer->busy;
}

bool recompress_writer_may_end(const struct recompress_writer *writer)
{
    return writer->numbered == writer->text.len;
}

bool recompress_writer_end(struct recompress_writer *writer)
{
    writer->busy = writer->text.len > 0;
    return writer->busy;
}

void recompress_writer_add(struct recompress_writer *writer, const struct segment_line *line)
{
    struct segment_note note;
    segment_note_of_line(&note, line);
    segment_index_count(&writer->frame, &note);
    segment_summaries_add(writer->summaries, (uint32_t)writer->directory.count, &note);
    writer->lines++;
    buffer_append(&writer->text, line->text.data, line->text.len);
    buffer_append_char(&writer->text, '\n');
    if (line->numbered)
        writer->numbered = writer->text.len;
    writer->busy = line->numbered && writer->text.len >= RECOMPRESS_FRAME_TEXT;
}

/* ------------------------------------------------------------------ compressing */

static enum status push(struct recompress_writer *writer, struct error *err)
{
    size_t done = 0;
    while (done < writer->out.len) {
        ssize_t got = writer->io->write(writer->io->user, writer->fd, writer->out.data + done,
                                        writer->out.len - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_errno(err, got == 0 ? EIO : errno, "writing a smaller segment");
        done += (size_t)got;
    }
    buffer_clear(&writer->out);
    return STATUS_OK;
}

/* The next piece of the frame; the last one ends it. */
static enum status compress(struct recompress_writer *writer, struct error *err)
{
    size_t left = writer->text.len - writer->fed;
    bool last = left <= PIECE;
    ZSTD_inBuffer in = {writer->text.data + writer->fed, last ? left : PIECE, 0};
    size_t more;
    do {
        size_t room = ZSTD_CStreamOutSize();
        ZSTD_outBuffer out = {buffer_reserve(&writer->out, room), room, 0};
        more = ZSTD_compressStream2(writer->compressor, &out, &in,
                                    last ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(more))
            return error_set(err, STATUS_FULL, "compressing: %s", ZSTD_getErrorName(more));
        writer->out.len += out.pos;
        writer->written += out.pos;
    } while (last ? more != 0 : in.pos < in.size);
    writer->fed += in.size;
    return STATUS_OK;
}

static void end_frame(struct recompress_writer *writer)
{
    struct segment_index *frame = &writer->frame;
    frame->text_bytes = (uint32_t)writer->text.len;
    frame->text_offset = writer->text_total;
    frame->compressed_bytes = (uint32_t)(writer->written - frame->offset);
    segment_index_encode((unsigned char *)buffer_reserve(&writer->out, SEGMENT_INDEX_BYTES), frame);
    writer->out.len += SEGMENT_INDEX_BYTES;
    writer->written += SEGMENT_INDEX_BYTES;
    writer->text_total += frame->text_bytes;
    segment_directory_add(&writer->directory, frame);
    buffer_clear(&writer->text);
    begin_frame(writer);
}

enum status recompress_writer_work(struct recompress_writer *writer, struct error *err)
{
    if (writer->fed == 0)
        (void)ZSTD_CCtx_setPledgedSrcSize(writer->compressor, writer->text.len);
    enum status status = compress(writer, err);
    if (status != STATUS_OK)
        return status;
    if (writer->fed == writer->text.len)
        end_frame(writer);
    return writer->out.len >= OUT_PUSH ? push(writer, err) : STATUS_OK;
}

/* ------------------------------------------------------------------ the end */

enum status recompress_writer_finish(struct recompress_writer *writer, const struct stat *like,
                                     struct error *err)
{
    size_t before = writer->out.len;
    writer->footed = segment_footer_append_summaries(&writer->out, &writer->head,
                                                     &writer->directory, writer->summaries);
    writer->written += writer->out.len - before;
    enum status status = push(writer, err);
    if (status != STATUS_OK)
        return status;
    return segment_resemble(writer->fd, like, "the smaller segment", err);
}
