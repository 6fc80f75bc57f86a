/*
 * housekeeper_private.h - the housekeeper's own state, shared by housekeeper*.c.
 *
 * housekeeper.c is the thread, its pace and what it tells; housekeeper_retain.c looks at the files
 * and removes; housekeeper_recompress.c chooses what to rewrite and does it step by step.
 * Everything but the atomics belongs to the thread.
 */
#ifndef HASHSCOPE_CAPTURE_HOUSEKEEPER_PRIVATE_H
#define HASHSCOPE_CAPTURE_HOUSEKEEPER_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/log.h"
#include "lib/capture/clock_trust.h"
#include "lib/capture/housekeeper.h"
#include "lib/capture/recompress.h"

/* What is known of a sealed file as far as recompression goes. */
enum housekeeper_mark {
    MARK_UNKNOWN, /* its header was not looked at yet */
    MARK_TODO,
    MARK_DONE, /* rewritten, or not worth it */
    MARK_SKIP, /* damaged, of a newer version, or it failed */
};

struct housekeeper_file {
    enum housekeeper_mark mark;
    bool soon; /* retention takes it within a day */
};

#define HOUSEKEEPER_NUMBERS(X)                                                                     \
    X(files)                                                                                       \
    X(bytes)                                                                                       \
    X(free_bytes)                                                                                  \
    X(min_free_bytes)                                                                              \
    X(removed_files)                                                                               \
    X(removed_bytes)                                                                               \
    X(recompressing)                                                                               \
    X(backlog_files)                                                                               \
    X(backlog_bytes)                                                                               \
    X(recompressed_files)                                                                          \
    X(recompressed_saved)                                                                          \
    X(recompress_failures)

struct housekeeper {
    struct housekeeper_settings settings;
    char *data_dir;
    struct clock_trust trust;
    int64_t look_at, scan_at, save_at; /* monotonic: when the next is due */
    int64_t wall_ns;                   /* as of the last look */
    struct retention_listing listing;
    struct housekeeper_file *marks; /* one per file of the listing */
    struct recompress *job;
    uint64_t job_number;
    char job_path[4096];             /* below the data directory */
    int64_t retry_at;                /* recompression, after the disk refused; 0: now */
    int64_t others_cpu, others_wall; /* of the last measurement */
    bool others_busy;
    struct log_limit room_log;

    pthread_t thread;
    int wake, ended; /* eventfd */
    _Atomic bool stop;
    _Atomic uint64_t lag;
    struct {
#define X(name) _Atomic uint64_t name;
        HOUSEKEEPER_NUMBERS(X)
#undef X
        _Atomic bool bytes_exceeded, room_missing, age_paused;
        _Atomic int64_t age_pause_seconds;
        _Atomic int pause;
    } told;
};

/* Looks at clock and room, and at the files when that is due; removes what has to go. */
void housekeeper_retain(struct housekeeper *housekeeper, int64_t mono_ns);

/* After a new listing: marks go over from the old one, the backlog is counted. */
void housekeeper_carry_marks(struct housekeeper *housekeeper,
                             const struct retention_listing *old_listing,
                             const struct housekeeper_file *old_marks);
/* One step. False when there is nothing to do at present. */
bool housekeeper_recompress(struct housekeeper *housekeeper, int64_t mono_ns);
/* Gives up the file it is at. */
void housekeeper_drop_job(struct housekeeper *housekeeper);

#endif
