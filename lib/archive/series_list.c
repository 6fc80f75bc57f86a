/* series_list.c - folders below segments/imported with a name of 16 hex digits. Fails when the
 * folder that they are in cannot be read. */
#include "lib/archive/series_list.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/segment/writer.h"

#define DIGITS 16

uint64_t series_parse(const char *text)
{
    if (strlen(text) != DIGITS || strspn(text, "0123456789abcdef") != DIGITS)
        return 0;
    return strtoull(text, NULL, 16);
}

static int newest_first(const void *a, const void *b)
{
    const struct series_entry *left = a, *right = b;
    if (left->made_ns != right->made_ns)
        return left->made_ns > right->made_ns ? -1 : 1;
    return left->instance < right->instance ? -1 : left->instance > right->instance;
}

/* False: it is no series, or is gone. */
static bool read_entry(struct series_entry *out, const char *folder, const char *name)
{
    char path[SEGMENT_PATH_MAX + DIGITS + 2];
    struct stat st;
    out->instance = series_parse(name);
    if (out->instance == 0)
        return false;
    (void)snprintf(path, sizeof path, "%s/%.16s", folder, name);
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return false;
    out->made_ns = clock_of_file(st.st_mtim);
    return true;
}

enum status series_list(const char *data_dir, struct series_entry **out, size_t *count,
                        struct error *err)
{
    char folder[SEGMENT_PATH_MAX];
    const struct dirent *found;
    struct series_entry entry;
    *out = NULL;
    *count = 0;
    if ((size_t)snprintf(folder, sizeof folder, "%s/segments/" SEGMENT_IMPORTED, data_dir) >=
        sizeof folder)
        return error_set(err, STATUS_INVALID, "%s: the path is too long", data_dir);
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT ? STATUS_OK : error_errno(err, errno, "opening %s", folder);
    while ((found = readdir(dir))) {
        if (!read_entry(&entry, folder, found->d_name))
            continue;
        *out = memory_resize(*out, (*count + 1) * sizeof entry);
        (*out)[(*count)++] = entry;
    }
    closedir(dir);
    if (*count)
        qsort(*out, *count, sizeof entry, newest_first);
    return STATUS_OK;
}
