/*
 * footer_rebuild.h - a footer made from the frames of a file, a piece at a time: for those
 * who may not work for long. Threads: one at a time per rebuild.
 */
#ifndef HASHSCOPE_SEGMENT_FOOTER_REBUILD_H
#define HASHSCOPE_SEGMENT_FOOTER_REBUILD_H

#include "lib/segment/footer.h"

/* segment_footer_rebuild in steps of a piece each. STATUS_END: all were taken, and the footer can
 * be had, once; it is the caller's then. */
struct segment_rebuild;
enum status segment_rebuild_open(struct segment_rebuild **out, const char *path, unsigned parts,
                                 struct error *damage, struct error *err) MUST_CHECK;
enum status segment_rebuild_step(struct segment_rebuild *rebuild, struct error *err) MUST_CHECK;
struct segment_footer *segment_rebuild_finish(struct segment_rebuild *rebuild);
void segment_rebuild_close(struct segment_rebuild *rebuild);

#endif
