/*
 * writer_private.h - the ring's writer, shared by writer.c and sessions.c.
 */
#ifndef HASHSCOPE_RING_WRITER_PRIVATE_H
#define HASHSCOPE_RING_WRITER_PRIVATE_H

#include "lib/ring/layout.h"

/* Slots of closed sessions wait in a queue, oldest first; `next` links them. */
struct slot_queue {
    uint32_t *next;       /* one per slot */
    uint32_t first, last; /* RING_NO_SLOT: empty */
};

struct ring_writer {
    struct ring_map map;
    uint64_t claim;     /* end of the last record put in */
    uint64_t published; /* as readers see it */
    uint64_t head;      /* the oldest whole record */
    uint64_t next_seq;
    uint64_t session_number;
    struct slot_queue closed;
    uint32_t slots_used;
};

void ring_sessions_init(struct ring_writer *writer);
void ring_sessions_close(struct ring_writer *writer);

#endif
