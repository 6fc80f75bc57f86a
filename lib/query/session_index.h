/*
 * session_index.h - sessions gathered from footers, lines and the ring's table, one entry each. For
 * lib/query alone.
 *
 * Sources are taken in from the oldest on: what is said later about a session counts, numbers add
 * up. Memory: about 700 bytes a session and its texts. Threads: one.
 */
#ifndef HASHSCOPE_QUERY_SESSION_INDEX_H
#define HASHSCOPE_QUERY_SESSION_INDEX_H

#include "lib/query/query.h"
#include "lib/segment/summary.h"

#define CENSUS_WORKERS_MAX SEGMENT_WORKERS_MAX /* of one session; the oldest go */
#define CENSUS_REFUSED_MAX SEGMENT_REFUSED_MAX

struct census_entry {
    struct query_session session; /* its texts are its own */
    struct span workers[CENSUS_WORKERS_MAX], refused[CENSUS_REFUSED_MAX];
};

struct census {
    struct census_entry **table; /* open addressing, by session */
    size_t capacity, count;
    uint64_t seed;
    uint64_t *submits;   /* the newest of the rows taken in, by seq modulo CENSUS_SUBMITS */
    uint64_t first_row;  /* seq of the first row taken in; 0: none */
    struct buffer plain; /* a text without its escapes */
    struct buffer bytes; /* of a message in base64 */
};
#define CENSUS_SUBMITS ((uint64_t)1 << 16)

void census_init(struct census *census);
void census_close(struct census *census);

void census_add_summary(struct census *census, const struct segment_summary *summary);
/* A message that no summary has counted. */
void census_add_row(struct census *census, const struct query_row *row);
/* A session of the ring's table; `newest_mono_ns` is the time of the ring's newest record. True: it
 * has ended, and no summary has told how. */
bool census_add_live(struct census *census, const struct session_info *info,
                     int64_t newest_mono_ns);
/* The end of such a session. */
void census_add_closed(struct census *census, const struct query_row *row);

/* All entries, the newest session first; the caller frees the array, not the entries. */
struct census_entry **census_sorted(const struct census *census);

#endif
