/* See session_text.h. Nothing fails; what is not known is left out, or "-" in rows. */
#include "cli/display/session_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/record/line.h"
#include "lib/stratum/unasked.h"

#define SHORT_SESSION 12 /* the random end of the UUID, its last group */
#define NS_PER_MINUTE (60 * NS_PER_S)

/* ---- JSON ---- */

static void add_text(struct buffer *out, const char *key, struct span text)
{
    if (text.len == 0)
        return;
    buffer_append_format(out, ",\"%s\":", key);
    json_append_string(out, text.data, text.len);
}

static void add_names(struct buffer *out, const char *key, const struct span *names, size_t count)
{
    buffer_append_format(out, ",\"%s\":[", key);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_char(out, ',');
        json_append_string(out, names[i].data, names[i].len);
    }
    buffer_append_char(out, ']');
}

static void add_messages(struct buffer *out, const struct query_session *session)
{
    buffer_append_text(out, ",\"messages\":{");
    for (int i = 0; i < DIRECTION_COUNT; i++)
        buffer_append_format(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
                             direction_name((enum direction)i), session->messages[i]);
    buffer_append_char(out, '}');
}

static void add_extent(struct buffer *out, const struct query_session *session)
{
    line_add_time(out, "opened", session->opened_ns);
    if (session->first_ns != 0) {
        line_add_time(out, "first", session->first_ns);
        line_add_time(out, "last", session->last_ns);
        line_add_u64(out, "first_seq", session->first_seq);
        line_add_u64(out, "last_seq", session->last_seq);
    }
    line_add_i64(out, "lasted_us", session->lasted_ns / NS_PER_US);
}

static void add_unasked(struct buffer *out, const struct query_session *session,
                        const uint64_t *why)
{
    if (session->unasked == 0)
        return;
    line_add_u64(out, "unasked", session->unasked);
    if (why == NULL)
        return;
    buffer_append_text(out, ",\"unasked_why\":{");
    for (int i = 0; i < STRATUM_UNASKED_COUNT; i++)
        buffer_append_format(out, "%s\"%s\":%" PRIu64, i > 0 ? "," : "",
                             stratum_unasked_name((enum stratum_unasked)i), why[i]);
    buffer_append_char(out, '}');
}

void session_append_json(struct buffer *out, const struct query_session *session,
                         const uint64_t *why)
{
    char id[UUID_TEXT_LEN];

    uuid_format(id, &session->session);
    buffer_append_format(out, "{\"session\":\"%.*s\"", UUID_TEXT_LEN, id);
    if (session->number != 0)
        line_add_u64(out, "number", session->number);
    add_text(out, "route", session->route);
    add_text(out, "miner", session->miner);
    add_text(out, "via", session->via);
    add_text(out, "listen", session->listen);
    add_text(out, "user_agent", session->user_agent);
    add_names(out, "workers", session->workers, session->worker_count);
    if (session->refused_count > 0)
        add_names(out, "refused", session->refused, session->refused_count);
    add_text(out, "pool", session->pool);
    add_text(out, "address", session->address);
    add_extent(out, session);
    add_messages(out, session);
    line_add_u64(out, "submits", session->submits);
    line_add_u64(out, "accepted", session->accepted);
    line_add_u64(out, "rejected", session->rejected);
    line_add_u64(out, "other_errors", session->other_errors);
    add_unasked(out, session, why);
    line_add_u64(out, "bytes_up", session->bytes_up);
    line_add_u64(out, "bytes_down", session->bytes_down);
    line_add_text(out, "state", session_state_name(session->state));
    add_text(out, "by", session->closed_by);
    add_text(out, "reason", session->reason);
    line_add_bool(out, "live", session->live);
    line_add_bool(out, "complete", session->complete);
    line_end(out);
}

/* ---- rows ---- */

static const struct column {
    const char *title;
    size_t columns;
    bool right;
} columns[] = {
    {"OPENED (UTC)", 19, false}, {"LASTED", 7, true},   {"SESSION", SHORT_SESSION, false},
    {"MINER", 21, false},        {"WORKER", 18, false}, {"AGENT", 18, false},
    {"POOL", 24, false},         {"MESSAGES", 9, true}, {"ACCEPTED", 8, true},
    {"REJECTED", 8, true},       {"ENDED", 0, false},
};
enum { OPENED, LASTED, SESSION, MINER, WORKER, AGENT, POOL, MESSAGES, ACCEPTED, REJECTED, ENDED };

#define GAP        2  /* columns between two */
#define ENDED_ROOM 15 /* of the last one, at least: "hashscope: stop" */

/* On a narrow terminal what is least missed goes first; a bit set of columns. */
static unsigned hidden_columns(size_t width)
{
    static const int order[] = {POOL, AGENT, MINER, LASTED, MESSAGES};
    size_t needed = ENDED_ROOM;
    unsigned hidden = 0;

    for (int i = 0; i < ENDED; i++)
        needed += columns[i].columns + GAP;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && width > 0 && needed > width; i++) {
        hidden |= 1u << order[i];
        needed -= columns[order[i]].columns + GAP;
    }
    return hidden;
}

static void add_cell(struct terminal_row *row, int at, enum terminal_color color, struct span text)
{
    const struct column *column = &columns[at];
    char padded[32];

    if ((hidden_columns(row->width) >> at & 1) != 0)
        return;
    if (column->right && text.len < column->columns) {
        snprintf(padded, sizeof(padded), "%*.*s", (int)column->columns, (int)text.len, text.data);
        text = span_text(padded);
    }
    if (text.len == 0 && column->columns > 0)
        text = span_text("-");
    if (at == WORKER)
        terminal_row_add_name(row, color, text, column->columns);
    else
        terminal_row_add(row, color, text, column->columns);
    if (column->columns > 0)
        terminal_row_add(row, COLOR_NONE, span_text(" "), 0);
}

static void add_number(struct terminal_row *row, int at, enum terminal_color color, uint64_t number)
{
    char text[24];

    add_cell(row, at, number > 0 ? color : COLOR_DIM,
             span_make(text, (size_t)(format_u64(text, number) - text)));
}

static void end_row(struct terminal_row *row)
{
    while (row->out.len > 0 && row->out.data[row->out.len - 1] == ' ')
        row->out.len--;
    buffer_append_char(&row->out, '\n');
    row->used = 0;
}

void session_append_titles(struct terminal_row *row)
{
    for (int i = 0; i <= ENDED; i++)
        add_cell(row, i, COLOR_DIM, span_text(columns[i].title));
    end_row(row);
}

static void add_duration(struct terminal_row *row, int64_t ns)
{
    char text[24];
    long long seconds = ns / NS_PER_S;

    if (ns < NS_PER_MINUTE)
        snprintf(text, sizeof(text), "%.1fs", (double)ns / (double)NS_PER_S);
    else if (seconds < 3600)
        snprintf(text, sizeof(text), "%lldm%02llds", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        snprintf(text, sizeof(text), "%lldh%02lldm", seconds / 3600, seconds / 60 % 60);
    else
        snprintf(text, sizeof(text), "%lldd%02lldh", seconds / 86400, seconds / 3600 % 24);
    add_cell(row, LASTED, COLOR_NONE, span_text(text));
}

/* "4 answers to ids nobody asked with (type differs 4)". */
static void append_unasked(struct buffer *text, const struct query_session *session,
                           const uint64_t *why)
{
    static const char *const words[STRATUM_UNASKED_COUNT] = {"type differs", "answered before",
                                                             "too late", "unknown id"};
    const char *between = " (";

    if (session->unasked == 0)
        return;
    buffer_append_format(text, "; %" PRIu64 " answer%s to ids nobody asked with", session->unasked,
                         session->unasked == 1 ? "" : "s");
    for (int i = 0; why != NULL && i < STRATUM_UNASKED_COUNT; i++) {
        if (why[i] == 0)
            continue;
        buffer_append_format(text, "%s%s %" PRIu64, between, words[i], why[i]);
        between = ", ";
    }
    if (between[0] == ',')
        buffer_append_char(text, ')');
}

static void add_end(struct terminal_row *row, const struct query_session *session,
                    const uint64_t *why)
{
    bool closed = session->state == SESSION_CLOSED;
    struct buffer text = {NULL, 0, 0};

    if (closed) {
        buffer_append(&text, session->closed_by.data, session->closed_by.len);
        buffer_append_text(&text, ": ");
        buffer_append(&text, session->reason.data, session->reason.len);
    } else {
        buffer_append_text(&text, session_state_name(session->state));
    }
    append_unasked(&text, session, why);
    add_cell(row, ENDED, closed ? COLOR_NONE : COLOR_GREEN, span_make(text.data, text.len));
    buffer_close(&text);
}

void session_append_row(struct terminal_row *row, const struct query_session *session,
                        const uint64_t *why)
{
    char opened[CLOCK_TEXT_LEN], id[UUID_TEXT_LEN];
    uint64_t messages = 0;

    clock_format(opened, session->opened_ns);
    opened[10] = ' ';
    uuid_format(id, &session->session);
    for (int i = 0; i < DIRECTION_COUNT; i++)
        messages += session->messages[i];
    add_cell(row, OPENED, COLOR_NONE, span_make(opened, 19));
    add_duration(row, session->lasted_ns);
    add_cell(row, SESSION, COLOR_DIM, span_make(id + UUID_TEXT_LEN - SHORT_SESSION, SHORT_SESSION));
    add_cell(row, MINER, COLOR_NONE, session->miner);
    add_cell(row, WORKER, COLOR_CYAN,
             session->worker_count > 0 ? session->workers[session->worker_count - 1]
                                       : span_text(""));
    add_cell(row, AGENT, COLOR_NONE, session->user_agent);
    add_cell(row, POOL, COLOR_NONE, session->pool);
    add_number(row, MESSAGES, COLOR_NONE, messages);
    add_number(row, ACCEPTED, COLOR_GREEN, session->accepted);
    add_number(row, REJECTED, COLOR_RED, session->rejected);
    add_end(row, session, why);
    end_row(row);
}
