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

/* The same as a tree, for those who look at texts and small numbers: strings may hold NULs, and
 * where an integer does not fit 64 bits all are doubles. NULL: it is none; a new reference. */
json_t *stratum_strict_load(struct span json);

#endif
