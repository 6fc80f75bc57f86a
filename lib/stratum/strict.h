/*
 * strict.h - what a lenient peer reads, as JSON that every parser reads: strings with bytes that
 * are no UTF-8, with halves of surrogate pairs or raw control characters are written with escapes
 * (lib/base/json_text.h says which), line ends between values as blanks. All else, numbers of any
 * size above all, stays as it is.
 *
 * Pure; threads: any.
 */
#ifndef HASHSCOPE_STRATUM_STRICT_H
#define HASHSCOPE_STRATUM_STRICT_H

#include <jansson.h>

#include "lib/base/bytes.h"

/* Appends one value. False, and nothing is appended: it is none, or nested deeper than
 * STRATUM_DEPTH_MAX. */
bool stratum_strict_append(struct buffer *out, struct span json);

/* As a tree that loses no digit of a number, for those who take it apart and write it out again:
 * every number but an integer of 64 bits is a string there, which begins with U+F8FF and '#'; a
 * string that begins with U+F8FF itself begins with two. NULL: it is no value; a new reference. */
json_t *stratum_exact_load(struct span json);
/* The same of what is to be valid JSON: NULL otherwise. "unique": nor with a name doubled. */
json_t *stratum_exact_parse(struct span json);
json_t *stratum_exact_parse_unique(struct span json);
bool stratum_is_exact_number(const json_t *value);
/* Appends such a tree, each number with the digits that it had. */
void stratum_exact_dump(struct buffer *out, const json_t *tree);

/* As a tree for those who look at texts and small numbers: strings may hold NULs; where a number
 * fits neither 64 bits nor a double, it is an exact tree. NULL: it is none; a new reference. */
json_t *stratum_strict_load(struct span json);

#endif
