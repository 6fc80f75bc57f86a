/*
 * plan.h - which frames of which segment files a query has to read, in its order. For
 * lib/query alone.
 *
 * Files are opened one after the other as the plan moves on; those that cannot hold a row, by their
 * names, and frames, by their entries, are passed over and counted.
 *
 * Threads: one.
 */
#ifndef HASHSCOPE_QUERY_PLAN_H
#define HASHSCOPE_QUERY_PLAN_H

#include "lib/query/file.h"

struct query_bounds {
    uint64_t instance; /* of the numbers; 0: of whatever is there */
    uint64_t above;    /* only lines with seq >= this … */
    uint64_t below;    /* … and <= this */
};

struct query_plan {
    const struct query_match *match;
    enum query_order order;
    bool with_tail; /* also the frame that is being written */
    struct query_bounds bounds;
    struct query_reporter *reporter;
    struct query_statistics *statistics;
    bool (*stop)(void *user); /* NULL: never */
    void *stop_user;
    bool stopped; /* it said so: the plan has no more, though there are frames */
    struct segment_path *paths;
    size_t count;
    size_t first; /* those before it have no line of the sessions asked for */
    size_t left;  /* files not yet opened: the last `left` of paths, or the first */
    struct query_file *file;
    size_t frames_left; /* of file, likewise */
    bool tail_left;
    bool *wanted;      /* frames with lines of the sessions asked for; NULL: all */
    bool ended;        /* nothing behind this place can fit */
    uint64_t instance; /* of the file opened last */
};

/* Lists the files. The plan's first fields are the caller's to set before. */
enum status query_plan_open(struct query_plan *plan, const struct query_place *place,
                            struct error *err) MUST_CHECK;
void query_plan_close(struct query_plan *plan);

/* Puts the next frame to be read into the load (its file held); false: no more. */
bool query_plan_next(struct query_plan *plan, struct query_load *load);

/* Before the first query_plan_next, oldest first: the first number in the file that it begins with;
 * 0: there is none, or it cannot be told. */
uint64_t query_plan_first_seq(const struct query_plan *plan);

/* Whether the i-th file may hold rows, as far as names tell. */
bool query_plan_name_fits(const struct query_plan *plan, size_t i);

/* The highest number in the archive's files, the frame being written included if with_tail; 0:
 * none. Opens files of its own. */
uint64_t query_plan_newest(struct query_plan *plan, uint64_t *instance);

#endif
