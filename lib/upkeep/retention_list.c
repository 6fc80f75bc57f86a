/*
 * retention_list.c - what lies below segments/YYYY/MM/DD, and removing it.
 *
 * Names decide: <start>-<number>.ndjson.zst and the suffixes that the archive knows; anything else
 * is somebody else's and is left alone. Files and folders may vanish or change their names while
 * they are listed (the archive seals, people remove): what is gone is passed over, and a file seen
 * under its old name cannot be removed under it. Fails when a folder cannot be read.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/segment/writer.h"
#include "lib/upkeep/recompress.h"
#include "lib/upkeep/retention.h"

#define DEPTH      3  /* year, month, day */
#define STAMP_LEN  16 /* 20261122T135301Z */
#define FOLDER_LEN 10 /* 2026/11/22 */

struct walk {
    struct retention_listing *listing;
    const char *data_dir;
    char today[FOLDER_LEN + 1];
};

/* ------------------------------------------------------------------ names */

static void day_of(char out[FOLDER_LEN + 1], int64_t wall_ns)
{
    char text[CLOCK_TEXT_LEN + 1] = "";
    clock_format(text, wall_ns);
    snprintf(out, FOLDER_LEN + 1, "%.4s/%.2s/%.2s", text, text + 5, text + 8);
}

/* "20261122T135301Z"; 0 when it is none. */
static int64_t stamp_time(const char *stamp)
{
    char text[32];
    int64_t wall_ns;
    snprintf(text, sizeof text, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", stamp, stamp + 4, stamp + 6,
             stamp + 9, stamp + 11, stamp + 13);
    return clock_parse(text, strlen(text), &wall_ns) ? wall_ns : 0;
}

static bool state_of(enum retention_state *out, const char *suffix)
{
    if (*suffix == '\0')
        *out = RETENTION_SEALED;
    else if (strcmp(suffix, SEGMENT_OPEN) == 0)
        *out = RETENTION_OPEN;
    else if (strcmp(suffix, ".torn") == 0 || strncmp(suffix, ".torn.", 6) == 0)
        *out = RETENTION_TORN;
    else if (strcmp(suffix, RECOMPRESS_SUFFIX) == 0 || strcmp(suffix, ".recovering") == 0)
        *out = RETENTION_LEFTOVER;
    else
        return false;
    return true;
}

/* False when the name is none of the archive's. */
static bool parse_name(const char *name, struct retention_file *out)
{
    char *end;
    if (strlen(name) < STAMP_LEN + 2 || name[8] != 'T' || name[STAMP_LEN] != '-' ||
        !isdigit((unsigned char)name[STAMP_LEN + 1]))
        return false;
    errno = 0;
    out->number = strtoull(name + STAMP_LEN + 1, &end, 10);
    if (errno != 0 || strncmp(end, SEGMENT_SUFFIX, strlen(SEGMENT_SUFFIX)) != 0)
        return false;
    out->first_ns = stamp_time(name);
    return state_of(&out->state, end + strlen(SEGMENT_SUFFIX));
}

static bool is_numeric(const char *name)
{
    return *name && strspn(name, "0123456789") == strlen(name);
}

/* ------------------------------------------------------------------ listing */

static void add(struct walk *walk, const char *below, int folder, const char *name)
{
    struct retention_listing *listing = walk->listing;
    struct retention_file file = {0};
    struct stat st;
    char path[4096];
    if (!parse_name(name, &file) || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(st.st_mode))
        return;
    int64_t changed = clock_of_file(st.st_mtim);
    file.bytes = (uint64_t)st.st_size;
    file.last_ns = changed > file.first_ns ? changed : file.first_ns;
    snprintf(path, sizeof path, "%s/%s", below, name);
    file.path = memory_text(path);
    if (listing->count == listing->room) {
        listing->room = listing->room ? listing->room * 2 : 64;
        listing->files = memory_resize(listing->files, listing->room * sizeof *listing->files);
    }
    listing->files[listing->count++] = file;
    listing->bytes += file.bytes;
}

/* Removes the day's folder, and those above it that are empty then. */
static void remove_empty(const char *data_dir, const char *below, const char *today)
{
    char path[8192];
    const char *day = below + strlen("segments/");
    if (strncmp(day, today, FOLDER_LEN) == 0)
        return; /* the archive is about to use it */
    snprintf(path, sizeof path, "%s/%s", data_dir, below);
    for (int depth = 0; depth < DEPTH && rmdir(path) == 0; depth++)
        *strrchr(path, '/') = '\0';
}

/* Lists one folder; `below` is its path below the data directory. */
static enum status list_folder(struct walk *walk, const char *below, int depth, struct error *err)
{
    char path[8192];
    enum status status = STATUS_OK;
    bool empty = true;
    snprintf(path, sizeof path, "%s/%s", walk->data_dir, below);
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT || errno == ENOTDIR ? STATUS_OK
                                                   : error_errno(err, errno, "opening %s", path);
    const struct dirent *entry;
    while (status == STATUS_OK && (entry = readdir(dir))) {
        char next[4096];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        empty = false;
        if (depth == DEPTH)
            add(walk, below, dirfd(dir), entry->d_name);
        else if (is_numeric(entry->d_name) &&
                 snprintf(next, sizeof next, "%s/%s", below, entry->d_name) < (int)sizeof next)
            status = list_folder(walk, next, depth + 1, err);
    }
    closedir(dir);
    if (status == STATUS_OK && empty && depth == DEPTH)
        remove_empty(walk->data_dir, below, walk->today);
    return status;
}

/* What changed its name while it was listed may have been met twice: files of one number are looked
 * at again, and of equal names one counts. */
static void drop_doubles(struct retention_listing *listing, const char *data_dir)
{
    size_t kept = 0;
    for (size_t i = 0; i < listing->count; i++) {
        struct retention_file *file = &listing->files[i];
        const struct retention_file *before = kept ? &listing->files[kept - 1] : NULL;
        bool last = i + 1 == listing->count || file[1].number != file->number;
        char path[8192];
        snprintf(path, sizeof path, "%s/%s", data_dir, file->path);
        bool alone = last && !(before && before->number == file->number);
        /* The analyser takes an entry that has moved down for the one it was copied from. */
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        bool twice = before && strcmp(before->path, file->path) == 0;
        if (alone || (!twice && access(path, F_OK) == 0)) {
            listing->files[kept++] = *file;
            continue;
        }
        listing->bytes -= file->bytes;
        free(file->path);
    }
    listing->count = kept;
}

/* The archive writes one file at a time, and it is the newest of those that are not sealed. */
static void mark_writing(struct retention_listing *listing)
{
    for (size_t i = listing->count; i-- > 0;) {
        if (listing->files[i].state != RETENTION_OPEN)
            continue;
        listing->files[i].state = RETENTION_WRITING;
        return;
    }
}

enum status retention_list(struct retention_listing *out, const char *data_dir, int64_t now_ns,
                           struct error *err)
{
    struct walk walk = {.listing = out, .data_dir = data_dir};
    *out = (struct retention_listing){0};
    day_of(walk.today, now_ns);
    enum status status = list_folder(&walk, "segments", 0, err);
    if (status != STATUS_OK) {
        retention_listing_free(out);
        return status;
    }
    retention_sort(out->files, out->count);
    drop_doubles(out, data_dir);
    mark_writing(out);
    return STATUS_OK;
}

void retention_listing_free(struct retention_listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->files[i].path);
    free(listing->files);
    *listing = (struct retention_listing){0};
}

/* ------------------------------------------------------------------ removing */

enum status retention_remove(const char *data_dir, const struct retention_file *file,
                             int64_t now_ns, struct error *err)
{
    char path[8192], below[4096], today[FOLDER_LEN + 1];
    snprintf(path, sizeof path, "%s/%s", data_dir, file->path);
    if (unlink(path) != 0)
        return error_errno(err, errno, "removing %s", path);
    snprintf(below, sizeof below, "%s", file->path);
    *strrchr(below, '/') = '\0';
    day_of(today, now_ns);
    remove_empty(data_dir, below, today);
    return STATUS_OK;
}

enum status retention_room(const char *data_dir, uint64_t *free_bytes, uint64_t *total_bytes,
                           struct error *err)
{
    struct statvfs st;
    char path[4096];
    snprintf(path, sizeof path, "%s/segments", data_dir);
    if (statvfs(path, &st) != 0)
        return error_errno(err, errno, "asking for the room on the disk of %s", path);
    *free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    *total_bytes = (uint64_t)st.f_blocks * st.f_frsize;
    return STATUS_OK;
}
