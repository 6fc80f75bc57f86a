/*
 * pace.h - keeps a flood of messages from overrunning the archive.
 *
 * Two processors that do nothing but relay can fill the ring faster than the archive's thread,
 * which shares them, can compress. When the archive is more than half a ring behind and still
 * moving, the relay pauses a little for every megabyte it has put in: nothing below half, up to
 * PACE_MOST_MS when the ring is nearly full. Nothing but a flood of hundreds of thousands of
 * messages a second gets there, and a miner can't notice milliseconds.
 *
 * When seven eighths are full the relay waits for up to PACE_LAST_MS a megabyte: the archive's
 * thread gets no processor then, and records would be lost.
 *
 * A disk is never waited for: when the archive has not moved for PACE_PATIENCE_MS, and not for want
 * of a processor, there is no pause.
 *
 * It also keeps the archive's thread off the relay's processor, until that is PACE_BEHIND of a ring
 * behind: then it may run wherever there is room.
 *
 * Threads: the relay's.
 */
#ifndef HASHSCOPE_RECORDER_PACE_H
#define HASHSCOPE_RECORDER_PACE_H

#include "lib/base/processor.h"
#include "lib/capture/archive.h"

#define PACE_STEP        (UINT64_C(1) << 20) /* ring bytes between two looks */
#define PACE_BEHIND      8                   /* an eighth */
#define PACE_MOST_MS     16
#define PACE_LAST_MS     250
#define PACE_PATIENCE_MS 150

/* Zeroed: ready. */
struct pace {
    uint64_t looked_at; /* ring position of the last look */
    uint64_t archived;  /* the archive's position then */
    int64_t moved_ns;   /* monotonic; when that last changed */
    bool behind;        /* the archive was, at the last look */
};

/* The pause due: in a ring of `ring_bytes` with `lag` of them not yet taken; nanoseconds. */
int64_t pace_pause_ns(uint64_t lag, uint64_t ring_bytes);

bool pace_look(struct pace *pace, struct ring_writer *ring, const struct archive *archive);

static inline bool pace_is_due(const struct pace *pace, const struct ring_writer *ring)
{
    return ring_writer_position(ring) - pace->looked_at >= PACE_STEP;
}

/* After every append; almost always one comparison. True: it has paused. */
static inline bool pace_check(struct pace *pace, struct ring_writer *ring, struct archive *archive)
{
    archive_keep_off(archive, pace->behind ? -1 : processor_current());
    return pace_is_due(pace, ring) && pace_look(pace, ring, archive);
}

#endif
