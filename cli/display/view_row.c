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
#include <string.h>

#include "cli/display/terminal.h"
#include "cli/display/view.h"
#include "lib/base/clock.h"
#include "lib/export/mask.h"
#include "lib/record/login.h"
#include "lib/segment/scan.h"
#include "lib/stratum/message.h"
#include "lib/stratum/strict.h"

#define SHORT_SESSION 6
#define NAME_COLUMNS  18
#define WORD_COLUMNS  16
#define WORD_MOST     64 /* of one that is longer than its column */
#define ESSENCE_MAX   400

struct cell {
    struct span name; /* shown in front already */
    enum terminal_color color;
    struct span word;
    struct buffer essence; /* any bytes; shown as terminals can */
    json_t *tree;          /* what the texts lie in */
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

static struct span text_of(const json_t *value)
{
    return json_is_string(value) && !stratum_is_exact_number(value)
               ? span_make(json_string_value(value), json_string_length(value))
               : span_text("");
}

static struct span text_at(const json_t *params, size_t index)
{
    return text_of(json_array_get(params, index));
}

static void put(struct cell *cell, const char *front, struct span text)
{
    buffer_append_text(&cell->essence, front);
    buffer_append(&cell->essence, text.data, text.len);
}

static const char *gap_of(const struct cell *cell)
{
    return cell->essence.len > 0 ? ", " : "";
}

/* Most methods begin with "mining.", which says nothing. */
static struct span short_method(struct span method)
{
    static const char front[] = "mining.";
    size_t len = sizeof(front) - 1;

    return method.len > len && memcmp(method.data, front, len) == 0
               ? span_make(method.data + len, method.len - len)
               : method;
}

/* The height that a coinbase begins its script with (BIP 34); 0 when it can't be told. The first
 * half of the coinbase is hex: version, input count, outpoint (41 bytes), script length, push. */
static uint32_t height_of(struct span coinbase1)
{
    uint8_t bytes[48] = {0};
    uint32_t height = 0;
    size_t push;

    if (coinbase1.len < 94 || !hex_decode(bytes, coinbase1.data, 94) || bytes[4] != 1)
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

    put(cell, "job ", text_at(params, 0));
    if (height > 0)
        buffer_append_format(&cell->essence, ", height %" PRIu32, height);
    buffer_append_format(&cell->essence, ", %s%s", branches == 0 ? "empty block" : "full block",
                         clean ? ", clean" : "");
    cell->color = clean ? COLOR_MAGENTA : COLOR_YELLOW;
}

/* "" where a coin has something else in its place, such as a solution. */
static struct span nonce_of(const json_t *params)
{
    struct span nonce = text_at(params, 4);

    if (json_array_size(params) == 3)
        return text_at(params, 2);
    bool prefixed = nonce.len >= 2 && memcmp(nonce.data, "0x", 2) == 0;
    return nonce.len <= 8 && !prefixed ? nonce : span_text("");
}

static void describe_submit(struct cell *cell, const json_t *params)
{
    struct span worker = text_at(params, 0), nonce = nonce_of(params);

    put(cell, "job ", text_at(params, 1));
    if (nonce.len > 0)
        put(cell, ", nonce ", nonce);
    if (!span_equal(cell->name, worker))
        put(cell, ", by ", worker);
}

/* JSON as it came. */
static void describe_raw(struct cell *cell, struct span json)
{
    buffer_append(&cell->essence, json.data, json.len < ESSENCE_MAX ? json.len : ESSENCE_MAX);
}

static void describe_request(struct cell *cell, const struct view_line *line, const json_t *message)
{
    const json_t *params = json_object_get(message, "params");
    const json_t *method = json_object_get(message, "method");

    cell->word = json_is_string(method) ? short_method(text_of(method)) : span_text("?");
    cell->color = line->line.direction == DIRECTION_POOL_TO_MINER ? COLOR_YELLOW : COLOR_CYAN;
    if (line->scan.method == STRATUM_MINING_NOTIFY && json_is_array(json_array_get(params, 4)) &&
        json_array_size(params) >= 8)
        describe_notify(cell, params);
    else if (line->scan.method == STRATUM_MINING_SUBMIT && json_array_size(params) >= 3)
        describe_submit(cell, params);
    else if (line->scan.method == STRATUM_MINING_AUTHORIZE)
        put(cell, "", text_at(params, 0)); /* no password */
    else
        describe_raw(cell, line->scan.params);
}

static void describe_refusal(struct cell *cell, const struct view_line *line, const json_t *message)
{
    struct stratum_reason reason;

    stratum_message_reason(&reason, message);
    cell->color = COLOR_RED;
    cell->word = span_text(stratum_is_submit(line->answered) ? "rejected" : "refused");
    if (reason.code) {
        stratum_exact_dump(&cell->essence, reason.code);
        buffer_append_char(&cell->essence, ' ');
    }
    put(cell, "", reason.text);
}

static void add_answered(struct cell *cell, const struct view_line *line)
{
    if (!line->line.paired)
        return;
    if (line->answered > STRATUM_METHOD_UNKNOWN && !stratum_is_submit(line->answered))
        put(cell, gap_of(cell), short_method(span_text(stratum_method_name(line->answered))));
    buffer_append_format(&cell->essence, "%s%.1f ms", gap_of(cell),
                         (double)line->line.latency_us / 1000);
}

static void describe_response(struct cell *cell, const struct view_line *line,
                              const json_t *message)
{
    if (line->scan.error) {
        describe_refusal(cell, line, message);
    } else if (stratum_is_submit(line->answered)) {
        cell->word = span_text("accepted");
        cell->color = COLOR_GREEN;
    } else {
        cell->word = span_text("ok");
        if (!line->line.paired || line->answered <= STRATUM_METHOD_UNKNOWN)
            describe_raw(cell, line->scan.result);
    }
    add_answered(cell, line);
}

static void describe_message(struct cell *cell, const struct view_line *line, struct span bytes,
                             const json_t *message)
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
        cell->word = span_text("other");
        describe_raw(cell, bytes);
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

/* The first bytes of a TLS client, which took the plain port for the one with TLS. */
static bool is_tls_hello(const struct segment_line *line)
{
    return line->direction == DIRECTION_MINER_TO_POOL && span_equal_text(line->why, "no text") &&
           line->bytes_b64.len > 3 && memcmp(line->bytes_b64.data, "FgM", 3) == 0; /* 22, 3 */
}

static void describe_bytes(struct cell *cell, const struct view_line *line)
{
    const struct segment_line *at = &line->line;
    const struct span more = at->is_fragment ? at->method : at->why;

    cell->color = COLOR_RED;
    cell->word = span_text(at->is_fragment ? "part of a line" : "not JSON");
    buffer_append_format(&cell->essence, "%zu bytes", decoded_len(at->bytes_b64));
    if (is_tls_hello(at))
        put(cell, ", ", span_text("a TLS hello on the plain port"));
    else if (more.len > 0)
        put(cell, ", ", more);
}

/* The members of an event that are worth a look, in this order. */
static void describe_event(struct cell *cell, const json_t *event)
{
    static const char *const names[] = {"miner",      "listen",  "pool",      "address", "tls",
                                        "by",         "reason",  "lost",      "bytes",   "bytes_up",
                                        "bytes_down", "step_ms", "difficulty"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const json_t *value = json_object_get(event, names[i]);

        if (!json_is_string(value) && !json_is_number(value) && !json_is_true(value))
            continue;
        put(cell, gap_of(cell), span_text(names[i]));
        if (json_is_string(value))
            put(cell, " ", text_of(value));
        else if (json_is_number(value))
            buffer_append_format(&cell->essence, " %.10g", json_number_value(value));
    }
}

/* So much of it that a line stays one. */
static struct span essence_of(const struct cell *cell)
{
    size_t len = cell->essence.len;

    if (len > ESSENCE_MAX) {
        for (len = ESSENCE_MAX; len > 0 && (cell->essence.data[len] & 0xc0) == 0x80;)
            len--;
    }
    return span_make(cell->essence.data, len);
}

/* A long method pushes what stands behind it to the right, in its row. */
static size_t word_columns(struct span word)
{
    size_t columns = terminal_columns(word, WORD_MOST);

    return columns < WORD_COLUMNS ? WORD_COLUMNS : columns;
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
    terminal_row_add_name(&row, COLOR_NONE, cell->name, NAME_COLUMNS);
    terminal_row_add(
        &row, cell->color,
        span_text(line->line.is_message ? arrow_of(line->line.direction) : "\xe2\x80\xa2"), 1);
    terminal_row_add(&row, cell->color, cell->word, word_columns(cell->word));
    terminal_row_add(&row, COLOR_NONE, essence_of(cell), 0);
    while (row.out.len > 0 && row.out.data[row.out.len - 1] == ' ')
        row.out.len--;
    buffer_append_char(&row.out, '\n');
    *out = row.out;
}

/* The message's bytes. Rows are for people, and often for more than one: passwords are not shown.
 */
static struct span mask_passwords(struct masker *masker, struct buffer *bytes,
                                  struct view_line *line)
{
    struct span message = line->line.msg;

    if (!segment_line_scan(&line->scan, &line->line, bytes))
        return message;
    if (message.data == NULL)
        message = span_make(bytes->data, bytes->len);
    message = mask_message(masker, &line->line, message);
    stratum_scan_line(&line->scan, message.data, message.len);
    return message;
}

/* A message that can be read, if only by lenient peers, is shown as what it is. */
static void describe(struct cell *cell, const struct view_line *line, struct span bytes)
{
    const json_t *tree;

    if (!line->line.is_fragment)
        cell->tree = stratum_strict_load(bytes);
    tree = cell->tree;
    if (!line->line.is_message) {
        cell->word = line->line.event;
        describe_event(cell, tree);
    } else if (line->line.is_fragment || (line->line.msg.data == NULL && tree == NULL)) {
        describe_bytes(cell, line);
    } else {
        cell->color = COLOR_NONE;
        if (tree != NULL)
            describe_message(cell, line, bytes, tree);
        else /* valid, but beyond what the parser takes */
            describe_raw(cell, bytes);
        if (line->line.msg.data == NULL)
            put(cell, gap_of(cell), line->line.why);
    }
}

void view_append_row(struct view *view, struct buffer *out, struct view_line *line)
{
    struct cell cell = {.color = COLOR_BLUE,
                        .word = span_text("?"),
                        .name = view_name_of(view, line->line.session)};
    struct masker masker = {0};
    struct buffer scratch = {NULL, 0, 0};
    struct span bytes = line->line.text;

    if (line->line.paired)
        line->answered = view_find_method(view, line->line.re);
    if (line->line.is_message)
        bytes = mask_passwords(&masker, &scratch, line);
    describe(&cell, line, bytes);
    append_cells(view, out, line, &cell);
    masker_close(&masker);
    buffer_close(&scratch);
    buffer_close(&cell.essence);
    json_decref(cell.tree);
}
