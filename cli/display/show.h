/*
 * show.h - what `cat` and `tail` have in common: rows of a query in, text on stdout.
 *
 * NDJSON is the lines as they are, copied without being taken apart; rows for people and the two
 * questions about answers (filter.h) need more, and ask the view.
 *
 * Ownership: the filter and the place's texts are borrowed; show_close frees the rest.
 * Threads: one.
 */
#ifndef HASHSCOPE_CLI_DISPLAY_SHOW_H
#define HASHSCOPE_CLI_DISPLAY_SHOW_H

#include "cli/display/output.h"
#include "cli/display/view.h"
#include "lib/command/filter.h"

struct show {
    const char *command;
    const struct filter *filter;
    struct query_place place;
    bool table;
    struct view view;
    struct output output;
    uint64_t shown;   /* rows */
    uint64_t missed;  /* numbers lost before a row */
    uint64_t damaged; /* places */
};

void show_init(struct show *show, const struct filter *filter, const struct format_options *format,
               const struct query_place *place, const char *command);
void show_close(struct show *show);

/* What a query needs for this: the place, the filter, and damage told on stderr. */
struct query_options show_query_options(struct show *show);

/* Whether the row is to be shown, by what the query cannot decide. */
bool show_wants(struct show *show, const struct query_row *row);
/* Shows it, and what was lost in front of it. */
void show_row(struct show *show, const struct query_row *row);
/* Shows a line that is of no query. */
void show_line(struct show *show, const struct segment_line *line);

#endif
