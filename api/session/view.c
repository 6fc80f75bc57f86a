/*
 * view.c - see view.h. Only the few messages that set up a session are taken apart;
 * of the others the scan says enough.
 */
#include "api/session/view.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json_text.h"
#include "lib/base/memory.h"
#include "lib/record/login.h"
#include "lib/segment/scan.h"
#include "lib/stratum/pair.h"
#include "lib/stratum/strict.h"

#define MARGIN_NS (3600 * NS_PER_S)

int64_t session_begin_ns(const struct uuid *session)
{
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | session->bytes[i];
    bool sensible = session->bytes[6] >> 4 == 7 && ms < UINT64_C(1) << 43;
    return sensible && (int64_t)ms * NS_PER_MS > MARGIN_NS ? (int64_t)ms * NS_PER_MS - MARGIN_NS
                                                           : 0;
}

/* ---- texts ---- */

#define TEXT_OVERHEAD 16 /* bytes that malloc adds */

static size_t bytes_of(struct span text)
{
    return text.data ? text.len + 1 + TEXT_OVERHEAD : 0;
}

static struct span keep(struct session_view *view, struct span text)
{
    view->text_bytes += bytes_of(text);
    return span_copy(text);
}

static void let_go(struct session_view *view, struct span *text)
{
    view->text_bytes -= bytes_of(*text);
    span_free(text);
}

static struct span worker_of(const struct session_pending *pending)
{
    return span_make(pending->worker, pending->worker_len);
}

size_t session_view_bytes(const struct session_view *view)
{
    return sizeof *view + view->text_bytes + view->pending_room * sizeof *view->pending;
}

void session_view_close(struct session_view *view)
{
    span_free(&view->peer);
    span_free(&view->user_agent);
    span_free(&view->mining_session);
    span_free(&view->extranonce1);
    for (size_t i = 0; i < view->worker_count; i++)
        span_free(&view->workers[i]);
    for (size_t i = 0; i < view->refused_count; i++)
        span_free(&view->refused[i]);
    for (size_t i = 0; i < view->pending_count; i++)
        free(view->pending[i].worker);
    free(view->pending);
    *view = (struct session_view){0};
}

/* ---- single facts ---- */

static bool fits(struct span text)
{
    return text.len > 0 && text.len <= SESSION_TEXT_MAX;
}

/* {NULL, 0}: it is none that is kept. */
static struct span text_of(const json_t *value)
{
    struct span text = {NULL, 0};
    if (json_is_string(value))
        text = span_make(json_string_value(value), json_string_length(value));
    return fits(text) ? text : span_make(NULL, 0);
}

static void set_span(struct session_view *view, struct span *place, struct span text)
{
    if (!text.data)
        return;
    let_go(view, place);
    *place = keep(view, text);
}

static void set_text(struct session_view *view, struct span *place, const json_t *value)
{
    set_span(view, place, text_of(value));
}

static void set_mask(struct session_view *view, const json_t *value)
{
    struct span text = text_of(value);
    char *end;
    if (!text.data || text.len > 8 || !isxdigit((unsigned char)*text.data))
        return;
    unsigned long mask = strtoul(text.data, &end, 16);
    if (end == text.data + text.len)
        (void)snprintf(view->version_mask, sizeof view->version_mask, "%08lx", mask);
}

static bool set_difficulty(struct session_view *view, const json_t *value)
{
    double difficulty = json_number_value(value);
    if (!(difficulty > 0))
        return false;
    view->difficulty = difficulty;
    return true;
}

static size_t find_name(const struct span *names, size_t count, struct span name)
{
    size_t i = 0;
    while (i < count && !span_equal(names[i], name))
        i++;
    return i;
}

static void remove_name(struct session_view *view, struct span *names, size_t *count, size_t i)
{
    let_go(view, &names[i]);
    --*count;
    memmove(names + i, names + i + 1, (*count - i) * sizeof *names);
}

static void add_name(struct session_view *view, struct span *names, size_t *count, size_t most,
                     struct span name)
{
    size_t leaves = session_name_that_leaves(*count, find_name(names, *count, name), most);
    if (leaves < *count)
        remove_name(view, names, count, leaves);
    names[(*count)++] = keep(view, name);
}

static void add_worker(struct session_view *view, struct span name)
{
    add_name(view, view->workers, &view->worker_count, SESSION_WORKERS_MAX, name);
}

static void refuse_worker(struct session_view *view, struct span name)
{
    size_t i = find_name(view->workers, view->worker_count, name);
    if (i < view->worker_count)
        remove_name(view, view->workers, &view->worker_count, i);
    add_name(view, view->refused, &view->refused_count, SESSION_REFUSED_MAX, name);
}

/* ---- requests and what answers them ---- */

static void unname(struct session_view *view, struct session_pending *pending)
{
    struct span name = worker_of(pending);
    view->pending_named -= name.data != NULL;
    let_go(view, &name);
    pending->worker = NULL;
    pending->worker_len = 0;
}

/* When too many names are waiting, the oldest goes. */
static void name_pending(struct session_view *view, struct session_pending *pending,
                         struct span name)
{
    struct session_pending *oldest = view->pending;
    if (view->pending_named == SESSION_WORKERS_MAX) {
        while (!oldest->worker)
            oldest++;
        unname(view, oldest);
    }
    pending->worker = (char *)keep(view, name).data;
    pending->worker_len = (uint16_t)name.len; /* SESSION_TEXT_MAX at most */
    view->pending_named++;
}

static struct session_pending *new_pending(struct session_view *view)
{
    if (view->pending_count == SESSION_PENDING_MAX) {
        unname(view, &view->pending[0]);
        view->pending_count--;
        memmove(view->pending, view->pending + 1, view->pending_count * sizeof *view->pending);
    } else if (view->pending_count == view->pending_room) {
        view->pending_room = view->pending_room ? 2 * view->pending_room : 4;
        view->pending = memory_resize(view->pending, view->pending_room * sizeof *view->pending);
    }
    return &view->pending[view->pending_count++];
}

/* The newest are looked at first: answers mostly come in order, and soon. */
static bool take_pending(struct session_view *view, uint64_t seq, struct session_pending *out)
{
    for (size_t i = view->pending_count; i-- > 0;) {
        if (view->pending[i].seq != seq)
            continue;
        *out = view->pending[i];
        view->pending_count--;
        memmove(view->pending + i, view->pending + i + 1,
                (view->pending_count - i) * sizeof *view->pending);
        return true;
    }
    return false;
}

static json_t *parse(struct span text)
{
    return stratum_strict_load(text);
}

/* [[["mining.set_difficulty","…"],["mining.notify","…"]],"extranonce1",size]; some pools have the
 * one pair alone. */
static void take_subscription(struct session_view *view, const json_t *result)
{
    const json_t *list = json_array_get(result, 0), *pair;
    size_t i;
    const char *name = json_string_value(json_array_get(list, 0));
    if (name)
        set_text(view, &view->mining_session, json_array_get(list, 1));
    json_array_foreach(list, i, pair)
    {
        const char *method = json_string_value(json_array_get(pair, 0));
        if (method && (!view->mining_session.data || strcmp(method, "mining.notify") == 0))
            set_text(view, &view->mining_session, json_array_get(pair, 1));
    }
    set_text(view, &view->extranonce1, json_array_get(result, 1));
}

static void take_setup_answer(struct session_view *view, const struct session_pending *request,
                              const struct session_step *step)
{
    json_t *result;
    if (request->worker && step->scan.error)
        refuse_worker(view, worker_of(request));
    if (step->scan.error || (request->method != STRATUM_MINING_SUBSCRIBE &&
                             request->method != STRATUM_MINING_CONFIGURE))
        return;
    result = parse(step->scan.result);
    if (request->method == STRATUM_MINING_SUBSCRIBE)
        take_subscription(view, result);
    else
        set_mask(view, json_object_get(result, "version-rolling.mask"));
    json_decref(result);
}

static void judge_share(struct session_view *view, const struct segment_line *line, bool accepted)
{
    const struct pace_share share = {.wall_ns = line->wall_ns,
                                     .begin_ns = view->whole ? view->first_ns : 0,
                                     .latency_us = line->paired ? line->latency_us : -1,
                                     .difficulty = view->difficulty,
                                     .accepted = accepted};
    view->accepted += accepted;
    view->rejected += !accepted;
    session_pace_add(&view->pace, &share);
}

/* What is known of the request that is answered; `request` is filled in where it was seen. */
static enum session_request find_request(struct session_view *view, const struct segment_line *line,
                                         struct session_pending *request)
{
    if (!line->paired)
        return SESSION_REQUEST_NONE;
    if (take_pending(view, line->re, request))
        return stratum_is_submit((enum stratum_method)request->method) ? SESSION_REQUEST_SUBMIT
                                                                       : SESSION_REQUEST_OTHER;
    return line->re < view->first_seq ? SESSION_REQUEST_EARLIER : SESSION_REQUEST_OTHER;
}

/* What the pool answers to lines of ours says nothing of the miner's shares. */
static void take_answer(struct session_view *view, const struct segment_line *line,
                        struct session_step *step)
{
    struct session_pending request = {0};
    if (line->direction != DIRECTION_POOL_TO_MINER) {
        view->other_errors += step->scan.error;
        return;
    }
    if (line->paired)
        stratum_asked_answered(&view->asked, &step->scan.id);
    else if (line->msg.data) /* as footers count them */
        view->unasked[stratum_asked_why(&view->asked, &step->scan.id)]++;
    enum session_request known = find_request(view, line, &request);
    if (known == SESSION_REQUEST_SUBMIT || known == SESSION_REQUEST_OTHER)
        take_setup_answer(view, &request, step);
    enum session_answer answer = session_judge(line->direction, known, step->scan.error);
    step->share_answer = answer == SESSION_ANSWER_ACCEPT || answer == SESSION_ANSWER_REJECT;
    step->refused = step->scan.error;
    if (step->share_answer)
        judge_share(view, line, answer == SESSION_ANSWER_ACCEPT);
    view->other_errors += answer == SESSION_ANSWER_ERROR;
    unname(view, &request);
}

static void take_request(struct session_view *view, const struct segment_line *line,
                         const struct session_step *step)
{
    struct session_pending *pending = NULL;
    struct buffer plain = {0};
    struct span name;
    view->submits += stratum_is_submit(step->scan.method);
    if (stratum_is_request(&step->scan, STRATUM_FROM_MINER))
        stratum_asked_request(&view->asked, &step->scan.id);
    if (step->scan.kind == STRATUM_REQUEST) {
        pending = new_pending(view);
        *pending = (struct session_pending){.seq = line->seq, .method = (uint8_t)step->scan.method};
    }
    if (login_agent(&step->scan, &name)) {
        json_text_append(&plain, name);
        if (fits(span_make(plain.data, plain.len)))
            set_span(view, &view->user_agent, span_make(plain.data, plain.len));
    }
    buffer_clear(&plain);
    if (login_worker(&step->scan, &name)) {
        json_text_append(&plain, name);
        name = span_make(plain.data, plain.len);
        if (fits(name))
            add_worker(view, name);
        if (fits(name) && pending)
            name_pending(view, pending, name);
    }
    buffer_close(&plain);
}

/* What the pool sets of its own accord. */
static void take_notice(struct session_view *view, struct session_step *step)
{
    enum stratum_method method = step->scan.method;
    if (method != STRATUM_MINING_SET_DIFFICULTY && method != STRATUM_MINING_SET_EXTRANONCE &&
        method != STRATUM_MINING_SET_VERSION_MASK)
        return;
    json_t *params = parse(step->scan.params);
    const json_t *first = json_array_get(params, 0);
    if (method == STRATUM_MINING_SET_DIFFICULTY)
        step->new_difficulty = set_difficulty(view, first);
    else if (method == STRATUM_MINING_SET_EXTRANONCE)
        set_text(view, &view->extranonce1, first);
    else
        set_mask(view, first);
    json_decref(params);
}

static void take_message(struct session_view *view, const struct segment_line *line,
                         struct session_step *step)
{
    view->messages[line->direction]++;
    view->parse_errors += line->why.len > 0;
    if (!segment_line_scan(&step->scan, line, &step->scratch))
        return;
    step->bytes = line->msg.data ? line->msg : span_make(step->scratch.data, step->scratch.len);
    if (step->scan.kind == STRATUM_RESPONSE)
        take_answer(view, line, step);
    else if (line->direction == DIRECTION_MINER_TO_POOL)
        take_request(view, line, step);
    else if (line->direction == DIRECTION_POOL_TO_MINER)
        take_notice(view, step);
}

/* ---- events ---- */

static void set_tls(enum session_fact *fact, const json_t *value)
{
    if (json_is_boolean(value))
        *fact = json_is_true(value) ? SESSION_FACT_YES : SESSION_FACT_NO;
}

static void take_event(struct session_view *view, const struct segment_line *line)
{
    json_t *tree;
    if (span_equal_text(line->event, "state")) {
        session_view_take_state(view, line);
        return;
    }
    tree = parse(line->text);
    if (span_equal_text(line->event, "opened")) {
        set_text(view, &view->peer, json_object_get(tree, "miner"));
        set_tls(&view->miner_tls, json_object_get(tree, "tls"));
        view->whole = true;
        view->taught = true;
    } else if (span_equal_text(line->event, "pool_connected")) {
        set_tls(&view->pool_tls, json_object_get(tree, "tls"));
    }
    json_decref(tree);
}

static void teach_workers(struct session_view *view, const json_t *names)
{
    const json_t *name;
    size_t i;
    json_array_foreach(names, i, name)
    {
        if (text_of(name).data)
            add_worker(view, text_of(name));
    }
}

static void take_state(struct session_view *view, const json_t *tree)
{
    const json_t *subscribe = json_object_get(json_object_get(tree, "subscribe"), "params");
    if (!view->peer.data)
        set_text(view, &view->peer, json_object_get(tree, "miner"));
    if (!view->user_agent.data)
        set_text(view, &view->user_agent, json_array_get(subscribe, 0));
    if (!view->extranonce1.data)
        set_text(view, &view->extranonce1, json_object_get(tree, "extranonce1"));
    if (view->difficulty <= 0)
        (void)set_difficulty(view, json_object_get(tree, "difficulty"));
    if (!view->version_mask[0])
        set_mask(view, json_object_get(tree, "version_mask"));
    if (view->miner_tls == SESSION_FACT_UNKNOWN)
        set_tls(&view->miner_tls, json_object_get(tree, "miner_tls"));
    if (view->pool_tls == SESSION_FACT_UNKNOWN)
        set_tls(&view->pool_tls, json_object_get(tree, "pool_tls"));
    if (view->worker_count == 0)
        teach_workers(view, json_object_get(tree, "authorize"));
}

void session_view_take_state(struct session_view *view, const struct segment_line *line)
{
    json_t *tree = parse(line->text);
    take_state(view, tree);
    json_decref(tree);
    view->taught = true;
}

static void fill_text(struct session_view *view, struct span *place, struct span text)
{
    if (!place->data && text.data)
        *place = keep(view, text);
}

void session_view_fill(struct session_view *view, const struct session_view *earlier)
{
    fill_text(view, &view->peer, earlier->peer);
    fill_text(view, &view->user_agent, earlier->user_agent);
    fill_text(view, &view->mining_session, earlier->mining_session);
    fill_text(view, &view->extranonce1, earlier->extranonce1);
    if (view->difficulty <= 0)
        view->difficulty = earlier->difficulty;
    if (!view->version_mask[0])
        memcpy(view->version_mask, earlier->version_mask, sizeof view->version_mask);
    if (view->miner_tls == SESSION_FACT_UNKNOWN)
        view->miner_tls = earlier->miner_tls;
    if (view->pool_tls == SESSION_FACT_UNKNOWN)
        view->pool_tls = earlier->pool_tls;
    for (size_t i = 0; view->worker_count < earlier->worker_count && i < earlier->worker_count; i++)
        add_worker(view, earlier->workers[i]);
}

/* ---- lines ---- */

void session_view_add(struct session_view *view, const struct segment_line *line,
                      struct session_step *step)
{
    *step = (struct session_step){.scratch = step->scratch};
    if (!view->first_seq)
        view->first_seq = line->seq;
    if (line->seq > view->last_seq)
        view->last_seq = line->seq;
    if (!view->first_ns)
        view->first_ns = line->wall_ns;
    if (line->wall_ns > view->last_ns)
        view->last_ns = line->wall_ns;
    if (line->is_message)
        take_message(view, line, step);
    else
        take_event(view, line);
}
