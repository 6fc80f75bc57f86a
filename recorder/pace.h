/*
 * pace.h - keeps a flood from overrunning the archive.
 *
 * Two processors that do nothing but relay can fill the ring faster than the archive's thread,
 * which shares them, can compress. So the relay asks before it reads (lib/event/receive.c), and
 * what there is no room for stays with the kernel, whose windows slow the sender down. Nobody
 * sleeps: who may not read waits, and the others go on.
 *
 *   - Up to half of the ring is not yet archived: everybody may read, who has used least first.
 *   - Up to three quarters: who has used less than its share; newcomers are accepted.
 *   - Up to seven eighths: who has used less than its share.
 *   - More: nobody.
 *
 * While a flood lasts the ring stays half full: each piece that the archive has taken makes room
 * for the next, and the archive's own speed shares itself out. The upper half is for all others.
 * The unit is ring bytes, where a line of one byte costs as much as it does: RING_HEAD_BYTES more.
 * No read is begun whose records might not fit: what a line has held back, and PACE_READ.
 *
 * A disk is never waited for: when the archive has not moved for PACE_DISK_MS, and not for want of
 * a processor, everybody may read, and the ring overruns. Nor is anything else for longer than
 * PACE_PATIENCE_MS.
 *
 * It also keeps the archive's thread off the relay's processor, until that is PACE_BEHIND of a ring
 * behind: then it may run wherever there is room.
 *
 * Threads: the relay's.
 */
#ifndef HASHSCOPE_RECORDER_PACE_H
#define HASHSCOPE_RECORDER_PACE_H

#include "lib/archive/archive.h"
#include "lib/base/processor.h"

#define PACE_LINES       512                 /* that a read gives at once, where it gives many */
#define PACE_READ        (UINT64_C(1) << 20) /* more than a read puts into the ring, see receive.c */
#define PACE_BEHIND      8                   /* an eighth */
#define PACE_DISK_MS     150
#define PACE_PATIENCE_MS 1000

enum pace_who {
    PACE_ANYBODY,
    PACE_NEWCOMER, /* a connection to be accepted */
    PACE_LIGHT,    /* who has used less than its share */
};

/* Zeroed: ready. */
struct pace {
    uint64_t archived; /* the archive's position at the last look */
    int64_t moved_ns;  /* monotonic; when that last changed, or somebody began to wait for it */
    bool waiting;      /* somebody was refused at the last look */
    bool behind;       /* the archive was */
};

/* Whether there is room in a ring of `ring_bytes`, with `lag` of them not yet taken, for a read
 * whose records may begin with `held` bytes of an earlier one. */
bool pace_has_room(uint64_t lag, uint64_t held, uint64_t ring_bytes, enum pace_who who);

bool pace_look(struct pace *pace, struct ring_writer *ring, const struct archive *archive,
               uint64_t held, enum pace_who who);

/* Before every read; the archive is looked at only when as far as we know there is no room. */
static inline bool pace_admits(struct pace *pace, struct ring_writer *ring,
                               const struct archive *archive, uint64_t held, enum pace_who who)
{
    uint64_t lag = ring_writer_position(ring) - pace->archived;
    return pace_has_room(lag, held, ring_writer_bytes(ring), who) ||
           pace_look(pace, ring, archive, held, who);
}

/* After what was read is forwarded; nearly always two comparisons. */
void pace_keep_off(struct pace *pace, const struct ring_writer *ring, struct archive *archive);

#endif
