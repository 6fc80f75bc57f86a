/*
 * comment.h - what HashScope wrote into a packet's comment, read back. lib/export/comment.h
 * has the format. Comments are hostile like all of a capture: numbers are checked, texts cut to
 * their fields, unknown words passed over.
 *
 * Pure. Threads: any.
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_COMMENT_H
#define HASHSCOPE_EXPORTER_IMPORT_COMMENT_H

#include <stdbool.h>

#include "lib/record/record.h"

enum import_note {
    IMPORT_NOTE_NONE, /* nothing of ours, or not enough of it */
    IMPORT_NOTE_MESSAGE,
    IMPORT_NOTE_OPENED,
    IMPORT_NOTE_POOL_CONNECTED,
    IMPORT_NOTE_CLOSED,
    IMPORT_NOTE_STATE,
    IMPORT_NOTE_GAP,
    IMPORT_NOTE_CLOCK_STEP,
};

struct import_comment {
    enum import_note note;
    uint64_t seq;  /* or `at` */
    bool numbered; /* it is seq */
    struct uuid session;
    bool has_session;
    int64_t wall_ns; /* 0: the packet's */

    /* messages */
    enum direction direction;
    bool paired, has_latency, has_forward, is_fragment, last, early, ends_none, ends_crlf, opaque;
    uint64_t re, latency_us, forward_us, lost_bytes;
    uint32_t fragment, before;

    /* events */
    struct session_info info; /* as far as this event tells */
    struct gap_info gap;
    int64_t step_us;
    bool has_lasted;
    uint64_t lasted_us;
};

/* Whether it is worth reading: cheap, and right for all that HashScope writes. */
bool import_comment_is_ours(struct span comment);
/* One comment, without LF. */
void import_comment_read(struct import_comment *out, struct span comment);
/* The first of several, which LFs part; *rest is then what follows. False: there is none. */
bool import_comment_next(struct span *rest, struct import_comment *out);

#endif
