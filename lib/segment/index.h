/*
 * index.h - what an index entry says about the data frame before it (FORMAT.md, section 4).
 * A plain value; readers use it to decide which frames they need not read.
 */
#ifndef HASHSCOPE_SEGMENT_INDEX_H
#define HASHSCOPE_SEGMENT_INDEX_H

#include <stdint.h>

#include "lib/record/record.h"

/* segment_index.events */
enum segment_event {
    SEGMENT_EVENT_OPENED = 1 << 0,
    SEGMENT_EVENT_POOL_CONNECTED = 1 << 1,
    SEGMENT_EVENT_CLOSED = 1 << 2,
    SEGMENT_EVENT_CLOCK_STEP = 1 << 3,
    SEGMENT_EVENT_GAP = 1 << 4,
    SEGMENT_EVENT_STATE = 1 << 5,
    SEGMENT_EVENT_RECOVERED = 1 << 6,
    SEGMENT_EVENT_OTHER = 1 << 7,
};

struct segment_index {
    uint64_t offset;                      /* of the data frame in the file */
    uint64_t text_offset;                 /* of its text in the text of the whole segment */
    uint32_t compressed_bytes;            /* of the data frame */
    uint32_t text_bytes;                  /* of its text */
    int64_t lowest_us, highest_us;        /* of the `ts` of all its lines, since 1970 UTC */
    uint64_t first_seq, last_seq;         /* of its numbered lines */
    uint32_t directions[DIRECTION_COUNT]; /* messages, by direction */
    uint32_t lines;                       /* all of them */
    uint32_t errors;                      /* responses that refuse */
    uint32_t events;                      /* bit set of enum segment_event: kinds that occur */
    uint32_t reserved;
    uint64_t methods; /* bit set: 1 << enum stratum_method, of the messages */
};

#endif
