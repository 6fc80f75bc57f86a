/*
 * list.c - what was imported: folders with a name of 16 hex digits, and what the footers of
 * their segments add up to. A segment that cannot be read counts with its size alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "exporter/import/store.h"
#include "lib/archive/series_list.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/segment/footer.h"

#define JSON_MAX (4u << 20)

static char *read_json(const char *folder)
{
    char path[SEGMENT_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/import.json", folder);
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    char *text = memory_new(JSON_MAX + 1);
    size_t len = fread(text, 1, JSON_MAX, file);
    fclose(file);
    while (len > 0 && text[len - 1] == '\n')
        len--;
    text[len] = '\0';
    return memory_resize(text, len + 1);
}

static void add_segment(struct import_entry *entry, const char *path)
{
    struct segment_footer *footer;
    struct stat st;
    entry->segments++;
    if (stat(path, &st) == 0)
        entry->bytes += (uint64_t)st.st_size;
    if (segment_footer_load(&footer, path, SEGMENT_FOOTER_SESSIONS, NULL) != STATUS_OK)
        return;
    const struct segment_totals *totals = segment_footer_totals(footer);
    size_t sessions = segment_footer_sessions(footer);
    for (int i = 0; i < DIRECTION_COUNT; i++)
        entry->messages += totals->messages[i];
    if (!entry->first_us || totals->lowest_us < entry->first_us)
        entry->first_us = totals->lowest_us;
    if (totals->highest_us > entry->last_us)
        entry->last_us = totals->highest_us;
    entry->sessions = sessions > entry->sessions ? sessions : entry->sessions;
    segment_footer_close(footer);
}

static void read_entry(struct import_entry *entry, const char *folder)
{
    struct segment_path *paths;
    struct stat st;
    size_t count;
    if (stat(folder, &st) == 0)
        entry->imported_ns = clock_of_file(st.st_mtim);
    entry->json = read_json(folder);
    if (segment_list_folder(folder, &paths, &count, NULL) != STATUS_OK)
        return;
    for (size_t i = 0; i < count; i++)
        add_segment(entry, paths[i].path);
    segment_list_free(paths, count);
}

static int compare(const void *a, const void *b)
{
    const struct import_entry *left = a, *right = b;
    if (left->imported_ns != right->imported_ns)
        return left->imported_ns < right->imported_ns ? -1 : 1;
    return left->instance < right->instance ? -1 : left->instance > right->instance;
}

enum status import_store_list(const char *data_dir, struct import_entry **out, size_t *count,
                              struct error *err)
{
    char path[SEGMENT_PATH_MAX];
    struct series_entry *series;
    enum status status = series_list(data_dir, &series, count, err);
    *out = NULL;
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < *count; i++) {
        struct import_entry entry = {.instance = series[i].instance};
        if (segment_folder(path, data_dir, entry.instance, NULL) == STATUS_OK)
            read_entry(&entry, path);
        *out = memory_resize(*out, (i + 1) * sizeof entry);
        (*out)[i] = entry;
    }
    free(series);
    if (*count)
        qsort(*out, *count, sizeof **out, compare);
    return STATUS_OK;
}

void import_entries_free(struct import_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(entries[i].json);
    free(entries);
}
