/*
 * json_text.h - what stands between the quotes of a JSON string, as plain UTF-8. For lib/capture
 * alone.
 *
 * Pure; threads: any.
 */
#ifndef HASHSCOPE_CAPTURE_JSON_TEXT_H
#define HASHSCOPE_CAPTURE_JSON_TEXT_H

#include "lib/base/bytes.h"

/* Appends the text without its escapes (RFC 8259, section 7). Never fails: half a surrogate pair
 * becomes U+FFFD, and a backslash in front of anything that is no escape stays as it is. */
void json_text_append(struct buffer *out, struct span inside);

#endif
