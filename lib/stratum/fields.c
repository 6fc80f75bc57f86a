/*
 * The names of the fields of known methods.
 *
 * How it works: a layout is a list of names for positions. Most methods have one; mining.notify and
 * mining.submit have one per dialect, and what all the fields look like tells which it is: what
 * fits none has no names. Positions without a name go to "more".
 *
 * Sources: Stratum v1 as documented by Slush Pool, BIP 310, ZIP 301 (Zcash), NiceHash's
 * EthereumStratum/1.0.0, the Ethereum getwork methods over TCP.
 */
#include <string.h>

#include "lib/stratum/message.h"

#define NAMES_MAX     9
#define NUMBER_DIGITS 8 /* of times, nonces and the like: 32 bits in hex */

typedef const char *const layout[NAMES_MAX + 1]; /* ends with NULL */

static layout no_names = {NULL};
static layout bitcoin_notify = {"job_id",  "previous_block", "coinbase1", "coinbase2", "branches",
                                "version", "nbits",          "ntime",     NULL};
static layout zcash_notify = {"job_id", "version", "previous_block", "merkle_root", "reserved",
                              "ntime",  "nbits",   "clean_jobs",     NULL};
static layout ethereum_notify = {"job_id", "seed_hash", "header_hash", "clean_jobs", NULL};
static layout bitcoin_submit = {"worker", "job_id",       "extranonce2", "ntime",
                                "nonce",  "version_bits", NULL};
static layout zcash_submit = {"worker", "job_id", "ntime", "nonce2", "solution", NULL};
static layout ethereum_submit = {"worker", "job_id", "nonce", NULL};
static layout subscribe = {"user_agent", "session_id", "host", "port", NULL};
static layout authorize = {"worker", "password", NULL};
static layout configure = {"extensions", "options", NULL};
static layout difficulty = {"difficulty", NULL};
static layout target = {"target", NULL};
static layout extranonce = {"extranonce1", "extranonce2_size", NULL};
static layout version_mask = {"version_mask", NULL};
static layout goal = {"goal", "options", NULL};
static layout reconnect = {"host", "port", "wait", NULL};
static layout message = {"message", NULL};
static layout version = {"version", NULL};
static layout job_id = {"job_id", NULL};
static layout capabilities = {"capabilities", NULL};
static layout eth_work = {"nonce", "header_hash", "mix_digest", NULL};
static layout eth_hashrate = {"hashrate", "miner_id", NULL};

static layout subscribe_result = {"subscriptions", "extranonce1", "extranonce2_size", NULL};
static layout zcash_subscribe_result = {"session_id", "extranonce1", NULL};
static layout eth_work_result = {"header_hash", "seed_hash", "target", "block_number", NULL};

/* ---- which layout ---- */

/* What is at the first positions: s a string, n one of up to 8 characters without "0x", l a longer
 * one, a an array, b a boolean, 0 a string or null. */
static bool is_like(const json_t *array, const char *shape)
{
    for (size_t i = 0; shape[i] != '\0'; i++) {
        const json_t *value = json_array_get(array, i);
        size_t len = json_string_length(value);
        bool fits = json_is_string(value);
        if (shape[i] == 'n')
            fits = fits && len <= NUMBER_DIGITS && strncmp(json_string_value(value), "0x", 2) != 0;
        else if (shape[i] == 'l')
            fits = fits && len > NUMBER_DIGITS;
        else if (shape[i] == 'a')
            fits = json_is_array(value);
        else if (shape[i] == 'b')
            fits = json_is_boolean(value);
        else if (shape[i] == '0')
            fits = fits || json_is_null(value);
        if (!fits)
            return false;
    }
    return true;
}

/* The same for all of them. */
static bool is_just(const json_t *array, const char *shape)
{
    return json_array_size(array) == strlen(shape) && is_like(array, shape);
}

/* Of what is none of these, a name would be a wrong one. */
static const char *const *notify_layout(const json_t *params)
{
    if (is_like(params, "ssssannn"))
        return bitcoin_notify;
    if (is_just(params, "snsssnnb"))
        return zcash_notify;
    return is_just(params, "sssb") ? ethereum_notify : no_names;
}

static const char *const *submit_layout(const json_t *params)
{
    if (is_like(params, "sssnn"))
        return bitcoin_submit;
    if (is_just(params, "ssnsl"))
        return zcash_submit;
    return is_just(params, "sss") ? ethereum_submit : no_names;
}

static const char *const *subscribed_layout(const json_t *result)
{
    if (is_like(result, "as"))
        return subscribe_result;
    return is_just(result, "0s") ? zcash_subscribe_result : no_names;
}

/* NULL: no known form. */
static const char *const *params_layout(enum stratum_method method, const json_t *params)
{
    switch (method) {
    case STRATUM_MINING_CONFIGURE:
        return configure;
    case STRATUM_MINING_SUBSCRIBE:
        return subscribe;
    case STRATUM_MINING_AUTHORIZE:
    case STRATUM_ETH_SUBMIT_LOGIN:
        return authorize;
    case STRATUM_MINING_SUBMIT:
        return submit_layout(params);
    case STRATUM_MINING_NOTIFY:
        return notify_layout(params);
    case STRATUM_MINING_SUGGEST_DIFFICULTY:
    case STRATUM_MINING_SET_DIFFICULTY:
        return difficulty;
    case STRATUM_MINING_SUGGEST_TARGET:
    case STRATUM_MINING_SET_TARGET:
        return target;
    case STRATUM_MINING_MULTI_VERSION:
        return version;
    case STRATUM_MINING_GET_TRANSACTIONS:
        return job_id;
    case STRATUM_MINING_CAPABILITIES:
        return capabilities;
    case STRATUM_MINING_SET_EXTRANONCE:
        return extranonce;
    case STRATUM_MINING_SET_VERSION_MASK:
        return version_mask;
    case STRATUM_MINING_SET_GOAL:
        return goal;
    case STRATUM_CLIENT_RECONNECT:
        return reconnect;
    case STRATUM_CLIENT_SHOW_MESSAGE:
        return message;
    case STRATUM_ETH_SUBMIT_WORK:
        return eth_work;
    case STRATUM_ETH_SUBMIT_HASHRATE:
        return eth_hashrate;
    case STRATUM_MINING_EXTRANONCE_SUBSCRIBE:
    case STRATUM_CLIENT_GET_VERSION:
    case STRATUM_MINING_PING:
    case STRATUM_ETH_GET_WORK:
    case STRATUM_MINING_NOOP:
    case STRATUM_MINING_BYE:
        return no_names;
    case STRATUM_LOGIN: /* these have objects */
    case STRATUM_JOB:
    case STRATUM_SUBMIT:
    case STRATUM_KEEPALIVED:
    case STRATUM_GETJOB:
    case STRATUM_MINING_HELLO:
    case STRATUM_MINING_SET:
    case STRATUM_METHOD_NONE:
    case STRATUM_METHOD_UNKNOWN:
    case STRATUM_METHOD_COUNT:
        break;
    }
    return NULL;
}

/* ---- giving names ---- */

static json_t *name_positions(const char *const *names, json_t *array)
{
    json_t *fields = json_object();
    json_t *more = NULL;
    for (size_t i = 0; i < json_array_size(array); i++) {
        json_t *value = json_array_get(array, i);
        if (*names != NULL) {
            json_object_set(fields, *names++, value);
            continue;
        }
        if (more == NULL)
            more = json_array();
        json_array_append(more, value);
    }
    if (more != NULL)
        json_object_set_new(fields, "more", more);
    return fields;
}

/* The last boolean is clean_jobs; what stands before it has no name. */
static void name_clean_jobs(json_t *fields)
{
    json_t *more = json_object_get(fields, "more");
    for (size_t i = json_array_size(more); i > 0; i--) {
        json_t *value = json_array_get(more, i - 1);
        if (!json_is_boolean(value))
            continue;
        json_object_set(fields, "clean_jobs", value);
        json_array_remove(more, i - 1);
        break;
    }
    if (more != NULL && json_array_size(more) == 0)
        json_object_del(fields, "more");
}

json_t *stratum_message_params(enum stratum_method method, json_t *params)
{
    if (json_is_object(params))
        return method > STRATUM_METHOD_UNKNOWN ? json_incref(params) : NULL;
    const char *const *names = params_layout(method, params);
    if (names == NULL || !json_is_array(params))
        return NULL;
    json_t *fields = name_positions(names, params);
    if (names == bitcoin_notify)
        name_clean_jobs(fields);
    return fields;
}

json_t *stratum_message_result(enum stratum_method method, json_t *result)
{
    if (json_is_object(result))
        return method > STRATUM_METHOD_UNKNOWN ? json_incref(result) : NULL;
    if (method == STRATUM_MINING_SUBSCRIBE && json_is_array(result))
        return name_positions(subscribed_layout(result), result);
    if (method == STRATUM_ETH_GET_WORK && json_is_array(result))
        return name_positions(eth_work_result, result);
    if (method == STRATUM_CLIENT_GET_VERSION && json_is_string(result))
        return json_pack("{s:O}", "version", result);
    return NULL;
}
