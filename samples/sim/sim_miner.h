/*
 * sim_miner.h - a simulated miner without its socket: a line in, lines out, and real work between.
 *
 * A struct sim_miner is one machine: it survives its connections (ids that count per process, the
 * session to resume, totals). The caller tells it of a connect (sim_miner_connected), of lines, of
 * a disconnect, and lets it try hashes (sim_miner_work); what it wants to say is appended to `out`,
 * whole lines.
 *
 * Work is real: headers are built and hashed by lib/stratum; a share is submitted when its hash
 * meets the difficulty that was in force when its job came, as cgminer and ESP-Miner have it. On
 * request a part of the submits is bad: on a job of an earlier block, the last share again, or a
 * hash without the work.
 *
 * Deterministic: the same settings and lines give the same bytes. Threads: one at a time.
 */
#ifndef HASHSCOPE_SIM_MINER_H
#define HASHSCOPE_SIM_MINER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/stratum/job.h"
#include "lib/stratum/share.h"
#include "samples/sim/sim_pool.h"
#include "samples/sim/sim_random.h"
#include "samples/sim/sim_style.h"

#define SIM_PENDING_MAX 256

enum sim_bad_kind { SIM_BAD_MIXED, SIM_BAD_STALE, SIM_BAD_DUPLICATE, SIM_BAD_LOW };

struct sim_miner_settings {
    enum sim_style style;
    uint64_t seed;
    uint64_t number; /* 1, 2, 3 … among the miners of one process */
    char worker[SIM_WORKER_MAX];
    char password[SIM_WORKER_MAX];
    char user_agent[SIM_WORKER_MAX]; /* "": the style's */
    bool version_rolling;            /* where the style can */
    bool extranonce_subscribe;
    double suggest; /* difficulty; 0: no suggestion */
    double bad_percent;
    enum sim_bad_kind bad_kind;
    /* one line for the log per event; may be NULL */
    void (*note)(void *user, uint64_t number, const char *text);
    void *note_user;
};

struct sim_miner_totals {
    uint64_t sent;
    uint64_t answers[SIM_REJECT_COUNT]; /* by verdict, SIM_ACCEPTED first */
    uint64_t unanswered;                /* still open at a disconnect, or at the end */
    uint64_t jobs, blocks;              /* blocks: the previous hash changed */
    uint64_t connects, disconnects, handshakes;
    uint64_t bad_lines; /* from the pool: no JSON, or a message that makes no sense */
};

/* A request that waits for its answer; the oldest one with the id takes it. */
struct sim_pending {
    enum sim_step step;
    char id[32]; /* as JSON text */
};

enum sim_wish {
    SIM_WISH_NONE,
    SIM_WISH_RECONNECT, /* the pool asked for it; where to stands in reconnect_* */
    SIM_WISH_HANG_UP,   /* the login was refused */
};

struct sim_miner {
    struct sim_miner_settings settings;
    const struct sim_style_facts *style;
    struct sim_random random;
    struct sim_miner_totals totals;
    int64_t next_id;
    char session[64]; /* to resume */
    /* of the connection */
    bool connected, ready;             /* ready: the handshake is done, work may be submitted */
    const struct sim_style_step *step; /* the next one to send */
    struct sim_pending pending[SIM_PENDING_MAX];
    size_t pending_count;
    enum sim_wish wish;
    char reconnect_host[256]; /* "": the same */
    uint16_t reconnect_port;
    int64_t reconnect_wait_s;
    struct stratum_extranonce extranonce; /* extranonce1_len 0 and extranonce2_len 0: unknown */
    bool subscribed;
    uint32_t version_mask;
    double difficulty; /* for the next job */
    /* the work at hand */
    bool has_job;
    struct stratum_job job;
    struct stratum_extranonce job_extranonce;
    double job_difficulty;
    uint8_t target[32];
    struct share_grinder grinder;
    bool grinding;        /* grinder is set up for extranonce2 */
    uint64_t extranonce2; /* counts on through all jobs */
    uint32_t nonce;
    uint32_t version_bits;
    char stale_job[64]; /* id of a job of the block before; "": none yet */
};

void sim_miner_init(struct sim_miner *miner, const struct sim_miner_settings *settings);
void sim_miner_close(struct sim_miner *miner);

void sim_miner_connected(struct sim_miner *miner, struct buffer *out);
void sim_miner_line(struct sim_miner *miner, const char *line, size_t len, struct buffer *out);
void sim_miner_disconnected(struct sim_miner *miner);
/* Tries so many hashes, if there is a job. */
void sim_miner_work(struct sim_miner *miner, uint32_t hashes, struct buffer *out);

/* ---- between the miner's own files ---- */

void sim_miner_note(const struct sim_miner *miner, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Sends a message of the style and remembers that its answer is due. */
void sim_miner_say(struct sim_miner *miner, enum sim_step step, const struct sim_words *words,
                   struct buffer *out);
void sim_miner_take_job(struct sim_miner *miner, const json_t *params);
void sim_miner_drop_job(struct sim_miner *miner);

#endif
