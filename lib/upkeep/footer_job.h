/*
 * footer_job.h - a sealed segment that lacks its footer gets one, in small steps.
 *
 * The file is read once for the footer. Then a new one is made beside it (RECOMPRESS_SUFFIX behind
 * its name): the same bytes up to the end of the last frame's entry, footer and seek table behind
 * them, same generation, time of change, mode and group. It is synced, compared with the old one
 * byte by byte, its footer is read as any reader does, and it takes the old one's name. A footer
 * written into the old file would be less work; but the zstd program refuses a file that ends in
 * the middle of one, and that is what others would see meanwhile, and after a kill. Readers in the
 * middle of the old file go on reading that. Killed at any moment there is the old file or the new
 * one under the name, whole, and at most a temporary file besides.
 *
 * A step takes as long as reading a frame does, or copying 1 MiB: some 20 ms. Memory: a frame, its
 * text, the directory, and what is gathered about the sessions (lib/segment/summary.h). Threads:
 * one at a time per job.
 */
#ifndef HASHSCOPE_UPKEEP_FOOTER_JOB_H
#define HASHSCOPE_UPKEEP_FOOTER_JOB_H

#include <stdbool.h>

#include "lib/base/error.h"

struct footer_job;

/* Begins. STATUS_EXISTS: it has a footer; STATUS_UNSUPPORTED: it is of a newer version. */
enum status footer_job_new(struct footer_job **out, const char *path, struct error *err) MUST_CHECK;

/* Does the next piece. STATUS_OK: there is more to do. STATUS_END: done, the file is replaced.
 * Anything else ends the job, and the old file is as it was: STATUS_DAMAGED: its frames do not lie
 * end to end, or it has more sessions than a footer may, so that it can have none;
 * STATUS_NOT_FOUND: it was removed or changed meanwhile; other codes: the disk refuses. */
enum status footer_job_step(struct footer_job *job, struct error *err) MUST_CHECK;

/* True when the next step is the one that takes the old file's name. */
bool footer_job_replaces_next(const struct footer_job *job);
/* Also in the middle of it: then the temporary file goes. */
void footer_job_free(struct footer_job *job);

#endif
