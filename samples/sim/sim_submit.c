/*
 * How it works: the checks stand in the order in which a pool finds out: who, which job, are the
 * fields right, is the work there, was it there before. The work is recomputed by lib/stratum from
 * the job as it was sent.
 *
 * Nothing here can fail; a submit that can't be read is refused with code 20.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/stratum/share.h"
#include "samples/sim/sim_pool.h"

#define NTIME_AHEAD 7200 /* seconds a miner may roll its time, as nodes allow */

static bool worker_known(const struct sim_client *client, const char *worker)
{
    return client->authorized && strcmp(client->worker, worker) == 0;
}

/* What is wrong with the fields before any work is looked at; NULL: nothing. */
static const char *field_fault(const struct sim_client *client, const struct sim_template *job,
                               const struct stratum_submit *submit)
{
    if (submit->extranonce2_len != client->pool->settings.extranonce2_bytes)
        return "Invalid extranonce2 size";
    if (submit->ntime < job->ntime || submit->ntime - job->ntime > NTIME_AHEAD)
        return "Time out of range";
    if (submit->has_version_bits && (submit->version_bits & ~client->version_mask) != 0)
        return "Version bits outside the mask";
    return NULL;
}

/* The terms under which this client was sent the job; those of now when it never was. */
static struct sim_terms terms_of(const struct sim_client *client, uint64_t job)
{
    struct sim_terms now = {.job = job, .difficulty = client->difficulty};

    if (client->terms[job % SIM_JOBS_KEPT].job == job)
        return client->terms[job % SIM_JOBS_KEPT];
    memcpy(now.extranonce1, client->extranonce1, sizeof(now.extranonce1));
    return now;
}

static struct stratum_extranonce extranonce_of(const struct sim_client *client,
                                               const struct sim_terms *terms)
{
    struct stratum_extranonce extranonce = {
        .extranonce1_len = client->pool->settings.extranonce1_bytes,
        .extranonce2_len = client->pool->settings.extranonce2_bytes};

    memcpy(extranonce.extranonce1, terms->extranonce1, extranonce.extranonce1_len);
    return extranonce;
}

static bool enough_work(const struct sim_client *client, const struct sim_terms *terms,
                        const uint8_t hash[32])
{
    double asked = terms->difficulty < client->difficulty ? terms->difficulty : client->difficulty;
    uint8_t target[32];

    return share_target_from_difficulty(target, asked) && share_meets(hash, target);
}

/* Whether this client has sent the share before on this block; remembers it if not. */
static bool seen_before(struct sim_client *client, const uint8_t hash[32])
{
    uint64_t key = load_le64(hash);
    size_t known;

    if (client->seen == NULL)
        client->seen = memory_new(SIM_SEEN_MAX * sizeof(*client->seen));
    if (client->seen_block != client->pool->first_valid) {
        client->seen_block = client->pool->first_valid;
        client->seen_count = 0;
    }
    known = client->seen_count < SIM_SEEN_MAX ? client->seen_count : SIM_SEEN_MAX;
    for (size_t i = 0; i < known; i++) {
        if (client->seen[i] == key)
            return true;
    }
    client->seen[client->seen_count++ % SIM_SEEN_MAX] = key;
    return false;
}

static enum sim_reject judge_work(struct sim_client *client, const struct sim_template *job,
                                  const struct stratum_submit *submit, const char **text)
{
    struct stratum_job view = sim_template_view(job);
    struct sim_terms terms = terms_of(client, job->number);
    struct stratum_extranonce extranonce = extranonce_of(client, &terms);
    struct share_result result;

    *text = field_fault(client, job, submit);
    if (*text != NULL)
        return SIM_REJECT_OTHER;
    share_evaluate(&result, &view, &extranonce, submit, client->version_mask);
    if (!enough_work(client, &terms, result.hash)) {
        *text = "Low difficulty share";
        return SIM_REJECT_LOW_DIFFICULTY;
    }
    if (seen_before(client, result.hash)) {
        *text = "Duplicate share";
        return SIM_REJECT_DUPLICATE;
    }
    *text = "";
    return SIM_ACCEPTED;
}

enum sim_reject sim_client_judge(struct sim_client *client, const json_t *params, const char **text)
{
    const struct sim_template *job;
    struct stratum_submit submit;
    bool known = false;

    if (!client->subscribed) {
        *text = "Not subscribed";
        return SIM_REJECT_NOT_SUBSCRIBED;
    }
    if (stratum_submit_parse(&submit, params, NULL) != STATUS_OK) {
        *text = "Invalid parameters";
        return SIM_REJECT_OTHER;
    }
    if (!worker_known(client, submit.worker)) {
        *text = "Unauthorized worker";
        return SIM_REJECT_UNAUTHORIZED;
    }
    job = sim_pool_find_job(client->pool, submit.job_id, &known);
    if (job == NULL) {
        *text = known ? "Stale share" : "Job not found";
        return SIM_REJECT_STALE;
    }
    return judge_work(client, job, &submit, text);
}
