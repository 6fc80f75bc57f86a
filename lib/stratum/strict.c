/*
 * strict.c - see strict.h. The walk checks the value; only where it found something the value is
 * copied piece by piece, each string made anew from its plain text. For an exact tree the numbers
 * that jansson would round are given to it as strings with a mark in front, and strings that have
 * that mark already get another.
 */
#include "lib/stratum/strict.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/json.h"
#include "lib/base/json_text.h"
#include "lib/stratum/walk.h"

/* What is in front of `end` and ends there is one value. */
static bool is_value(struct stratum_walk *walk, struct span json)
{
    walk->begin = (const uint8_t *)json.data;
    walk->end = walk->begin + json.len;
    const uint8_t *at = stratum_walk_value(walk, stratum_walk_space(walk, walk->begin));
    return at && stratum_walk_space(walk, at) == walk->end;
}

/* `at` is behind the opening quote; returns the position of the closing one. */
static const char *end_of_string(const char *at)
{
    for (; *at != '"'; at++)
        at += *at == '\\';
    return at;
}

/* The walk has seen it: strings end, and brackets match but for what is too deep. */
static bool append_anew(struct buffer *out, struct span json)
{
    struct buffer plain = {0};
    const char *at = json.data, *end = at + json.len;
    unsigned depth = 0;
    for (; at < end && depth <= STRATUM_DEPTH_MAX; at++) {
        depth += *at == '[' || *at == '{';
        depth -= *at == ']' || *at == '}';
        if (*at == '"') {
            const char *close = end_of_string(at + 1);
            buffer_clear(&plain);
            json_text_append(&plain, span_make(at + 1, (size_t)(close - at - 1)));
            json_append_string(out, plain.data ? plain.data : "", plain.len);
            at = close;
        } else {
            buffer_append_char(out, *at == '\r' || *at == '\n' ? ' ' : *at);
        }
    }
    buffer_close(&plain);
    return depth <= STRATUM_DEPTH_MAX;
}

bool stratum_strict_append(struct buffer *out, struct span json)
{
    struct stratum_walk walk = {0};
    size_t begin = out->len;
    if (json.len == 0 || !is_value(&walk, json))
        return false;
    if (walk.fault == STRATUM_FAULT_NONE)
        buffer_append(out, json.data, json.len);
    else if (!append_anew(out, json)) {
        out->len = begin;
        return false;
    }
    return true;
}

/* ---- trees that lose no digit ---- */

#define MARK     "\xef\xa3\xbf" /* U+F8FF */
#define MARK_LEN 3

static bool is_marked(const char *at, const char *end)
{
    return end - at >= MARK_LEN && memcmp(at, MARK, MARK_LEN) == 0;
}

static bool is_number_byte(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* An integer that jansson keeps: at most 18 digits, and no minus zero. */
static bool is_small(const char *at, size_t len)
{
    size_t digits = 0;
    for (size_t i = 0; i < len; i++)
        digits += at[i] >= '0' && at[i] <= '9';
    bool sign = at[0] == '-';
    return digits + sign == len && digits <= 18 && !(sign && at[1] == '0');
}

/* `at` is a number's first byte; returns the position behind it. */
static const char *mark_number(struct buffer *out, const char *at, const char *end)
{
    const char *begin = at;
    while (at < end && is_number_byte(*at))
        at++;
    size_t len = (size_t)(at - begin);
    bool small = is_small(begin, len);
    buffer_append_text(out, small ? "" : "\"" MARK "#");
    buffer_append(out, begin, len);
    buffer_append_text(out, small ? "" : "\"");
    return at;
}

/* Strings that begin with the escape of the mark, whose digits have any case, are as good as those
 * that begin with it. */
static bool begins_marked(const char *at, const char *end)
{
    return is_marked(at, end) ||
           (end - at >= 6 && memcmp(at, "\\u", 2) == 0 && strncasecmp(at + 2, "f8ff", 4) == 0);
}

/* `json` is sound. */
static void mark(struct buffer *out, struct span json)
{
    const char *at = json.data, *end = at + json.len;
    while (at < end) {
        if (*at == '"') {
            const char *behind = end_of_string(at + 1) + 1;
            buffer_append_text(out, begins_marked(at + 1, end) ? "\"" MARK : "\"");
            buffer_append(out, at + 1, (size_t)(behind - at - 1));
            at = behind;
        } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
            at = mark_number(out, at, end);
        } else {
            buffer_append_char(out, *at++);
        }
    }
}

/* Back again; `json` is what jansson wrote. */
static void unmark(struct buffer *out, struct span json)
{
    const char *at = json.data, *end = at + json.len;
    while (at < end) {
        if (*at != '"') {
            buffer_append_char(out, *at++);
            continue;
        }
        const char *inside = at + 1, *close = end_of_string(inside);
        bool marked = is_marked(inside, close);
        inside += marked ? MARK_LEN : 0;
        if (marked && *inside == '#') {
            buffer_append(out, inside + 1, (size_t)(close - inside - 1));
        } else {
            buffer_append_char(out, '"');
            buffer_append(out, inside, (size_t)(close - inside + 1));
        }
        at = close + 1;
    }
}

/* Strings end, or the marks go astray; all else jansson checks. */
static json_t *load_marked(struct span json, size_t more_flags)
{
    struct buffer marked = {0};
    mark(&marked, json);
    json_t *tree =
        json_loadb(marked.data, marked.len, JSON_DECODE_ANY | JSON_ALLOW_NUL | more_flags, NULL);
    buffer_close(&marked);
    return tree;
}

json_t *stratum_exact_load(struct span json)
{
    struct buffer text = {0};
    json_t *tree = NULL;
    if (stratum_strict_append(&text, json))
        tree = load_marked(span_make(text.data, text.len), 0);
    buffer_close(&text);
    return tree;
}

static json_t *parse_exact(struct span json, size_t more_flags)
{
    struct stratum_walk walk = {0};
    return json.len > 0 && is_value(&walk, json) ? load_marked(json, more_flags) : NULL;
}

json_t *stratum_exact_parse(struct span json)
{
    return parse_exact(json, 0);
}

json_t *stratum_exact_parse_unique(struct span json)
{
    return parse_exact(json, JSON_REJECT_DUPLICATES);
}

bool stratum_is_exact_number(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && is_marked(text, text + json_string_length(value)) && text[MARK_LEN] == '#';
}

void stratum_exact_dump(struct buffer *out, const json_t *tree)
{
    char *text = json_dumps(tree, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text)
        unmark(out, span_text(text));
    free(text);
}

/* ---- trees of small things ---- */

json_t *stratum_strict_load(struct span json)
{
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    struct buffer text = {0};
    json_t *tree = NULL;
    if (stratum_strict_append(&text, json)) {
        tree = json_loadb(text.data, text.len, flags, NULL);
        if (!tree) /* a number that jansson has no room for */
            tree = load_marked(span_make(text.data, text.len), 0);
    }
    buffer_close(&text);
    return tree;
}
