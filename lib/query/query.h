/*
 * query.h - the one way to read what was recorded: rows of the live ring and of the archive as one
 * series, filtered, oldest or newest first, page by page.
 *
 *   struct query_options options = {.place = {data_dir, ring_path}, .filter.errors = true};
 *   struct query *query;
 *   enum status status = query_open(&query, &options, &err);
 *   while (status == STATUS_OK && (status = query_next(query, &row, &err)) == STATUS_OK)
 *       …row.line.text…
 *   query_cursor(query, cursor);     where a next page, maybe of another process, goes on
 *   query_close(query);
 *
 * What a row is. One line as FORMAT.md has it, wherever it came from: records of the ring are
 * written as the archive would have written them. Rows come in the order of their seq; a line
 * without a number of its own (`at`) stands in front of the one it names. Each number comes once,
 * though ring and archive overlap and a line may stand in two files after a disk error. The lines
 * that the archive adds (`state`, and gaps with `at`) come from the archive only.
 *
 * No holes. Oldest first, the archive is read as far as its whole frames go, then the ring; if the
 * ring no longer reaches back to there, the archive is read on. Newest first it is the other way
 * round. What was overwritten in the ring and has not reached the archive within a second is gone:
 * it is counted in statistics.missed and in the next row's `missed`.
 *
 * What is read. Files are passed over by the times in their names, sessions and frames by the
 * footer (or, without one, by the index entries behind the frames); frames that may hold rows are
 * decompressed one by one and searched as a whole, and only lines that can still fit are taken
 * apart. Times in file names are trusted to an hour: rows recorded while the clock was off by more,
 * and set back within one file, may be missed by a query for a time range.
 *
 * Damage. A frame that does not decompress, or holds lines that are none, is told to
 * options.damage, counted, and passed over: the rows behind it follow. So is a file that cannot be
 * read. Files that retention takes while a query runs are counted as vanished; one that is open
 * already is read to its end.
 *
 * Memory: with threads = 0 one frame (at most 32 MiB, usually 1 MiB), the directory of one file,
 * and the sessions that fit the filter where it names workers, peers, pools or agents; with threads
 * two frames more a thread.
 *
 * Ownership: everything passed in is copied. A row and its spans live until the next call on its
 * query. Threads: one at a time per query; queries share nothing. Times are wall time in
 * nanoseconds since 1970 UTC; of rows, whole microseconds.
 */
#ifndef HASHSCOPE_QUERY_QUERY_H
#define HASHSCOPE_QUERY_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/random.h"
#include "lib/record/record.h"
#include "lib/segment/segment.h"

/* ------------------------------------------------------------------ what is asked for */

/* Where the recordings are. `series` is the instance of an import below segments/imported/; 0 is
 * the data directory's own. Of an import the ring is not read. */
struct query_place {
    const char *data_dir;
    const char *ring_path; /* NULL, or no such file: the archive alone */
    uint64_t series;
};

enum query_source {
    QUERY_ALL,     /* archive and ring as one */
    QUERY_LIVE,    /* what is in the ring */
    QUERY_ARCHIVE, /* what is in segment files, up to the last flush of the one being written */
};

enum query_order { QUERY_OLDEST_FIRST, QUERY_NEWEST_FIRST };

/* query_filter.what: a bit set. Gaps and notes of recovery count as events. */
#define QUERY_MESSAGES 1u
#define QUERY_EVENTS   2u
#define QUERY_STATES   4u

/* All that is set must fit; a zeroed filter fits everything. direction, method, errors, answers and
 * the like fit messages only. */
struct query_filter {
    int64_t from_ns, to_ns;       /* from <= ts < to; 0: no bound */
    uint64_t first_seq, last_seq; /* both included; 0: no bound. A line's `at` counts as its seq */
    const struct uuid *sessions;  /* one of these */
    size_t session_count;         /* 0: any */
    unsigned directions;          /* bit set of 1 << enum direction; 0: any */
    uint64_t methods; /* bit set of 1 << enum stratum_method; with method_names: either */
    const char *const *method_names; /* such as are in no list, exactly as written */
    size_t method_count;
    bool errors;                            /* responses that refuse */
    uint64_t answers_to;                    /* the line whose `re` is this; 0: any */
    int64_t latency_min_us, latency_max_us; /* answers that took so long; both included; 0: any */
    const char *text; /* occurs in the message's bytes as they were on the wire; in lines that */
    size_t text_len;  /* are no message, anywhere in the line. 0: any */
    bool ignore_case; /* of text, for the letters of ASCII */
    unsigned what;    /* QUERY_MESSAGES …; 0: all */
    bool no_scraps;   /* of a line in pieces what people see: no scraps (lib/segment/segment.h) */
    enum query_source source;

    /* Sessions by what is known of them: parts of these texts, without regard to case; NULL: any.
     * They are resolved when the query is opened; a session that begins later is not found. */
    const char *worker, *peer, *route, *pool, *user_agent;
};

/* Damage met: where, and why. `offset` is that of the frame. */
struct query_damage {
    const char *path;
    uint64_t offset;
    const char *why;
};

struct query_options {
    struct query_place place;
    struct query_filter filter;
    enum query_order order;
    const char *cursor; /* of an earlier query with the same filter and order; NULL: begin */
    bool follow;        /* oldest first: STATUS_END means "nothing yet", ask again later */
    bool tail;          /* with follow: begin with what comes from now on */
    bool bare;          /* rows have only line.text, .seq and .numbered: for those who copy lines */
    unsigned threads;   /* that read ahead; 0: none. Frames are independent; rows stay in order */
    void (*damage)(void *user, const struct query_damage *damage); /* may be NULL */
    /* Asked in front of every file and frame, so also where no row fits for long; true: query_next
     * gives no more than what was read already, and then STATUS_CLOSED. NULL: never. */
    bool (*stop)(void *user);
    void *user; /* of these two */
};

/* ------------------------------------------------------------------ rows */

struct query;

enum query_origin { QUERY_FROM_ARCHIVE, QUERY_FROM_RING };

struct query_row {
    struct segment_line line;
    enum query_origin origin;
    uint64_t instance; /* of the series; the row's id is "<instance in 16 hex digits>-<seq>" */
    uint64_t segment;  /* number of the file; 0 from the ring */
    uint64_t missed;   /* numbers lost between the row before and this one, see "No holes" */
};

struct query_statistics {
    uint64_t rows;       /* given out */
    uint64_t lines;      /* looked at one by one */
    uint64_t bytes_read; /* of segment files */
    uint64_t text_bytes; /* after decompression */
    uint64_t files, files_opened, files_pruned, files_vanished;
    uint64_t frames_read, frames_pruned; /* of files that were opened */
    uint64_t ring_records;
    uint64_t missed;
    uint64_t damaged; /* times that options.damage was or would have been called */
};

/* STATUS_INVALID: the filter contradicts itself, or the cursor is none or belongs to another filter
 * or order; STATUS_NOT_FOUND: there is no such data directory or import, or its series is no longer
 * the cursor's; else what the system says. An archive without segments is no error. */
enum status query_open(struct query **out, const struct query_options *options,
                       struct error *err) MUST_CHECK;
/* STATUS_END: no more; oldest first the ring is read as far as it went when the query was opened,
 * so that a query ends however fast the recorder writes. With options.follow, ask again: it is
 * cheap (no file is read while the ring serves). May wait up to a second when the ring was overrun
 * by what the archive has yet to flush. STATUS_CLOSED: options.stop said so. Other codes: the
 * system refuses (memory, the segments folder). After these the query can only be closed. */
enum status query_next(struct query *query, struct query_row *out, struct error *err) MUST_CHECK;
void query_close(struct query *query);

const struct query_statistics *query_statistics(const struct query *query);

/* Where the query stands, behind the last row given out: instance, seq and a hash of filter and
 * order; text without characters that a URL would escape. It survives rotation, sealing,
 * recompression, expiry (then it goes on with what is left) and restarts. */
#define QUERY_CURSOR_BYTES 96 /* with its NUL */
void query_cursor(const struct query *query, char out[QUERY_CURSOR_BYTES]);

/* The message's bytes without its line end: a span of the row, or decoded into `scratch`.
 * STATUS_DAMAGED when its base64 is none; STATUS_INVALID when the row is no message. */
enum status query_row_bytes(const struct query_row *row, struct buffer *scratch,
                            struct span *out) MUST_CHECK;

/* What was lost in front of a row with `missed`, as the archive would say it: a line with the event
 * "gap", in `text`. False: the row's own line is none of this format. */
bool query_row_gap(const struct query_row *row, struct buffer *text,
                   struct segment_line *out) MUST_CHECK;

/* ------------------------------------------------------------------ one row */

/* Of an id: where its series is that of an import, the place becomes the import's. */
void query_choose_series(struct query_place *place, uint64_t instance);

#define QUERY_ID_BYTES 40 /* "<instance>-<seq>" with its NUL */
void query_id_format(char out[QUERY_ID_BYTES], uint64_t instance, uint64_t seq);
bool query_id_parse(const char *text, uint64_t *instance, uint64_t *seq);

/* The row with this id, of the place's series or of an import. It lives until query_close(*out).
 * STATUS_NOT_FOUND: it has expired, was never recorded, or is of another series; STATUS_INVALID:
 * not an id. Then *out is NULL. */
enum status query_find(struct query **out, const struct query_place *place, const char *id,
                       struct query_row *row, struct error *err) MUST_CHECK;

/* The line that answers `request`, as paired by the recorder; reads on from the request, no further
 * than pair_timeout_sec (PAIR_TIMEOUT_SEC, and a minute for the clocks). STATUS_NOT_FOUND: none. */
enum status query_response(struct query **out, const struct query_place *place,
                           const struct query_row *request, unsigned pair_timeout_sec,
                           struct query_row *row, struct error *err) MUST_CHECK;

/* The first number in the segment file that holds `seq`, or would: from there on lines say of every
 * session what it is (FORMAT.md, `state`). 0: no file, or it cannot be told. */
enum status query_file_begin(const struct query_place *place, uint64_t seq, uint64_t *out,
                             struct error *err) MUST_CHECK;

/* ------------------------------------------------------------------ sessions */

/* A session as far as the places read tell. Texts are plain UTF-8 without the escapes of JSON,
 * wherever they come from, those of miners and pools with whatever characters they sent, NULs too;
 * what is no UTF-8 stands there as json_text.h says. They live until query_sessions_close; empty
 * when unknown. With a time range, counts are those of the files that reach into it. */
struct query_session {
    struct uuid session;
    uint64_t number;
    struct span route, miner, via, listen, user_agent, pool, address;
    const struct span *workers;
    size_t worker_count;
    const struct span *refused; /* workers that the pool refused, the oldest first; the last ones */
    size_t refused_count;
    int64_t opened_ns;            /* from the event, else from the UUID */
    int64_t first_ns, last_ns;    /* of its lines; 0: none seen */
    int64_t lasted_ns;            /* from opened to closed, of an open one to the newest record of
                                     the ring, whoever's; never negative */
    bool lasted_steady;           /* by the monotonic clock; else it is the difference of opened_ns
                                     and last_ns, which a clock that was set spoils */
    uint64_t first_seq, last_seq; /* of its lines */
    uint64_t messages[DIRECTION_COUNT];
    uint64_t submits, accepted, rejected, other_errors;
    uint64_t unasked; /* answers of the pool that pair with nothing */
    uint64_t bytes_up, bytes_down;
    enum session_state state; /* SESSION_OPEN without a sign that it ended */
    struct span closed_by, reason;
    bool live;     /* the ring's session table has it */
    bool complete; /* the counts include everything; else some of the newest lines may be missing,
                      accepted and rejected ones in any case */
};

/* As the filter's `worker` looks for it: a part of the name of a worker, refused ones too, without
 * regard to case; the name as it is, or with escapes for control characters as terminals show it.
 */
bool query_session_has_worker(const struct query_session *session, struct span part);

struct query_sessions;

/* Sessions with a line that fits from/to/first_seq/last_seq, and that fit sessions, worker, peer,
 * route, pool and user_agent; the rest of the filter must be unset. Newest first, by UUID. `live`
 * lists those of the ring's table, with what the archive adds. `exact`: also count the messages in
 * the file that is being written and in the ring, which costs their reading. All is gathered by
 * query_sessions_open. */
struct query_sessions_options {
    struct query_place place;
    struct query_filter filter;
    const char *cursor;
    bool exact;
    void (*damage)(void *user, const struct query_damage *damage);
    void *user;
};
enum status query_sessions_open(struct query_sessions **out,
                                const struct query_sessions_options *options,
                                struct error *err) MUST_CHECK;
enum status query_sessions_next(struct query_sessions *sessions, struct query_session *out,
                                struct error *err) MUST_CHECK;
/* How many there are, all pages together. */
size_t query_sessions_count(const struct query_sessions *sessions);
void query_sessions_cursor(const struct query_sessions *sessions, char out[QUERY_CURSOR_BYTES]);
const struct query_statistics *query_sessions_statistics(const struct query_sessions *sessions);
void query_sessions_close(struct query_sessions *sessions);

#endif
