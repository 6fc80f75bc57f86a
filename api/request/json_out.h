/*
 * json_out.h - members of a JSON object, one after the other, into a buffer. The comma in front is
 * put where one is due, so the order of calls is the order of members.
 *
 * Pure. Threads: any.
 */
#ifndef HASHSCOPE_API_REQUEST_JSON_OUT_H
#define HASHSCOPE_API_REQUEST_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"

/* "name": with a comma in front, unless the object or array has just been opened. */
void out_name(struct buffer *out, const char *name);
/* The comma alone, in arrays. */
void out_comma(struct buffer *out);

void out_null(struct buffer *out, const char *name);
void out_u64(struct buffer *out, const char *name, uint64_t value);
void out_u64_or_null(struct buffer *out, const char *name, uint64_t value); /* 0: null */
void out_bool(struct buffer *out, const char *name, bool value);
void out_text(struct buffer *out, const char *name, struct span text);   /* len 0: null */
void out_string(struct buffer *out, const char *name, struct span text); /* len 0: "" */
void out_time(struct buffer *out, const char *name, int64_t wall_ns);    /* 0: null */
/* In `digits` significant digits at most; what is not finite or below 0: null. */
void out_number(struct buffer *out, const char *name, double value, int digits);

/* Text as people see it, with escapes for control characters, in so much room, cut there; a NUL at
 * the end. For rows that are kept by the hundred. */
void text_fill(char *out, size_t room, struct span text);

#endif
