/*
 * sim_pool.h - the simulated pool without its sockets: a line in, lines out.
 *
 * A struct sim_pool holds the chain, the recent jobs and the totals; a struct sim_client is one
 * connection. The caller feeds each client its lines (sim_client_line) and, a few times a second,
 * the time (sim_pool_tick once, then sim_client_tick for every client); whatever the pool wants to
 * say is appended to `out`, whole lines with their terminator.
 *
 * Honest: every submit is recomputed from what the client itself was sent. It is accepted when job,
 * worker, extranonce2, time, version bits and work are right; the difficulty asked is the one of
 * the job, or the newer one if that is lower. Else it is refused with the usual codes: 20 other, 21
 * job not found or stale, 22 duplicate, 23 low difficulty, 24 unauthorized, 25 not subscribed.
 *
 * Deterministic: with the same settings, lines and times the same bytes come out.
 * Threads: one at a time per pool with all its clients.
 */
#ifndef HASHSCOPE_SIM_POOL_H
#define HASHSCOPE_SIM_POOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "samples/sim/sim_difficulty.h"
#include "samples/sim/sim_template.h"

#define SIM_JOBS_KEPT       16
#define SIM_SEEN_MAX        4096 /* shares of a client remembered to know duplicates */
#define SIM_EXTRANONCE1_MAX 24
#define SIM_EXTRANONCE2_MAX 16
#define SIM_WORKER_MAX      128

struct sim_now {
    int64_t ms;    /* monotonic */
    uint32_t unix; /* seconds, for ntime */
};

/* Why a share was refused; names and codes in sim_reject_name and sim_reject_code. */
enum sim_reject {
    SIM_ACCEPTED,
    SIM_REJECT_OTHER,
    SIM_REJECT_STALE,
    SIM_REJECT_DUPLICATE,
    SIM_REJECT_LOW_DIFFICULTY,
    SIM_REJECT_UNAUTHORIZED,
    SIM_REJECT_NOT_SUBSCRIBED,
    SIM_REJECT_COUNT
};
const char *sim_reject_name(enum sim_reject reject); /* "accepted", "other", "stale" … */
int sim_reject_code(enum sim_reject reject);         /* 20 … 25; 0 for accepted */
enum sim_reject sim_reject_of_code(int64_t code);    /* unknown codes are "other" */

struct sim_pool_settings {
    uint64_t seed;
    uint32_t height;
    double difficulty; /* of a new client */
    struct sim_vardiff_settings vardiff;
    int64_t block_ms; /* a new block every …; 0: never */
    int64_t job_ms;   /* a new job on the same block every …; 0: never */
    int64_t
        full_after_ms; /* an empty template first, the full one so much later; 0: full at once */
    size_t extranonce1_bytes, extranonce2_bytes;
    uint32_t version_mask; /* 0: version rolling is refused */
    bool fixed_clock;      /* ntime is clock_unix plus the job's number, not the time of day */
    uint32_t clock_unix;
    /* what it says besides; 0 or NULL: never */
    const char *show_message;   /* after the authorize answer */
    bool ask_version;           /* client.get_version after the authorize answer */
    int64_t ping_ms;            /* mining.ping every … */
    int64_t extranonce_ms;      /* a new extranonce1 every …, for those who subscribed to it */
    int64_t reconnect_ms;       /* client.reconnect so long after the connect */
    const char *reconnect_host; /* NULL: to the same place */
    uint16_t reconnect_port;
    /* misbehaviour */
    double reject_percent, silent_percent;
    size_t big_coinbase;
    bool refuse_auth, crlf, notify_first, batch;
    /* one line for the log per event; client is NULL when it concerns all. May be NULL. */
    void (*note)(void *user, uint64_t client, const char *text);
    void *note_user;
};

struct sim_pool_totals {
    uint64_t clients, jobs, blocks;
    uint64_t shares[SIM_REJECT_COUNT]; /* by verdict, SIM_ACCEPTED first */
    uint64_t unanswered;               /* on request */
    uint64_t bad_lines;
};

struct sim_pool {
    struct sim_pool_settings settings;
    struct sim_chain chain;
    struct sim_random random; /* for faults on request */
    struct sim_template jobs[SIM_JOBS_KEPT];
    size_t job_count;                                 /* newest last */
    uint64_t first_valid;                             /* number of the current block's first job */
    int64_t next_block_ms, next_job_ms, next_full_ms; /* INT64_MAX: none */
    struct sim_pool_totals totals;
};

void sim_pool_init(struct sim_pool *pool, const struct sim_pool_settings *settings,
                   struct sim_now now);
void sim_pool_close(struct sim_pool *pool);
void sim_pool_tick(struct sim_pool *pool, struct sim_now now);
const struct sim_template *sim_pool_newest(const struct sim_pool *pool);
/* The job of that id when shares on it are welcome; else NULL and *known says whether it ever was.
 */
const struct sim_template *sim_pool_find_job(const struct sim_pool *pool, const char *id,
                                             bool *known);

/* What was in force when a job was sent to a client. */
struct sim_terms {
    uint64_t job; /* 0: none */
    double difficulty;
    uint8_t extranonce1[SIM_EXTRANONCE1_MAX];
};

struct sim_client {
    struct sim_pool *pool;
    uint64_t number;
    bool subscribed, authorized, wants_extranonce;
    char worker[SIM_WORKER_MAX], agent[SIM_WORKER_MAX];
    uint8_t extranonce1[SIM_EXTRANONCE1_MAX];
    uint32_t version_mask; /* 0: no rolling agreed */
    double difficulty;
    uint64_t sent_job;
    struct sim_terms terms[SIM_JOBS_KEPT]; /* of the jobs sent, by number modulo SIM_JOBS_KEPT */
    uint64_t requests;                     /* ids for what the pool asks */
    struct sim_vardiff vardiff;
    int64_t next_ping_ms, next_extranonce_ms, reconnect_at_ms;
    uint64_t *seen; /* hashes of shares on the current block, SIM_SEEN_MAX, made when needed */
    size_t seen_count;
    uint64_t seen_block; /* first_valid they belong to */
    unsigned bad_lines;
    struct sim_now now; /* of the call under way */
};

void sim_client_init(struct sim_client *client, struct sim_pool *pool, struct sim_now now);
void sim_client_close(struct sim_client *client);

/* A line without its terminator. False: hang up (after sending `out`). */
bool sim_client_line(struct sim_client *client, struct sim_now now, const char *line, size_t len,
                     struct buffer *out);
void sim_client_tick(struct sim_client *client, struct sim_now now, struct buffer *out);

/* ---- between the pool's own files ---- */

/* Checks mining.submit's params; fills in *text with what to tell when it is refused. */
enum sim_reject sim_client_judge(struct sim_client *client, const json_t *params,
                                 const char **text);
/* Appends the line and its terminator. */
void sim_client_say(const struct sim_client *client, struct buffer *out, const char *line);
void sim_client_say_buffer(const struct sim_client *client, struct buffer *out,
                           struct buffer *line); /* and frees the line */
void sim_client_say_difficulty_and_job(struct sim_client *client, struct buffer *out);
void sim_client_set_difficulty(struct sim_client *client, double difficulty, struct buffer *out);
/* A request of the pool's own, without parameters. */
void sim_client_ask(struct sim_client *client, struct buffer *out, const char *method);
void sim_client_note(const struct sim_client *client, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
