/*
 * comment.c - word by word. A table says which key goes where; a value that is a JSON string
 * is decoded first. A word that makes no sense is as if it were not there.
 */
#include "exporter/import/comment.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"

struct word {
    struct span key, value;
};

/* ------------------------------------------------------------------ words */

/* The end of a JSON string that begins at `at`. */
static const char *string_end(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
    }
    return at < end ? at + 1 : end;
}

/* The next key=value; false: no more. */
static bool next_word(struct span *rest, struct word *out)
{
    const char *at = rest->data, *end = rest->data + rest->len;
    while (at < end) {
        const char *key = at;
        while (at < end && *at != ' ' && *at != '=')
            at++;
        if (at == end || *at == ' ') {
            at += at < end;
            continue;
        }
        out->key = span_make(key, (size_t)(at - key));
        const char *value = ++at;
        if (at < end && *at == '"')
            at = string_end(at, end);
        while (at < end && *at != ' ')
            at++;
        out->value = span_make(value, (size_t)(at - value));
        *rest = span_make(at, (size_t)(end - at));
        return true;
    }
    return false;
}

bool import_comment_is_ours(struct span comment)
{
    static const char event[] = " event=", seq[] = "seq=", session[] = " session=";
    if (comment.len < 8)
        return false;
    return memmem(comment.data, comment.len, event, sizeof event - 1) ||
           (memcmp(comment.data, seq, sizeof seq - 1) == 0 &&
            memmem(comment.data, comment.len, session, sizeof session - 1));
}

/* ------------------------------------------------------------------ values */

static bool read_u64(struct span value, uint64_t *out)
{
    uint64_t number = 0;
    if (value.len == 0)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        char digit = value.data[i];
        if (digit < '0' || digit > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(digit - '0'), &number))
            return false;
    }
    *out = number;
    return true;
}

static bool read_i64(struct span value, int64_t *out)
{
    bool negative = value.len > 0 && value.data[0] == '-';
    uint64_t number;
    if (!read_u64(span_make(value.data + negative, value.len - negative), &number) ||
        number > (uint64_t)INT64_MAX)
        return false;
    *out = negative ? -(int64_t)number : (int64_t)number;
    return true;
}

/* The text in a field of `size` bytes. */
static void read_text(struct span value, char *out, size_t size)
{
    if (value.len == 0 || value.data[0] != '"') {
        snprintf(out, size, "%.*s", (int)(value.len < size ? value.len : size), value.data);
        return;
    }
    json_t *text = json_loadb(value.data, value.len, JSON_DECODE_ANY, NULL);
    snprintf(out, size, "%s", json_is_string(text) ? json_string_value(text) : "");
    json_decref(text);
}

static enum import_note event_of(struct span value)
{
    static const struct {
        const char *name;
        enum import_note note;
    } events[] = {
        {"opened", IMPORT_NOTE_OPENED}, {"pool_connected", IMPORT_NOTE_POOL_CONNECTED},
        {"closed", IMPORT_NOTE_CLOSED}, {"state", IMPORT_NOTE_STATE},
        {"gap", IMPORT_NOTE_GAP},       {"clock_step", IMPORT_NOTE_CLOCK_STEP},
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        if (span_equal_text(value, events[i].name))
            return events[i].note;
    }
    return IMPORT_NOTE_NONE;
}

/* ------------------------------------------------------------------ keys */

struct text_key {
    const char *key;
    size_t offset, size;
};
#define TEXT(name, field)                                                                          \
    {                                                                                              \
        name, offsetof(struct import_comment, field), sizeof((struct import_comment *)0)->field    \
    }
static const struct text_key text_keys[] = {
    TEXT("route", info.route), TEXT("miner", info.miner),  TEXT("listen", info.listen),
    TEXT("via", info.via),     TEXT("pool", info.pool),    TEXT("address", info.address),
    TEXT("local", info.local), TEXT("by", info.closed_by),
};

struct number_key {
    const char *key;
    size_t offset;
};
#define NUMBER(name, field)                                                                        \
    {                                                                                              \
        name, offsetof(struct import_comment, field)                                               \
    }
static const struct number_key number_keys[] = {
    NUMBER("re", re),
    NUMBER("latency_us", latency_us),
    NUMBER("fwd_us", forward_us),
    NUMBER("lost_bytes", lost_bytes),
    NUMBER("number", info.number),
    NUMBER("bytes_up", info.bytes_up),
    NUMBER("bytes_down", info.bytes_down),
    NUMBER("lasted_us", lasted_us),
    NUMBER("lost", gap.lost),
    NUMBER("first_lost", gap.first_lost),
    NUMBER("bytes", gap.bytes),
};

static bool take_text(struct import_comment *out, const struct word *word)
{
    for (size_t i = 0; i < sizeof text_keys / sizeof text_keys[0]; i++) {
        if (span_equal_text(word->key, text_keys[i].key)) {
            read_text(word->value, (char *)out + text_keys[i].offset, text_keys[i].size);
            return true;
        }
    }
    return false;
}

static bool take_number(struct import_comment *out, const struct word *word)
{
    uint64_t number;
    for (size_t i = 0; i < sizeof number_keys / sizeof number_keys[0]; i++) {
        if (!span_equal_text(word->key, number_keys[i].key))
            continue;
        if (read_u64(word->value, &number))
            memcpy((char *)out + number_keys[i].offset, &number, sizeof number);
        out->paired |= number_keys[i].offset == offsetof(struct import_comment, re);
        out->has_latency |= number_keys[i].offset == offsetof(struct import_comment, latency_us);
        out->has_forward |= number_keys[i].offset == offsetof(struct import_comment, forward_us);
        out->has_lasted |= number_keys[i].offset == offsetof(struct import_comment, lasted_us);
        return true;
    }
    return false;
}

/* Who, where in the series, when. */
static bool take_place(struct import_comment *out, const struct word *word)
{
    uint64_t number;
    if (span_equal_text(word->key, "seq") || span_equal_text(word->key, "at")) {
        if (read_u64(word->value, &number))
            out->seq = number;
        out->numbered = word->key.len == 3;
    } else if (span_equal_text(word->key, "session")) {
        out->has_session = uuid_parse(&out->session, word->value.data, word->value.len);
    } else if (span_equal_text(word->key, "ts")) {
        (void)clock_parse(word->value.data, word->value.len, &out->wall_ns);
    } else if (span_equal_text(word->key, "event")) {
        out->note = event_of(word->value);
    } else {
        return false;
    }
    return true;
}

static bool take_message_key(struct import_comment *out, const struct word *word)
{
    uint64_t number;
    if (span_equal_text(word->key, "dir")) {
        if (direction_parse(word->value.data, word->value.len, &out->direction))
            out->note = IMPORT_NOTE_MESSAGE;
    } else if (span_equal_text(word->key, "frag")) {
        out->is_fragment = read_u64(word->value, &number) && number <= UINT32_MAX;
        out->fragment = out->is_fragment ? (uint32_t)number : 0;
    } else if (span_equal_text(word->key, "last")) {
        out->last = true;
    } else if (span_equal_text(word->key, "early")) {
        out->early = true;
    } else if (span_equal_text(word->key, "before")) {
        if (read_u64(word->value, &number) && number <= UINT32_MAX)
            out->before = (uint32_t)number;
    } else if (span_equal_text(word->key, "end")) {
        out->ends_none = span_equal_text(word->value, "\"\"");
        out->ends_crlf = span_equal_text(word->value, "\"\\r\\n\"");
    } else if (span_equal_text(word->key, "why")) {
        out->opaque = span_equal_text(word->value, "\"no text\"");
    } else {
        return false;
    }
    return true;
}

static void take_event_key(struct import_comment *out, const struct word *word)
{
    uint8_t is_true = span_equal_text(word->value, "true");
    if (span_equal_text(word->key, "reason")) {
        read_text(word->value, out->info.reason, sizeof out->info.reason);
        read_text(word->value, out->gap.reason, sizeof out->gap.reason);
    } else if (span_equal_text(word->key, "opened")) {
        (void)clock_parse(word->value.data, word->value.len, &out->info.opened_wall_ns);
    } else if (span_equal_text(word->key, "step_us")) {
        (void)read_i64(word->value, &out->step_us);
    } else if (span_equal_text(word->key, "miner_tls")) {
        out->info.miner_tls = is_true;
    } else if (span_equal_text(word->key, "pool_tls")) {
        out->info.pool_tls = is_true;
    } else if (span_equal_text(word->key, "tls")) {
        if (out->note == IMPORT_NOTE_OPENED)
            out->info.miner_tls = is_true;
        else
            out->info.pool_tls = is_true;
    }
}

void import_comment_read(struct import_comment *out, struct span comment)
{
    struct word word;
    *out = (struct import_comment){.note = IMPORT_NOTE_NONE};
    while (next_word(&comment, &word)) {
        if (span_equal_text(word.key, "method")) /* the message says it itself */
            continue;
        if (!take_place(out, &word) && !take_message_key(out, &word) && !take_text(out, &word) &&
            !take_number(out, &word))
            take_event_key(out, &word);
    }
    bool of_session = out->note != IMPORT_NOTE_GAP && out->note != IMPORT_NOTE_CLOCK_STEP;
    bool numbered = out->seq != 0 || out->note == IMPORT_NOTE_STATE;
    if (!numbered || (of_session && !out->has_session))
        out->note = IMPORT_NOTE_NONE;
    out->info.session = out->session;
}

bool import_comment_next(struct span *rest, struct import_comment *out)
{
    if (rest->len == 0)
        return false;
    const char *feed = memchr(rest->data, '\n', rest->len);
    size_t len = feed ? (size_t)(feed - rest->data) : rest->len, used = len + (feed != NULL);
    import_comment_read(out, span_make(rest->data, len));
    *rest = span_make(rest->data + used, rest->len - used);
    return true;
}
