/*
 * json_text.h - what stands between the quotes of a JSON string, as plain UTF-8, whatever bytes a
 * miner put there; and plain text as terminals show it.
 *
 * Nothing is lost on the way: what UTF-8 cannot hold is written as the escape that says it. So two
 * names that differ stay two, and what people read is what they can search for.
 *
 * Pure; threads: any. Nothing fails.
 */
#ifndef HASHSCOPE_BASE_JSON_TEXT_H
#define HASHSCOPE_BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"

/* Appends the text without its escapes (RFC 8259, section 7). A byte that belongs to no UTF-8
 * becomes four characters, \xf6; half a surrogate pair stays the six that it is, \ud83d; a
 * backslash in front of anything that is no escape stays as it is. Control characters become
 * themselves. */
void json_text_append(struct buffer *out, struct span inside);

/* Appends the text so that it shows on a line: control characters (C0, DEL, C1) become six
 * characters, \u0000, and bytes that belong to no UTF-8 four, as above. */
void text_append_shown(struct buffer *out, struct span text);

/* Whether a character only turns the direction of writing, or is not seen at all (what Unicode
 * calls default ignorable, its line ends and its marks of direction): it could make a name look
 * like another. The web pages show the same ones (ui/src/lib/bidi.ts). */
bool text_is_hidden(uint32_t code);

/* The character that a text begins with, and its bytes; the text is valid UTF-8, and not empty. */
uint32_t text_first_code(struct span text, size_t *len);

/* Like text_append_shown; what is hidden is told by its number, too: ‹U+202E›. */
void text_append_seen(struct buffer *out, struct span text);

#endif
