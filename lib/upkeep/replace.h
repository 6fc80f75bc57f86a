/*
 * replace.h - a sealed segment gives way to a file of the same lines: what recompression
 * and added footers have in common.
 *
 *   1. the new file gets group, mode and times of the old one, since retention judges by them;
 *   2. it takes the old one's name, unless somebody removed or changed that meanwhile.
 *
 * Threads: one at a time per file.
 */
#ifndef HASHSCOPE_UPKEEP_REPLACE_H
#define HASHSCOPE_UPKEEP_REPLACE_H

#include <sys/stat.h>

#include "lib/base/error.h"

/* `fd` is the new file, open for writing; `path` its name, for messages. */
enum status segment_resemble(int fd, const struct stat *old, const char *path,
                             struct error *err) MUST_CHECK;
/* `old` is what stat said of `path` when it was read. STATUS_NOT_FOUND: it is another file now, or
 * none. The folder is yet to be synced. */
enum status segment_replace(const char *fresh, const char *path, const struct stat *old,
                            struct error *err) MUST_CHECK;

#endif
