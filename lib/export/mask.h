/*
 * mask.h - passwords made unreadable, in whatever a message's other end may read as a login.
 *
 * A login is an object whose method speaks of "auth" or "login": mining.authorize, eth_submitLogin,
 * login and what other coins call it. Shown of it are the names of members and the values of those
 * that are no secret (id, worker, agent ...), and the first of positional parameters; the rest is
 * masked, and so is, in any object, a member whose name has "pass" or "pwd" in it. Names are
 * compared as lenient readers do: escapes resolved, without regard to case. Of a string each byte
 * between the quotes becomes an x, of a number each digit a 1: lengths and JSON stay what they
 * were.
 *
 * What a lenient reader may take apart otherwise than we do (no JSON: single quotes, bare words,
 * comments, text in front or behind) and that has one of those words in it is withheld as a whole:
 * MASK_WITHHELD and as many x as fill its length. So are pieces that tell nothing without the ones
 * beside them, of what goes to the pool: fragments of a line but a first one that is whole JSON,
 * pieces of a stream that is no text, but TLS, and lines that are no message by themselves but may
 * be a part of one that stands on several: they have quotes or brackets, or are numbers, or words
 * that stand alone or with commas and colons between them. A message has a method, or an id beside
 * a result or an error. Several messages in a line, batches, doubled members and bytes that are no
 * UTF-8 are taken apart, and masked.
 *
 * Ownership: what is given back is what was given in, or lies in the masker until its next use.
 * Memory: some times the message. Threads: one at a time per masker.
 */
#ifndef HASHSCOPE_EXPORT_MASK_H
#define HASHSCOPE_EXPORT_MASK_H

#include "lib/base/bytes.h"
#include "lib/segment/segment.h"

#define MASK_WITHHELD "[withheld: may hold a password]"

/* Zeroed: ready. */
struct masker {
    struct buffer bytes, line, plain;
};
void masker_close(struct masker *masker);

/* The bytes of that line's message, decoded where they were base64; as long as before. */
struct span mask_message(struct masker *masker, const struct segment_line *line,
                         struct span message);
/* The line itself with its message masked; as long as before. */
struct span mask_line(struct masker *masker, const struct segment_line *line);

#endif
