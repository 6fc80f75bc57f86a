/*
 * pace.c - see pace.h. The pause grows with the square of what is beyond half a ring, so that it
 * settles where the archive just keeps up.
 */
#include "recorder/pace.h"

#include <time.h>

#include "lib/base/clock.h"

int64_t pace_pause_ns(uint64_t lag, uint64_t ring_bytes)
{
    uint64_t half = ring_bytes / 2;
    if (lag <= half)
        return 0;
    double beyond = lag >= ring_bytes ? 1.0 : (double)(lag - half) / (double)half;
    return (int64_t)(beyond * beyond * (double)(PACE_MOST_MS * NS_PER_MS));
}

/* Whether the archive has taken anything lately. */
static bool is_moving(struct pace *pace, uint64_t archived)
{
    int64_t now = clock_mono_ns();
    if (archived != pace->archived) {
        pace->archived = archived;
        pace->moved_ns = now;
    }
    return now - pace->moved_ns < PACE_PATIENCE_MS * NS_PER_MS;
}

static uint64_t lag_of(const struct ring_writer *ring, const struct archive *archive)
{
    return ring_writer_position(ring) - archive_position(archive);
}

static void sleep_ns(int64_t ns)
{
    const struct timespec time = {.tv_nsec = ns};
    nanosleep(&time, NULL);
}

/* Nearly full, and not for the disk: the archive's thread does not get a processor. Losing records
 * is worse than a pause that a miner may notice. */
static void wait_for_room(const struct ring_writer *ring, const struct archive *archive)
{
    uint64_t most = ring_writer_bytes(ring) / 8 * 7;
    for (int i = 0; i < PACE_LAST_MS && lag_of(ring, archive) > most; i++) {
        if (archive_waits_for_disk(archive))
            return;
        sleep_ns(NS_PER_MS);
    }
}

bool pace_look(struct pace *pace, struct ring_writer *ring, const struct archive *archive)
{
    uint64_t position = ring_writer_position(ring), archived = archive_position(archive);
    pace->looked_at = position;
    int64_t pause = pace_pause_ns(position - archived, ring_writer_bytes(ring));
    pace->behind = position - archived > ring_writer_bytes(ring) / PACE_BEHIND;
    if ((!is_moving(pace, archived) && archive_waits_for_disk(archive)) || pause == 0)
        return false;
    sleep_ns(pause);
    wait_for_room(ring, archive);
    ring_count(&ring_writer_counters(ring)->pauses, 1);
    return true;
}
