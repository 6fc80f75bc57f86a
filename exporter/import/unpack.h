/*
 * unpack.h - compressed captures (gzip, also of several members; Zstandard, also of several
 * frames) as files to be read from the beginning.
 *
 * Unpacked piece by piece, never as a whole: some 64 KiB, and the window that the format has (gzip
 * 32 KiB, Zstandard at most 128 MiB; what wants more is refused). Ownership: the file made owns the
 * one below it. Threads: one. Errors: what cannot be unpacked ends the file, with ferror, and says
 * why.
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_UNPACK_H
#define HASHSCOPE_EXPORTER_IMPORT_UNPACK_H

#include <stdbool.h>
#include <stdio.h>

#include "lib/base/error.h"

/* Whether its first four bytes are those of gzip or Zstandard. */
bool import_unpack_knows(const unsigned char head[4]);

/* Takes over `file`, which stands at its beginning and can seek; of the one made only rewind can be
 * asked. `*why` is NULL until something cannot be unpacked, and then a text that stays; it has to
 * live as long as the file. NULL: no memory; then `file` is the caller's. */
FILE *import_unpack(FILE *file, const unsigned char head[4], const char **why);

#endif
