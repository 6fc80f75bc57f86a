/*
 * ls_segments.h - `hashscope ls --segments`.
 * Threads: one.
 */
#ifndef HASHSCOPE_CLI_COMMANDS_LS_SEGMENTS_H
#define HASHSCOPE_CLI_COMMANDS_LS_SEGMENTS_H

#include "lib/command/arguments.h"
#include "lib/query/query.h"

/* Lists the segment files below data_dir/segments that can hold lines that fit the filter's times
 * and numbers, up to `limit` (0: all). Returns the exit code. */
int ls_segments(const struct query_place *place, const struct query_filter *filter,
                const struct format_options *format, uint64_t limit, const char *command);

#endif
