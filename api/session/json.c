/* json.c - see json.h. */
#include "api/session/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/request/json_out.h"
#include "lib/base/json.h"

bool session_is_counted(const struct query_session *session, const struct session_view *view)
{
    return view && view->whole && view->last_seq >= session->last_seq;
}

void session_operator_key(char out[OPERATOR_KEY_MAX], const struct query_session *session,
                          const struct session_view *view)
{
    struct span worker = {NULL, 0};
    if (view && view->worker_count > 0)
        worker = view->workers[view->worker_count - 1];
    else if (session->worker_count > 0)
        worker = session->workers[session->worker_count - 1];
    operator_key(out, worker, session->miner);
}

/* ---- parts ---- */

static struct span text_or(struct span text, struct span other)
{
    return text.data ? text : other;
}

/* Why is told where the session's lines were seen. */
static void write_unasked(struct buffer *out, const struct query_session *session,
                          const struct session_view *view)
{
    uint64_t seen = 0;
    for (int i = 0; view && i < STRATUM_UNASKED_COUNT; i++)
        seen += view->unasked[i];
    out_name(out, "unasked_answers");
    buffer_append_char(out, '{');
    out_u64(out, "count", view ? seen : session->unasked);
    for (int i = 0; i < STRATUM_UNASKED_COUNT; i++) {
        if (view || session->unasked == 0)
            out_u64(out, stratum_unasked_name((enum stratum_unasked)i),
                    view ? view->unasked[i] : 0);
        else
            out_null(out, stratum_unasked_name((enum stratum_unasked)i));
    }
    buffer_append_char(out, '}');
}

static void write_counts(struct buffer *out, const struct session_source *source)
{
    const struct query_session *session = source->session;
    const struct session_view *view = source->counted ? source->view : NULL;
    const uint64_t *messages = view ? view->messages : session->messages;
    uint64_t total = 0;
    for (int i = 0; i < DIRECTION_COUNT; i++)
        total += messages[i];
    out_u64(out, "message_count", total);
    out_name(out, "messages");
    buffer_append_char(out, '{');
    for (int i = 0; i < DIRECTION_COUNT; i++)
        out_u64(out, direction_name((enum direction)i), messages[i]);
    buffer_append_char(out, '}');
    out_u64(out, "submits", view ? view->submits : session->submits);
    out_u64(out, "accepted", view ? view->accepted : session->accepted);
    out_u64(out, "rejected", view ? view->rejected : session->rejected);
    out_u64(out, "other_errors", view ? view->other_errors : session->other_errors);
    write_unasked(out, session, view);
    out_u64(out, "bytes_up", session->bytes_up);
    out_u64(out, "bytes_down", session->bytes_down);
    out_bool(out, "complete", source->counted || session->complete);
}

static void write_times(struct buffer *out, const struct session_source *source)
{
    const struct query_session *session = source->session;
    int64_t last_ns = session->last_ns > session->opened_ns ? session->last_ns : session->opened_ns;
    if (source->view && source->view->last_ns > last_ns)
        last_ns = source->view->last_ns;
    out_time(out, "first_seen", session->opened_ns);
    out_time(out, "last_seen", last_ns);
    int64_t lasted_ns =
        session->lasted_steady ? session->lasted_ns : clock_between(session->opened_ns, last_ns);
    out_u64(out, "lasted_ms", (uint64_t)(lasted_ns / NS_PER_MS));
}

static void write_names(struct buffer *out, const char *member, const struct span *names,
                        size_t count)
{
    out_name(out, member);
    buffer_append_char(out, '[');
    for (size_t i = 0; i < count; i++) {
        out_comma(out);
        json_append_string(out, names[i].data, names[i].len);
    }
    buffer_append_char(out, ']');
}

static void write_refused(struct buffer *out, const struct session_source *source)
{
    const struct session_view *view = source->view;
    bool seen = view && view->refused_count > 0;
    write_names(out, "refused", seen ? view->refused : source->session->refused,
                seen ? view->refused_count : source->session->refused_count);
}

static void write_workers(struct buffer *out, const struct session_source *source)
{
    const struct session_view *view = source->view;
    bool seen = view && view->worker_count > 0;
    size_t count = seen ? view->worker_count : source->session->worker_count;
    write_names(out, "workers", seen ? view->workers : source->session->workers, count);
}

static void write_agreed(struct buffer *out, const struct session_source *source)
{
    static const struct session_view nothing;
    const struct session_view *view = source->view ? source->view : &nothing;
    out_text(out, "user_agent", text_or(view->user_agent, source->session->user_agent));
    out_text(out, "mining_session_id", text_or(view->mining_session, span_text("")));
    write_workers(out, source);
    write_refused(out, source);
    out_number(out, "difficulty", view->difficulty > 0 ? view->difficulty : -1, 15);
    out_text(out, "version_mask", span_text(view->version_mask));
    out_text(out, "extranonce1", text_or(view->extranonce1, span_text("")));
}

static void write_pace(struct buffer *out, const struct session_source *source)
{
    static const struct session_pace nothing;
    const struct session_pace *pace = source->view ? &source->view->pace : &nothing;
    bool closed = source->session->state == SESSION_CLOSED;
    int64_t at_ns = closed && source->view ? source->view->last_ns : clock_wall_ns();
    out_number(out, "hashrate", session_pace_hashrate(pace, at_ns), 4);
    out_number(out, "latency_ms", session_pace_latency(pace), 6);
}

/* "pool.example:3333", "[::1]:3333". */
static void write_pool(struct buffer *out, const struct query_session *session)
{
    struct span host = session->pool;
    uint64_t port = 0;
    const char *colon = host.len ? memrchr(host.data, ':', host.len) : NULL;
    if (colon) {
        for (const char *at = colon + 1; at < host.data + host.len && port <= UINT16_MAX; at++)
            port = *at >= '0' && *at <= '9' ? port * 10 + (uint64_t)(*at - '0') : UINT64_MAX / 2;
        host.len = (size_t)(colon - host.data);
    }
    if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
        host = span_make(host.data + 1, host.len - 2);
    out_text(out, "pool_host", host);
    out_u64_or_null(out, "pool_port", port <= UINT16_MAX ? port : 0);
    out_text(out, "pool_address", session->address);
    out_bool(out, "pool_connected", session->state == SESSION_OPEN);
}

static void out_fact(struct buffer *out, const char *name, enum session_fact fact)
{
    if (fact == SESSION_FACT_UNKNOWN)
        out_null(out, name);
    else
        out_bool(out, name, fact == SESSION_FACT_YES);
}

void session_write(struct buffer *out, const struct session_source *source)
{
    const struct query_session *session = source->session;
    const struct session_view *view = source->view;
    bool closed = session->state == SESSION_CLOSED;
    char id[UUID_TEXT_LEN], series[20];
    uuid_format(id, &session->session);
    out_string(out, "session_id", span_make(id, sizeof id));
    (void)snprintf(series, sizeof series, "%016" PRIx64, source->series);
    out_text(out, "imported_as", span_text(source->series ? series : ""));
    out_u64_or_null(out, "number", session->number);
    out_text(out, "route", session->route);
    out_text(out, "peer", session->miner);
    out_text(out, "via", session->via);
    write_times(out, source);
    write_agreed(out, source);
    write_pool(out, session);
    out_string(out, "state", span_text(session_state_name(session->state)));
    out_text(out, "closed_by", closed ? session->closed_by : span_text(""));
    out_text(out, "reason", closed ? session->reason : span_text(""));
    out_fact(out, "miner_tls", view ? view->miner_tls : SESSION_FACT_UNKNOWN);
    out_fact(out, "pool_tls", view ? view->pool_tls : SESSION_FACT_UNKNOWN);
    write_counts(out, source);
    write_pace(out, source);
    out_bool(out, "live", session->live);
    out_bool(out, "broadcast_enabled", source->choice.broadcast);
    out_u64(out, "repeat_count", source->choice.repeat_count);
    out_bool(out, "auto_replay_enabled", source->choice.auto_replay);
    out_u64(out, "auto_replay_count", source->choice.auto_replay_count);
}
