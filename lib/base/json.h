/*
 * json.h - writing JSON into a buffer, and asking a parsed jansson tree for members with a clear
 * error. For reading whole documents the programs use jansson itself.
 */
#ifndef HASHSCOPE_BASE_JSON_H
#define HASHSCOPE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"

/* Appends the string in quotes, escaped as RFC 8259 wants; bytes that are not valid UTF-8 become
 * U+FFFD, so the result is always valid JSON. */
void json_append_string(struct buffer *out, const char *text, size_t len);
void json_append_text(struct buffer *out, const char *text); /* the same of a C string */

/* Length of the longest prefix that is valid UTF-8 (RFC 3629: no surrogates, no overlong forms,
 * nothing above U+10FFFF). A sequence cut off by the end counts as invalid. */
size_t utf8_valid_prefix(const char *text, size_t len);

#endif
