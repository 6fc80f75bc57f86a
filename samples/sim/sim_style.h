/*
 * sim_style.h - how real miners talk: the first messages of four well-known programs, to the byte
 * where it matters (order of members, spaces, id numbering), as their public sources have it:
 *
 *   cgminer 4.11.1    github.com/ckolivas/cgminer, util.c: initiate_stratum, auth_stratum;
 *                     cgminer.c: stratum_sthread
 *   bfgminer 5.5.0    github.com/luke-jr/bfgminer, util.c; miner.c: submissions
 *   cpuminer 2.5.1    github.com/pooler/cpuminer, util.c; cpu-miner.c: submit_upstream_work
 *   ESP-Miner         github.com/bitaxeorg/ESP-Miner, components/stratum/stratum_api.c;
 *                     main/tasks/stratum_v1_task.c
 *
 *   style     ids                        handshake ("…" waits for the answer)
 *   cgminer   0, 1, 2 … per process      configure … subscribe … authorize … suggest_difficulty
 *   bfgminer  0, 1 … per process, texts  suggest_target (id null), subscribe …,
 *                                        extranonce.subscribe ("xnsub"), authorize ("auth") …
 *   cpuminer  1, 2; every submit has 4   subscribe … authorize …
 *   esp-miner 1, 2 … per connection      configure, subscribe, authorize …, suggest_difficulty,
 *                                        extranonce.subscribe
 *
 * Configure is left out where version rolling is off, the suggestions and extranonce.subscribe
 * where they are not asked for, as in the originals. One liberty: ESP-Miner suggests whole numbers,
 * which a simulated miner is too slow for; here it may be a fraction.
 *
 * Pure. Threads: any.
 */
#ifndef HASHSCOPE_SIM_STYLE_H
#define HASHSCOPE_SIM_STYLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"

enum sim_style { SIM_CGMINER, SIM_BFGMINER, SIM_CPUMINER, SIM_ESP_MINER };
#define SIM_STYLE_COUNT 4

enum sim_step {
    SIM_STEP_END,
    SIM_STEP_CONFIGURE,
    SIM_STEP_SUGGEST_TARGET,
    SIM_STEP_SUBSCRIBE,
    SIM_STEP_EXTRANONCE,
    SIM_STEP_AUTHORIZE,
    SIM_STEP_SUGGEST_DIFFICULTY,
    SIM_STEP_SUBMIT, /* not part of the handshake */
};

struct sim_style_step {
    enum sim_step step;
    bool wait; /* for its answer before the next one */
};

struct sim_style_facts {
    const char *name;       /* as given to --style */
    const char *user_agent; /* in mining.subscribe */
    const char *version;    /* the answer to client.get_version; NULL: the user agent */
    struct sim_style_step steps[6];
    bool rolls_version;      /* it can */
    bool ids_per_connection; /* start anew on every connect */
    int64_t first_id;
};

const struct sim_style_facts *sim_style_facts(enum sim_style style);
bool sim_style_parse(const char *name, enum sim_style *out);

/* Everything a message may hold; texts are escaped here. */
struct sim_words {
    const char *worker, *password, *user_agent;
    const char *session; /* of an earlier connection; NULL: none */
    double suggest;
    /* submit */
    const char *job, *extranonce2;
    uint32_t ntime, nonce, version_bits;
    bool rolling; /* the pool agreed to version rolling */
};

/* Appends the message of that step without a newline. *id is what a number-giving style would use
 * next; it is moved on when it was used. `id_text` (32 bytes) receives the id as it stands in the
 * message: "4", "\"auth\"" or "null". */
void sim_style_append(struct buffer *out, enum sim_style style, enum sim_step step,
                      const struct sim_words *words, int64_t *id, char id_text[32]);

/* Answers to the pool's own requests; `id` as JSON text. Nothing is appended where the style does
 * not answer. */
void sim_style_append_version(struct buffer *out, enum sim_style style, const char *id,
                              const char *user_agent);
void sim_style_append_pong(struct buffer *out, enum sim_style style, const char *id);
void sim_style_append_shown(struct buffer *out, enum sim_style style, const char *id);

#endif
