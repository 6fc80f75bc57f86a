/* bounds.c - see bounds.h. Whoever keeps something knows its bound; this asks them all. */
#include "api/rest/bounds.h"

#include "api/control/auto_replay.h"
#include "api/front/front.h"
#include "api/live/live.h"
#include "api/live/subscription.h"
#include "api/request/reply_cache.h"
#include "api/rest/server.h"
#include "api/session/operator_state.h"
#include "api/session/stats.h"
#include "api/session/table.h"

static void add(struct bound out[BOUNDS_MAX], size_t *count, const char *name, uint64_t used,
                uint64_t most)
{
    if (*count < BOUNDS_MAX)
        out[(*count)++] = (struct bound){name, used, most};
}

static void add_front(const struct rest *rest, struct bound *out, size_t *count)
{
    struct front_facts facts;
    front_facts(rest->front, &facts);
    add(out, count, "connections", facts.open, FRONT_CONNECTIONS);
    add(out, count, "requests", facts.backends, FRONT_BACKENDS);
    add(out, count, "requests_waiting", facts.waiting, FRONT_CONNECTIONS);
    add(out, count, "requests_reading_archive", facts.heavy, FRONT_HEAVY);
    add(out, count, "downloads", facts.exports, FRONT_EXPORTS);
    add(out, count, "answers_held", facts.held, FRONT_HELD);
    add(out, count, "request_bytes", facts.request_bytes, FRONT_REQUESTS);
    add(out, count, "body_bytes", facts.bodies, FRONT_BODIES);
    add(out, count, "answer_bytes", facts.answers, FRONT_ANSWERS);
    add(out, count, "delayed_answers", facts.delayed, FRONT_CONNECTIONS);
}

static void add_readers(const struct rest *rest, struct bound *out, size_t *count)
{
    struct subscription_facts facts;
    subscriptions_facts(front_subscriptions(rest->front), &facts);
    add(out, count, "reader_queue_bytes", facts.bytes, SUBSCRIPTIONS_BYTES);
}

static void add_kept(const struct rest *rest, struct bound *out, size_t *count)
{
    struct live_facts live;
    struct session_table_facts table;
    live_facts(rest->live, &live);
    add(out, count, "live_messages", live.messages, live.messages_most);
    add(out, count, "live_bytes", live.bytes, live.bytes_most);
    session_table_facts(rest->session_table, &table);
    add(out, count, "table", table.sessions, SESSION_TABLE_MAX);
    add(out, count, "sessions_known_bytes", table.bytes, SESSION_TABLE_BYTES);
    add(out, count, "sessions_examined", stats_kept(rest->stats_keeper), STATS_KEPT);
    add(out, count, "kept_answer_bytes", reply_cache_bytes(rest->reply_cache),
        (uint64_t)REPLY_CACHE_MAX * (REPLY_BYTES_MAX + SERVER_QUERY_MAX));
    add(out, count, "repetition_bytes", auto_replay_bytes(rest->auto_replay), AUTO_REPLAY_BYTES);
    add(out, count, "operator_choices", operator_state_count(rest->operator_state),
        OPERATOR_STATE_MAX);
}

size_t bounds_list(const struct rest *rest, struct bound out[BOUNDS_MAX])
{
    size_t count = 0;
    add_front(rest, out, &count);
    add_readers(rest, out, &count);
    add_kept(rest, out, &count);
    return count;
}
