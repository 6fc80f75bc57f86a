/* See show.h. What can fail is the output (output.h) and, as rows go, nothing. */
#include "cli/display/show.h"

#include <inttypes.h>
#include <stdio.h>

void show_init(struct show *show, const struct filter *filter, const struct format_options *format,
               const struct query_place *place, const char *command)
{
    *show = (struct show){
        .command = command, .filter = filter, .place = *place, .table = format_wants_table(format)};
    view_init(&show->view, place);
    output_init(&show->output, command);
}

void show_close(struct show *show)
{
    output_close(&show->output);
    view_close(&show->view);
}

static void tell_damage(void *user, const struct query_damage *damage)
{
    struct show *show = user;

    show->damaged++;
    output_flush(&show->output);
    fprintf(stderr, "%s: %s: at byte %" PRIu64 ": %s\n", show->command, damage->path,
            damage->offset, damage->why);
}

/* Lines that are only copied need not be taken apart. */
static bool copies(const struct show *show)
{
    return !show->table && !show->filter->answers && !show->filter->refusals;
}

struct query_options show_query_options(struct show *show)
{
    struct query_options options = {.place = show->place,
                                    .filter = show->filter->query,
                                    .bare = copies(show),
                                    .damage = tell_damage,
                                    .user = show};

    options.filter.no_scraps = true;
    return options;
}

static bool is_wanted_method(const struct show *show, enum stratum_method method)
{
    return (show->filter->wanted_methods >> method & 1) != 0;
}

/* An answer, or another message without a method, where only answers to what was shown are wanted.
 */
static bool is_wanted_answer(struct show *show, const struct query_row *row)
{
    struct view_line line;

    view_take(&show->view, &row->line, &line);
    return line.scan.method != STRATUM_METHOD_NONE ||
           (row->line.paired && view_seen_method(&show->view, row->line.re) != STRATUM_METHOD_NONE);
}

bool show_wants(struct show *show, const struct query_row *row)
{
    show->view.instance = row->instance;
    if (show->filter->answers)
        return is_wanted_answer(show, row);
    return !show->filter->refusals ||
           (row->line.paired &&
            is_wanted_method(show, view_find_method(&show->view, row->line.re)));
}

void show_line(struct show *show, const struct segment_line *line)
{
    struct view_line taken;

    show->shown++;
    if (!show->table) {
        output_line(&show->output, line->text);
        return;
    }
    view_take(&show->view, line, &taken);
    view_append_row(&show->view, &show->output.text, &taken);
    output_advance(&show->output);
}

static void show_gap(struct show *show, const struct query_row *row)
{
    struct buffer text = {NULL, 0, 0};
    struct segment_line line;

    if (query_row_gap(row, &text, &line))
        show_line(show, &line);
    show->missed += row->missed;
    buffer_close(&text);
}

void show_row(struct show *show, const struct query_row *row)
{
    show->view.instance = row->instance;
    if (row->missed > 0)
        show_gap(show, row);
    show_line(show, &row->line);
}
