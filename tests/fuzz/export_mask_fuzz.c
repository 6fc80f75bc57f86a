/*
 * export_mask_fuzz.c - the input writes a login as some lenient peer would read it: with any
 * quotes, escapes, comments, doubled and reordered members, text around it, other messages beside
 * it, in batches, in pieces. Whichever it is, the password that was planted in it stands nowhere in
 * what the masker gives back: not in the message, not in the line (its base64 decoded), not in CSV.
 *
 * An input that begins with a zero byte is itself the message: its length stays, and what was JSON
 * is JSON.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/export/csv.h"
#include "lib/export/mask.h"
#include "lib/record/line.h"
#include "lib/stratum/scan.h"

#define SECRET   "Zq7Gh4XvT9" /* the part of the password that is always spelt plainly */
#define PIECES   3
#define WRAP_MAX 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
    if (!truth)
        abort();
}

/* ---- choices ---- */

struct choices {
    const uint8_t *at, *end;
};

static unsigned choose(struct choices *choices, unsigned count)
{
    return choices->at < choices->end ? *choices->at++ % count : 0;
}

static const char *pick(struct choices *choices, const char *const *texts, unsigned count)
{
    return texts[choose(choices, count)];
}
#define PICK(choices, texts) pick(choices, texts, sizeof(texts) / sizeof((texts)[0]))

/* ---- writing a login ---- */

static void put_space(struct buffer *out, struct choices *choices)
{
    static const char *const spaces[] = {"", "", "", " ", "\t", "/**/", "/*\"*/", "//'\r", "\r"};
    buffer_append_text(out, PICK(choices, spaces));
}

static void put_character(struct buffer *out, struct choices *choices, char c)
{
    static const char *const forms[] = {"%c",      "%c",      "%c",      "%c",
                                        "\\u%04x", "\\x%02x", "\\u{%x}", "\\%03o"};
    unsigned form = choose(choices, sizeof forms / sizeof forms[0]);
    switch (form) {
    case 4:
        buffer_append_format(out, "\\u%04x", (unsigned)c);
        break;
    case 5:
        buffer_append_format(out, "\\x%02x", (unsigned)c);
        break;
    case 6:
        buffer_append_format(out, "\\u{%x}", (unsigned)c);
        break;
    case 7:
        buffer_append_format(out, "\\%03o", (unsigned)c);
        break;
    default:
        buffer_append_char(out, c);
    }
}

static void put_text(struct buffer *out, struct choices *choices, const char *text)
{
    static const char *const quotes[] = {"\"", "\"", "\"", "'", "`", ""};
    const char *quote = PICK(choices, quotes);
    bool plain = choose(choices, 2) == 0;
    buffer_append_text(out, quote);
    for (; *text != '\0'; text++) {
        if (plain)
            buffer_append_char(out, *text);
        else
            put_character(out, choices, *text);
    }
    buffer_append_text(out, quote);
}

static void put_password(struct buffer *out, struct choices *choices)
{
    static const char *const forms[] = {"\"" SECRET "\"",         "'" SECRET "'",
                                        "\"a\\\"" SECRET "\"",    SECRET,
                                        "\"\xf6" SECRET "\\\\\"", "[\"" SECRET "\"]",
                                        "{\"a\":\"" SECRET "\"}", "\"p\\u0061" SECRET "\"",
                                        "{\"" SECRET "\":1}",     "\"" SECRET "\",\"b\""};
    buffer_append_text(out, PICK(choices, forms));
}

static void put_name(struct buffer *out, struct choices *choices, const char *name)
{
    put_space(out, choices);
    put_text(out, choices, name);
    put_space(out, choices);
    buffer_append_char(out, ':');
    put_space(out, choices);
}

static void put_method(struct buffer *out, struct choices *choices)
{
    static const char *const names[] = {"method", "method", "Method"};
    static const char *const methods[] = {"mining.authorize", "login",
                                          "eth_submitLogin",  "eth_login",
                                          "Mining.Authorize", "mining.auth"};
    put_name(out, choices, PICK(choices, names));
    put_text(out, choices, PICK(choices, methods));
}

static void put_parameters(struct buffer *out, struct choices *choices)
{
    static const char *const members[] = {"pass", "password", "pwd", "key", "x"};
    static const char *const ends[] = {"", "", ",", ",\"more\"", ",1"};
    bool positions = choose(choices, 3) != 0;
    put_name(out, choices, choose(choices, 8) == 0 ? "PARAMS" : "params");
    buffer_append_text(out, positions ? "[" : "{");
    if (positions)
        put_text(out, choices, "farm.rig");
    else
        put_name(out, choices, "login"), put_text(out, choices, "farm.rig");
    buffer_append_char(out, ',');
    if (!positions)
        put_name(out, choices, PICK(choices, members));
    put_password(out, choices);
    buffer_append_text(out, positions ? PICK(choices, ends) : "");
    buffer_append_text(out, positions ? "]" : "}");
}

static void put_member(struct buffer *out, struct choices *choices)
{
    static const char *const others[] = {
        "\"id\":7",         "\"jsonrpc\":\"2.0\"",        "id:7",
        "\"worker\":\"w\"", "\"method\":\"mining.ping\"", "\"params\":[]",
        "\"params\":null",  "\"x\":{\"y\":[1]}"};
    buffer_append_text(out, PICK(choices, others));
}

static void put_login(struct buffer *out, struct choices *choices)
{
    bool method_first = choose(choices, 2) == 0;
    buffer_append_char(out, '{');
    for (unsigned i = choose(choices, 3); i > 0; i--)
        put_member(out, choices), buffer_append_char(out, ',');
    (method_first ? put_method : put_parameters)(out, choices);
    buffer_append_char(out, ',');
    for (unsigned i = choose(choices, 3); i > 0; i--)
        put_member(out, choices), buffer_append_char(out, ',');
    (method_first ? put_parameters : put_method)(out, choices);
    for (unsigned i = choose(choices, 3); i > 0; i--)
        buffer_append_char(out, ','), put_member(out, choices);
    put_space(out, choices);
    buffer_append_char(out, '}');
}

static void put_beside(struct buffer *out, struct choices *choices)
{
    static const char *const others[] = {"",
                                         "",
                                         "",
                                         "{\"id\":1}",
                                         "\xef\xbb\xbf",
                                         "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 ",
                                         "'",
                                         "\"",
                                         "/*{\"x\":\"*/",
                                         "/*\"}*/",
                                         "{\"x\":\"",
                                         "\\",
                                         "]",
                                         "{\"method\":\"mining.submit\",\"params\":[\"a\"]}"};
    buffer_append_text(out, PICK(choices, others));
    if (choose(choices, 16) == 1)
        buffer_append_char(out, '\0');
}

static void put_line(struct buffer *out, struct choices *choices)
{
    unsigned wraps = choose(choices, WRAP_MAX);
    put_beside(out, choices);
    for (unsigned i = 0; i < wraps; i++)
        buffer_append_char(out, '[');
    put_beside(out, choices);
    put_login(out, choices);
    put_beside(out, choices);
    for (unsigned i = 0; i < wraps; i++)
        buffer_append_char(out, ']');
    put_beside(out, choices);
}

/* ---- what comes out ---- */

static bool holds_secret(struct span text)
{
    return text.len > 0 && memmem(text.data, text.len, SECRET, sizeof SECRET - 1) != NULL;
}

static void check_decoded(struct span base64)
{
    struct buffer out = {NULL, 0, 0};
    char *room = buffer_reserve(&out, base64.len + 4);
    require(base64_decode(room, &out.len, base64.data, base64.len));
    require(!holds_secret(span_make(room, out.len)));
    buffer_close(&out);
}

static void check_line(struct masker *masker, const struct segment_line *line)
{
    struct segment_line masked;
    struct buffer csv = {NULL, 0, 0};
    struct span text = mask_line(masker, line);
    require(text.len == line->text.len && !holds_secret(text));
    require(segment_line_parse(&masked, text.data, text.len) == STATUS_OK);
    require(masked.seq == line->seq && masked.is_fragment == line->is_fragment);
    require((masked.msg.data == NULL) == (line->msg.data == NULL));
    if (masked.msg.data == NULL)
        check_decoded(masked.bytes_b64);
    csv_append_line(&csv, &masked);
    require(!holds_secret(span_make(csv.data, csv.len)));
    buffer_close(&csv);
}

/* A message as it is recorded, then masked. */
static void check_record(const struct record *record)
{
    struct masker masker = {0};
    struct clock_formatter clock = {0};
    struct buffer out = {NULL, 0, 0};
    struct segment_line line;
    line_append_record(&out, &clock, record);
    require(segment_line_parse(&line, out.data, out.len - 1) == STATUS_OK);
    struct span masked = mask_message(&masker, &line, record->payload);
    require(masked.len == record->payload.len && !holds_secret(masked));
    check_line(&masker, &line);
    buffer_close(&out);
    masker_close(&masker);
}

static struct record record_of(struct span text)
{
    struct stratum_scan scan;
    struct record record = {.type = RECORD_MESSAGE,
                            .seq = 7,
                            .wall_ns = 1795355581123456789,
                            .direction = DIRECTION_MINER_TO_POOL,
                            .payload = text};
    stratum_scan_line(&scan, text.data, text.len);
    record.method = (uint8_t)scan.method;
    record.fault = (uint8_t)scan.fault;
    record.fault_at = scan.fault_at;
    return record;
}

/* Cut anywhere; the planted text may be cut too, and must not come together again. */
static void check_pieces(struct span text, struct choices *choices, bool fragments)
{
    struct masker masker = {0};
    struct buffer together = {NULL, 0, 0};
    for (unsigned i = 0; i < PIECES; i++) {
        size_t len = i + 1 == PIECES ? text.len : text.len * choose(choices, 256) / 256;
        struct segment_line line = {.is_message = true,
                                    .direction = DIRECTION_MINER_TO_POOL,
                                    .is_fragment = fragments,
                                    .fragment = i};
        if (!fragments)
            line.why = span_text(stratum_fault_text(STRATUM_FAULT_OPAQUE));
        struct span masked = mask_message(&masker, &line, span_make(text.data, len));
        buffer_append(&together, masked.data, masked.len);
        text = span_make(text.data + len, text.len - len);
    }
    require(!holds_secret(span_make(together.data, together.len)));
    buffer_close(&together);
    masker_close(&masker);
}

static void check_any(struct span text)
{
    struct masker masker = {0};
    struct segment_line line = {.is_message = true};
    struct stratum_scan before, after;
    stratum_scan_line(&before, text.data, text.len);
    if (before.fault == STRATUM_FAULT_NONE)
        line.msg = text;
    struct span masked = mask_message(&masker, &line, text);
    require(masked.len == text.len);
    stratum_scan_line(&after, masked.data, masked.len);
    require(before.fault != STRATUM_FAULT_NONE || after.fault == STRATUM_FAULT_NONE);
    masker_close(&masker);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct choices choices = {data, data + size};
    struct buffer text = {NULL, 0, 0};
    if (size > 0 && data[0] == 0) {
        buffer_append(&text, data + 1, size - 1);
        check_any(span_make(text.data, text.len));
    } else {
        unsigned how = choose(&choices, 4);
        put_line(&text, &choices);
        struct record record = record_of(span_make(text.data, text.len));
        if (how < 2)
            check_record(&record);
        else
            check_pieces(record.payload, &choices, how == 2);
    }
    buffer_close(&text);
    return 0;
}
