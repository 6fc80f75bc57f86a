/*
 * verify.h - is everything in a segment file as FORMAT.md says? Every frame, checksum,
 * line, number, index entry, footer and seek table is looked at; what is wrong is told with its
 * place and the reason, and so is what is missing.
 *
 * Time: as long as decompressing the file and scanning its lines takes. Memory: one frame, and the
 * summaries of its sessions (summary.h). Any thread.
 */
#ifndef HASHSCOPE_SEGMENT_VERIFY_H
#define HASHSCOPE_SEGMENT_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/segment/segment.h"

/* Something that is wrong, in the order of the file. */
struct segment_problem {
    uint64_t offset, bytes; /* where; 0 bytes: no stretch of its own */
    const char *part; /* "header", "data frame", "index entry", "footer", "line", "sequence" … */
    const char *why;
    bool lines_lost; /* lines stood there that nothing can read any more */
};

struct segment_verdict {
    struct segment_head head; /* all zero when the header is damaged */
    uint64_t file_bytes;
    uint64_t frames, lines, messages; /* that are whole and as they should be */
    uint64_t first_seq, last_seq;
    uint64_t problems; /* of all kinds; 0: the file is sound */
    uint64_t frames_damaged;
    uint64_t missing;    /* numbers between first and last that no line has and no gap names */
    uint64_t gaps, lost; /* gap lines, and the numbers that they name */
    uint64_t torn_lines; /* whole lines of a frame that the end of the file cuts off */
    bool torn;           /* it ends inside a frame: no problem in a file that is being written */
    bool footer;         /* footer and seek table are there, and say what the frames say */
};

/* Calls `tell` (may be NULL) for each problem. STATUS_OK: the file was read to its end, whatever
 * was found in it. STATUS_UNSUPPORTED: of a newer version; else it could not be read. */
enum status segment_verify(const char *path,
                           void (*tell)(void *user, const struct segment_problem *problem),
                           void *user, struct segment_verdict *out, struct error *err) MUST_CHECK;

#endif
