/*
 * file.h - one segment file as a query sees it: a directory of frames, and frames to be read
 * one by one in any order. For lib/query alone.
 *
 * The directory comes from the footer; without one, from the index entries: backwards from the end,
 * each tells where the one before it ends; what they do not cover (the frame being written, damage)
 * is walked forwards, from frame to frame, and behind damage from the next entry that fits on.
 *
 * Ownership: a file is counted; the last release closes it. Threads: opening, holding and releasing
 * are one thread's; query_load_run may run in any, several at a time on one file.
 */
#ifndef HASHSCOPE_QUERY_FILE_H
#define HASHSCOPE_QUERY_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <zstd.h>

#include "lib/query/match.h"
#include "lib/query/report.h"
#include "lib/segment/footer.h"

#define QUERY_TEXT_MAX SEGMENT_FRAME_TEXT_MAX

struct query_file {
    unsigned holders;
    int fd;
    char *path;
    uint64_t size; /* when it was opened */
    struct segment_head head;
    struct segment_footer *footer; /* NULL: none */
    const struct segment_index
        *frames; /* lines == 0: its entry is missing, anything may be in it */
    size_t frame_count;
    struct segment_index *own; /* the directory when there is no footer */
    uint64_t tail;             /* offset of the frame that is still being written; 0: none */
    uint64_t bytes_read;       /* for the directory */
};

/* `sessions`: also what the footer says of sessions. STATUS_NOT_FOUND: it has vanished. A file of a
 * few bytes, just made, has no frames. */
enum status query_file_open(struct query_file **out, const char *path, bool sessions,
                            struct query_reporter *reporter, struct error *err) MUST_CHECK;
struct query_file *query_file_hold(struct query_file *file);
void query_file_release(struct query_file *file);
/* The number of its last line; 0: not known from the directory. */
uint64_t query_file_last_seq(const struct query_file *file);

/* The first number in the file, from its first lines; false: not to be had. */
bool query_file_probe(const char *path, uint64_t *instance, uint64_t *first_seq);

/* One frame to be read, and what came of it. */
struct query_load {
    struct query_file *file;
    struct segment_index frame;
    bool tail; /* the frame being written: as much as there is */
    struct buffer raw, text;
    struct query_hits hits;
    uint64_t last_seq; /* the last number in the text; 0: none */
    bool damaged;
    char why[128];
    bool done; /* read_ahead.c */
};
void query_load_run(struct query_load *load, ZSTD_DCtx *decompressor,
                    const struct query_match *match);
void query_load_close(struct query_load *load); /* releases the file too */

#endif
