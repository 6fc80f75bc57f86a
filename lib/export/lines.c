/*
 * lines.c - NDJSON and CSV: rows are copied, or taken apart for CSV; compressed as one frame with a
 * checksum where asked for. How it can fail: the compressor refuses (memory), or the sink.
 */
#include <string.h>

#include "lib/export/csv.h"
#include "lib/export/export_private.h"

#define LEVEL 3

enum status export_lines_open(struct export *job, struct error *err)
{
    if (job->options.format == EXPORT_CSV)
        csv_append_head(&job->out);
    if (job->options.format != EXPORT_NDJSON_ZST)
        return STATUS_OK;
    job->compressor = ZSTD_createCCtx();
    if (job->compressor == NULL ||
        ZSTD_isError(ZSTD_CCtx_setParameter(job->compressor, ZSTD_c_compressionLevel, LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(job->compressor, ZSTD_c_checksumFlag, 1)))
        return error_set(err, STATUS_FULL, "no memory to compress with");
    return STATUS_OK;
}

void export_lines_close(struct export *job)
{
    ZSTD_freeCCtx(job->compressor);
    buffer_close(&job->squeezed);
}

/* From `out` into `squeezed`; what comes takes the place of `out`. */
static enum status squeeze(struct export *job, ZSTD_EndDirective how, struct error *err)
{
    ZSTD_inBuffer in = {job->out.data, job->out.len, 0};
    size_t left;
    buffer_clear(&job->squeezed);
    do {
        size_t room = ZSTD_CStreamOutSize();
        ZSTD_outBuffer out = {buffer_reserve(&job->squeezed, room), room, 0};
        left = ZSTD_compressStream2(job->compressor, &out, &in, how);
        if (ZSTD_isError(left))
            return error_set(err, STATUS_IO, "compressing: %s", ZSTD_getErrorName(left));
        job->squeezed.len += out.pos;
    } while (how == ZSTD_e_continue ? in.pos < in.size : left > 0);
    struct buffer swap = job->out;
    job->out = job->squeezed;
    job->squeezed = swap;
    return STATUS_OK;
}

static enum status give(struct export *job, ZSTD_EndDirective how, struct error *err)
{
    enum status status = job->compressor ? squeeze(job, how, err) : STATUS_OK;
    return status == STATUS_OK ? export_output_flush(job, err) : status;
}

enum status export_lines_flush(struct export *job, bool end, struct error *err)
{
    return give(job, end ? ZSTD_e_end : ZSTD_e_flush, err);
}

static void append_text(struct export *job, struct span text)
{
    buffer_append(&job->out, text.data, text.len);
    buffer_append_char(&job->out, '\n');
}

static void append(struct export *job, const struct segment_line *line)
{
    struct segment_line masked;
    struct span text = line->text;
    if (job->options.mask_passwords)
        text = mask_line(&job->masker, line);
    if (job->options.format != EXPORT_CSV)
        append_text(job, text);
    else if (text.data == line->text.data)
        csv_append_line(&job->out, line);
    else if (segment_line_parse(&masked, text.data, text.len) == STATUS_OK)
        csv_append_line(&job->out, &masked);
}

static void append_gap(struct export *job, const struct query_row *row)
{
    struct buffer text = {NULL, 0, 0};
    struct segment_line line;
    job->progress.missed += row->missed;
    if (query_row_gap(row, &text, &line))
        append(job, &line);
    buffer_close(&text);
}

enum status export_lines_row(struct export *job, const struct query_row *row, struct error *err)
{
    if (row->missed > 0)
        append_gap(job, row);
    append(job, &row->line);
    return job->out.len >= EXPORT_PIECE ? give(job, ZSTD_e_continue, err) : STATUS_OK;
}
