/*
 * match.h - a filter made ready, and applied to the text of a frame or to a record of the
 * ring. For lib/query alone.
 *
 * Pure: a match never changes once made, so threads share it; each brings its own scratch.
 */
#ifndef HASHSCOPE_QUERY_MATCH_H
#define HASHSCOPE_QUERY_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/query/query.h"
#include "lib/query/text.h"
#include "lib/segment/layout.h"

/* Session ids as they stand in lines, sorted. */
struct query_ids {
    char (*texts)[UUID_TEXT_LEN];
    struct uuid *uuids; /* in the same order */
    size_t count;
};

struct query_match {
    bool never;             /* nothing can fit: no session does */
    bool bounded;           /* in time */
    int64_t from_us, to_us; /* from <= t < to */
    char from[CLOCK_TEXT_LEN], to[CLOCK_TEXT_LEN];
    uint64_t first_seq, last_seq; /* both included */
    bool by_session;
    struct query_ids ids;
    unsigned what, directions;
    uint64_t methods; /* 0: any */
    char **names;     /* methods that are in no list */
    size_t name_count;
    bool by_method, errors, no_scraps;
    uint64_t answers_to;
    bool by_latency;
    int64_t latency_min_us, latency_max_us; /* both included */
    struct query_needle text;
    struct query_needle clue;   /* stands in every line that fits; not set: no such text */
    struct query_needle base64; /* or this does: the message may hold the clue encoded */
    uint64_t hash;              /* of the filter; part of a cursor */
};

/* `ids` replaces the filter's sessions when not NULL (those that fit worker, peer …). */
enum status query_match_init(struct query_match *match, const struct query_filter *filter,
                             struct error *err) MUST_CHECK;
/* From now on only these sessions fit. */
void query_match_restrict(struct query_match *match, const struct uuid *sessions, size_t count);
void query_match_close(struct query_match *match);
/* Whether an answer that took so long fits; `paired`: it is one. */
bool query_match_latency(const struct query_match *match, bool paired, int64_t latency_us);

/* A line that fits. */
struct query_hit {
    uint32_t offset, len; /* in the text, without its newline */
    uint64_t seq;
    bool numbered;
};
struct query_hits {
    struct query_hit *list;
    size_t count, room;
    uint64_t lines;        /* looked at */
    uint64_t malformed;    /* of them none of this format */
    struct buffer decoded; /* scratch */
};
void query_hits_close(struct query_hits *hits);

/* All lines of the text (each ended by a newline) that fit, in order. */
void query_match_text(const struct query_match *match, struct query_hits *hits, struct span text);

bool query_match_session(const struct query_match *match, const struct uuid *session);
/* Whether a frame may hold lines that fit, from its index entry. */
bool query_match_frame(const struct query_match *match, const struct segment_index *index);
/* Whether a record may fit; it costs less than writing its line. */
bool query_match_record(const struct query_match *match, const struct record *record);

#endif
