/*
 * segments.c - the folder's listing, and of each file what its footer says.
 *
 * How it can fail: the folder cannot be listed. A file that cannot be read is listed all the same,
 * with null for what is not known.
 */
#include "api/rest/segments.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/archive/series_list.h"
#include "lib/base/clock.h"
#include "lib/record/line.h"
#include "lib/segment/footer.h"
#include "lib/stratum/scan.h"

struct listing {
    const char *data_dir;
    struct segment_path *paths;
    size_t count;
};

struct facts {
    struct stat file;
    struct segment_footer *footer; /* NULL: it cannot be read */
    const char *state;
    bool footed;
};

/* ---- values ---- */

json_t *segments_time(int64_t wall_ns)
{
    char text[CLOCK_TEXT_LEN];
    if (!wall_ns)
        return json_null();
    clock_format(text, wall_ns);
    return json_stringn(text, sizeof text);
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static int64_t ns_of(int64_t us)
{
    return clock_ns(us, NS_PER_US);
}

/* Null where there are no lines. */
static json_t *number_or_null(uint64_t value, bool known)
{
    return known ? number(value) : json_null();
}

/* Of a file with lines in whole frames, or of the one being written: what is in its last frame is
 * not looked at. */
static int64_t begin_of(const struct facts *facts)
{
    if (!facts->footer)
        return 0;
    const struct segment_totals *totals = segment_footer_totals(facts->footer);
    return totals->lines > 0 ? ns_of(totals->lowest_us)
                             : segment_footer_head(facts->footer)->start_wall_ns;
}

static int64_t end_of(const struct facts *facts)
{
    if (begin_of(facts) == 0) /* just made: it has no header yet */
        return 0;
    const struct segment_totals *totals = segment_footer_totals(facts->footer);
    int64_t end = totals->lines > 0 ? ns_of(totals->highest_us) : 0;
    int64_t written = clock_of_file(facts->file.st_mtim);
    return !facts->footed && written > end ? written : end;
}

/* ---- files ---- */

static enum status list(struct listing *listing, const struct query_place *place, struct error *err)
{
    char folder[SEGMENT_PATH_MAX];
    enum status status = segment_folder(folder, place->data_dir, place->series, err);
    *listing = (struct listing){.data_dir = place->data_dir};
    if (status == STATUS_OK)
        status = segment_list_folder(folder, &listing->paths, &listing->count, err);
    return status == STATUS_OK ? status : error_wrap(err, status, "listing segments");
}

static const char *state_of(const struct listing *listing, size_t i)
{
    if (!listing->paths[i].open)
        return "sealed";
    return i + 1 == listing->count ? "open" : "torn";
}

static enum status load_footer(struct facts *facts, const char *path, unsigned parts)
{
    enum status status = segment_footer_open(&facts->footer, path, parts, NULL);
    facts->footed = status == STATUS_OK;
    if (status == STATUS_NOT_FOUND)
        status = segment_footer_rebuild(&facts->footer, path, parts, NULL, NULL);
    if (status != STATUS_OK)
        facts->footer = NULL;
    return status;
}

/* It may have been sealed, and so renamed, since it was listed. False: it is gone. */
static bool read_facts(struct facts *out, const struct listing *listing, size_t i, unsigned parts)
{
    char *path = listing->paths[i].path;
    *out = (struct facts){.state = state_of(listing, i)};
    if (stat(path, &out->file) != 0) {
        size_t len = strlen(path), suffix = strlen(".open");
        if (!listing->paths[i].open || len <= suffix)
            return false;
        path[len - suffix] = '\0';
        listing->paths[i].open = false;
        out->state = "sealed";
        if (stat(path, &out->file) != 0)
            return false;
    }
    (void)load_footer(out, path, parts);
    return true;
}

static const char *below(const char *data_dir, const char *path)
{
    size_t len = strlen(data_dir);
    while (len > 0 && data_dir[len - 1] == '/')
        len--;
    if (strncmp(data_dir, path, len) != 0)
        return path;
    path += len;
    return path + strspn(path, "/");
}

static json_t *describe(const struct facts *facts, const struct listing *listing, size_t i)
{
    static const struct segment_totals nothing;
    const char *path = listing->paths[i].path, *slash = strrchr(path, '/');
    const struct segment_totals *totals =
        facts->footer ? segment_footer_totals(facts->footer) : &nothing;
    bool known = facts->footer != NULL;
    char id[24], instance[20] = "";
    (void)snprintf(id, sizeof id, "%" PRIu64, listing->paths[i].number);
    if (known && segment_footer_head(facts->footer)->instance)
        (void)snprintf(instance, sizeof instance, "%016" PRIx64,
                       segment_footer_head(facts->footer)->instance);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s?, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "id", id, "file",
        slash ? slash + 1 : path, "path", below(listing->data_dir, path), "state", facts->state,
        "instance", *instance ? instance : NULL, "first_seq",
        number_or_null(totals->first_seq, totals->first_seq > 0), "last_seq",
        number_or_null(totals->last_seq, totals->last_seq > 0), "from",
        segments_time(begin_of(facts)), "to", segments_time(end_of(facts)), "bytes",
        number((uint64_t)facts->file.st_size), "text_bytes",
        number_or_null(totals->text_bytes, known), "lines", number_or_null(totals->lines, known),
        "sessions", number_or_null(totals->sessions, facts->footed), "has_footer", facts->footed);
}

/* ---- lists ---- */

enum status segments_list(const struct query_place *place, uint64_t below_number, size_t limit,
                          json_t **items, uint64_t *next, struct error *err)
{
    struct listing listing;
    enum status status = list(&listing, place, err);
    *next = 0;
    if (status != STATUS_OK)
        return status;
    *items = json_array();
    for (size_t i = listing.count; i > 0 && *next == 0; i--) {
        struct facts facts;
        uint64_t own = listing.paths[i - 1].number;
        if ((below_number && own >= below_number) ||
            !read_facts(&facts, &listing, i - 1, SEGMENT_FOOTER_TOTALS))
            continue;
        (void)json_array_append_new(*items, describe(&facts, &listing, i - 1));
        segment_footer_close(facts.footer);
        if (json_array_size(*items) == limit && i > 1)
            *next = own;
    }
    segment_list_free(listing.paths, listing.count);
    return STATUS_OK;
}

/* ---- one ---- */

static json_t *describe_counts(const struct segment_totals *totals)
{
    json_t *counts = json_object(), *methods = json_array();
    for (int i = 0; i < DIRECTION_COUNT; i++)
        (void)json_object_set_new(counts, direction_name((enum direction)i),
                                  number(totals->messages[i]));
    (void)json_object_set_new(counts, "errors", number(totals->errors));
    for (int i = STRATUM_METHOD_UNKNOWN + 1; i < STRATUM_METHOD_COUNT; i++) {
        if (totals->methods >> i & 1)
            (void)json_array_append_new(methods,
                                        json_string(stratum_method_name((enum stratum_method)i)));
    }
    (void)json_object_set_new(counts, "methods", methods);
    return counts;
}

static json_t *describe_frames(const struct segment_footer *footer)
{
    size_t count;
    const struct segment_index *frames = segment_footer_frames(footer, &count);
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < SEGMENTS_FRAMES_MAX; i++) {
        const struct segment_index *frame = &frames[i];
        (void)json_array_append_new(
            list,
            json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "offset", number(frame->offset), "bytes",
                      number(frame->compressed_bytes), "text_bytes", number(frame->text_bytes),
                      "lines", number(frame->lines), "from", segments_time(ns_of(frame->lowest_us)),
                      "to", segments_time(ns_of(frame->highest_us))));
    }
    return list;
}

static json_t *describe_whole(const struct facts *facts, const struct listing *listing, size_t i)
{
    static const struct segment_totals nothing;
    json_t *tree = describe(facts, listing, i);
    const struct segment_footer *footer = facts->footer;
    (void)json_object_set_new(tree, "counts",
                              describe_counts(footer ? segment_footer_totals(footer) : &nothing));
    (void)json_object_set_new(tree, "frames", footer ? describe_frames(footer) : json_array());
    return tree;
}

enum status segments_one(const struct query_place *place, uint64_t wanted, json_t **out,
                         struct error *err)
{
    struct listing listing;
    enum status status = list(&listing, place, err);
    *out = NULL;
    if (status != STATUS_OK)
        return status;
    for (size_t i = listing.count; i > 0 && !*out; i--) {
        struct facts facts;
        if (listing.paths[i - 1].number != wanted ||
            !read_facts(&facts, &listing, i - 1, SEGMENT_FOOTER_FRAMES))
            continue;
        *out = describe_whole(&facts, &listing, i - 1);
        segment_footer_close(facts.footer);
    }
    segment_list_free(listing.paths, listing.count);
    return *out ? STATUS_OK
                : error_set(err, STATUS_NOT_FOUND, "there is no segment %" PRIu64, wanted);
}

/* ---- all together ---- */

/* The first file from this end of the list that has lines says when. */
static int64_t find_time(const struct listing *listing, bool newest)
{
    for (size_t k = 0; k < listing->count; k++) {
        struct facts facts;
        size_t i = newest ? listing->count - 1 - k : k;
        if (!read_facts(&facts, listing, i, SEGMENT_FOOTER_TOTALS))
            continue;
        int64_t at = newest ? end_of(&facts) : begin_of(&facts);
        segment_footer_close(facts.footer);
        if (at)
            return at;
    }
    return 0;
}

enum status segments_add_up(const struct query_place *place, struct segments_sum *out,
                            struct error *err)
{
    struct listing listing;
    struct stat file;
    enum status status = list(&listing, place, err);
    *out = (struct segments_sum){0};
    if (status != STATUS_OK)
        return status;
    out->from_ns = find_time(&listing, false);
    out->to_ns = find_time(&listing, true);
    for (size_t i = 0; i < listing.count; i++) {
        if (stat(listing.paths[i].path, &file) != 0)
            continue;
        out->count++;
        out->bytes += (uint64_t)file.st_size;
    }
    segment_list_free(listing.paths, listing.count);
    return STATUS_OK;
}

static json_t *describe_series(const struct query_place *place, const struct series_entry *series)
{
    struct query_place of = *place;
    struct segments_sum sum;
    char name[20];
    of.series = series->instance;
    if (segments_add_up(&of, &sum, NULL) != STATUS_OK)
        return NULL;
    (void)snprintf(name, sizeof name, "%016" PRIx64, series->instance);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "series", name, "imported",
                     segments_time(series->made_ns), "segments", number(sum.count), "bytes",
                     number(sum.bytes), "from", segments_time(sum.from_ns), "to",
                     segments_time(sum.to_ns));
}

enum status segments_series(const struct query_place *place, json_t **items, struct error *err)
{
    struct series_entry *all;
    size_t count;
    enum status status = series_list(place->data_dir, &all, &count, err);
    if (status != STATUS_OK)
        return status;
    *items = json_array();
    for (size_t i = 0; i < count && json_array_size(*items) < SEGMENTS_SERIES_MAX; i++) {
        json_t *one = describe_series(place, &all[i]);
        if (one)
            (void)json_array_append_new(*items, one);
    }
    free(all);
    return STATUS_OK;
}
