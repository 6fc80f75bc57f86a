/*
 * segment_footer_private.h - a footer in memory; shared by segment_footer.c (reading, asking) and
 * segment_footer_rebuild.c.
 */
#ifndef HASHSCOPE_CAPTURE_SEGMENT_FOOTER_PRIVATE_H
#define HASHSCOPE_CAPTURE_SEGMENT_FOOTER_PRIVATE_H

#include "lib/capture/segment_footer.h"
#include "lib/capture/segment_footer_write.h"

struct segment_footer {
    bool rebuilt;
    struct segment_head head;
    struct segment_totals totals;
    struct segment_directory directory;
    struct buffer sessions; /* the section, decompressed: rows, then the heap */
    bool complete;          /* rebuilt, and all sessions are in it */
    size_t session_count;   /* rows in it; 0 when they were not asked for */
};

#endif
