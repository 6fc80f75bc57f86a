/*
 * cat_files.h - `hashscope cat FILE...`: segment files as they are, wherever they lie.
 * Threads: one.
 */
#ifndef HASHSCOPE_CLI_COMMANDS_CAT_FILES_H
#define HASHSCOPE_CLI_COMMANDS_CAT_FILES_H

#include <stdint.h>

#include "lib/command/arguments.h"

/* Prints the lines of the files, up to `limit` of them (0: all). Returns the exit code: 1, with a
 * message for each, when a file is damaged or cannot be read; the rest is printed all the same. */
int cat_files(const struct argument_list *files, const struct format_options *format,
              uint64_t limit, const char *command);

#endif
