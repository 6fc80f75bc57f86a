/*
 * progress.h - how far an export is, on a terminal: one line on stderr, written anew.
 * Threads: one.
 */
#ifndef HASHSCOPE_EXPORTER_EXPORT_PROGRESS_H
#define HASHSCOPE_EXPORTER_EXPORT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/export/export.h"

struct progress_line {
    bool shown; /* stderr is a terminal, and nobody wants it quiet */
    bool written;
    int64_t begun_ns, next_ns; /* monotonic */
};

void progress_line_init(struct progress_line *line, bool quiet);
/* Some times a second at most. */
void progress_line_update(struct progress_line *line, const struct export_progress *progress);
/* Takes the line away, for what else is to be said. */
void progress_line_clear(struct progress_line *line);
/* The last one: what was done. */
void progress_line_finish(struct progress_line *line, const struct export_progress *progress);

#endif
