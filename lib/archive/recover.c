/*
 * recover.c - completing what the last run left as `.open`.
 *
 * A file is read to its end, or to where it is damaged. Up to its last whole, checksummed frame it
 * is trusted. The lines behind are kept only where the ring does not have them any more: then they
 * become a frame of their own that begins with a `recovered` line. The result is written beside as
 * `.recovering`, with its footer, synced, renamed to its final name; then the original becomes
 * `.torn`. A file that ends properly, or was being sealed, gets its footer in place and is renamed;
 * a full disk leaves it without one.
 *
 * Killed at any step it starts over: `.recovering` is overwritten, and an original whose result has
 * its final name only needs to be moved. Files that are no segments become `.torn`, nothing is
 * deleted but files that hold no line. Fails when the disk refuses, or when a file was written by a
 * newer program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/archive/archive.h"
#include "lib/archive/scan.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/record/line.h"
#include "lib/segment/footer.h"
#include "lib/segment/footer_write.h"
#include "lib/segment/frame.h"
#include "lib/segment/writer.h"

#define TORN_NAMES 1000
#define COPY_BYTES (256u << 10)
#define FOOTER_MAX                                                                                 \
    (8u << 20) /* compressed text that is read again for a footer: a third of a second */

struct recovery {
    const struct archive_settings *settings;
    struct archive_recovered *out;
    uint64_t ring_first, ring_last; /* 0: no ring, or nothing in it */
};

/* ------------------------------------------------------------------ names */

struct name {
    char text[4096];
};

/* The path without .open, with `suffix` behind it. */
static struct name name_with(const char *open_path, const char *suffix)
{
    struct name name;
    snprintf(name.text, sizeof name.text, "%.*s%s", (int)(strlen(open_path) - strlen(SEGMENT_OPEN)),
             open_path, suffix);
    return name;
}

static enum status move(const char *from, const char *to, struct error *err)
{
    if (rename(from, to) != 0)
        return error_errno(err, errno, "renaming %s to %s", from, to);
    return file_sync_folder(to, err);
}

static enum status move_aside(const char *open_path, struct error *err)
{
    struct name name = name_with(open_path, ".torn");
    char suffix[24];
    for (int i = 2; access(name.text, F_OK) == 0 && i < TORN_NAMES; i++) {
        snprintf(suffix, sizeof suffix, ".torn.%d", i);
        name = name_with(open_path, suffix);
    }
    log_warn("archive: moving the damaged file %s to %s", open_path, name.text);
    return move(open_path, name.text, err);
}

/* ------------------------------------------------------------------ writing */

/* A file that is being written. */
struct result {
    const struct segment_io *io;
    int fd;
    const char *path;
};

static enum status put(const struct result *result, const char *data, size_t len, struct error *err)
{
    while (len > 0) {
        ssize_t got = result->io->write(result->io->user, result->fd, data, len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_errno(err, got == 0 ? EIO : errno, "writing %s", result->path);
        data += got;
        len -= (size_t)got;
    }
    return STATUS_OK;
}

static enum status sync_result(const struct result *result, struct error *err)
{
    if (result->io->sync(result->io->user, result->fd) != 0)
        return error_errno(err, errno, "syncing %s", result->path);
    return STATUS_OK;
}

static enum status copy_bytes(const struct result *result, const char *from_path, uint64_t bytes,
                              struct error *err)
{
    struct buffer chunk = {0};
    enum status status = STATUS_OK;
    int from = open(from_path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return error_errno(err, errno, "opening %s", from_path);
    char *room = buffer_reserve(&chunk, COPY_BYTES);
    while (bytes > 0 && status == STATUS_OK) {
        ssize_t got = read(from, room, bytes < COPY_BYTES ? (size_t)bytes : COPY_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            status = error_errno(err, got == 0 ? EIO : errno, "reading %s", from_path);
        else
            status = put(result, room, (size_t)got, err);
        bytes -= got > 0 ? (uint64_t)got : 0;
    }
    buffer_close(&chunk);
    close(from);
    return status;
}

/* The kept lines as a frame with its entry, to stand at `offset`. */
static enum status append_tail(struct buffer *out, const struct archive_finding *found,
                               uint64_t offset, struct error *err)
{
    struct segment_index index = found->kept;
    struct segment_note mark = {.wall_ns = clock_ns(index.lowest_us, NS_PER_US),
                                .event = SEGMENT_EVENT_RECOVERED};
    struct buffer text = {0};
    size_t begin = out->len;
    line_append_recovered(&text, mark.wall_ns, index.first_seq, index.lines,
                          "kept from a damaged end, no checksum covered it");
    buffer_append(&text, found->text.data, found->text.len);
    segment_index_count(&index, &mark);
    index.offset = offset + begin;
    index.text_offset = found->whole.text_offset + found->whole.text_bytes;
    enum status status = segment_frame_append(out, &index, span_make(text.data, text.len), err);
    buffer_close(&text);
    return status;
}

/* Puts the footer behind the frames; `end` is where they should end. A footer that cannot be made
 * can be made later; one that cannot be written is an error like any other. */
static enum status put_footer(const struct result *result, struct error *err)
{
    struct segment_footer *footer;
    struct buffer bytes = {0};
    if (segment_footer_rebuild(&footer, result->path, SEGMENT_FOOTER_ALL, NULL, NULL) != STATUS_OK)
        return STATUS_OK;
    off_t end = (off_t)segment_footer_totals(footer)->end;
    bool fits = segment_footer_append_rebuilt(&bytes, footer);
    enum status status = STATUS_OK;
    segment_footer_close(footer);
    if (fits && (ftruncate(result->fd, end) != 0 || lseek(result->fd, end, SEEK_SET) != end))
        status = error_errno(err, errno, "cutting %s", result->path);
    if (fits && status == STATUS_OK)
        status = put(result, bytes.data, bytes.len, err);
    buffer_close(&bytes);
    return status;
}

/* Fills the new file. */
static enum status write_result(const struct result *result, const char *from,
                                const struct archive_finding *found, bool keep_tail,
                                struct error *err)
{
    struct buffer extra = {0};
    bool indexed = found->indexed_end >= found->frame_end;
    uint64_t end = indexed ? found->indexed_end : found->frame_end;
    enum status status = copy_bytes(result, from, end, err);
    if (!indexed)
        segment_frame_append_index(&extra, &found->whole);
    if (status == STATUS_OK && keep_tail)
        status = append_tail(&extra, found, end, err);
    if (status == STATUS_OK)
        status = put(result, extra.data, extra.len, err);
    if (status == STATUS_OK && end <= FOOTER_MAX)
        status = put_footer(result, err);
    if (status == STATUS_OK)
        status = sync_result(result, err);
    buffer_close(&extra);
    return status;
}

static const struct segment_io *io_of(const struct recovery *recovery)
{
    return recovery->settings->io ? recovery->settings->io : &segment_io_system;
}

static enum status make_result(const struct recovery *recovery, const char *open_path,
                               const struct archive_finding *found, bool keep_tail,
                               struct error *err)
{
    struct name fresh = name_with(open_path, ".recovering"), final = name_with(open_path, "");
    gid_t group = recovery->settings->group;
    int fd = open(fresh.text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_errno(err, errno, "making %s", fresh.text);
    enum status status = STATUS_OK;
    if (group != (gid_t)-1 && fchown(fd, (uid_t)-1, group) != 0)
        status = error_errno(err, errno, "giving %s to group %u", fresh.text, (unsigned)group);
    if (status == STATUS_OK)
        status = write_result(&(struct result){io_of(recovery), fd, fresh.text}, open_path, found,
                              keep_tail, err);
    close(fd);
    if (status == STATUS_OK)
        status = move(fresh.text, final.text, err);
    if (status != STATUS_OK)
        (void)unlink(fresh.text);
    return status;
}

static bool has_footer(const char *path)
{
    struct segment_footer *footer;
    if (segment_footer_open(&footer, path, SEGMENT_FOOTER_ALL, NULL) != STATUS_OK)
        return false;
    segment_footer_close(footer);
    return true;
}

/* A file whose frames are all there: gets its footer, becomes durable, then is named. */
static enum status seal_in_place(const struct recovery *recovery, const char *open_path,
                                 const struct archive_finding *found, struct error *err)
{
    off_t end = (off_t)found->indexed_end;
    struct name final = name_with(open_path, "");
    int fd = open(open_path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "opening %s", open_path);
    const struct result result = {io_of(recovery), fd, open_path};
    enum status status = STATUS_OK;
    if (!has_footer(open_path)) {
        if (ftruncate(fd, end) != 0)
            status = error_errno(err, errno, "cutting %s", open_path);
        /* a full disk leaves it without */
        if (status == STATUS_OK && end <= (off_t)FOOTER_MAX &&
            (status = put_footer(&result, err)) == STATUS_FULL)
            status = ftruncate(fd, end) == 0 ? STATUS_OK
                                             : error_errno(err, errno, "cutting %s", open_path);
    }
    if (status == STATUS_OK)
        status = sync_result(&result, err);
    close(fd);
    return status == STATUS_OK ? move(open_path, final.text, err) : status;
}

/* Whether what stands behind the last frame's entry is the beginning of a footer: the last run was
 * sealing the file. */
static bool footer_begins(const char *path, const struct archive_finding *found)
{
    unsigned char magic[4], bytes[4];
    uint64_t at = found->indexed_end;
    if (found->kept.lines || at <= found->frame_end)
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = pread(fd, bytes, sizeof bytes, (off_t)at);
    close(fd);
    store_le32(magic, SEGMENT_MAGIC_FOOTER);
    return got > 0 && memcmp(magic, bytes, (size_t)got) == 0;
}

/* ------------------------------------------------------------------ deciding */

/* Whether the ring holds everything from behind the last whole frame to the last line. */
static bool ring_covers(const struct recovery *recovery, const struct archive_finding *found)
{
    uint64_t safe = found->last_seq ? found->last_seq : recovery->out->last_seq;
    return found->head.instance == recovery->settings->instance && recovery->ring_first &&
           recovery->ring_first <= safe + 1 && recovery->ring_last >= found->kept.last_seq;
}

static void count_file(const struct recovery *recovery, const struct archive_finding *found,
                       bool kept)
{
    uint64_t last = kept ? found->kept.last_seq : found->last_seq;
    recovery->out->segments++;
    if (kept)
        recovery->out->lines_kept += found->kept.lines;
    if (found->head.instance == recovery->settings->instance && last > recovery->out->last_seq)
        recovery->out->last_seq = last;
}

static enum status settle(const struct recovery *recovery, const char *path,
                          const struct archive_finding *found, struct error *err)
{
    bool whole = found->frame_end > 0;
    bool clean = footer_begins(path, found) ||
                 (!found->damaged && !found->torn && found->indexed_end == found->end);
    bool keep = found->kept.lines && !ring_covers(recovery, found);
    if (clean && whole) {
        count_file(recovery, found, false);
        return seal_in_place(recovery, path, found, err);
    }
    if (clean)
        return unlink(path) == 0 ? STATUS_OK : error_errno(err, errno, "removing %s", path);
    recovery->out->torn++;
    if (whole || keep) {
        enum status status = make_result(recovery, path, found, keep, err);
        if (status != STATUS_OK)
            return status;
        count_file(recovery, found, keep);
    }
    return move_aside(path, err);
}

/* The disk is full or fails: the file stays as it is, since the relay must start all the same. What
 * the ring gives of its end again stands in two files then; readers pass over repeats. */
static void postpone(const struct recovery *recovery, const char *path,
                     const struct archive_finding *found, const char *why)
{
    log_warn("archive: %s; %s is completed at a later start", why, path);
    count_file(recovery, found, found->kept.lines && !ring_covers(recovery, found));
    recovery->out->segments--;
}

static enum status recover_file(const struct recovery *recovery, const char *path,
                                struct error *err)
{
    struct archive_finding found;
    struct error why = {""};
    enum status status = archive_scan(&found, path, recovery->ring_first, &why);
    if (why.text[0]) /* what could be read is still there */
        log_warn("archive: %s", why.text);
    if (status == STATUS_DAMAGED) {
        recovery->out->torn++;
        status = move_aside(path, &why);
    } else if (status == STATUS_OK) {
        const struct archive_recovered before = *recovery->out;
        status = settle(recovery, path, &found, &why);
        if (status == STATUS_FULL || status == STATUS_IO) {
            *recovery->out = before;
            postpone(recovery, path, &found, why.text);
            status = STATUS_OK;
        }
    }
    archive_finding_close(&found);
    return status == STATUS_OK ? status : error_set(err, status, "%s", why.text);
}

/* ------------------------------------------------------------------ what the archive reaches to */

/* The last number in a sealed file; 0 when it cannot be read or is of another series. */
static uint64_t last_seq_of(const char *path, uint64_t instance)
{
    struct segment_footer *footer;
    uint64_t last = 0;
    if (segment_footer_load(&footer, path, SEGMENT_FOOTER_TOTALS, NULL) != STATUS_OK)
        return 0;
    if (segment_footer_head(footer)->instance == instance)
        last = segment_footer_totals(footer)->last_seq;
    segment_footer_close(footer);
    return last;
}

static void survey(const struct recovery *recovery, const struct segment_path *paths, size_t count)
{
    recovery->out->next_number = 1;
    if (count)
        recovery->out->next_number = paths[count - 1].number + 1;
    for (size_t i = count; i > 0 && recovery->out->last_seq == 0; i--) {
        if (!paths[i - 1].open)
            recovery->out->last_seq = last_seq_of(paths[i - 1].path, recovery->settings->instance);
    }
}

/* An original whose result is already there. */
static enum status finish_interrupted(const struct recovery *recovery, const char *sealed,
                                      struct error *err)
{
    struct name original;
    if (snprintf(original.text, sizeof original.text, "%s" SEGMENT_OPEN, sealed) >=
            (int)sizeof original.text ||
        access(original.text, F_OK) != 0)
        return STATUS_OK;
    recovery->out->segments++;
    recovery->out->torn++;
    return move_aside(original.text, err);
}

static void look_at_ring(struct recovery *recovery, struct ring_reader *ring)
{
    struct record record;
    if (!ring || ring_reader_instance(ring) != recovery->settings->instance)
        return;
    ring_reader_seek_oldest(ring);
    if (ring_reader_next(ring, &record, NULL) == STATUS_OK) {
        recovery->ring_first = record.seq;
        recovery->ring_last = ring_reader_last_seq(ring);
    }
    ring_reader_seek_oldest(ring);
}

enum status archive_recover(const struct archive_settings *settings, struct ring_reader *ring,
                            struct archive_recovered *out, struct error *err)
{
    struct recovery recovery = {.settings = settings, .out = out};
    struct segment_path *paths;
    size_t count;
    *out = (struct archive_recovered){0};
    look_at_ring(&recovery, ring);
    enum status status = segment_list(settings->data_dir, &paths, &count, err);
    if (status != STATUS_OK)
        return status;
    survey(&recovery, paths, count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = paths[i].open ? recover_file(&recovery, paths[i].path, err)
                               : finish_interrupted(&recovery, paths[i].path, err);
    segment_list_free(paths, count);
    return status;
}
