/*
 * archive.h - the archive writer: a thread that follows the ring and writes rotating segment files,
 * and the recovery of what the last run left. The format is told in FORMAT.md.
 *
 * It reads the ring as any reader does, every 1 to 100 ms, sooner the more it finds. Nobody waits
 * for its disk: what it cannot write (disk full, I/O error) it tries again from the ring; when the
 * ring overruns it meanwhile, the loss is written as a `gap` line and counted. Who fills the ring
 * may look at archive_position and slow down while the archive is moving.
 *
 * Threads: archive_start … archive_stop are called from one thread; archive_status_get from any.
 */
#ifndef HASHSCOPE_ARCHIVE_ARCHIVE_H
#define HASHSCOPE_ARCHIVE_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"
#include "lib/ring/ring.h"

struct segment_io; /* lib/segment/writer.h */

struct archive_settings {
    const char *data_dir;         /* holds segments/ */
    uint64_t instance;            /* of the data directory */
    uint64_t segment_max_bytes;   /* compressed; SEGMENT_MAX_BYTES */
    uint32_t segment_max_seconds; /* SEGMENT_MAX_SECONDS */
    uint32_t sync_interval_ms;    /* SYNC_INTERVAL_MS: fdatasync at most this long after a write */
    gid_t group;                  /* (gid_t)-1: leave */
    const struct segment_io *io;  /* NULL: the system's; tests put faults there */
};

/* Called at start, under the data directory's lock, when the ring has been opened (and so
 * recovered). Completes every `.open` segment: keeps its trusted frames (and, where the ring does
 * not reach back to them, the whole lines behind), seals the result, moves the damaged original
 * aside as `.torn`. *last_seq: the highest number that is safely in the archive (0: none). `ring`
 * may be NULL. Can be killed at any step and called again. On a full disk a file that needs a copy
 * stays as it is for a later start. */
struct archive_recovered {
    uint64_t last_seq;
    uint32_t segments;    /* completed */
    uint32_t torn;        /* of these, with a damaged tail moved aside */
    uint64_t lines_kept;  /* from torn tails */
    uint64_t next_number; /* above those of all segment files */
};
enum status archive_recover(const struct archive_settings *settings, struct ring_reader *ring,
                            struct archive_recovered *out, struct error *err) MUST_CHECK;

struct archive;

/* Takes over `reader` (closes it at stop) and writes every record with seq > last_seq. Records up
 * to last_seq that the ring still has are read for what they say about sessions only. The first
 * file is made when there is something to write. */
enum status archive_start(struct archive **out, const struct archive_settings *settings,
                          struct ring_reader *reader, struct ring_counters *counters,
                          const struct archive_recovered *recovered, struct error *err) MUST_CHECK;

/* Ends the current segment behind all that has been recorded, and begins a new one with the next
 * line (SIGHUP, control socket). */
void archive_rotate(struct archive *archive);

/* Writes everything that is in the ring, seals, ends the thread. Gives up after timeout_ms when the
 * disk does not take it: then STATUS_TIMEOUT, the rest stays in the ring for the next start. */
enum status archive_stop(struct archive *archive, int timeout_ms, struct error *err);

struct archive_status {
    bool degraded; /* writing fails at present */
    char reason[160];
    char file[256]; /* path of the segment being written, below data_dir; "" none */
    uint64_t file_bytes;
    uint64_t archived_seq; /* last number whose line has reached the file (not: synced) */
    uint64_t synced_seq;
    uint64_t lag_bytes; /* of ring not yet written */
};
void archive_status_get(struct archive *archive, struct archive_status *out);

/* The ring's position up to which records have been taken; a moment old. Any thread, cheap. */
uint64_t archive_position(const struct archive *archive);

/* True while the thread is in a write, a sync or the like, or waits to try one again: then it does
 * not want for a processor. Any thread, cheap. */
bool archive_waits_for_disk(const struct archive *archive);

/* The processor that the relay runs on: the archive's thread leaves it to the relay where there is
 * another one; -1: it may run anywhere again. The thread of archive_start; cheap when it is as
 * before. */
void archive_keep_off(struct archive *archive, int processor);

#endif
