/*
 * recompress.c - the phases of a rewriting, one small step at a time.
 *
 *   write ──▶ finish ──▶ sync ──▶ compare ──▶ replace ──▶ settle ──▶ done
 *
 * write: lines of the old file are gathered until a frame is full, then compressed by pieces.
 * finish: footer, times, mode, group. compare: both files are read as any reader does and their
 * lines compared; in the new one every frame must have its index entry. replace: if the old file is
 * still the one that was read, the new one gets its name. settle: the folder is synced.
 *
 * Every failure before replace removes the new file. A failed settle is told, but both names lead
 * to the same lines.
 */
#include "lib/upkeep/recompress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/segment/footer.h"
#include "lib/upkeep/recompress_private.h"
#include "lib/upkeep/replace.h"

#define GATHER_TEXT  (256u << 10) /* lines read in a step */
#define COMPARE_TEXT (1u << 20)   /* likewise while comparing */

enum phase {
    PHASE_WRITE,
    PHASE_FINISH,
    PHASE_SYNC,
    PHASE_COMPARE,
    PHASE_REPLACE,
    PHASE_SETTLE,
    PHASE_DONE,
};

struct recompress {
    char path[4096], fresh[4096]; /* the old file and the new one */
    const struct segment_io *io;
    struct stat was; /* the old file, as it was at the beginning */
    struct segment_head head;
    struct segment_reader *old, *new;
    struct recompress_writer writer;
    struct segment_line held; /* begins the next frame */
    bool holding;
    bool read_all; /* the old file has no more lines */
    enum phase phase;
};

/* ------------------------------------------------------------------ opening */

static enum status look_at(struct recompress *job, struct error *err)
{
    if (stat(job->path, &job->was) != 0)
        return error_errno(err, errno, "looking at %s", job->path);
    enum status status = segment_reader_open(&job->old, job->path, err);
    if (status != STATUS_OK)
        return status;
    job->head = *segment_reader_head(job->old);
    if (job->head.version == 0)
        return error_set(err, STATUS_DAMAGED, "%s has no header", job->path);
    if (job->head.generation > 0)
        return error_set(err, STATUS_EXISTS, "%s was rewritten before", job->path);
    job->head.generation++;
    return STATUS_OK;
}

enum status recompress_new(struct recompress **out, const char *path, int level,
                           const struct segment_io *io, struct error *err)
{
    struct recompress *job = memory_new(sizeof *job);
    job->io = io ? io : &segment_io_system;
    recompress_writer_init(&job->writer, job->io);
    snprintf(job->path, sizeof job->path, "%s", path);
    int len = snprintf(job->fresh, sizeof job->fresh, "%s%s", path, RECOMPRESS_SUFFIX);
    enum status status = len < (int)sizeof job->fresh
                             ? look_at(job, err)
                             : error_set(err, STATUS_INVALID, "%s: the path is too long", path);
    if (status == STATUS_OK)
        status = recompress_writer_open(&job->writer, job->fresh, &job->head, level, err);
    if (status != STATUS_OK) {
        recompress_free(job);
        return status;
    }
    *out = job;
    return STATUS_OK;
}

void recompress_free(struct recompress *job)
{
    if (!job)
        return;
    segment_reader_close(job->old);
    segment_reader_close(job->new);
    recompress_writer_close(&job->writer);
    if (job->writer.made && job->phase < PHASE_SETTLE)
        (void)unlink(job->fresh);
    free(job);
}

bool recompress_replaces_next(const struct recompress *job)
{
    return job->phase == PHASE_REPLACE;
}

struct recompress_figures recompress_figures(const struct recompress *job)
{
    return (struct recompress_figures){(uint64_t)job->was.st_size, job->writer.written};
}

/* ------------------------------------------------------------------ writing */

/* The end of the old file, which must be a proper one. */
static enum status end_of_old(struct recompress *job, struct error *err)
{
    const struct segment_place *place = segment_reader_place(job->old);
    if (place->torn)
        return error_set(err, STATUS_DAMAGED, "%s ends inside a frame", job->path);
    if (!recompress_writer_may_end(&job->writer))
        return error_set(err, STATUS_DAMAGED, "%s ends with a line that speaks of the next",
                         job->path);
    job->read_all = true;
    return STATUS_OK;
}

/* The line that ended the last frame by its coming, else the next one. */
static enum status next_line(struct recompress *job, struct error *err)
{
    if (job->holding)
        return STATUS_OK;
    enum status status = segment_reader_next(job->old, &job->held, err);
    job->holding = status == STATUS_OK;
    return status;
}

/* Gathers lines until a frame is full, the step long enough, or the file over. */
static enum status gather(struct recompress *job, struct error *err)
{
    for (size_t bytes = 0; bytes < GATHER_TEXT && !recompress_writer_busy(&job->writer);) {
        enum status status = next_line(job, err);
        if (status == STATUS_END)
            return end_of_old(job, err);
        if (status != STATUS_OK)
            return status;
        if (span_equal_text(job->held.event, "recovered") && recompress_writer_end(&job->writer))
            return STATUS_OK; /* it is the first of its frame */
        recompress_writer_add(&job->writer, &job->held);
        bytes += job->held.text.len;
        job->holding = false;
    }
    return STATUS_OK;
}

static enum status step_write(struct recompress *job, struct error *err)
{
    if (recompress_writer_busy(&job->writer))
        return recompress_writer_work(&job->writer, err);
    if (!job->read_all)
        return gather(job, err);
    if (recompress_writer_end(&job->writer))
        return STATUS_OK; /* there is a last frame to write */
    job->phase = PHASE_FINISH;
    return STATUS_OK;
}

static enum status step_finish(struct recompress *job, struct error *err)
{
    enum status status = recompress_writer_finish(&job->writer, &job->was, err);
    if (status != STATUS_OK)
        return status;
    if (job->writer.written >= (uint64_t)job->was.st_size)
        return error_set(err, STATUS_INVALID, "%s would not become smaller", job->path);
    job->phase = PHASE_SYNC;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ comparing */

static enum status step_sync(struct recompress *job, struct error *err)
{
    if (job->io->sync(job->io->user, job->writer.fd) != 0)
        return error_errno(err, errno, "syncing %s", job->fresh);
    segment_reader_close(job->old);
    job->old = NULL;
    enum status status = segment_reader_open(&job->old, job->path, err);
    if (status == STATUS_OK)
        status = segment_reader_open(&job->new, job->fresh, err);
    job->phase = PHASE_COMPARE;
    return status;
}

static enum status differs(const struct recompress *job, struct error *err, const char *what)
{
    return error_set(err, STATUS_DAMAGED, "%s is not what was to be written: %s", job->fresh, what);
}

/* The footer, where there is one, speaks of all the lines. */
static enum status compare_footer(struct recompress *job, struct error *err)
{
    struct segment_footer *footer;
    enum status status = segment_footer_open(&footer, job->fresh, SEGMENT_FOOTER_ALL, err);
    if (status == STATUS_NOT_FOUND)
        return job->writer.footed ? differs(job, err, "its footer") : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    bool same = segment_footer_totals(footer)->lines == job->writer.lines;
    segment_footer_close(footer);
    return same ? STATUS_OK : differs(job, err, "its footer counts other lines");
}

/* Both are at their ends: the new file must be whole, every frame of it indexed. */
static enum status compare_ends(struct recompress *job, struct error *err)
{
    const struct segment_place *place = segment_reader_place(job->new);
    const struct segment_head *head = segment_reader_head(job->new);
    if (place->torn || place->end != job->writer.written)
        return differs(job, err, "it ends early");
    if (place->indexed_end < place->frame_end)
        return differs(job, err, "the last frame has no index entry");
    if (memcmp(head, &job->head, sizeof *head) != 0)
        return differs(job, err, "its header");
    job->phase = PHASE_REPLACE;
    return compare_footer(job, err);
}

static bool same_text(const struct segment_line *a, const struct segment_line *b)
{
    return a->text.len == b->text.len && memcmp(a->text.data, b->text.data, a->text.len) == 0;
}

static enum status step_compare(struct recompress *job, struct error *err)
{
    const struct segment_place *place = segment_reader_place(job->new);
    struct segment_line old, new;
    for (size_t bytes = 0; bytes < COMPARE_TEXT; bytes += old.text.len) {
        uint64_t frame = place->frame;
        enum status status = segment_reader_next(job->old, &old, err);
        if (status != STATUS_OK && status != STATUS_END)
            return status;
        enum status other = segment_reader_next(job->new, &new, err);
        if (other != STATUS_OK && other != STATUS_END)
            return other;
        if (status != other)
            return differs(job, err, "another number of lines");
        if (status == STATUS_END)
            return compare_ends(job, err);
        if (!same_text(&old, &new))
            return differs(job, err, "another line");
        if (frame != place->frame && frame != 0 && place->indexed_end != place->frame)
            return differs(job, err, "a frame has no index entry");
    }
    return STATUS_OK;
}

/* ------------------------------------------------------------------ replacing */

static enum status step_replace(struct recompress *job, struct error *err)
{
    enum status status = segment_replace(job->fresh, job->path, &job->was, err);
    if (status != STATUS_OK)
        return status;
    job->phase = PHASE_SETTLE;
    return STATUS_OK;
}

/* Nobody is likely to read either file soon: they need not push others out of memory. */
static enum status step_settle(struct recompress *job, struct error *err)
{
    enum status status = file_sync_folder(job->path, err);
    (void)posix_fadvise(job->writer.fd, 0, 0, POSIX_FADV_DONTNEED);
    job->phase = PHASE_DONE;
    return status == STATUS_OK ? STATUS_END : status;
}

enum status recompress_step(struct recompress *job, struct error *err)
{
    switch (job->phase) {
    case PHASE_WRITE:
        return step_write(job, err);
    case PHASE_FINISH:
        return step_finish(job, err);
    case PHASE_SYNC:
        return step_sync(job, err);
    case PHASE_COMPARE:
        return step_compare(job, err);
    case PHASE_REPLACE:
        return step_replace(job, err);
    case PHASE_SETTLE:
        return step_settle(job, err);
    case PHASE_DONE:
        return STATUS_END;
    }
    return STATUS_END;
}
