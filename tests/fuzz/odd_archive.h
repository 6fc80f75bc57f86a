/*
 * odd_archive.h - small archives of odd but possible recordings, made of a fuzzer's input.
 *
 * The input is a tape: each byte chooses. It says what a miner and its pool send (messages of every
 * kind, filled with odd values: NULs and lone surrogates as escapes, 8-bit names, numbers of any
 * size, deep nesting, doubled keys, or any bytes), how reads cut it, what happens between; the
 * bytes go through the framer, the pairing and the writer of the recorder, so files, footers and
 * `state` lines are real. A tape may also ask for the files to be hostile: bytes of them, of their
 * text, or numbers under their checksums are changed then.
 *
 * The same tape gives the same archive. Ownership: odd_archive_begin's caller ends it. Threads:
 * one.
 */
#ifndef HASHSCOPE_TESTS_FUZZ_ODD_ARCHIVE_H
#define HASHSCOPE_TESTS_FUZZ_ODD_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/random.h"

#define ODD_SESSIONS 2
#define ODD_INSTANCE UINT64_C(0x1122334455667788)

struct odd_tape {
    const uint8_t *at;
    size_t left;
};
uint8_t odd_byte(struct odd_tape *tape); /* 0 when nothing is left */
size_t odd_below(struct odd_tape *tape, size_t count);

/* A message of the miner (0) or the pool (1), mostly with its line end; `asked` is the id of the
 * last request, as it stands in it. */
void odd_message(struct buffer *out, struct odd_tape *tape, unsigned side, struct span asked);

struct odd_archive {
    char folder[64]; /* a data directory */
    bool hostile;    /* nothing else of this struct holds then */
    struct uuid sessions[ODD_SESSIONS];
    struct buffer streams[ODD_SESSIONS][2]; /* from miner, from pool: what was sent */
    uint64_t messages[ODD_SESSIONS];
};

void odd_archive_begin(struct odd_archive *archive); /* its folder */
void odd_archive_make(struct odd_archive *archive, struct odd_tape *tape);
void odd_archive_end(struct odd_archive *archive);

/* The bytes of the file at `path`, which has a footer: other numbers in its header, its entries and
 * its footer, all checksums made anew. */
void odd_forge(struct buffer *file, const char *path, struct odd_tape *tape);

/* Stops the fuzzer. */
void odd_require(int truth, const char *what);

#endif
