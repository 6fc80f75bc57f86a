/*
 * directory.h - the frames of a segment file without a footer. For file.c.
 */
#ifndef HASHSCOPE_QUERY_DIRECTORY_H
#define HASHSCOPE_QUERY_DIRECTORY_H

#include "lib/query/file.h"

/* Fills file->own, frames, frame_count and tail. Cannot fail: what cannot be read is damage. */
void query_directory_read(struct query_file *file, struct query_reporter *reporter);

#endif
