/* session_rules.c - see session_rules.h. Nothing can fail. */
#include "lib/record/session_rules.h"

bool session_is_submit(enum direction direction, enum stratum_method method)
{
    return direction == DIRECTION_MINER_TO_POOL && stratum_is_submit(method);
}

bool session_is_unasked(enum direction direction, enum stratum_kind kind, bool paired)
{
    return direction == DIRECTION_POOL_TO_MINER && kind == STRATUM_RESPONSE && !paired;
}

enum session_answer session_judge(enum direction direction, enum session_request request,
                                  bool refuses)
{
    bool share = direction == DIRECTION_POOL_TO_MINER &&
                 (request == SESSION_REQUEST_SUBMIT || request == SESSION_REQUEST_EARLIER);
    if (share)
        return refuses ? SESSION_ANSWER_REJECT : SESSION_ANSWER_ACCEPT;
    return refuses ? SESSION_ANSWER_ERROR : SESSION_ANSWER_OTHER;
}

size_t session_name_that_leaves(size_t count, size_t same, size_t most)
{
    if (same < count)
        return same;
    return count == most ? 0 : count;
}
