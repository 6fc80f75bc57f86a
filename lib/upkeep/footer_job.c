/*
 * footer_job.c - the phases of adding a footer, one small step at a time.
 *
 *   read ──▶ copy ──▶ finish ──▶ compare ──▶ check ──▶ replace ──▶ settle ──▶ done
 *
 * read: the footer is gathered frame by frame (lib/segment/footer_rebuild.h). copy: the frames go
 * into the new file. finish: footer, times, mode, group, sync. compare: byte by byte. check: the
 * footer is read again from the new file. Every failure before replace removes the new file. A
 * failed settle is told, but both names lead to the same lines.
 */
#include "lib/upkeep/footer_job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/memory.h"
#include "lib/segment/footer_rebuild.h"
#include "lib/segment/footer_write.h"
#include "lib/segment/frame.h"
#include "lib/segment/writer.h"
#include "lib/upkeep/recompress.h"
#include "lib/upkeep/replace.h"

#define CHUNK (1u << 20) /* copied in a step */

enum phase {
    PHASE_READ,
    PHASE_COPY,
    PHASE_FINISH,
    PHASE_COMPARE,
    PHASE_CHECK,
    PHASE_REPLACE,
    PHASE_SETTLE,
    PHASE_DONE,
};

struct footer_job {
    char path[4096], fresh[4096]; /* the old file and the new one */
    struct stat was;              /* the old file, as it was at the beginning */
    int old, new;
    bool made; /* there is a new file */
    struct segment_rebuild *rebuild;
    struct buffer footer;         /* footer and seek table */
    struct buffer chunk, compare; /* of the old file and the new one */
    uint64_t end;                 /* of the last frame's entry */
    uint64_t at;                  /* copied or compared so far */
    enum phase phase;
};

/* ------------------------------------------------------------------ opening */

static enum status begin(struct footer_job *job, struct error *err)
{
    struct segment_footer *footer;
    job->old = open(job->path, O_RDONLY | O_CLOEXEC);
    if (job->old < 0 || fstat(job->old, &job->was) != 0)
        return error_errno(err, errno, "opening %s", job->path);
    enum status status = segment_footer_open(&footer, job->path, SEGMENT_FOOTER_ALL, err);
    if (status == STATUS_OK) {
        segment_footer_close(footer);
        return error_set(err, STATUS_EXISTS, "%s has a footer", job->path);
    }
    if (status != STATUS_NOT_FOUND)
        return status;
    return segment_rebuild_open(&job->rebuild, job->path, SEGMENT_FOOTER_ALL, NULL, err);
}

enum status footer_job_new(struct footer_job **out, const char *path, struct error *err)
{
    struct footer_job *job = memory_new(sizeof *job);
    job->old = job->new = -1;
    snprintf(job->path, sizeof job->path, "%s", path);
    int len = snprintf(job->fresh, sizeof job->fresh, "%s%s", path, RECOMPRESS_SUFFIX);
    enum status status = len < (int)sizeof job->fresh
                             ? begin(job, err)
                             : error_set(err, STATUS_INVALID, "%s: the path is too long", path);
    if (status != STATUS_OK) {
        footer_job_free(job);
        return status;
    }
    *out = job;
    return STATUS_OK;
}

void footer_job_free(struct footer_job *job)
{
    if (!job)
        return;
    if (job->old >= 0)
        close(job->old);
    if (job->new >= 0)
        close(job->new);
    if (job->made && job->phase < PHASE_SETTLE)
        (void)unlink(job->fresh);
    segment_rebuild_close(job->rebuild);
    buffer_close(&job->footer);
    buffer_close(&job->chunk);
    buffer_close(&job->compare);
    free(job);
}

bool footer_job_replaces_next(const struct footer_job *job)
{
    return job->phase == PHASE_REPLACE;
}

/* ------------------------------------------------------------------ reading */

/* All frames were read: is there a footer for them? */
static enum status gathered(struct footer_job *job, struct error *err)
{
    struct segment_footer *footer = segment_rebuild_finish(job->rebuild);
    bool fits = segment_footer_append_rebuilt(&job->footer, footer);
    job->end = segment_footer_totals(footer)->end;
    segment_footer_close(footer);
    segment_rebuild_close(job->rebuild);
    job->rebuild = NULL;
    if (!fits || job->end > (uint64_t)job->was.st_size)
        return error_set(err, STATUS_DAMAGED, "%s cannot have a footer", job->path);
    (void)unlink(job->fresh); /* of a run that was killed */
    job->new = open(job->fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (job->new < 0)
        return error_errno(err, errno, "making %s", job->fresh);
    job->made = true;
    job->phase = PHASE_COPY;
    return STATUS_OK;
}

static enum status step_read(struct footer_job *job, struct error *err)
{
    enum status status = segment_rebuild_step(job->rebuild, err);
    return status == STATUS_END ? gathered(job, err) : status;
}

/* ------------------------------------------------------------------ copying */

/* `len` bytes at job->at. */
static enum status read_chunk(struct footer_job *job, int fd, struct buffer *into, size_t len,
                              struct error *err)
{
    buffer_clear(into);
    char *room = buffer_reserve(into, len + 1);
    while (into->len < len) {
        ssize_t got = pread(fd, room + into->len, len - into->len, (off_t)(job->at + into->len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(err, errno, "reading %s", job->path);
        if (got == 0)
            return error_set(err, STATUS_NOT_FOUND, "%s became shorter", job->path);
        into->len += (size_t)got;
    }
    return STATUS_OK;
}

static size_t chunk_len(const struct footer_job *job)
{
    return job->end - job->at < CHUNK ? (size_t)(job->end - job->at) : CHUNK;
}

static enum status step_copy(struct footer_job *job, struct error *err)
{
    enum status status = read_chunk(job, job->old, &job->chunk, chunk_len(job), err);
    if (status == STATUS_OK)
        status = segment_write_all(job->new, job->chunk.data, job->chunk.len, job->fresh, err);
    job->at += job->chunk.len;
    if (job->at == job->end)
        job->phase = PHASE_FINISH;
    return status;
}

static enum status step_finish(struct footer_job *job, struct error *err)
{
    enum status status =
        segment_write_all(job->new, job->footer.data, job->footer.len, job->fresh, err);
    if (status == STATUS_OK)
        status = segment_resemble(job->new, &job->was, job->fresh, err);
    if (status != STATUS_OK)
        return status;
    if (fsync(job->new) != 0)
        return error_errno(err, errno, "syncing %s", job->fresh);
    job->at = 0;
    job->phase = PHASE_COMPARE;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ comparing */

static enum status step_compare(struct footer_job *job, struct error *err)
{
    size_t len = chunk_len(job);
    enum status status = read_chunk(job, job->old, &job->chunk, len, err);
    if (status == STATUS_OK)
        status = read_chunk(job, job->new, &job->compare, len, err);
    if (status != STATUS_OK)
        return status;
    if (memcmp(job->chunk.data, job->compare.data, len) != 0)
        return error_set(err, STATUS_DAMAGED, "%s is not what was written", job->fresh);
    job->at += len;
    if (job->at == job->end)
        job->phase = PHASE_CHECK;
    return STATUS_OK;
}

static enum status step_check(struct footer_job *job, struct error *err)
{
    struct segment_footer *footer;
    enum status status = segment_footer_open(&footer, job->fresh, SEGMENT_FOOTER_ALL, err);
    if (status == STATUS_NOT_FOUND)
        return STATUS_DAMAGED;
    if (status != STATUS_OK)
        return status;
    segment_footer_close(footer);
    job->phase = PHASE_REPLACE;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ replacing */

static enum status step_replace(struct footer_job *job, struct error *err)
{
    enum status status = segment_replace(job->fresh, job->path, &job->was, err);
    if (status != STATUS_OK)
        return status;
    job->phase = PHASE_SETTLE;
    return STATUS_OK;
}

static enum status step_settle(struct footer_job *job, struct error *err)
{
    enum status status = file_sync_folder(job->path, err);
    (void)posix_fadvise(job->new, 0, 0, POSIX_FADV_DONTNEED);
    job->phase = PHASE_DONE;
    return status == STATUS_OK ? STATUS_END : status;
}

enum status footer_job_step(struct footer_job *job, struct error *err)
{
    switch (job->phase) {
    case PHASE_READ:
        return step_read(job, err);
    case PHASE_COPY:
        return step_copy(job, err);
    case PHASE_FINISH:
        return step_finish(job, err);
    case PHASE_COMPARE:
        return step_compare(job, err);
    case PHASE_CHECK:
        return step_check(job, err);
    case PHASE_REPLACE:
        return step_replace(job, err);
    case PHASE_SETTLE:
        return step_settle(job, err);
    case PHASE_DONE:
        return STATUS_END;
    }
    return STATUS_END;
}
