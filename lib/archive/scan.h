/*
 * scan.h - what an unsealed segment holds: where its trusted part ends, and which lines
 * stand behind. For lib/archive's recovery alone.
 *
 * It goes from frame to frame and parses no line that an index entry vouches for, so that a file of
 * 128 MiB takes a tenth of a second. A frame counts when its structure is whole and
 *   - its entry fits it, and its text was written in this boot: a process that dies takes nothing
 *     along that it has written. `believe_below` says up to which number that is enough: what the
 *     ring could give again is checked all the same;
 *   - or its text fits its checksum.
 * Threads: any, each its own finding.
 */
#ifndef HASHSCOPE_ARCHIVE_SCAN_H
#define HASHSCOPE_ARCHIVE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/segment/index.h"
#include "lib/segment/segment.h"

struct archive_finding {
    struct segment_head head;
    uint64_t frame_end;         /* behind the last frame of the trusted part; 0: there is none */
    uint64_t indexed_end;       /* behind the last entry that fits its frame; at least the header */
    uint64_t end;               /* behind the last frame of any kind that was whole */
    bool torn;                  /* the file ends inside a frame */
    bool damaged;               /* something else stands behind the trusted part */
    struct segment_index whole; /* the last frame of the trusted part */
    uint64_t last_seq;          /* in it and before; 0: no line */
    struct segment_index kept;  /* lines of the torn frame up to its last numbered one */
    struct buffer text;         /* theirs */
};

/* Fills `out`; archive_finding_close gives back what it holds, also after a failure.
 * STATUS_DAMAGED: not a segment. STATUS_UNSUPPORTED: of a newer version. Else the file can't be
 * read. `why` tells of damage (its text is empty when there is none), also on STATUS_OK. */
enum status archive_scan(struct archive_finding *out, const char *path, uint64_t believe_below,
                         struct error *why) MUST_CHECK;
void archive_finding_close(struct archive_finding *finding);

#endif
