/*
 * pace.c - see pace.h. What is known of the archive's position is old, and never too high: a lag
 * taken from it is at least the true one, so where that leaves room no other processor's memory
 * need be looked at.
 */
#include "recorder/pace.h"

#include "lib/base/clock.h"

static uint64_t level(uint64_t ring_bytes, enum pace_who who)
{
    switch (who) {
    case PACE_ANYBODY:
        return ring_bytes / 2;
    case PACE_NEWCOMER:
        return ring_bytes / 4 * 3;
    case PACE_LIGHT:
        break;
    }
    return ring_bytes / 8 * 7;
}

bool pace_has_room(uint64_t lag, uint64_t held, uint64_t ring_bytes, enum pace_who who)
{
    return lag <= level(ring_bytes, who) && lag + held + PACE_READ <= ring_bytes / 16 * 15;
}

/* Whether the archive has taken anything lately. */
static bool is_moving(const struct pace *pace, const struct archive *archive)
{
    int64_t still = clock_mono_ns() - pace->moved_ns;
    int64_t patience = archive_waits_for_disk(archive) ? PACE_DISK_MS : PACE_PATIENCE_MS;
    return still < patience * NS_PER_MS;
}

/* Returns how far the archive is behind. */
static uint64_t look(struct pace *pace, const struct ring_writer *ring,
                     const struct archive *archive)
{
    uint64_t archived = archive_position(archive);
    uint64_t lag = ring_writer_position(ring) - archived;
    if (archived != pace->archived)
        pace->moved_ns = clock_mono_ns();
    pace->archived = archived;
    pace->behind = lag > ring_writer_bytes(ring) / PACE_BEHIND;
    return lag;
}

bool pace_look(struct pace *pace, struct ring_writer *ring, const struct archive *archive,
               uint64_t held, enum pace_who who)
{
    uint64_t lag = look(pace, ring, archive);
    if (pace_has_room(lag, held, ring_writer_bytes(ring), who)) {
        pace->waiting = false;
        return true;
    }
    if (!pace->waiting) {
        pace->waiting = true;
        pace->moved_ns = clock_mono_ns();
        ring_count(&ring_writer_counters(ring)->pauses, 1);
    }
    return !is_moving(pace, archive);
}

void pace_keep_off(struct pace *pace, const struct ring_writer *ring, struct archive *archive)
{
    uint64_t lag = ring_writer_position(ring) - pace->archived;
    if (pace->behind || lag > ring_writer_bytes(ring) / PACE_BEHIND)
        (void)look(pace, ring, archive);
    archive_keep_off(archive, pace->behind ? -1 : processor_current());
}
