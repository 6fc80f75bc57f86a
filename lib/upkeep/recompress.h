/*
 * recompress.h - a sealed segment written again, smaller: one file, in small steps.
 *
 * The new file is made beside the old one (RECOMPRESS_SUFFIX behind its name): the same lines in
 * the same order, generation one higher, larger frames (RECOMPRESS_FRAME_TEXT) at a higher level,
 * index entries and footer as every segment has them. Then it is synced, both files are read to
 * their ends and compared line by line, and the new one takes the old one's name, keeping its time
 * of change, mode and group. Readers in the middle of the old file go on reading that. Killed at
 * any moment there is the old file or the new one under the name, whole, and at most a temporary
 * file besides, which recompress_clean removes.
 *
 * A step takes about as long as compressing 128 KiB: 50 ms at level 19. Memory: some 15 MiB while a
 * file is being written, and its longest line. Threads: one at a time per job.
 */
#ifndef HASHSCOPE_UPKEEP_RECOMPRESS_H
#define HASHSCOPE_UPKEEP_RECOMPRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

struct segment_io; /* lib/segment/writer.h */

#define RECOMPRESS_SUFFIX     ".recompressing"
#define RECOMPRESS_FRAME_TEXT (2u << 20) /* a frame ends when it holds this much */

struct recompress;

struct recompress_figures {
    uint64_t bytes_before, bytes_after; /* of the file; after: so far */
};

/* Begins. Nothing is written yet. STATUS_EXISTS: the file has been rewritten before;
 * STATUS_UNSUPPORTED: it is of a newer version; STATUS_DAMAGED: it is no segment. `io`: NULL is the
 * system's. */
enum status recompress_new(struct recompress **out, const char *path, int level,
                           const struct segment_io *io, struct error *err) MUST_CHECK;

/* Does the next piece. STATUS_OK: there is more to do. STATUS_END: done, the file is replaced.
 * Anything else ends the job, and the old file is as it was: STATUS_INVALID: it would not become
 * smaller; STATUS_DAMAGED: it cannot be read to its end, or the two differ; STATUS_NOT_FOUND: it
 * was removed or changed meanwhile; other codes: the disk refuses. */
enum status recompress_step(struct recompress *job, struct error *err) MUST_CHECK;

/* True when the next step is the one that takes the old file's name. */
bool recompress_replaces_next(const struct recompress *job);
struct recompress_figures recompress_figures(const struct recompress *job);
/* Also in the middle of it: then the temporary file goes. */
void recompress_free(struct recompress *job);

#endif
