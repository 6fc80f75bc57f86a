/*
 * text.h - a text to be found in frames of a megabyte, faster than they are decompressed. For
 * lib/query alone.
 *
 * Sixteen or 32 places are tried at a time by two bytes of the text, those that are rarest in lines
 * of ours; where both fit the rest is compared. Pure; a needle is read by any number of threads.
 */
#ifndef HASHSCOPE_QUERY_TEXT_H
#define HASHSCOPE_QUERY_TEXT_H

#include <stdbool.h>

#include "lib/base/bytes.h"

struct query_needle {
    char *text; /* its own copy; NULL: none is set */
    size_t len;
    bool fold;             /* letters of ASCII fit in either case */
    size_t rare, second;   /* places of the two bytes */
    unsigned char mask[2]; /* what folding sets in a byte before it is compared: 0x20 or 0 */
    unsigned char byte[2];
};

void query_needle_init(struct query_needle *needle, const char *text, size_t len, bool fold);
void query_needle_close(struct query_needle *needle);

/* Where it occurs first; NULL: nowhere. */
const char *query_needle_find(const struct query_needle *needle, const char *text, size_t len);

#endif
