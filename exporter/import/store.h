/*
 * store.h - where imports are kept: DATA_DIR/segments/imported.
 *
 *   <instance in 16 hex digits>/YYYY/MM/DD/…    an import; its segments are as any other
 *   <instance>/import.json                      what it was made of
 *   <instance>.importing/                       one that is being made, or was broken off
 *   .lock                                       flock of whoever imports or removes
 *
 * An import gets its name when all of it is on the disk, so that nothing looks complete that is
 * not. What was broken off is removed when the store is opened the next time.
 *
 * The recorder's lock is not needed: it does not touch this folder, nor does retention.
 * Threads: one.
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_STORE_H
#define HASHSCOPE_EXPORTER_IMPORT_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/segment/segment.h"

#define IMPORT_STORE_PATH (SEGMENT_PATH_MAX - 64)

struct import_store {
    char folder[IMPORT_STORE_PATH];
    int lock; /* -1: not open */
};

/* Makes the folders, takes the lock. STATUS_BUSY: another import is running. */
enum status import_store_open(struct import_store *store, const char *data_dir,
                              struct error *err) MUST_CHECK;
void import_store_close(struct import_store *store);

bool import_store_has(const struct import_store *store, uint64_t instance);
/* The folder of an import that begins now; its path in `out`. */
enum status import_store_begin(const struct import_store *store, uint64_t instance,
                               char out[SEGMENT_PATH_MAX], struct error *err) MUST_CHECK;
/* Writes import.json, makes all durable, gives the folder its name. */
enum status import_store_commit(const struct import_store *store, uint64_t instance,
                                struct span json, struct error *err) MUST_CHECK;
/* Removes what was begun. */
void import_store_abort(const struct import_store *store, uint64_t instance);
/* STATUS_NOT_FOUND: there is no such import. */
enum status import_store_remove(const struct import_store *store, uint64_t instance,
                                struct error *err) MUST_CHECK;

/* One import, as its files tell. */
struct import_entry {
    uint64_t instance;
    uint64_t segments, bytes, sessions, messages;
    int64_t first_us, last_us;
    int64_t imported_ns;
    char *json; /* import.json; NULL: it cannot be read */
};
/* All imports, the one that was imported first in front. Without the lock: the store need not be
 * open. */
enum status import_store_list(const char *data_dir, struct import_entry **out, size_t *count,
                              struct error *err) MUST_CHECK;
void import_entries_free(struct import_entry *entries, size_t count);

#endif
