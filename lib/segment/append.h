/*
 * append.h - records as lines into a segment file, each noted in its index and summaries. For
 * the rooms that work on segments.
 *
 * Threads: one at a time per file.
 */
#ifndef HASHSCOPE_SEGMENT_APPEND_H
#define HASHSCOPE_SEGMENT_APPEND_H

#include "lib/base/clock.h"
#include "lib/record/state_table.h"
#include "lib/segment/writer.h"

/* The record's own line. */
void segment_append_record(struct segment_writer *file, struct clock_formatter *clock,
                           const struct record *record);
/* A state line in front of the record. `info` NULL: nothing is known of the connection. */
void segment_append_state(struct segment_writer *file, struct clock_formatter *clock,
                          const struct state_entry *entry, const struct record *record,
                          const struct session_info *info);

#endif
