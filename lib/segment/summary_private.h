/*
 * summary_private.h - a session while its summary is gathered; shared by summary.c
 * (counting, the table, the encoding) and summary_identity.c (lines that say who a session is).
 */
#ifndef HASHSCOPE_SEGMENT_SUMMARY_PRIVATE_H
#define HASHSCOPE_SEGMENT_SUMMARY_PRIVATE_H

#include "lib/segment/layout.h"
#include "lib/segment/row.h"
#include "lib/segment/summary.h"
#include "lib/segment/texts.h"

struct summary_worker {
    uint32_t name;  /* offset of the text */
    uint64_t asked; /* seq of the request that is not answered yet; 0: it is */
};

struct summary_session {
    struct segment_row row;
    uint64_t lasted_us;                                   /* with SEGMENT_ROW_LASTED */
    struct summary_worker *workers;                       /* row.worker_count of them */
    uint32_t asking;                                      /* workers whose answer is awaited */
    uint32_t refused[SESSION_REFUSED_MAX], refused_count; /* texts; the newest last */
    unsigned char *runs;                                  /* those that have ended */
    uint32_t runs_len, runs_room;
    uint32_t run_begin, run_end; /* the last one; ordinals of frames */
    uint32_t runs_until;         /* the end of the last run in `runs` */
};

/* Whether a line of this kind tells more than numbers. */
bool summary_is_identity(const struct summary_session *session, const struct segment_note *note);
/* Takes in what such a line says. */
void summary_take_identity(struct segment_texts *texts, struct summary_session *session,
                           const struct segment_note *note);

#endif
