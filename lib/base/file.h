/*
 * file.h - small files that must survive a power cut, and what makes changes of a folder durable.
 *
 * A file is replaced by writing a new one beside it, `<path>.new`, syncing it, renaming it over the
 * old one and syncing the folder: whenever the power goes, either the old or the new text is there
 * as a whole (rename(2) is atomic; fsync(2) of the folder makes the name durable).
 *
 * Threads: any; two that replace the same file at once need a lock of their own. Errors say the
 * path. Nothing is kept.
 */
#ifndef HASHSCOPE_BASE_FILE_H
#define HASHSCOPE_BASE_FILE_H

#include <sys/types.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

/* `mode` is that of the new file, before the umask. On failure the old file is as it was, except
 * when only the last sync failed: then the new text is there, but may not outlive a power cut. */
enum status file_replace(const char *path, struct span text, mode_t mode,
                         struct error *err) MUST_CHECK;

/* fsync of the folder that holds `path`. */
enum status file_sync_folder(const char *path, struct error *err) MUST_CHECK;

#endif
