/*
 * sessions.c - GET sessions, GET sessions/{id}.
 *
 * The list comes from footers, the ring's table and what the feed has heard (api/session/table.h):
 * no message is read for it. It is polled by every browser that shows it, so answers are shared for
 * a moment (api/request/reply_cache.h).
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/request/json_out.h"
#include "api/request/reply_cache.h"
#include "api/request/rest.h"
#include "api/session/find.h"
#include "api/session/json.h"
#include "api/session/stats.h"
#include "api/session/table.h"
#include "lib/base/memory.h"

#define TEXT_MAX 256 /* bytes of a filter */

/* ---- filters ---- */

static bool holds(struct span text, struct span part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        size_t at = 0;
        while (at < part.len &&
               tolower((unsigned char)text.data[i + at]) == tolower((unsigned char)part.data[at]))
            at++;
        if (at == part.len)
            return true;
    }
    return false;
}

static bool fits_any(const struct query_session *session, struct span part)
{
    char id[UUID_TEXT_LEN];
    uuid_format(id, &session->session);
    bool fits = holds(span_make(id, sizeof id), part) || holds(session->miner, part) ||
                holds(session->route, part) || holds(session->pool, part) ||
                holds(session->address, part) || holds(session->user_agent, part);
    return fits || query_session_has_worker(session, part);
}

static bool fits(const struct query_session *session, const struct parameters *given)
{
    enum { OPEN_ONLY = 1, CLOSED_ONLY = 2 };
    const struct parameter_value *text = parameter(given, "q");
    int64_t state = parameter_number(given, "state");
    bool closed = session->state == SESSION_CLOSED;
    if ((state == OPEN_ONLY && closed) || (state == CLOSED_ONLY && !closed))
        return false;
    return !text->given || fits_any(session, span_make(text->text, text->len));
}

static enum status read_filter(struct query_filter *out, const struct parameters *given,
                               struct error *err)
{
    static const enum query_source sources[] = {QUERY_ALL, QUERY_LIVE, QUERY_ARCHIVE};
    *out = (struct query_filter){
        .from_ns = parameter_number(given, "from"),
        .to_ns = parameter_number(given, "to"),
        .worker = parameter_text(given, "worker"),
        .peer = parameter_text(given, "peer"),
        .route = parameter_text(given, "route"),
        .pool = parameter_text(given, "pool"),
        .user_agent = parameter_text(given, "user_agent"),
        .source = sources[parameter_number(given, "source")],
    };
    if (parameter(given, "to")->given && out->to_ns <= out->from_ns)
        return error_set(err, STATUS_INVALID, "to: not behind from");
    return STATUS_OK;
}

/* ---- pages ---- */

#define LIST_BYTES (16u << 20) /* of JSON; where they are reached the next page begins */

struct list {
    uint64_t series; /* of an import; 0: the recorder's own */
    struct query_session *rows;
    char (*cursors)[QUERY_CURSOR_BYTES]; /* behind each row */
    size_t count;
    bool more; /* there are sessions behind the last one */
};

static enum status collect(struct query_sessions *listing, const struct parameters *given,
                           struct list *list, struct error *err)
{
    size_t limit = (size_t)parameter_number(given, "limit");
    size_t skip = (size_t)parameter_number(given, "offset");
    struct query_session session;
    enum status status;
    list->rows = memory_new(limit * sizeof *list->rows);
    list->cursors = memory_new(limit * sizeof *list->cursors);
    while ((status = query_sessions_next(listing, &session, err)) == STATUS_OK) {
        if (!fits(&session, given))
            continue;
        list->more = list->count == limit;
        if (list->more)
            return STATUS_OK;
        if (skip > 0) {
            skip--;
            continue;
        }
        query_sessions_cursor(listing, list->cursors[list->count]);
        list->rows[list->count++] = session;
    }
    return status == STATUS_END ? STATUS_OK : status;
}

static size_t choose(const struct list *list, bool open, struct uuid *out)
{
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if ((list->rows[i].live && list->rows[i].state != SESSION_CLOSED) == open)
            out[count++] = list->rows[i].session;
    }
    return count;
}

/* What the feed has not heard. */
static void learn(const struct rest *rest, const struct list *list)
{
    struct uuid *chosen = memory_new((list->count + 1) * sizeof *chosen);
    struct query_place place = rest->place;
    place.series = list->series;
    session_table_take(rest->session_table, &place, chosen, choose(list, true, chosen));
    session_table_take_ended(rest->session_table, &place, chosen, choose(list, false, chosen));
    free(chosen);
}

static void write_row(const struct rest *rest, const struct list *list,
                      const struct query_session *session, struct buffer *out)
{
    char key[OPERATOR_KEY_MAX];
    struct session_source source = {.series = list->series, .session = session};
    const struct session_name name = {list->series, session->session};
    source.view = session_table_borrow(rest->session_table, &name);
    source.counted = session_is_counted(session, source.view);
    session_operator_key(key, session, source.view);
    operator_state_get(rest->operator_state, key, &source.choice);
    out_comma(out);
    buffer_append_char(out, '{');
    session_write(out, &source);
    buffer_append_char(out, '}');
    session_table_return(rest->session_table);
}

static void write_list(const struct rest *rest, const struct list *list, struct buffer *out)
{
    size_t written = 0;
    buffer_append_text(out, "{\"items\":[");
    while (written < list->count && out->len < LIST_BYTES)
        write_row(rest, list, &list->rows[written++], out);
    buffer_append_char(out, ']');
    bool more = list->more || written < list->count;
    out_text(out, "next_cursor", span_text(more ? list->cursors[written - 1] : ""));
    buffer_append_char(out, '}');
}

static enum status make_list(const struct request *request, struct buffer *out, struct error *err)
{
    const struct parameters *given = &request->parameters;
    struct query_sessions_options options = {.place = request->rest->place,
                                             .cursor = parameter_text(given, "cursor")};
    struct query_sessions *listing;
    struct list list = {.rows = NULL};
    enum status status = read_filter(&options.filter, given, err);
    if (status == STATUS_OK)
        status = request_place(request, given, &options.place, err);
    if (status != STATUS_OK)
        return status;
    list.series = options.place.series;
    if (status == STATUS_OK)
        status = query_sessions_open(&listing, &options, err);
    if (status == STATUS_NOT_FOUND) { /* no recorder has ever run here */
        buffer_append_text(out, "{\"items\":[],\"next_cursor\":null}");
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    status = collect(listing, given, &list, err);
    if (status == STATUS_OK) {
        learn(request->rest, &list);
        write_list(request->rest, &list, out);
    }
    free(list.rows);
    free((void *)list.cursors);
    query_sessions_close(listing);
    return status;
}

/* All that was asked for, in one text. */
static void write_key(const struct parameters *given, struct buffer *key)
{
    for (size_t i = 0; i < given->count; i++) {
        const struct parameter_value *value = &given->values[i];
        if (value->text)
            buffer_append_format(key, "%zu:%s;", value->len, value->text);
        else
            buffer_append_format(key, "%d%lld;", value->given, (long long)value->number);
    }
}

static void get_sessions(struct request *request)
{
    struct buffer key = {0}, out = {0};
    struct error err = {""};
    struct reply_cache *cache = request->rest->reply_cache;
    enum status status = STATUS_OK;
    write_key(&request->parameters, &key);
    if (!reply_cache_take(cache, span_make(key.data, key.len), &out)) {
        status = make_list(request, &out, &err);
        reply_cache_give(cache, span_make(key.data, key.len),
                         span_make(out.data, status == STATUS_OK ? out.len : 0));
    }
    buffer_close(&key);
    if (status == STATUS_OK) {
        reply_json(request, 200, &out);
    } else {
        buffer_close(&out);
        reply_failure(request, status, &err);
    }
}

/* ---- one ---- */

static void write_one(const struct rest *rest, const struct session_found *found,
                      const struct session_stats *stats, struct buffer *out)
{
    char key[OPERATOR_KEY_MAX];
    const struct query_session *session = &found->session;
    struct session_source source = {
        .series = found->place.series, .session = session, .view = stats_view(stats)};
    source.counted = stats_complete(stats) && session_is_counted(session, source.view);
    session_operator_key(key, session, source.view);
    operator_state_get(rest->operator_state, key, &source.choice);
    buffer_append_char(out, '{');
    session_write(out, &source);
    stats_write(stats, session, out);
    buffer_append_char(out, '}');
}

static void get_session(struct request *request)
{
    const struct rest *rest = request->rest;
    struct session_found found;
    struct buffer out = {0};
    struct error err = {""};
    enum status status;
    if (!session_find(request, &found))
        return;
    struct session_stats *stats =
        stats_borrow(rest->stats_keeper, &found.place, &found.session.session, &status, &err);
    if (stats) {
        write_one(rest, &found, stats, &out);
        stats_return(rest->stats_keeper, stats);
        reply_json(request, 200, &out);
    } else {
        reply_failure(request, status, &err);
    }
    session_found_close(&found);
}

/* ---- the table ---- */

#define PART(of)                                                                                   \
    {                                                                                              \
        .name = (of), .kind = PARAMETER_TEXT, .most = TEXT_MAX                                     \
    }

static const struct parameter one_parameters[] = {REQUEST_SERIES};
static const struct parameter list_parameters[] = {
    REQUEST_SERIES,
    PART("worker"),
    PART("peer"),
    PART("route"),
    PART("pool"),
    PART("user_agent"),
    PART("q"),
    {.name = "from", .kind = PARAMETER_TIME},
    {.name = "to", .kind = PARAMETER_TIME},
    {.name = "state", .kind = PARAMETER_CHOICE, .choices = "any|open|closed"},
    {.name = "source", .kind = PARAMETER_CHOICE, .choices = "all|live|archive"},
    {.name = "cursor", .kind = PARAMETER_TEXT, .most = QUERY_CURSOR_BYTES},
    {.name = "limit", .kind = PARAMETER_INTEGER, .least = 1, .most = 1000, .fallback = 100},
    {.name = "offset", .kind = PARAMETER_INTEGER, .most = 1000000},
};

static const struct route routes[] = {
    {"GET", "/api/sessions", get_sessions, ROUTE_PARAMETERS(list_parameters), ROUTE_HEAVY},
    {"GET", "/api/sessions/{id}", get_session, ROUTE_PARAMETERS(one_parameters), ROUTE_HEAVY},
};
const struct route_table rest_sessions = {routes, sizeof routes / sizeof routes[0]};
