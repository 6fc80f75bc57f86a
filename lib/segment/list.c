/*
 * list.c - the segment files of a series, found by their names in YYYY/MM/DD
 * below its folder and put in the order of their numbers. Anything else that lies there is
 * passed over. Fails when a folder cannot be read.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/segment/writer.h"

#define DEPTH 3 /* year, month, day */

struct listing {
    struct segment_path *paths;
    size_t count, room;
};

static bool is_numeric(const char *name)
{
    if (!*name)
        return false;
    for (; *name; name++) {
        if (!isdigit((unsigned char)*name))
            return false;
    }
    return true;
}

/* 20261122T135301Z-00000042.ndjson.zst[.open] */
static bool parse_name(const char *name, struct segment_path *out)
{
    const char *dash = strrchr(name, '-');
    char *end;
    if (!dash || !isdigit((unsigned char)dash[1]))
        return false;
    errno = 0;
    out->number = strtoull(dash + 1, &end, 10);
    out->open = strcmp(end, SEGMENT_SUFFIX SEGMENT_OPEN) == 0;
    return errno == 0 && (out->open || strcmp(end, SEGMENT_SUFFIX) == 0);
}

static void add(struct listing *listing, const char *folder, const char *name,
                struct segment_path path)
{
    struct buffer text = {0};
    if (listing->count == listing->room) {
        listing->room = listing->room ? listing->room * 2 : 64;
        listing->paths = memory_resize(listing->paths, listing->room * sizeof *listing->paths);
    }
    buffer_append_text(&text, folder);
    buffer_append_char(&text, '/');
    buffer_append(&text, name, strlen(name) + 1);
    path.path = text.data;
    listing->paths[listing->count++] = path;
}

static enum status walk(struct listing *listing, const char *folder, int depth, struct error *err)
{
    enum status status = STATUS_OK;
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT || errno == ENOTDIR ? STATUS_OK
                                                   : error_errno(err, errno, "opening %s", folder);
    const struct dirent *entry;
    while (status == STATUS_OK && (entry = readdir(dir))) {
        struct segment_path path = {0};
        char below[4096];
        if (depth == DEPTH && parse_name(entry->d_name, &path))
            add(listing, folder, entry->d_name, path);
        if (depth == DEPTH || !is_numeric(entry->d_name))
            continue;
        if (snprintf(below, sizeof below, "%s/%s", folder, entry->d_name) < (int)sizeof below)
            status = walk(listing, below, depth + 1, err);
    }
    closedir(dir);
    return status;
}

static int compare(const void *a, const void *b)
{
    const struct segment_path *left = a, *right = b;
    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    return strcmp(left->path, right->path);
}

/* A recovery that was interrupted leaves the sealed file beside the .open one it came from. */
static void drop_recovered(struct listing *listing)
{
    size_t kept = 0;
    for (size_t i = 0; i < listing->count; i++) {
        struct segment_path *path = &listing->paths[i];
        const struct segment_path *before = kept ? &listing->paths[kept - 1] : NULL;
        size_t len = strlen(path->path);
        if (path->open && before && !before->open &&
            strlen(before->path) + strlen(SEGMENT_OPEN) == len &&
            strncmp(before->path, path->path, strlen(before->path)) == 0)
            free(path->path);
        else
            listing->paths[kept++] = *path;
    }
    listing->count = kept;
}

enum status segment_folder(char out[SEGMENT_PATH_MAX], const char *data_dir, uint64_t series,
                           struct error *err)
{
    int len = series ? snprintf(out, SEGMENT_PATH_MAX,
                                "%s/segments/" SEGMENT_IMPORTED "/%016" PRIx64, data_dir, series)
                     : snprintf(out, SEGMENT_PATH_MAX, "%s/segments", data_dir);
    if (len < 0 || len >= SEGMENT_PATH_MAX)
        return error_set(err, STATUS_INVALID, "%s: the path is too long", data_dir);
    return STATUS_OK;
}

enum status segment_list(const char *data_dir, struct segment_path **out, size_t *count,
                         struct error *err)
{
    char folder[SEGMENT_PATH_MAX];
    *out = NULL;
    *count = 0;
    enum status status = segment_folder(folder, data_dir, 0, err);
    return status == STATUS_OK ? segment_list_folder(folder, out, count, err) : status;
}

enum status segment_list_folder(const char *folder, struct segment_path **out, size_t *count,
                                struct error *err)
{
    struct listing listing = {0};
    *out = NULL;
    *count = 0;
    enum status status = walk(&listing, folder, 0, err);
    if (status != STATUS_OK) {
        segment_list_free(listing.paths, listing.count);
        return status;
    }
    if (listing.count)
        qsort(listing.paths, listing.count, sizeof *listing.paths, compare);
    drop_recovered(&listing);
    *out = listing.paths;
    *count = listing.count;
    return STATUS_OK;
}

void segment_list_free(struct segment_path *paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(paths[i].path);
    free(paths);
}
