/*
 * control.c - what changes a session: disconnect, and what is switched on for it: broadcast,
 * repeat count, auto-replay.
 */
#include "api/control/auto_replay.h"
#include "api/control/recorder_client.h"
#include "api/request/json_out.h"
#include "api/request/reply_cache.h"
#include "api/request/rest.h"
#include "api/session/find.h"
#include "api/session/json.h"
#include "api/session/operator_state.h"
#include "api/session/table.h"
#include "lib/base/clock.h"

/* ---- the session ---- */

struct target {
    struct session_found found;
    char key[OPERATOR_KEY_MAX];
    char id[UUID_TEXT_LEN + 1];
};

/* False: it has been answered. */
static bool target_open(struct request *request, struct target *target, bool must_be_open)
{
    const struct rest *rest = request->rest;
    if (!session_find(request, &target->found))
        return false;
    const struct query_session *session = &target->found.session;
    if (must_be_open && session->state == SESSION_CLOSED) {
        reply_error(request, 409, "the session is closed");
        session_found_close(&target->found);
        return false;
    }
    if (session->live)
        session_table_take(rest->session_table, &rest->place, &session->session, 1);
    const struct session_name name = {target->found.place.series, session->session};
    const struct session_view *view = session_table_borrow(rest->session_table, &name);
    session_operator_key(target->key, session, view);
    session_table_return(rest->session_table);
    uuid_format(target->id, &session->session);
    target->id[UUID_TEXT_LEN] = '\0';
    return true;
}

/* ---- disconnect ---- */

/* What the recorder said, or that it said nothing. True: it has done what it was told. */
static bool obeyed(struct request *request, enum status status, const json_t *answer,
                   const struct error *err)
{
    const char *error = json_string_value(json_object_get(answer, "error"));
    if (status != STATUS_OK)
        reply_failure(request, status, err);
    else if (recorder_says_closed(answer))
        reply_error(request, 409, "the session is closed");
    else if (error)
        reply_error(request, 503, "the recorder refuses: %s", error);
    return status == STATUS_OK && !error;
}

static void disconnect(struct request *request)
{
    const struct rest *rest = request->rest;
    struct target target;
    struct error err = {""};
    struct buffer out = {0};
    json_t *answer;
    if (!target_open(request, &target, true))
        return;
    json_t *command =
        recorder_command("disconnect", &target.found.session.session, (struct span){NULL, 0});
    enum status status =
        recorder_call(rest->control_path, command, RECORDER_ANSWER_MS, &answer, &err);
    if (obeyed(request, status, answer, &err)) {
        reply_cache_expire(rest->reply_cache);
        buffer_append_text(&out, "{\"success\":true}");
        reply_json(request, 200, &out);
    }
    json_decref(answer);
    session_found_close(&target.found);
}

/* ---- choices ---- */

static void set_broadcast(struct operator_choice *choice, uint32_t value)
{
    choice->broadcast = value != 0;
}

static void set_repeat_count(struct operator_choice *choice, uint32_t value)
{
    choice->repeat_count = value;
}

static void set_auto_replay(struct operator_choice *choice, uint32_t value)
{
    if (!value)
        choice->auto_replay_since = 0;
    else if (!choice->auto_replay)
        choice->auto_replay_since = clock_wall_ns();
    choice->auto_replay = value != 0;
}

static void set_auto_replay_count(struct operator_choice *choice, uint32_t value)
{
    choice->auto_replay_count = value;
}

typedef void change_choice(struct operator_choice *choice, uint32_t value);
typedef void write_choice(const struct request *request, const struct target *target,
                          const struct operator_choice *choice, struct buffer *out);

static void write_broadcast(const struct request *request, const struct target *target,
                            const struct operator_choice *choice, struct buffer *out)
{
    (void)request;
    (void)target;
    out_bool(out, "broadcast_enabled", choice->broadcast);
    out_u64(out, "repeat_count", choice->repeat_count);
}

static void write_repeat_count(const struct request *request, const struct target *target,
                               const struct operator_choice *choice, struct buffer *out)
{
    (void)request;
    (void)target;
    out_u64(out, "repeat_count", choice->repeat_count);
}

static void write_auto_replay(const struct request *request, const struct target *target,
                              const struct operator_choice *choice, struct buffer *out)
{
    struct auto_replay_figures figures;
    auto_replay_figures(request->rest->auto_replay, &target->found.session.session, &figures);
    out_bool(out, "auto_replay_enabled", choice->auto_replay);
    out_u64(out, "auto_replay_count", choice->auto_replay_count);
    out_u64(out, "sent", figures.sent);
    out_u64(out, "accepted", figures.accepted);
    out_u64(out, "rejected", figures.rejected);
    out_u64(out, "failed", figures.failed);
    out_u64(out, "waiting", figures.waiting);
}

static void write_auto_replay_count(const struct request *request, const struct target *target,
                                    const struct operator_choice *choice, struct buffer *out)
{
    (void)request;
    (void)target;
    out_u64(out, "auto_replay_count", choice->auto_replay_count);
}

static void reply_choice(struct request *request, const struct target *target,
                         const struct operator_choice *choice, write_choice *write)
{
    struct buffer out = {0};
    buffer_append_char(&out, '{');
    out_string(&out, "session_id", span_text(target->id));
    write(request, target, choice, &out);
    buffer_append_char(&out, '}');
    reply_json(request, 200, &out);
}

static void tell(struct request *request, write_choice *write)
{
    struct target target;
    struct operator_choice choice;
    if (!target_open(request, &target, false))
        return;
    operator_state_get(request->rest->operator_state, target.key, &choice);
    reply_choice(request, &target, &choice, write);
    session_found_close(&target.found);
}

static void change(struct request *request, change_choice *set, uint32_t value, write_choice *write)
{
    const struct rest *rest = request->rest;
    struct target target;
    struct operator_choice choice;
    struct error err = {""};
    if (!target_open(request, &target, value > 0))
        return;
    enum status status =
        operator_state_change(rest->operator_state, target.key, set, value, &choice, &err);
    if (status == STATUS_OK) {
        reply_cache_expire(rest->reply_cache);
        if (!choice.auto_replay)
            auto_replay_drop(rest->auto_replay, &target.found.session.session);
        reply_choice(request, &target, &choice, write);
    } else {
        reply_error(request, 503, "%s", err.text);
    }
    session_found_close(&target.found);
}

/* The one member of the body. 0: it has been answered. */
static uint32_t body_count(struct request *request, const char *name, uint32_t most)
{
    const json_t *value = json_object_get(request->body, name);
    json_int_t number = json_integer_value(value);
    if (json_is_integer(value) && number >= 1 && number <= (json_int_t)most)
        return (uint32_t)number;
    reply_error(request, 422, "%s: a whole number from 1 to %u is wanted", name, most);
    return 0;
}

static void enable_broadcast(struct request *request)
{
    change(request, set_broadcast, 1, write_broadcast);
}

static void disable_broadcast(struct request *request)
{
    change(request, set_broadcast, 0, write_broadcast);
}

static void get_broadcast(struct request *request)
{
    tell(request, write_broadcast);
}

static void get_repeat_count(struct request *request)
{
    tell(request, write_repeat_count);
}

static void post_repeat_count(struct request *request)
{
    uint32_t count = body_count(request, "repeat_count", REPEAT_COUNT_MAX);
    if (count > 0)
        change(request, set_repeat_count, count, write_repeat_count);
}

static void enable_auto_replay(struct request *request)
{
    change(request, set_auto_replay, 1, write_auto_replay);
}

static void disable_auto_replay(struct request *request)
{
    change(request, set_auto_replay, 0, write_auto_replay);
}

static void get_auto_replay(struct request *request)
{
    tell(request, write_auto_replay);
}

static void get_auto_replay_count(struct request *request)
{
    tell(request, write_auto_replay_count);
}

static void post_auto_replay_count(struct request *request)
{
    uint32_t count = body_count(request, "auto_replay_count", AUTO_REPLAY_MAX);
    if (count > 0)
        change(request, set_auto_replay_count, count, write_auto_replay_count);
}

/* ---- the table ---- */

#define READS   ROUTE_HEAVY
#define CHANGES (ROUTE_HEAVY | ROUTE_BODY)

static const struct route routes[] = {
    {"POST", "/api/sessions/{id}/disconnect", disconnect, NULL, 0, CHANGES},
    {"POST", "/api/sessions/{id}/broadcast/enable", enable_broadcast, NULL, 0, CHANGES},
    {"POST", "/api/sessions/{id}/broadcast/disable", disable_broadcast, NULL, 0, CHANGES},
    {"GET", "/api/sessions/{id}/broadcast/status", get_broadcast, NULL, 0, READS},
    {"GET", "/api/sessions/{id}/repeat-count", get_repeat_count, NULL, 0, READS},
    {"POST", "/api/sessions/{id}/repeat-count", post_repeat_count, NULL, 0, CHANGES},
    {"POST", "/api/sessions/{id}/auto-replay/enable", enable_auto_replay, NULL, 0, CHANGES},
    {"POST", "/api/sessions/{id}/auto-replay/disable", disable_auto_replay, NULL, 0, CHANGES},
    {"GET", "/api/sessions/{id}/auto-replay/status", get_auto_replay, NULL, 0, READS},
    {"GET", "/api/sessions/{id}/auto-replay-count", get_auto_replay_count, NULL, 0, READS},
    {"POST", "/api/sessions/{id}/auto-replay-count", post_auto_replay_count, NULL, 0, CHANGES},
};
const struct route_table rest_control = {routes, sizeof routes / sizeof routes[0]};
