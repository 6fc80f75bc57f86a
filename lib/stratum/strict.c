/*
 * strict.c - see strict.h. The walk checks the value; only where it found something the value is
 * copied piece by piece, each string made anew from its plain text.
 */
#include "lib/stratum/strict.h"

#include <string.h>

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

json_t *stratum_strict_load(struct span json)
{
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    struct buffer text = {0};
    json_t *tree = NULL;
    if (stratum_strict_append(&text, json)) {
        tree = json_loadb(text.data, text.len, flags, NULL);
        if (!tree) /* an integer beyond 64 bits */
            tree = json_loadb(text.data, text.len, flags | JSON_DECODE_INT_AS_REAL, NULL);
    }
    buffer_close(&text);
    return tree;
}
