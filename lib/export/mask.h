/*
 * mask.h - passwords made unreadable: second parameter of mining.authorize and eth_submitLogin, the
 * member `pass` of login. Each byte between the quotes becomes an x, so lengths stay what they
 * were. What is no JSON, or comes in fragments, is not looked at.
 * Pure. Threads: any.
 */
#ifndef HASHSCOPE_EXPORT_MASK_H
#define HASHSCOPE_EXPORT_MASK_H

#include "lib/base/bytes.h"

/* The message itself, or a copy in `scratch`. */
struct span mask_passwords(struct buffer *scratch, struct span message);

/* Of a whole line: the message in it. */
struct span mask_line(struct buffer *scratch, struct span line, struct span message);

#endif
