/*
 * frame.h - cuts one direction of a session into lines, whatever the reads look like.
 *
 * A line ends with LF; a CR directly before it belongs to the terminator. Lines that lie whole in a
 * read are handed out from the read's own memory. Only a line cut by the end of a read is kept, and
 * its memory goes as soon as it is complete: an idle session costs the struct and nothing else.
 *
 * Three kinds of piece come out:
 *   - a line;
 *   - a fragment of a line that is longer than line_max, or that the shared budget has no room for.
 *     Fragments count from 0; all but the last have fragment_max bytes, unless the budget was
 *     short; the last one carries the terminator and may then be empty;
 *   - what has waited long enough for the rest of its line (stratum_framer_flush): JSON objects
 * that are whole go out as lines without a terminator, and an LF that comes behind them later as an
 *     empty last fragment 1; of anything else a fragment goes out, and the last fragment of such a
 *     line has all of it in `whole`, unless that is longer than STRATUM_KEPT_MAX;
 *   - opaque bytes. A stream is opaque from its first byte on when, before its first LF and within
 *     its first line_max bytes, it has a byte that no text has: a control character other than TAB,
 *     CR and LF, or bytes that are no UTF-8 (TLS, Stratum V2), unless it begins with a brace, as
 *     JSON does whatever the names in it are. Each read is then one piece at once
 *     (more when it is longer than fragment_max), with what was held back first. After its first
 *     whole line, or first fragment, a stream never turns opaque.
 *
 * What comes out, terminators included, is what went in, byte for byte. Where the reads were cut
 * does not show in the pieces, except in opaque ones, when the budget was short, and in what was
 * flushed.
 *
 * Ownership: the framer owns its partial line; stratum_framer_close frees it and gives its budget
 * back. A piece's data is valid only during the call of emit. emit must not call the framer.
 * Threads: one at a time per framer; the budget is plain memory, so framers that share one belong
 * to one thread.
 */
#ifndef HASHSCOPE_STRATUM_FRAME_H
#define HASHSCOPE_STRATUM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/stratum/utf8.h"

#define STRATUM_TERMINATOR_NONE 0
#define STRATUM_TERMINATOR_LF   1
#define STRATUM_TERMINATOR_CRLF 2 /* the numbers are the lengths */

#define STRATUM_KEPT_MAX 65536 /* bytes of a line of which fragments went out by flushing */

/* Zeroed: ready for the first byte of a stream. */
struct stratum_framer {
    struct buffer partial;    /* the line begun, or what of it is not yet emitted */
    uint64_t offset;          /* stream bytes taken in */
    uint64_t emitted;         /* stream bytes given out; the partial line makes the difference */
    uint32_t fragment;        /* number of the next fragment, while fragmenting */
    uint32_t flushed;         /* bytes of `partial` that went out already; then it has the line's
                                 first byte */
    bool opaque;              /* the stream is no text */
    bool seen_line;           /* a whole line was emitted */
    bool fragmenting;         /* the line begun comes out in fragments */
    bool unended;             /* what was flushed last was whole, and its line end has not come */
    struct stratum_utf8 utf8; /* of the first line, as far as it was checked */
};

struct stratum_piece {
    const char *data; /* the content, without terminator */
    size_t len;
    uint64_t offset;          /* of data in the stream */
    unsigned char terminator; /* STRATUM_TERMINATOR_... */
    bool opaque;
    bool is_fragment;
    uint32_t fragment; /* 0, 1, 2 ... */
    bool last_fragment;
    bool flushed;      /* a fragment for want of more; `whole` comes with the last one */
    struct span whole; /* {NULL, 0}: not known */
};

struct stratum_limits {
    size_t line_max;     /* longer lines come out in fragments; the terminator does not count */
    size_t fragment_max; /* at least 1 */
    size_t *budget_left; /* shared: bytes that all partial lines together may still take; what they
                            take in memory can be twice as much, since buffers double */
};

typedef void stratum_emit(void *context, const struct stratum_piece *piece);

/* Takes what a read brought. emit is called for every piece that is complete, in order. */
void stratum_framer_push(struct stratum_framer *framer, const struct stratum_limits *limits,
                         const char *data, size_t len, stratum_emit *emit, void *context);

/* The stream has ended: emits a line that was begun with terminator 0, or the last fragment. */
void stratum_framer_finish(struct stratum_framer *framer, const struct stratum_limits *limits,
                           stratum_emit *emit, void *context);

/* What came so far of a line goes out, see above. */
void stratum_framer_flush(struct stratum_framer *framer, const struct stratum_limits *limits,
                          stratum_emit *emit, void *context);

/* The same for whole JSON objects alone. */
void stratum_framer_flush_objects(struct stratum_framer *framer,
                                  const struct stratum_limits *limits, stratum_emit *emit,
                                  void *context);

/* Are there bytes that have not come out yet? */
static inline bool stratum_framer_waits(const struct stratum_framer *framer)
{
    return framer->partial.len > framer->flushed;
}

/* Gives memory and budget back; the framer is as new afterwards. May be called twice. */
void stratum_framer_close(struct stratum_framer *framer, const struct stratum_limits *limits);

/* Has a line begun that is not yet complete? */
bool stratum_framer_mid_line(const struct stratum_framer *framer);

#endif
