/*
 * footer_private.h - a footer in memory; shared by footer.c (reading, asking) and
 * footer_rebuild.c.
 */
#ifndef HASHSCOPE_SEGMENT_FOOTER_PRIVATE_H
#define HASHSCOPE_SEGMENT_FOOTER_PRIVATE_H

#include "lib/segment/footer.h"
#include "lib/segment/footer_write.h"

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
