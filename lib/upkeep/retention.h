/*
 * retention.h - which files of the archive have to go, and removing them.
 *
 * Three limits hold together: all files together may have so many bytes (RETAIN_BYTES), a file may
 * be so old (RETAIN_DAYS), the disk must have so much room (MIN_FREE_BYTES). The oldest go first,
 * that is those with the lowest numbers. Everything that the recorder has made below
 * segments/YYYY/MM/DD counts: sealed segments, those that a crash left `.open`, damaged originals
 * (`.torn`). The file being written counts and is never removed. What was imported is not touched.
 *
 * The age of a file is that of its newest line: the time in its name or that of its last change,
 * whichever is later. While the clock is not trusted (clock_trust.h) nothing is too old.
 *
 * retention_plan is pure; the rest is the shell around it. Readers in the middle of a file that is
 * removed go on reading it; its room comes back when they close it.
 *
 * Ownership: a listing owns its names; retention_listing_free. Threads: any, one at a time.
 */
#ifndef HASHSCOPE_UPKEEP_RETENTION_H
#define HASHSCOPE_UPKEEP_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

/* In the order in which files of one number are removed. */
enum retention_state {
    RETENTION_LEFTOVER, /* a temporary file that a crash has left */
    RETENTION_TORN,
    RETENTION_OPEN, /* not sealed, but not being written either */
    RETENTION_SEALED,
    RETENTION_WRITING,
};

struct retention_file {
    uint64_t number;
    uint64_t bytes;
    int64_t first_ns; /* wall time of its first line, to the second */
    int64_t last_ns;  /* its newest line is not younger */
    enum retention_state state;
    char *path; /* below the data directory; NULL in tests of the plan */
};

struct retention_limits { /* 0: none */
    uint64_t bytes;
    int64_t age_ns;
    uint64_t min_free_bytes;
};

struct retention_view {
    int64_t now_ns;
    bool clock_trusted;
    uint64_t free_bytes;
    uint64_t growth_bytes; /* look ahead: as if so much more had been written */
};

enum retention_verdict {
    RETENTION_KEEP,
    RETENTION_TOO_MANY_BYTES,
    RETENTION_TOO_OLD,
    RETENTION_NO_ROOM,
};

struct retention_outcome {
    size_t count;        /* files to remove */
    uint64_t bytes;      /* that they have */
    bool age_paused;     /* there are files that would be too old, were the clock trusted */
    bool bytes_exceeded; /* even what is left is more than the limit */
    bool room_missing;   /* even then the disk has too little room */
};

/* `files` in removal order (retention_sort); verdicts[i] says what is to become of files[i]. */
struct retention_outcome retention_plan(const struct retention_file *files, size_t count,
                                        const struct retention_limits *limits,
                                        const struct retention_view *view,
                                        enum retention_verdict *verdicts);
void retention_sort(struct retention_file *files, size_t count);
/* "RETAIN_BYTES" …: the setting behind a verdict; "" for keep. */
const char *retention_setting(enum retention_verdict verdict);

/* ------------------------------------------------------------------ the shell */

struct retention_listing {
    struct retention_file *files; /* in removal order */
    size_t count, room;
    uint64_t bytes; /* of all of them */
};

/* Lists what is there. The `.open` file with the highest number counts as being written. Files that
 * vanish meanwhile are passed over. Empty day folders (but today's) are removed on the way. */
enum status retention_list(struct retention_listing *out, const char *data_dir, int64_t now_ns,
                           struct error *err) MUST_CHECK;
void retention_listing_free(struct retention_listing *listing);

/* Removes one file, and its folder (but today's) when that is empty then. STATUS_NOT_FOUND: it was
 * gone already. */
enum status retention_remove(const char *data_dir, const struct retention_file *file,
                             int64_t now_ns, struct error *err) MUST_CHECK;

/* Room for the recorder on the disk, and the disk's size. */
enum status retention_room(const char *data_dir, uint64_t *free_bytes, uint64_t *total_bytes,
                           struct error *err) MUST_CHECK;

#endif
