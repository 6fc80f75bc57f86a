/*
 * line.h - records as lines of NDJSON, as FORMAT.md specifies them.
 *
 * Each function appends one line with its newline. Pure; nothing fails: a record that contradicts
 * itself (an event without its details) gives a line that says less.
 * Threads: one at a time per buffer and clock formatter.
 */
#ifndef HASHSCOPE_RECORD_LINE_H
#define HASHSCOPE_RECORD_LINE_H

#include "lib/base/bytes.h"
#include "lib/base/clock.h"
#include "lib/record/record.h"

/* A message, a session event, a clock step or a gap that has a number of its own. */
void line_append_record(struct buffer *out, struct clock_formatter *clock,
                        const struct record *record);

/* A gap noticed by the writer, in front of the record that follows it. */
void line_append_gap(struct buffer *out, struct clock_formatter *clock,
                     const struct record *following, const struct gap_info *gap);

/* The first line of a frame that holds what was saved from a damaged tail. */
void line_append_recovered(struct buffer *out, int64_t wall_ns, uint64_t at, uint64_t lines,
                           const char *reason);

/* {"ts":"…","seq":N — and the same with "at". */
void line_begin(struct buffer *out, struct clock_formatter *clock, int64_t wall_ns, const char *key,
                uint64_t number);
/* ,"key":value */
void line_add_u64(struct buffer *out, const char *key, uint64_t value);
void line_add_i64(struct buffer *out, const char *key, int64_t value);
void line_add_text(struct buffer *out, const char *key, const char *text); /* escaped */
void line_add_bool(struct buffer *out, const char *key, bool value);
void line_add_raw(struct buffer *out, const char *key, struct span json); /* as it stands */
void line_add_session(struct buffer *out, const struct uuid *session);
void line_add_time(struct buffer *out, const char *key, int64_t wall_ns);
void line_end(struct buffer *out);

/* Copies the details of a session event; false when the payload is none. All texts end in NUL. */
bool line_session_info(const struct record *record, struct session_info *out);

#endif
