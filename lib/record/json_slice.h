/*
 * json_slice.h - raw pieces of JSON text: skip a value, take the n-th element or a named member.
 * On messages that the scanner has passed and on lines of segments.
 *
 * Nothing is decoded or copied; spans point into the text. Safe on any bytes: malformed text gives
 * NULL or false, or a slice that is no valid JSON, never a read outside.
 * Pure; threads: any.
 */
#ifndef HASHSCOPE_RECORD_JSON_SLICE_H
#define HASHSCOPE_RECORD_JSON_SLICE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"

/* Behind the value that begins at `at` (white space in front allowed); NULL when there is none. */
const char *json_skip_value(const char *at, const char *end);
const char *json_skip_space(const char *at, const char *end);

bool json_element(struct span array, unsigned index, struct span *out);
/* Names are compared as they stand between their quotes; the last of equal ones wins. */
bool json_member(struct span object, const char *name, struct span *out);

/* A whole number without a sign; false, and *out as it was: it is none, or has more than 64 bits.
 */
bool json_u64(struct span value, uint64_t *out);

static inline bool json_is_string(struct span value)
{
    return value.len >= 2 && value.data[0] == '"';
}

static inline bool json_is_number(struct span value)
{
    return value.len > 0 &&
           (value.data[0] == '-' || (value.data[0] >= '0' && value.data[0] <= '9'));
}

#endif
