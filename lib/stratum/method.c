/*
 * The names of what scan.h numbers. A method is looked up by the length of its name first; a row
 * has five candidates at most.
 */
#include <string.h>

#include "lib/stratum/scan.h"

#define LENGTH_MAX 27
#define ROW_MAX    6

_Static_assert(STRATUM_METHOD_COUNT <= 64, "methods are written as a bitmap of 64 bits");

static const char *const method_names[STRATUM_METHOD_COUNT] = {
    [STRATUM_METHOD_NONE] = "none",
    [STRATUM_METHOD_UNKNOWN] = "unknown",
    [STRATUM_MINING_CONFIGURE] = "mining.configure",
    [STRATUM_MINING_SUBSCRIBE] = "mining.subscribe",
    [STRATUM_MINING_AUTHORIZE] = "mining.authorize",
    [STRATUM_MINING_SUBMIT] = "mining.submit",
    [STRATUM_MINING_SUGGEST_DIFFICULTY] = "mining.suggest_difficulty",
    [STRATUM_MINING_SUGGEST_TARGET] = "mining.suggest_target",
    [STRATUM_MINING_EXTRANONCE_SUBSCRIBE] = "mining.extranonce.subscribe",
    [STRATUM_MINING_MULTI_VERSION] = "mining.multi_version",
    [STRATUM_MINING_GET_TRANSACTIONS] = "mining.get_transactions",
    [STRATUM_MINING_CAPABILITIES] = "mining.capabilities",
    [STRATUM_MINING_NOTIFY] = "mining.notify",
    [STRATUM_MINING_SET_DIFFICULTY] = "mining.set_difficulty",
    [STRATUM_MINING_SET_TARGET] = "mining.set_target",
    [STRATUM_MINING_SET_EXTRANONCE] = "mining.set_extranonce",
    [STRATUM_MINING_SET_VERSION_MASK] = "mining.set_version_mask",
    [STRATUM_MINING_SET_GOAL] = "mining.set_goal",
    [STRATUM_CLIENT_RECONNECT] = "client.reconnect",
    [STRATUM_CLIENT_SHOW_MESSAGE] = "client.show_message",
    [STRATUM_CLIENT_GET_VERSION] = "client.get_version",
    [STRATUM_MINING_PING] = "mining.ping",
    [STRATUM_LOGIN] = "login",
    [STRATUM_JOB] = "job",
    [STRATUM_SUBMIT] = "submit",
    [STRATUM_KEEPALIVED] = "keepalived",
    [STRATUM_GETJOB] = "getjob",
    [STRATUM_ETH_SUBMIT_LOGIN] = "eth_submitLogin",
    [STRATUM_ETH_GET_WORK] = "eth_getWork",
    [STRATUM_ETH_SUBMIT_WORK] = "eth_submitWork",
    [STRATUM_ETH_SUBMIT_HASHRATE] = "eth_submitHashrate",
    [STRATUM_MINING_HELLO] = "mining.hello",
    [STRATUM_MINING_NOOP] = "mining.noop",
    [STRATUM_MINING_SET] = "mining.set",
    [STRATUM_MINING_BYE] = "mining.bye",
};

/* By length of the name; a row ends with 0. */
static const unsigned char methods_by_length[LENGTH_MAX + 1][ROW_MAX] = {
    [3] = {STRATUM_JOB},
    [5] = {STRATUM_LOGIN},
    [6] = {STRATUM_SUBMIT, STRATUM_GETJOB},
    [10] = {STRATUM_KEEPALIVED, STRATUM_MINING_SET, STRATUM_MINING_BYE},
    [11] = {STRATUM_MINING_PING, STRATUM_MINING_NOOP, STRATUM_ETH_GET_WORK},
    [12] = {STRATUM_MINING_HELLO},
    [13] = {STRATUM_MINING_SUBMIT, STRATUM_MINING_NOTIFY},
    [14] = {STRATUM_ETH_SUBMIT_WORK},
    [15] = {STRATUM_MINING_SET_GOAL, STRATUM_ETH_SUBMIT_LOGIN},
    [16] = {STRATUM_MINING_SUBSCRIBE, STRATUM_MINING_AUTHORIZE, STRATUM_MINING_CONFIGURE,
            STRATUM_CLIENT_RECONNECT},
    [17] = {STRATUM_MINING_SET_TARGET},
    [18] = {STRATUM_CLIENT_GET_VERSION, STRATUM_ETH_SUBMIT_HASHRATE},
    [19] = {STRATUM_MINING_CAPABILITIES, STRATUM_CLIENT_SHOW_MESSAGE},
    [20] = {STRATUM_MINING_MULTI_VERSION},
    [21] = {STRATUM_MINING_SET_DIFFICULTY, STRATUM_MINING_SUGGEST_TARGET,
            STRATUM_MINING_SET_EXTRANONCE},
    [23] = {STRATUM_MINING_SET_VERSION_MASK, STRATUM_MINING_GET_TRANSACTIONS},
    [25] = {STRATUM_MINING_SUGGEST_DIFFICULTY},
    [27] = {STRATUM_MINING_EXTRANONCE_SUBSCRIBE},
};

enum stratum_method stratum_method_find(const char *name, size_t len)
{
    if (len > LENGTH_MAX)
        return STRATUM_METHOD_UNKNOWN;
    for (const unsigned char *row = methods_by_length[len]; *row != 0; row++) {
        unsigned candidate = *row;
        if (memcmp(method_names[candidate], name, len) == 0)
            return (enum stratum_method)candidate;
    }
    return STRATUM_METHOD_UNKNOWN;
}

const char *stratum_method_name(enum stratum_method method)
{
    return (unsigned)method < STRATUM_METHOD_COUNT ? method_names[method] : "unknown";
}

bool stratum_is_submit(enum stratum_method method)
{
    return method == STRATUM_MINING_SUBMIT || method == STRATUM_SUBMIT ||
           method == STRATUM_ETH_SUBMIT_WORK;
}

const char *stratum_fault_text(enum stratum_fault fault)
{
    static const char *const texts[STRATUM_FAULT_COUNT] = {
        [STRATUM_FAULT_NONE] = "no fault",
        [STRATUM_FAULT_EMPTY] = "empty line",
        [STRATUM_FAULT_SYNTAX] = "invalid JSON",
        [STRATUM_FAULT_UTF8] = "invalid UTF-8",
        [STRATUM_FAULT_DEPTH] = "nesting deeper than 64",
        [STRATUM_FAULT_SURROGATE] = "unpaired surrogate escape",
        [STRATUM_FAULT_CR] = "raw carriage return",
        [STRATUM_FAULT_NUMBER] = "number too large for a double",
        [STRATUM_FAULT_CONTROL] = "raw control character",
        [STRATUM_FAULT_TRUNCATED] = "JSON cut off",
        [STRATUM_FAULT_OPAQUE] = "no text",
    };
    return (unsigned)fault < STRATUM_FAULT_COUNT ? texts[fault] : "unknown fault";
}

const char *stratum_kind_name(enum stratum_kind kind)
{
    switch (kind) {
    case STRATUM_REQUEST:
        return "request";
    case STRATUM_NOTIFICATION:
        return "notification";
    case STRATUM_RESPONSE:
        return "response";
    case STRATUM_OTHER:
        break;
    }
    return "other";
}

const char *stratum_id_type_name(enum stratum_id_type type)
{
    switch (type) {
    case STRATUM_ID_ABSENT:
        return "absent";
    case STRATUM_ID_NULL:
        return "null";
    case STRATUM_ID_INTEGER:
        return "integer";
    case STRATUM_ID_STRING:
        return "string";
    case STRATUM_ID_OTHER:
        break;
    }
    return "other";
}
