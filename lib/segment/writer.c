/*
 * writer.c - a segment from its first byte to its sealing.
 *
 * Happy path: create, lines, flush and write inside every second, frames ended one after the other,
 * then end_frame, write, seal. Failures: creating and writing may be tried again as they are; a
 * failed sync means that what was written since the last one may be lost (the kernel forgets the
 * pages), so the caller abandons the file from the mark `synced` on.
 *
 * Compression. Mining traffic repeats itself at short distances, so small tables and windows win:
 * they find the near match, which costs least to point at. Quick frames use level 1 with a hash
 * table of 2^12 entries (more entries, more levels: larger files), hasty ones level -1 with the
 * same. Thorough frames use the lazy2 strategy with tables of 2^13.
 */
#include "lib/segment/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/segment/footer.h"

#define CHUNK_TEXT  (128u << 10) /* text is handed to the compressor in pieces of this size */
#define BUFFER_KEEP (1u << 20)   /* a buffer that grew beyond is given back */

static ssize_t system_write(void *user, int fd, const void *data, size_t len)
{
    (void)user;
    return write(fd, data, len);
}

static int system_sync(void *user, int fd)
{
    (void)user;
    return fdatasync(fd);
}

const struct segment_io segment_io_system = {system_write, system_sync, NULL};

void segment_writer_init(struct segment_writer *file, const struct segment_io *io, gid_t group)
{
    *file = (struct segment_writer){.io = io ? io : &segment_io_system, .group = group, .fd = -1};
}

void segment_writer_free(struct segment_writer *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
    ZSTD_freeCCtx(file->compressor);
    file->compressor = NULL;
    segment_summaries_free(file->summaries);
    file->summaries = NULL;
    segment_directory_close(&file->directory);
    buffer_close(&file->text);
    buffer_close(&file->out);
}

void segment_compressor_tune(ZSTD_CCtx *compressor, enum segment_effort effort)
{
    static const struct {
        ZSTD_cParameter parameter;
        int values[SEGMENT_THOROUGH + 1]; /* 0: as the level has it */
    } settings[] = {
        {ZSTD_c_compressionLevel, {1, -1, 1}}, {ZSTD_c_checksumFlag, {1, 1, 1}},
        {ZSTD_c_hashLog, {12, 12, 13}},        {ZSTD_c_strategy, {0, 0, ZSTD_lazy2}},
        {ZSTD_c_windowLog, {0, 0, 18}},        {ZSTD_c_chainLog, {0, 0, 13}},
        {ZSTD_c_searchLog, {0, 0, 3}},         {ZSTD_c_minMatch, {0, 0, 6}},
        {ZSTD_c_targetLength, {0, 0, 16}},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        int value = settings[i].values[effort];
        /* fails only for values out of range, or inside a frame */
        (void)ZSTD_CCtx_setParameter(compressor, settings[i].parameter, value);
    }
}

ZSTD_CCtx *segment_compressor_new(void)
{
    ZSTD_CCtx *compressor = ZSTD_createCCtx();
    if (compressor)
        segment_compressor_tune(compressor, SEGMENT_THOROUGH);
    return compressor;
}

/* ------------------------------------------------------------------ names and folders */

static enum status make_folder(const char *path, gid_t group, struct error *err)
{
    if (mkdir(path, 0750) != 0)
        return errno == EEXIST ? STATUS_OK : error_errno(err, errno, "making the folder %s", path);
    if (group != (gid_t)-1 && chown(path, (uid_t)-1, group) != 0)
        return error_errno(err, errno, "giving the folder %s to group %u", path, (unsigned)group);
    return file_sync_folder(path, err);
}

enum status segment_make_folders(const char *path, gid_t group, struct error *err)
{
    char copy[4096];
    enum status status = STATUS_OK;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *slash = strchr(copy + 1, '/'); slash && status == STATUS_OK;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        status = make_folder(copy, group, err);
        *slash = '/';
    }
    return status;
}

static enum status name_file(struct segment_writer *file, const char *folder, struct error *err)
{
    char time[CLOCK_TEXT_LEN + 1] = "";
    clock_format(time, file->head.start_wall_ns);
    int len = snprintf(
        file->path, sizeof file->path,
        "%s/%.4s/%.2s/%.2s/%.4s%.2s%.2sT%.2s%.2s%.2sZ-%08" PRIu64 SEGMENT_SUFFIX SEGMENT_OPEN,
        folder, time, time + 5, time + 8, time, time + 5, time + 8, time + 11, time + 14, time + 17,
        file->head.number);
    if (len < 0 || (size_t)len >= sizeof file->path)
        return error_set(err, STATUS_INVALID, "%s: the path is too long", folder);
    return STATUS_OK;
}

/* Opens the new file and puts its name on the disk. */
static enum status make_file(struct segment_writer *file, struct error *err)
{
    enum status status = segment_make_folders(file->path, file->group, err);
    if (status != STATUS_OK)
        return status;
    int fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_errno(err, errno, "making %s", file->path);
    if (file->group != (gid_t)-1 && fchown(fd, (uid_t)-1, file->group) != 0)
        status =
            error_errno(err, errno, "giving %s to group %u", file->path, (unsigned)file->group);
    if (status == STATUS_OK)
        status = file_sync_folder(file->path, err);
    if (status != STATUS_OK) {
        close(fd);
        unlink(file->path);
        return status;
    }
    file->fd = fd;
    return STATUS_OK;
}

enum status segment_writer_create(struct segment_writer *file, const char *data_dir,
                                  const struct segment_head *head, uint64_t after_seq,
                                  struct error *err)
{
    char folder[SEGMENT_PATH_MAX];
    enum status status = segment_folder(folder, data_dir, 0, err);
    return status == STATUS_OK ? segment_writer_create_in(file, folder, head, after_seq, err)
                               : status;
}

enum status segment_writer_create_in(struct segment_writer *file, const char *folder,
                                     const struct segment_head *head, uint64_t after_seq,
                                     struct error *err)
{
    if (!file->compressor && !(file->compressor = segment_compressor_new()))
        return error_set(err, STATUS_FULL, "no memory for compressing");
    file->head = *head;
    enum status status = name_file(file, folder, err);
    if (status == STATUS_OK)
        status = make_file(file, err);
    if (status != STATUS_OK)
        return status;
    (void)ZSTD_CCtx_reset(file->compressor, ZSTD_reset_session_only);
    segment_compressor_tune(file->compressor, file->effort);
    buffer_clear(&file->text);
    buffer_clear(&file->out);
    if (file->summaries)
        segment_summaries_clear(file->summaries);
    else
        file->summaries = segment_summaries_new();
    segment_directory_clear(&file->directory);
    file->written = file->text_total = 0;
    file->unflushed = file->broken = file->footed = false;
    file->frame = (struct segment_index){.offset = SEGMENT_HEADER_BYTES};
    file->ended = (struct segment_mark){SEGMENT_HEADER_BYTES, after_seq};
    file->begun = file->framed = file->synced = file->ended;
    segment_header_encode((unsigned char *)buffer_reserve(&file->out, SEGMENT_HEADER_BYTES), head);
    file->out.len += SEGMENT_HEADER_BYTES;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ compressing */

static void compress(struct segment_writer *file, ZSTD_EndDirective directive)
{
    ZSTD_inBuffer in = {file->text.data, file->text.len, 0};
    size_t left;
    if (file->broken)
        return;
    do {
        size_t room = ZSTD_CStreamOutSize();
        ZSTD_outBuffer out = {buffer_reserve(&file->out, room), room, 0};
        left = ZSTD_compressStream2(file->compressor, &out, &in, directive);
        file->out.len += out.pos;
        if (ZSTD_isError(left)) {
            file->broken = true;
            return;
        }
    } while (directive == ZSTD_e_continue ? in.pos < in.size : left != 0);
    file->frame.text_bytes += (uint32_t)in.size;
    if (file->text.capacity > BUFFER_KEEP)
        buffer_close(&file->text);
    else
        buffer_clear(&file->text);
    file->unflushed = directive == ZSTD_e_continue;
}

void segment_writer_note(struct segment_writer *file, const struct segment_note *note)
{
    segment_index_count(&file->frame, note);
    segment_summaries_add(file->summaries, (uint32_t)file->directory.count, note);
    if (file->text.len >= CHUNK_TEXT)
        compress(file, ZSTD_e_continue);
}

bool segment_writer_frame_full(const struct segment_writer *file)
{
    return file->frame.text_bytes + file->text.len >= SEGMENT_FRAME_TEXT;
}

void segment_writer_flush(struct segment_writer *file)
{
    if (file->text.len || file->unflushed)
        compress(file, ZSTD_e_flush);
}

uint64_t segment_writer_size(const struct segment_writer *file)
{
    return file->written + file->out.len;
}

void segment_writer_end_frame(struct segment_writer *file)
{
    if (!file->frame.lines)
        return;
    compress(file, ZSTD_e_end);
    if (file->broken)
        return;
    struct segment_index *frame = &file->frame;
    frame->compressed_bytes = (uint32_t)(segment_writer_size(file) - frame->offset);
    frame->text_offset = file->text_total;
    segment_index_encode((unsigned char *)buffer_reserve(&file->out, SEGMENT_INDEX_BYTES), frame);
    file->out.len += SEGMENT_INDEX_BYTES;
    segment_directory_add(&file->directory, frame);
    file->text_total += frame->text_bytes;
    file->ended.offset = segment_writer_size(file);
    if (frame->last_seq)
        file->ended.last_seq = frame->last_seq;
    *frame = (struct segment_index){.offset = file->ended.offset};
    segment_compressor_tune(file->compressor, file->effort);
}

void segment_writer_add_footer(struct segment_writer *file)
{
    if (file->footed || file->broken)
        return;
    file->footed = true;
    (void)segment_footer_append_summaries(&file->out, &file->head, &file->directory,
                                          file->summaries);
}

void segment_writer_tune(struct segment_writer *file, enum segment_effort effort)
{
    if (file->effort != effort && file->fd >= 0 && !file->frame.lines)
        segment_compressor_tune(file->compressor, effort);
    file->effort = effort;
}

/* ------------------------------------------------------------------ writing */

static enum status write_failed(struct segment_writer *file, int errnum, struct error *err)
{
    file->write_errno = errnum;
    return error_errno(err, errnum, "writing %s", file->path);
}

enum status segment_writer_write(struct segment_writer *file, struct error *err)
{
    size_t done = 0;
    enum status status = STATUS_OK;
    while (done < file->out.len && status == STATUS_OK) {
        ssize_t got =
            file->io->write(file->io->user, file->fd, file->out.data + done, file->out.len - done);
        if (got > 0)
            done += (size_t)got;
        else if (got == 0 || errno != EINTR)
            status = write_failed(file, got == 0 ? EIO : errno, err);
    }
    file->written += done;
    buffer_consume(&file->out, done);
    if (file->ended.offset <= file->written)
        file->framed = file->ended;
    if (!file->out.len && file->out.capacity > BUFFER_KEEP)
        buffer_close(&file->out);
    if (status == STATUS_OK && file->broken) {
        file->write_errno = EIO;
        return error_set(err, STATUS_IO, "compressing %s failed", file->path);
    }
    return status;
}

enum status segment_writer_sync(struct segment_writer *file, struct error *err)
{
    if (file->io->sync(file->io->user, file->fd) != 0)
        return error_errno(err, errno, "syncing %s", file->path);
    file->synced = file->framed;
    return STATUS_OK;
}

bool segment_writer_is_there(const struct segment_writer *file)
{
    struct stat named, open;
    return stat(file->path, &named) == 0 && fstat(file->fd, &open) == 0 &&
           named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

void segment_writer_forget(struct segment_writer *file)
{
    buffer_clear(&file->out);
    buffer_clear(&file->text);
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

static void final_name(char out[4096], const struct segment_writer *file)
{
    snprintf(out, 4096, "%.*s", (int)(strlen(file->path) - strlen(SEGMENT_OPEN)), file->path);
}

enum status segment_writer_seal(struct segment_writer *file, struct error *err)
{
    char name[4096];
    final_name(name, file);
    if (rename(file->path, name) != 0)
        return error_errno(err, errno, "renaming %s", file->path);
    enum status status = file_sync_folder(name, err);
    close(file->fd);
    file->fd = -1;
    return status;
}

/* The footer of what the file holds now, which may be less than what was collected. */
static enum status write_footer_anew(struct segment_writer *file, struct error *err)
{
    struct segment_footer *footer;
    enum status status = segment_footer_rebuild(&footer, file->path, SEGMENT_FOOTER_ALL, NULL, err);
    if (status != STATUS_OK)
        return status;
    (void)segment_footer_append_rebuilt(&file->out, footer);
    segment_footer_close(footer);
    return segment_writer_write(file, err);
}

/* Cuts the file at the mark and completes it. */
static enum status complete_at(struct segment_writer *file, const struct segment_mark *mark,
                               struct error *err)
{
    off_t end = (off_t)mark->offset;
    struct error why = {""};
    file->broken = false;
    if (ftruncate(file->fd, end) != 0 || lseek(file->fd, end, SEEK_SET) != end)
        return error_errno(err, errno, "cutting %s", file->path);
    if (write_footer_anew(file, &why) != STATUS_OK) {
        buffer_clear(&file->out);
        if (ftruncate(file->fd, end) != 0)
            return error_errno(err, errno, "cutting %s", file->path);
    }
    enum status status = segment_writer_sync(file, err);
    return status == STATUS_OK ? segment_writer_seal(file, err) : status;
}

enum status segment_writer_abandon(struct segment_writer *file, const struct segment_mark *mark,
                                   struct error *err)
{
    enum status status = STATUS_OK;
    buffer_clear(&file->out);
    buffer_clear(&file->text);
    if (mark->offset <= SEGMENT_HEADER_BYTES) {
        if (unlink(file->path) != 0)
            status = error_errno(err, errno, "removing %s", file->path);
    } else {
        status = complete_at(file, mark, err);
    }
    segment_writer_forget(file);
    return status;
}
