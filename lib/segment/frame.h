/*
 * frame.h - what recovery and repair write: a data frame with its entry from lines in
 * memory, and the footer of a file that has none. For the rooms that work on segments.
 */
#ifndef HASHSCOPE_SEGMENT_FRAME_H
#define HASHSCOPE_SEGMENT_FRAME_H

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/segment/layout.h"

/* Appends the lines of `text` as a data frame that will stand at index->offset, and its entry. The
 * caller has set the counts, offset and text_offset; sizes are filled in. */
enum status segment_frame_append(struct buffer *out, struct segment_index *index, struct span text,
                                 struct error *err) MUST_CHECK;

void segment_frame_append_index(struct buffer *out, const struct segment_index *index);

enum status segment_write_all(int fd, const char *data, size_t len, const char *path,
                              struct error *err) MUST_CHECK;

/* Puts footer and seek table behind the last index entry of a file whose frames lie end to end, in
 * place of whatever stands there; not synced. The file is read as a whole. When it cannot be done
 * the file is left without one, and only failing to cut it is an error. `fd` is open for writing.
 */
enum status segment_footer_complete(int fd, const char *path, struct error *err) MUST_CHECK;

#endif
