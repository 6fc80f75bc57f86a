/*
 * view.h - what the lines of one session say about it: who mines, what was agreed with the
 * pool, how many messages and shares there were. Lines are given in their order.
 *
 * Memory: the struct (1.4 KiB), its texts (each at most SESSION_TEXT_MAX bytes), and 24 bytes for
 * each request without an answer, of which the newest SESSION_PENDING_MAX are remembered, and of
 * SESSION_WORKERS_MAX of these the name that they ask for: at most 60 KiB.
 *
 * Ownership: the owner of the struct calls session_view_close. Threads: one at a time. Nothing
 * fails.
 */
#ifndef HASHSCOPE_API_SESSION_VIEW_H
#define HASHSCOPE_API_SESSION_VIEW_H

#include "api/session/pace.h"
#include "lib/query/query.h"
#include "lib/record/session_rules.h"
#include "lib/stratum/scan.h"
#include "lib/stratum/unasked.h"

#define SESSION_TEXT_MAX    SESSION_NAME_MAX
#define SESSION_PENDING_MAX 1024

enum session_fact { SESSION_FACT_UNKNOWN, SESSION_FACT_NO, SESSION_FACT_YES };

struct session_pending {
    uint64_t seq;
    char *worker;        /* of a login: the name that it asks for, its own; NULL: none */
    uint16_t worker_len; /* no struct span: of these structs there are many */
    uint8_t method;      /* enum stratum_method */
};

struct session_view {
    bool whole;  /* its beginning and all since were seen: the counts include everything */
    bool taught; /* a state line was looked for, or needs not to be */
    uint64_t first_seq, last_seq;
    int64_t first_ns, last_ns;
    uint64_t messages[DIRECTION_COUNT], parse_errors;
    uint64_t submits, accepted, rejected, other_errors; /* the miner's own; as footers count them */
    struct stratum_asked asked;
    uint64_t
        unasked[STRATUM_UNASKED_COUNT]; /* answers of the pool that pair with nothing, by why */
    struct span peer, user_agent, mining_session, extranonce1; /* its own; NULL: not known */
    double difficulty;                                         /* 0: not known */
    char version_mask[9];                                      /* "": not known */
    enum session_fact miner_tls, pool_tls;
    struct session_pace pace;
    struct span workers[SESSION_WORKERS_MAX]; /* its own, plain as those of query.h */
    size_t worker_count;
    struct span refused[SESSION_REFUSED_MAX]; /* names that the pool refused, the newest last */
    size_t refused_count;
    struct session_pending *pending;
    size_t pending_count, pending_room;
    size_t pending_named; /* of them, those with a worker */
    size_t text_bytes;    /* of all texts */
};

/* What a line was, for those who look further. */
struct session_step {
    struct buffer scratch;    /* the caller's, zeroed before the first use and closed at the end */
    struct span bytes;        /* of a message that can be read; in the line, or in scratch */
    struct stratum_scan scan; /* of those bytes */
    bool share_answer;        /* it answers a submit, */
    bool refused;             /* and refuses */
    bool new_difficulty;
};

/* No line of this session is older: an hour before the time that its UUID tells, since clocks are
 * set back; 0: it tells none. */
int64_t session_begin_ns(const struct uuid *session);

void session_view_close(struct session_view *view);
/* What it takes, the struct included. */
size_t session_view_bytes(const struct session_view *view);
void session_view_add(struct session_view *view, const struct segment_line *line,
                      struct session_step *step);
/* A state line of some time ago: fills in what is not known yet. */
void session_view_take_state(struct session_view *view, const struct segment_line *line);
/* The same from what earlier lines have said. */
void session_view_fill(struct session_view *view, const struct session_view *earlier);

#endif
