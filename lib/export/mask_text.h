/*
 * mask_text.h - the two halves of masking: does a text speak of logins, and where in one that can
 * be taken apart in one way only do passwords stand. For lib/export alone; mask.h says the rules.
 * Pure. Threads: any.
 */
#ifndef HASHSCOPE_EXPORT_MASK_TEXT_H
#define HASHSCOPE_EXPORT_MASK_TEXT_H

#include <stdbool.h>

#include "lib/base/bytes.h"

/* What a text may speak of, as bits. */
#define MASK_LOGIN    1u /* "auth" or "login" */
#define MASK_PASSWORD 2u /* "pass" or "pwd" */

/* Without regard to case and escapes, \u and others. `plain` is memory for it. */
unsigned mask_speaks_of(struct span text, struct buffer *plain);
/* Whether such a reader takes the text for that word, which is in lower case. */
bool mask_reads_as(struct span text, const char *word, struct buffer *plain);

/* All strings and numbers of what is known to be JSON. */
void mask_all(char *at, const char *end);

/* Masks passwords in place. False: the text is no sequence of JSON values, or nested deeper than
 * messages are, and half masked at most. */
bool mask_json(char *text, size_t len, struct buffer *plain);

#endif
