/*
 * datadir.h - the data directory: making it, its lock, its instance and the reserved numbers.
 *
 *   live/lock       flock of whatever writes here
 *   live/instance   {"instance":"1f2e…","reserved":16777216}: the random name of the number series,
 *                   and the number below which everything may have been given out; replaced
 *                   atomically and synced before a number above it is used
 *
 * Threads: one at a time.
 */
#ifndef HASHSCOPE_ARCHIVE_DATADIR_H
#define HASHSCOPE_ARCHIVE_DATADIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/error.h"

#define DATADIR_RESERVE_BLOCK (UINT64_C(1) << 24)

struct datadir {
    char path[3072];
    int lock; /* descriptor; -1: not locked */
    uint64_t instance;
    uint64_t reserved; /* as on disk */
    bool fresh;        /* this call made the instance */
    gid_t group;
};

/* Makes the folders (0750) and takes the lock. STATUS_BUSY names the process that holds it.
 * A directory that is not writable is told with its path. */
enum status datadir_open(struct datadir *dir, const char *path, gid_t group,
                         struct error *err) MUST_CHECK;
/* Raises the reservation so that at least half a block lies above next_seq; synced on return. */
enum status datadir_reserve(struct datadir *dir, uint64_t next_seq, struct error *err) MUST_CHECK;
void datadir_close(struct datadir *dir);

#endif
