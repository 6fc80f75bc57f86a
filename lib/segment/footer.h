/*
 * footer.h - the directory at the end of a sealed segment: its frames, its sessions, which
 * frames hold lines of which session, and a summary of each session (FORMAT.md, sections 11 and
 * 12).
 *
 * A footer is read with two or three preads, whatever the size of the file, and checked by CRC and
 * against the file; all of it is taken as hostile. Where there is none, or it is damaged, the same
 * object is made from the frames: that takes as long as reading the file does.
 *
 * Ownership: a footer is the caller's until segment_footer_close; spans and arrays that it gives
 * live as long. It keeps no descriptor. Threads: a footer never changes once it is open, so many
 * may read it at a time.
 */
#ifndef HASHSCOPE_SEGMENT_FOOTER_H
#define HASHSCOPE_SEGMENT_FOOTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/segment/index.h"
#include "lib/segment/segment.h"
#include "lib/segment/summary.h"

struct segment_footer;

/* Which parts are wanted: what is not asked for is not decompressed (a listing of sessions needs no
 * frames), and reads as empty. */
#define SEGMENT_FOOTER_TOTALS   0u /* head and totals: always there */
#define SEGMENT_FOOTER_FRAMES   1u
#define SEGMENT_FOOTER_SESSIONS 2u
#define SEGMENT_FOOTER_ALL      3u

/* Of the whole file. */
struct segment_totals {
    uint64_t end;        /* offset behind the last data frame and its index entry */
    uint64_t text_bytes; /* decompressed */
    int64_t lowest_us, highest_us;
    uint64_t first_seq, last_seq; /* 0: no lines */
    uint64_t messages[DIRECTION_COUNT];
    uint64_t lines, errors;
    uint64_t methods; /* as in struct segment_index */
    uint32_t events;
    uint32_t frames, sessions;
    uint32_t reserved; /* 0 */
};

/* Reads the footer. STATUS_NOT_FOUND: there is none (an open file, one of an older program), or it
 * is damaged or does not fit the file (err says what): use segment_footer_rebuild. Other codes: the
 * file cannot be read; STATUS_DAMAGED: it is not a segment; STATUS_UNSUPPORTED: a newer version. */
enum status segment_footer_open(struct segment_footer **out, const char *path, unsigned parts,
                                struct error *err) MUST_CHECK;
/* Makes it from the frames; works on open, torn and damaged files: all whole frames, those behind
 * damage too. With SEGMENT_FOOTER_SESSIONS all of them are decompressed and their checksums fit;
 * without, intact index entries are believed. `damage` (may be NULL) says what was met first; its
 * text is empty when nothing was. A frame that is still being written is no damage. */
enum status segment_footer_rebuild(struct segment_footer **out, const char *path, unsigned parts,
                                   struct error *damage, struct error *err) MUST_CHECK;
/* The first that works. */
enum status segment_footer_load(struct segment_footer **out, const char *path, unsigned parts,
                                struct error *err) MUST_CHECK;
void segment_footer_close(struct segment_footer *footer);

/* Gives a sealed file that has no footer, or a broken one, its footer: appended in place, synced;
 * the lines stay where they are, and who reads meanwhile finds none yet. Takes as long as
 * rebuilding does. STATUS_EXISTS: it has one; STATUS_DAMAGED: its frames do not lie end to end, so
 * only segment_repair can. For the writer's side alone, under the data directory's lock. */
enum status segment_footer_add(const char *path, struct error *err) MUST_CHECK;

/* True when it was made from the frames. */
bool segment_footer_rebuilt(const struct segment_footer *footer);
const struct segment_head *segment_footer_head(const struct segment_footer *footer);
const struct segment_totals *segment_footer_totals(const struct segment_footer *footer);

/* The data frames in the order of the file. */
const struct segment_index *segment_footer_frames(const struct segment_footer *footer,
                                                  size_t *count);

/* Sessions, in the order of their first lines; i < segment_footer_sessions. */
size_t segment_footer_sessions(const struct segment_footer *footer);
void segment_footer_session(const struct segment_footer *footer, size_t i,
                            struct segment_summary *out);
/* Only its name: cheap. */
void segment_footer_session_id(const struct segment_footer *footer, size_t i, struct uuid *out);
/* False when no line of it stands in this file. */
bool segment_footer_find(const struct segment_footer *footer, const struct uuid *session,
                         size_t *i);

/* The frames that hold lines of a session (its state lines included), as runs of ordinals:
 *
 *   struct segment_runs runs;
 *   segment_footer_session_frames(footer, i, &runs);
 *   for (uint32_t first, count; segment_runs_next(&runs, &first, &count);) …
 */
struct segment_runs {
    const unsigned char *at, *end;
    uint32_t next, frames; /* lib/segment's own */
};
void segment_footer_session_frames(const struct segment_footer *footer, size_t i,
                                   struct segment_runs *out);
bool segment_runs_next(struct segment_runs *runs, uint32_t *first, uint32_t *count);

#endif
