/*
 * recount.h - index entry and summaries of a data frame, found again from its text. For
 * the rooms that work on segments. Threads: one at a time per collection.
 */
#ifndef HASHSCOPE_SEGMENT_RECOUNT_H
#define HASHSCOPE_SEGMENT_RECOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/segment/layout.h"
#include "lib/segment/summary.h"

/* Counts the lines of `text` into `index` (offsets and sizes are left alone) and, when that is not
 * NULL, into `summaries` as those of the frame'th frame. False: a line is none of this format, or
 * no line has a number; those before it have been counted. */
bool segment_recount_text(struct segment_index *index, struct segment_summaries *summaries,
                          uint32_t frame, struct span text);

#endif
