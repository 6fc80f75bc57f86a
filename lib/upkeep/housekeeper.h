/*
 * housekeeper.h - the two threads that keep the archive in order while the recorder runs: one
 * removes what the limits take (retention.h), the other writes sealed segments again, smaller
 * (recompress.h) or with the footer that they lack (footer_job.h).
 *
 * Retention: the room on the disk and the file being written are looked at every second, all files
 * every few seconds. Every removal is logged and counted. While the clock is not trusted
 * (clock_trust.h) nothing is removed for its age. Of MIN_FREE_BYTES at most half of the disk is
 * believed, so that a small disk does not cost the whole archive. Its thread has nearly the
 * priority of any other (nice 5), because a disk fills most quickly when the machine is busy.
 *
 * Rewriting: newest first, one file at a time, passing over those that retention is going to take
 * within a day at the present rate. Footers come first: sealed files lack one after a crash in a
 * large file. They are added whatever RECOMPRESS_LEVEL says; but a file that recompression comes to
 * soon gets its footer from that. The thread has the lowest priority (SCHED_IDLE, idle I/O) and
 * works at most a quarter of the time. It pauses while the archive lags, while the rest of the
 * process takes more than half of a processor, and while there is no room for another file. A file
 * that fails is left as it is until the next start.
 *
 * Nothing here is waited for: neither thread takes a lock, and they share with the others, and with
 * each other, only atomic numbers and a list that is handed over. They remove and replace only what
 * is not being written, so the archive's thread needs to know nothing of them.
 *
 * Threads: start and stop from one, observe and status from any.
 */
#ifndef HASHSCOPE_UPKEEP_HOUSEKEEPER_H
#define HASHSCOPE_UPKEEP_HOUSEKEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/upkeep/retention.h"

struct housekeeper;

struct housekeeper_settings {
    const char *data_dir;
    struct retention_limits limits;
    int recompress_level; /* 0: never */
};

/* Begins at once. The data directory must be locked by this process, and recovered. */
enum status housekeeper_start(struct housekeeper **out, const struct housekeeper_settings *settings,
                              struct error *err) MUST_CHECK;

/* How far the archive is behind, in bytes of the ring. To be told about once a second. */
void housekeeper_observe(struct housekeeper *housekeeper, uint64_t archive_lag_bytes);

enum housekeeper_pause {
    HOUSEKEEPER_RUNS,    /* or has nothing to do */
    HOUSEKEEPER_OFF,     /* RECOMPRESS_LEVEL is 0 */
    HOUSEKEEPER_LAGGING, /* the archive is behind */
    HOUSEKEEPER_BUSY,    /* the relay and the archive need the processor */
    HOUSEKEEPER_NO_ROOM, /* for a second file beside the first */
    HOUSEKEEPER_FAILED,  /* the disk refused; tried again later */
};
/* For people: "the archive is behind"; "" when it runs. */
const char *housekeeper_pause_text(enum housekeeper_pause pause);

struct housekeeper_status {
    uint64_t files, bytes;                 /* of the archive, all that counts for retention */
    uint64_t free_bytes;                   /* on its disk */
    uint64_t min_free_bytes;               /* as it is kept */
    uint64_t removed_files, removed_bytes; /* since the start */
    bool bytes_exceeded, room_missing;     /* and nothing is left to remove */
    bool age_paused;                       /* the clock is not trusted */
    int64_t age_pause_seconds;             /* for so long, if the clock holds */
    enum housekeeper_pause pause;          /* of recompression; but for OFF of footers too */
    uint64_t recompressing;                /* number of the segment; 0: none */
    uint64_t backlog_files, backlog_bytes; /* to be recompressed */
    uint64_t recompressed_files, recompressed_saved, recompress_failures; /* since the start */
    uint64_t footers_missing; /* sealed files without one, as far as they were looked at */
    uint64_t footers_added;   /* since the start, other than by recompression */
};
void housekeeper_status_get(const struct housekeeper *housekeeper, struct housekeeper_status *out);

/* Ends the threads and frees it; an unfinished file is given up. Takes as long as a step does. */
void housekeeper_stop(struct housekeeper *housekeeper);

#endif
