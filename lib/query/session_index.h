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

struct session_index_entry {
    struct query_session session; /* its texts are its own */
    struct span workers[SESSION_WORKERS_MAX], refused[SESSION_REFUSED_MAX];
};

struct session_index {
    struct session_index_entry **table; /* open addressing, by session */
    size_t capacity, count;
    uint64_t seed;
    uint64_t *submits;   /* the newest of the rows taken in, by seq modulo SESSION_INDEX_SUBMITS */
    uint64_t first_row;  /* seq of the first row taken in; 0: none */
    struct buffer plain; /* a text without its escapes */
    struct buffer bytes; /* of a message in base64 */
};
#define SESSION_INDEX_SUBMITS ((uint64_t)1 << 16)

void session_index_init(struct session_index *index);
void session_index_close(struct session_index *index);

void session_index_add_summary(struct session_index *index, const struct segment_summary *summary);
/* A message that no summary has counted. */
void session_index_add_row(struct session_index *index, const struct query_row *row);
/* A session of the ring's table; `newest_mono_ns` is the time of the ring's newest record. True: it
 * has ended, and no summary has told how. */
bool session_index_add_live(struct session_index *index, const struct session_info *info,
                            int64_t newest_mono_ns);
/* The end of such a session. */
void session_index_add_closed(struct session_index *index, const struct query_row *row);

/* All entries, the newest session first; the caller frees the array, not the entries. */
struct session_index_entry **session_index_sorted(const struct session_index *index);

#endif
