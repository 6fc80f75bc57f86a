/*
 * segments.h - the files of the archive, as the API tells of them: from their footers, or from the
 * index entries of a file that has none.
 *
 * A file is `sealed` when it is complete, `open` when it is the one being written, `torn` when it
 * was cut off by a crash and not (or not yet) recovered. Files that vanish meanwhile, since
 * retention takes them, are passed over. Of a file without a footer whole frames are counted; its
 * `to` is when it was written last.
 *
 * Ownership: trees are the caller's. Threads: any; nothing is kept.
 */
#ifndef HASHSCOPE_API_REST_SEGMENTS_H
#define HASHSCOPE_API_REST_SEGMENTS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/query/query.h"

#define SEGMENTS_SERIES_MAX 1000
#define SEGMENTS_FRAMES_MAX 5000 /* of one file that are shown */

/* The newest first: at most `limit` below the number `below` (0: from the newest on). *next is the
 * number of the last one when more follow, else 0. */
enum status segments_list(const struct query_place *place, uint64_t below, size_t limit,
                          json_t **items, uint64_t *next, struct error *err) MUST_CHECK;
/* One with its counts and frames. STATUS_NOT_FOUND. */
enum status segments_one(const struct query_place *place, uint64_t wanted, json_t **out,
                         struct error *err) MUST_CHECK;

/* All together. Times in nanoseconds; 0: nothing was recorded. */
struct segments_sum {
    uint64_t count, bytes;
    int64_t from_ns, to_ns;
};
enum status segments_add_up(const struct query_place *place, struct segments_sum *out,
                            struct error *err) MUST_CHECK;

/* A time as the API writes it; null for 0. */
json_t *segments_time(int64_t wall_ns);

/* The series of imports, the newest first: {series, imported, segments, bytes, from, to}. */
enum status segments_series(const struct query_place *place, json_t **items,
                            struct error *err) MUST_CHECK;

#endif
