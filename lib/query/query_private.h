/*
 * query_private.h - a query's own state, shared by the files that fetch rows.
 *
 * query.c decides where the next row comes from, ring.c and archive.c fetch it, place.c says
 * whether it is still to come, cursor.c names places.
 */
#ifndef HASHSCOPE_QUERY_QUERY_PRIVATE_H
#define HASHSCOPE_QUERY_QUERY_PRIVATE_H

#include "lib/base/clock.h"
#include "lib/query/line.h"
#include "lib/query/read_ahead.h"
#include "lib/ring/ring.h"

/* The place of a line in its series. Lines that only name a number stand in front of the one that
 * has it, and are counted from 0. */
#define QUERY_RANK_NUMBERED UINT32_MAX
struct query_key {
    uint64_t instance, seq;
    uint32_t rank;
};
/* Negative: a stands before b. Of one instance. */
int query_key_compare(const struct query_key *a, const struct query_key *b);

void query_cursor_format(char out[QUERY_CURSOR_BYTES], const struct query_key *key, uint64_t hash);
/* False: none, or made for something else. */
bool query_cursor_parse(const char *text, struct query_key *key, uint64_t hash);

enum query_phase {
    QUERY_PHASE_ARCHIVE,
    QUERY_PHASE_RING,
    QUERY_PHASE_ENDED,
};

struct query {
    struct query_place place; /* texts are its own */
    enum query_order order;
    enum query_source source;
    bool follow, bare;
    unsigned threads;
    uint64_t hash; /* of filter and order */
    struct query_match match;
    struct query_reporter reporter;
    bool (*stop)(void *user);
    void *user;
    struct query_statistics statistics;

    enum query_phase phase;
    bool placed;           /* last is set: rows up to it are done with */
    struct query_key last; /* the row given last, or the cursor */
    uint64_t missed;       /* to be told with the next row */
    struct query_second second;

    /* archive */
    bool planned;
    struct query_plan plan;
    struct query_read_ahead *ahead;
    struct query_load *load; /* being gone through */
    size_t hits_left;
    uint64_t newest; /* the archive is known to reach this far … */
    uint64_t newest_instance;
    int64_t waiting_since; /* … and the ring begins above; 0: it does not */

    /* ring */
    struct ring_reader *ring;
    uint64_t ring_instance;
    uint64_t ring_seq; /* of the record read last; newest first: and not below; 0: none */
    uint64_t ring_end; /* the last number when the query was opened: without follow, its end */
    bool ring_whole;   /* from its first number on, though ring_seq is 0 */
    bool ring_gap;     /* what lies between ring_seq and the next record is nowhere */
    struct buffer text;
    struct query_hits hits;
    struct clock_formatter clock;
};

/* ---- query.c: what query_open does around finding the sessions of its filter ---- */

enum status query_prepare(struct query **out, const struct query_options *options,
                          struct error *err) MUST_CHECK;
/* `tail`: behind all that is there. */
enum status query_start(struct query *query, bool tail, struct error *err) MUST_CHECK;
/* Both, for filters that name no worker, peer, route, pool or user agent. */
enum status query_open_rows(struct query **out, const struct query_options *options,
                            struct error *err) MUST_CHECK;

/* ---- place.c ---- */

/* True when the row of this key is still to come; then it counts as given. */
bool query_take(struct query *query, const struct query_key *key);

/* Numbers that are nowhere any more. */
void query_miss(struct query *query, uint64_t count);

/* STATUS_NOT_FOUND: there is no such data directory, or no such import in it. */
enum status query_check_place(const struct query_place *place, struct error *err) MUST_CHECK;

/* ---- archive.c ---- */

/* Lists the files anew and plans to read lines from `above` up to `below`. */
enum status query_archive_begin(struct query *query, uint64_t above, uint64_t below, bool with_tail,
                                struct error *err) MUST_CHECK;
void query_archive_close(struct query *query);
/* STATUS_END: the plan has no more; STATUS_CLOSED: query->stop said so. */
enum status query_archive_next(struct query *query, struct query_row *out) MUST_CHECK;

/* ---- sessions.c ---- */

/* Where the filter says worker, peer …: only the sessions that fit, as they are known now. */
enum status query_resolve(const struct query_options *options, struct query_match *match,
                          struct error *err) MUST_CHECK;

/* ---- ring.c ---- */

/* Opens the ring where there is one; a damaged one is reported and done without. */
void query_ring_open(struct query *query);
void query_ring_close(struct query *query);
/* False: records from `seq` on are gone; then it stands at the oldest. */
bool query_ring_seek(struct query *query, uint64_t seq);
/* To the oldest record that is there now; what is lost from then on is noticed. */
void query_ring_rewind(struct query *query);
/* STATUS_END: nothing more (newest first: or the rest was overwritten). STATUS_BUSY: numbers were
 * overwritten behind query->ring_seq, and the archive may have them; with QUERY_LIVE they are
 * missed. */
enum status query_ring_next(struct query *query, struct query_row *out) MUST_CHECK;
/* True when the recorder has made a new ring, which is open now. */
bool query_ring_replaced(struct query *query);

#endif
