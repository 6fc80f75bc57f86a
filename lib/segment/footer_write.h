/*
 * footer_write.h - the footer and the seek table as bytes. For the rooms that work on segments.
 */
#ifndef HASHSCOPE_SEGMENT_FOOTER_WRITE_H
#define HASHSCOPE_SEGMENT_FOOTER_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/bytes.h"
#include "lib/segment/layout.h"
#include "lib/segment/summary.h"

/* The directory of a file while it grows. */
struct segment_directory {
    struct segment_index *frames; /* in the order of the file */
    size_t count, room;
};
void segment_directory_add(struct segment_directory *directory, const struct segment_index *frame);
void segment_directory_clear(struct segment_directory *directory);
void segment_directory_close(struct segment_directory *directory);

/* Appends footer and seek table. The file must hold nothing but its header and, from there on, each
 * frame with its entry behind it: so `end`, its size, follows from the last one. `sessions` is the
 * section that segment_summaries_encode made, of `session_count` sessions. False: it would be
 * larger than a footer may be; nothing was appended, and the file goes without. */
bool segment_footer_append(struct buffer *out, const struct segment_head *head,
                           const struct segment_directory *directory, struct span sessions,
                           size_t session_count);
/* The same from a collection; false also when that is not complete. */
bool segment_footer_append_summaries(struct buffer *out, const struct segment_head *head,
                                     const struct segment_directory *directory,
                                     const struct segment_summaries *summaries);
/* The same of a footer that was rebuilt with all its parts from such a file. False also when the
 * file is none: its frames do not lie end to end. */
struct segment_footer;
bool segment_footer_append_rebuilt(struct buffer *out, const struct segment_footer *footer);

#endif
