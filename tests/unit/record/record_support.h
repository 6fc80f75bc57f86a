/*
 * record_support.h - what the tests of segments and archive share: a data directory that goes with
 * the test, records made by hand, faults of the disk, and what a file holds as text.
 */
#ifndef HASHSCOPE_TESTS_UNIT_RECORD_RECORD_SUPPORT_H
#define HASHSCOPE_TESTS_UNIT_RECORD_RECORD_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/record/record.h"
#include "lib/segment/writer.h"

#define SUPPORT_WALL INT64_C(1795355581123456789) /* 2026-11-22T13:53:01.123456Z */

/* A new folder, in memory where that can be had: thousands of files are synced there.
 * support_remove deletes it with all that is in it. */
const char *support_folder(void);
void support_remove(const char *folder);

/* The whole file; `data` is never NULL. */
struct buffer support_read(const char *path);
void support_write(const char *path, const void *data, size_t len);

/* All files below a folder whose path ends like this. */
unsigned support_count(const char *folder, const char *suffix);
/* The path of the only one. */
const char *support_only(const char *folder, const char *suffix);

struct uuid support_session(unsigned number);
/* A message of session `session` with this seq, one millisecond after the one before. */
struct record support_message(uint64_t seq, unsigned session, const char *text);
struct session_info support_info(unsigned session);

/* Disk faults: writes take at most `room` more bytes, then fail with `errnum`; syncs fail while
 * sync_errnum is not 0. Safe to change from another thread. */
struct support_disk {
    _Atomic int64_t room; /* negative: without bound */
    _Atomic int errnum, sync_errnum;
    _Atomic uint64_t writes, failures, syncs;
};
struct segment_io support_io(struct support_disk *disk);

/* Adds a line for the record to the file. */
void support_put(struct segment_writer *file, const struct record *record);

/* What the zstd program makes of a file; stops the test when it does not like it. */
struct buffer support_zstdcat(const char *path);
/* Runs the independent reader over a data directory or a file; false when it objects. */
bool support_check(const char *path);

#endif
