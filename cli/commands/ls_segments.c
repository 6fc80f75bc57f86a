/*
 * How it works: the files in the order of their numbers, each with what its footer says.
 * How it can fail: a file cannot be read or is damaged: it is told on stderr, the rest is listed,
 * exit 1. A file that retention took meanwhile is passed over.
 */
#include "cli/commands/ls_segments.h"

#include <stdio.h>
#include <sys/stat.h>

#include "cli/commands/segment_facts.h"
#include "cli/display/output.h"
#include "lib/base/clock.h"

struct listing {
    const char *command;
    const struct query_filter *filter;
    struct output output;
    bool table, color;
    size_t width;
    uint64_t shown;
    bool failed;
};

static bool fits(const struct listing *listing, const struct segment_totals *totals)
{
    const struct query_filter *filter = listing->filter;

    return (filter->from_ns == 0 || totals->highest_us >= filter->from_ns / NS_PER_US) &&
           (filter->to_ns == 0 || totals->lowest_us < filter->to_ns / NS_PER_US) &&
           (filter->first_seq == 0 || totals->last_seq >= filter->first_seq) &&
           (filter->last_seq == 0 || totals->first_seq <= filter->last_seq);
}

static void show(struct listing *listing, const struct segment_facts *facts)
{
    struct terminal_row row = {
        .out = listing->output.text, .color = listing->color, .width = listing->width};

    if (!listing->table) {
        segment_facts_append_json(&row.out, facts, false);
    } else {
        if (listing->shown == 0)
            segment_facts_append_titles(&row);
        segment_facts_append_row(&row, facts);
    }
    listing->output.text = row.out;
    listing->shown++;
    output_advance(&listing->output);
}

static void tell(struct listing *listing, const char *text)
{
    output_flush(&listing->output);
    fprintf(stderr, "%s: %s\n", listing->command, text);
    listing->failed = true;
}

static void list_file(struct listing *listing, const char *path)
{
    struct segment_facts facts;
    struct error err = {""};
    enum status status = segment_facts_read(&facts, path, false, &err);

    if (status == STATUS_NOT_FOUND)
        return;
    if (status != STATUS_OK) {
        tell(listing, err.text);
        return;
    }
    if (facts.damage.text[0] != '\0')
        tell(listing, facts.damage.text);
    if (fits(listing, segment_footer_totals(facts.footer)))
        show(listing, &facts);
    segment_facts_close(&facts);
}

static bool list_files(struct listing *listing, const struct query_place *place, uint64_t limit)
{
    struct segment_path *paths = NULL;
    struct error err = {""};
    size_t count = 0;
    char path[SEGMENT_PATH_MAX];
    struct stat folder;

    if (stat(place->data_dir, &folder) != 0) {
        (void)snprintf(err.text, sizeof(err.text), "no data directory %s", place->data_dir);
        tell(listing, err.text);
        return false;
    }
    if (segment_folder(path, place->data_dir, place->series, &err) != STATUS_OK ||
        segment_list_folder(path, &paths, &count, &err) != STATUS_OK) {
        tell(listing, err.text);
        return false;
    }
    for (size_t i = 0; i < count && !listing->output.closed; i++) {
        if (limit > 0 && listing->shown >= limit)
            break;
        list_file(listing, paths[i].path);
    }
    segment_list_free(paths, count);
    return true;
}

int ls_segments(const struct query_place *place, const struct query_filter *filter,
                const struct format_options *format, uint64_t limit, const char *command)
{
    struct listing listing = {.command = command,
                              .filter = filter,
                              .table = format_wants_table(format),
                              .color = terminal_wants_color(),
                              .width = terminal_width()};
    bool listed;

    output_init(&listing.output, command);
    listed = list_files(&listing, place, limit);
    output_flush(&listing.output);
    listing.failed = listing.failed || listing.output.failed || !listed;
    output_close(&listing.output);
    return listing.failed ? 1 : 0;
}
