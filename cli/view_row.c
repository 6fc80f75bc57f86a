/*
 * How it works: one row per line: time, session, who, arrow, a word, and the essence of the
 * message:
 *
 *   13:53:01.123  4f0c2a  farm.rig7           -> submit       job 3f, nonce 67560e74
 *   13:53:01.165  4f0c2a  farm.rig7           <- accepted     41.9 ms
 *
 * (the arrows are real ones). The session's short name is the end of its UUID, since the beginning
 * is the time. All texts from outside are made harmless by terminal_row_add.
 *
 * Nothing here can fail: what is not understood is shown as it is, cut at the terminal's width.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"
#include "cli/view.h"
#include "lib/base/clock.h"
#include "lib/export/mask.h"
#include "lib/stratum/message.h"

#define SHORT_SESSION 6
#define NAME_COLUMNS  18
#define WORD_COLUMNS  16
#define ESSENCE_MAX   400

struct cell {
    struct span name; /* shown in front already */
    enum terminal_color color;
    const char *word;
    char essence[ESSENCE_MAX];
};

static const char *arrow_of(enum direction direction)
{
    switch (direction) {
    case DIRECTION_MINER_TO_POOL:
        return "\xe2\x86\x92"; /* → */
    case DIRECTION_POOL_TO_MINER:
        return "\xe2\x86\x90"; /* ← */
    case DIRECTION_HASHSCOPE_TO_POOL:
        return "\xe2\x87\x92"; /* ⇒ */
    case DIRECTION_POOL_TO_HASHSCOPE:
        return "\xe2\x87\x90"; /* ⇐ */
    }
    return "?";
}

static const char *text_at(const json_t *params, size_t index)
{
    const char *text = json_string_value(json_array_get(params, index));

    return text == NULL ? "" : text;
}

/* The height that a coinbase begins its script with (BIP 34); 0 when it can't be told. The first
 * half of the coinbase is hex: version, input count, outpoint (41 bytes), script length, push. */
static uint32_t height_of(const char *coinbase1)
{
    uint8_t bytes[48] = {0};
    uint32_t height = 0;
    size_t push;

    if (strlen(coinbase1) < 94 || !hex_decode(bytes, coinbase1, 94) || bytes[4] != 1)
        return 0;
    push = bytes[42];
    if (push < 1 || push > 4)
        return 0;
    for (size_t i = 0; i < push; i++)
        height |= (uint32_t)bytes[43 + i] << (8 * i);
    return height;
}

static void describe_notify(struct cell *cell, const json_t *params)
{
    size_t branches = json_array_size(json_array_get(params, 4));
    bool clean = json_is_true(json_array_get(params, json_array_size(params) - 1));
    uint32_t height = height_of(text_at(params, 2));
    char block[48] = "";

    if (height > 0)
        snprintf(block, sizeof(block), ", height %" PRIu32, height);
    snprintf(cell->essence, ESSENCE_MAX, "job %s%s, %s%s", text_at(params, 0), block,
             branches == 0 ? "empty block" : "full block", clean ? ", clean" : "");
    cell->color = clean ? COLOR_MAGENTA : COLOR_YELLOW;
}

static void describe_submit(struct cell *cell, const json_t *params)
{
    const char *worker = text_at(params, 0);
    bool known = span_equal_text(cell->name, worker);

    snprintf(cell->essence, ESSENCE_MAX, "job %s, nonce %s%s%s", text_at(params, 1),
             text_at(params, 4), known ? "" : ", by ", known ? "" : worker);
}

/* JSON as it came, cut to fit. */
static void describe_raw(struct cell *cell, struct span json)
{
    snprintf(cell->essence, ESSENCE_MAX, "%.*s",
             (int)(json.len < ESSENCE_MAX ? json.len : ESSENCE_MAX),
             json.data == NULL ? "" : json.data);
}

static void describe_request(struct cell *cell, const struct view_line *line, const json_t *message)
{
    const json_t *params = json_object_get(message, "params");
    const char *method = json_string_value(json_object_get(message, "method"));

    cell->word = method == NULL ? "?" : method;
    if (strncmp(cell->word, "mining.", 7) == 0)
        cell->word += 7;
    cell->color = line->line.direction == DIRECTION_POOL_TO_MINER ? COLOR_YELLOW : COLOR_CYAN;
    if (line->scan.method == STRATUM_MINING_NOTIFY && json_array_size(params) >= 9)
        describe_notify(cell, params);
    else if (line->scan.method == STRATUM_MINING_SUBMIT && json_array_size(params) >= 5)
        describe_submit(cell, params);
    else if (line->scan.method == STRATUM_MINING_AUTHORIZE)
        snprintf(cell->essence, ESSENCE_MAX, "%s", text_at(params, 0)); /* no password */
    else
        describe_raw(cell, line->scan.params);
}

static void describe_refusal(struct cell *cell, const struct view_line *line, const json_t *message)
{
    struct stratum_reason reason;
    char code[32] = "";

    stratum_message_reason(&reason, message);
    if (reason.has_code)
        snprintf(code, sizeof(code), "%lld ", (long long)reason.code);
    cell->color = COLOR_RED;
    cell->word = line->answered == STRATUM_MINING_SUBMIT ? "rejected" : "refused";
    snprintf(cell->essence, ESSENCE_MAX, "%s%s", code, reason.text == NULL ? "" : reason.text);
}

static void add_answered(struct cell *cell, const struct view_line *line)
{
    size_t len = strlen(cell->essence);
    const char *method = stratum_method_name(line->answered);

    if (!line->line.paired)
        return;
    if (line->answered > STRATUM_METHOD_UNKNOWN && line->answered != STRATUM_MINING_SUBMIT)
        len += (size_t)snprintf(cell->essence + len, ESSENCE_MAX - len, "%s%s", len > 0 ? ", " : "",
                                strncmp(method, "mining.", 7) == 0 ? method + 7 : method);
    if (len < ESSENCE_MAX)
        snprintf(cell->essence + len, ESSENCE_MAX - len, "%s%.1f ms", len > 0 ? ", " : "",
                 (double)line->line.latency_us / 1000);
}

static void describe_response(struct cell *cell, const struct view_line *line,
                              const json_t *message)
{
    if (line->scan.error) {
        describe_refusal(cell, line, message);
    } else if (line->answered == STRATUM_MINING_SUBMIT) {
        cell->word = "accepted";
        cell->color = COLOR_GREEN;
    } else {
        cell->word = "ok";
        if (!line->line.paired || line->answered <= STRATUM_METHOD_UNKNOWN)
            describe_raw(cell, line->scan.result);
    }
    add_answered(cell, line);
}

static void describe_message(struct cell *cell, const struct view_line *line, const json_t *message)
{
    switch (line->scan.kind) {
    case STRATUM_REQUEST:
    case STRATUM_NOTIFICATION:
        describe_request(cell, line, message);
        break;
    case STRATUM_RESPONSE:
        describe_response(cell, line, message);
        break;
    case STRATUM_OTHER:
        cell->word = "other";
        describe_raw(cell, line->line.msg);
        break;
    }
}

static size_t decoded_len(struct span base64)
{
    size_t len = base64.len / 4 * 3;

    for (size_t at = base64.len; at > 0 && len > 0 && base64.data[at - 1] == '='; at--)
        len--;
    return len;
}

static void describe_bytes(struct cell *cell, const struct view_line *line)
{
    const struct segment_line *at = &line->line;
    const struct span more = at->is_fragment ? at->method : at->why;

    cell->color = COLOR_RED;
    cell->word = at->is_fragment ? "part of a line" : "not JSON";
    snprintf(cell->essence, ESSENCE_MAX, "%zu bytes%s%.*s", decoded_len(at->bytes_b64),
             more.len > 0 ? ", " : "", (int)more.len, more.len > 0 ? more.data : "");
}

/* The members of an event that are worth a look, in this order. */
static void describe_event(struct cell *cell, const json_t *event)
{
    static const char *const names[] = {"miner",      "listen",  "pool",      "address", "tls",
                                        "by",         "reason",  "lost",      "bytes",   "bytes_up",
                                        "bytes_down", "step_ms", "difficulty"};
    size_t len = 0;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && len < ESSENCE_MAX; i++) {
        const json_t *value = json_object_get(event, names[i]);
        const char *gap = len > 0 ? ", " : "";

        if (json_is_string(value))
            len += (size_t)snprintf(cell->essence + len, ESSENCE_MAX - len, "%s%s %s", gap,
                                    names[i], json_string_value(value));
        else if (json_is_number(value))
            len += (size_t)snprintf(cell->essence + len, ESSENCE_MAX - len, "%s%s %.10g", gap,
                                    names[i], json_number_value(value));
        else if (json_is_true(value))
            len += (size_t)snprintf(cell->essence + len, ESSENCE_MAX - len, "%s%s", gap, names[i]);
    }
}

static void append_cells(struct view *view, struct buffer *out, const struct view_line *line,
                         const struct cell *cell)
{
    struct terminal_row row = {.color = view->color, .width = view->width, .out = *out};
    struct span session = line->line.session;
    char time[CLOCK_TEXT_LEN];

    clock_format(time, line->line.wall_ns);
    if (session.len > SHORT_SESSION)
        session = span_make(session.data + session.len - SHORT_SESSION, SHORT_SESSION);
    terminal_row_add(&row, COLOR_DIM, span_make(time + 11, 12), 13);
    terminal_row_add(&row, COLOR_DIM, session, SHORT_SESSION + 1);
    terminal_row_add(&row, COLOR_NONE, cell->name, NAME_COLUMNS);
    terminal_row_add(
        &row, cell->color,
        span_text(line->line.is_message ? arrow_of(line->line.direction) : "\xe2\x80\xa2"), 1);
    terminal_row_add(&row, cell->color, span_text(cell->word), WORD_COLUMNS);
    terminal_row_add(&row, COLOR_NONE, span_text(cell->essence), 0);
    while (row.out.len > 0 && row.out.data[row.out.len - 1] == ' ')
        row.out.len--;
    buffer_append_char(&row.out, '\n');
    *out = row.out;
}

/* Rows are for people, and often for more than one: passwords are not shown. */
static void mask_passwords(struct masker *masker, struct view_line *line)
{
    struct span message = line->line.msg;

    if (message.data == NULL)
        return;
    line->line.msg = mask_message(masker, &line->line, message);
    if (line->line.msg.data != message.data)
        stratum_scan_line(&line->scan, line->line.msg.data, line->line.msg.len);
}

void view_append_row(struct view *view, struct buffer *out, struct view_line *line)
{
    struct masker masker = {0};
    struct cell cell = {.color = COLOR_BLUE,
                        .word = "?",
                        .essence = "",
                        .name = view_name_of(view, line->line.session)};
    struct span json;
    json_t *message;
    char event[32];

    mask_passwords(&masker, line);
    json = line->line.is_message ? line->line.msg : line->line.text;
    message = json.data == NULL ? NULL : json_loadb(json.data, json.len, JSON_DECODE_ANY, NULL);
    if (line->line.paired)
        line->answered = view_find_method(view, line->line.re);
    if (line->line.is_message && json.data == NULL) {
        describe_bytes(&cell, line);
    } else if (line->line.is_message) {
        cell.color = COLOR_NONE;
        if (message != NULL)
            describe_message(&cell, line, message);
        else /* valid, but beyond what the parser takes, such as "\u0000" in a text */
            describe_raw(&cell, json);
    } else {
        snprintf(event, sizeof(event), "%.*s", (int)line->line.event.len, line->line.event.data);
        cell.word = event;
        describe_event(&cell, message);
    }
    append_cells(view, out, line, &cell);
    json_decref(message);
    masker_close(&masker);
}
