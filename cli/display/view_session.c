/*
 * What a view learns: sessions with address and worker (a hash table by UUID text, forgotten as a
 * whole when it is full at SESSIONS_MAX), and the methods of the newest requests by their number.
 * What it did not see is looked up.
 *
 * Nothing here can fail; what was forgotten or never seen is shown without its name.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/display/terminal.h"
#include "cli/display/view.h"
#include "lib/base/clock.h"
#include "lib/base/json_text.h"
#include "lib/base/memory.h"
#include "lib/record/login.h"
#include "lib/segment/scan.h"
#include "lib/stratum/strict.h"

#define VIEW_REQUESTS ((uint64_t)1 << 18)
#define SESSIONS_MAX  ((size_t)1 << 18) /* places */
#define SESSION_LEN   36
#define NAME_BYTES    ((size_t)1024)

struct view_session {
    char session[SESSION_LEN]; /* first byte 0: free */
    struct span worker, miner; /* its own; of a worker at most NAME_MAX bytes */
};

struct view_request {
    uint64_t seq;
    uint32_t method;
};

void view_init(struct view *view, const struct query_place *place)
{
    *view = (struct view){.width = terminal_width(), .color = terminal_wants_color()};
    if (place != NULL)
        view->place = *place;
    view->session_room = 64;
    view->sessions = memory_new(view->session_room * sizeof(*view->sessions));
    view->requests = memory_new(VIEW_REQUESTS * sizeof(*view->requests));
}

static void forget(struct view_session *sessions, size_t room)
{
    for (size_t i = 0; i < room; i++) {
        span_free(&sessions[i].worker);
        span_free(&sessions[i].miner);
    }
    free(sessions);
}

void view_close(struct view *view)
{
    forget(view->sessions, view->session_room);
    free(view->requests);
}

/* The session's place: where it is, or the free place where it would go. */
static struct view_session *find_place(const struct view *view, struct span session)
{
    size_t at = (size_t)hash_bytes(0, session.data, session.len);

    for (;; at++) {
        struct view_session *who = &view->sessions[at & (view->session_room - 1)];

        if (who->session[0] == '\0' || memcmp(who->session, session.data, SESSION_LEN) == 0)
            return who;
    }
}

/* Keeps half of the places free; the biggest table starts anew instead. */
static void make_room(struct view *view)
{
    struct view_session *old = view->sessions;
    size_t room = view->session_room;

    if (view->session_count * 2 < room)
        return;
    if (room < SESSIONS_MAX)
        view->session_room *= 2;
    view->sessions = memory_new(view->session_room * sizeof(*view->sessions));
    view->session_count = room < SESSIONS_MAX ? view->session_count : 0;
    if (room == SESSIONS_MAX) {
        forget(old, room);
        return;
    }
    for (size_t i = 0; i < room; i++) {
        if (old[i].session[0] != '\0')
            *find_place(view, span_make(old[i].session, SESSION_LEN)) = old[i];
    }
    free(old);
}

static struct view_session *session_of(struct view *view, struct span session)
{
    struct view_session *who;

    if (session.len != SESSION_LEN)
        return NULL;
    make_room(view);
    who = find_place(view, session);
    if (who->session[0] == '\0') {
        memcpy(who->session, session.data, SESSION_LEN);
        view->session_count++;
    }
    return who;
}

static void name(struct span *place, struct span text)
{
    span_free(place);
    *place = span_copy(span_make(text.data, text.len < NAME_BYTES ? text.len : NAME_BYTES));
}

static void add_session(struct view *view, const struct query_session *session)
{
    char text[SESSION_LEN];
    struct view_session *who;

    uuid_format(text, &session->session);
    who = session_of(view, span_make(text, SESSION_LEN));
    if (session->miner.len > 0)
        name(&who->miner, session->miner);
    if (session->worker_count > 0)
        name(&who->worker, session->workers[session->worker_count - 1]);
}

/* Names are a service: what goes wrong here leaves them out. */
static void list_sessions(struct view *view)
{
    struct query_sessions_options options = {.place = view->place};
    struct query_sessions *sessions = NULL;
    struct query_session session;

    view->listed_at = clock_mono_ns();
    if (query_sessions_open(&sessions, &options, NULL) != STATUS_OK)
        return;
    while (query_sessions_next(sessions, &session, NULL) == STATUS_OK)
        add_session(view, &session);
    query_sessions_close(sessions);
}

struct span view_name_of(struct view *view, struct span session)
{
    const struct view_session *who;

    if (session.len != SESSION_LEN)
        return span_text("");
    who = find_place(view, session);
    if (who->session[0] == '\0' && view->place.data_dir != NULL &&
        (view->listed_at == 0 ||
         (view->following && clock_mono_ns() - view->listed_at > NS_PER_S))) {
        list_sessions(view);
        who = find_place(view, session);
    }
    if (who->session[0] == '\0')
        return span_text("");
    return who->worker.len > 0 ? who->worker : who->miner;
}

static void take_text(struct span *place, const json_t *text)
{
    if (json_is_string(text) && json_string_length(text) > 0)
        name(place, span_make(json_string_value(text), json_string_length(text)));
}

static void take_event(struct view_session *who, struct span text)
{
    json_t *event = stratum_strict_load(text);
    const json_t *workers = json_object_get(event, "authorize"); /* in state lines: their names */

    take_text(&who->miner, json_object_get(event, "miner"));
    take_text(&who->worker, json_array_get(workers, json_array_size(workers) - 1));
    json_decref(event);
}

static void take_worker(struct view_session *who, const struct view_line *line)
{
    struct stratum_scan scan;
    struct buffer bytes = {NULL, 0, 0}, plain = {NULL, 0, 0};
    struct span worker;

    if (segment_line_scan(&scan, &line->line, &bytes) && login_worker(&scan, &worker)) {
        json_text_append(&plain, worker);
        name(&who->worker, span_make(plain.data, plain.len));
    }
    buffer_close(&bytes);
    buffer_close(&plain);
}

static struct view_request *request_place(const struct view *view, uint64_t seq)
{
    return &view->requests[seq % VIEW_REQUESTS];
}

enum stratum_method view_seen_method(const struct view *view, uint64_t seq)
{
    const struct view_request *request = request_place(view, seq);

    return request->seq == seq ? (enum stratum_method)request->method : STRATUM_METHOD_NONE;
}

/* Of messages in base64, too. */
static void scan_line(struct stratum_scan *scan, const struct segment_line *line)
{
    struct buffer bytes = {NULL, 0, 0};

    if (line->method.len > 0) { /* the first piece of a long line */
        scan->method_text = line->method;
        scan->method = stratum_method_find(line->method.data, line->method.len);
        return;
    }
    if (!segment_line_scan(scan, line, &bytes))
        return;
    if (line->msg.data == NULL) /* what it says lies in `bytes`, which go */
        *scan =
            (struct stratum_scan){.kind = scan->kind, .method = scan->method, .error = scan->error};
    buffer_close(&bytes);
}

static enum stratum_method method_of(const struct segment_line *line)
{
    struct stratum_scan scan = {.method = STRATUM_METHOD_NONE};

    scan_line(&scan, line);
    return scan.method;
}

enum stratum_method view_find_method(struct view *view, uint64_t seq)
{
    enum stratum_method method = view_seen_method(view, seq);
    char id[QUERY_ID_BYTES];
    struct query *query = NULL;
    struct query_row row;

    if (method != STRATUM_METHOD_NONE || view->place.data_dir == NULL)
        return method;
    query_id_format(id, view->instance, seq);
    if (query_find(&query, &view->place, id, &row, NULL) != STATUS_OK)
        return STRATUM_METHOD_NONE;
    method = method_of(&row.line);
    query_close(query);
    *request_place(view, seq) = (struct view_request){seq, method};
    return method;
}

static void take_message(struct view *view, struct view_session *who, const struct view_line *line)
{
    if (line->scan.method != STRATUM_METHOD_NONE)
        *request_place(view, line->line.seq) =
            (struct view_request){line->line.seq, line->scan.method};
    if (who != NULL)
        take_worker(who, line);
}

static void take_line(struct view *view, const struct view_line *line)
{
    enum stratum_method method = line->scan.method;
    bool tells = !line->line.is_message || method == STRATUM_MINING_AUTHORIZE ||
                 method == STRATUM_LOGIN || method == STRATUM_ETH_SUBMIT_LOGIN;
    struct view_session *who = tells ? session_of(view, line->line.session) : NULL;

    if (line->line.is_message)
        take_message(view, who, line);
    else if (who != NULL)
        take_event(who, line->line.text);
}

void view_take(struct view *view, const struct segment_line *line, struct view_line *out)
{
    *out = (struct view_line){.line = *line};
    scan_line(&out->scan, line);
    take_line(view, out);
}
