/*
 * line.c - a line of a segment taken apart.
 *
 * The line is an object whose members are walked once, from the left; `msg` ends the walk, since
 * the message is whatever stands between it and the line's last brace. What is needed of every line
 * must be there, else it is none of ours.
 */
#include "lib/segment/segment.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/record/json_slice.h"

/* What stands between the quotes, escapes as they are. */
static bool read_string(struct span value, struct span *out)
{
    if (!json_is_string(value))
        return false;
    *out = span_make(value.data + 1, value.len - 2);
    return true;
}

/* ------------------------------------------------------------------ one function per key */

/* The earliest time, in 1677: a whole microsecond, and not the value that means "none". */
#define WALL_MIN_NS (INT64_MIN / NS_PER_US * NS_PER_US)

static bool take_ts(struct segment_line *line, struct span value)
{
    struct span text;
    if (!read_string(value, &text) || !clock_parse(text.data, text.len, &line->wall_ns))
        return false;
    if (line->wall_ns < WALL_MIN_NS)
        line->wall_ns = WALL_MIN_NS;
    return true;
}

static bool take_seq(struct segment_line *line, struct span value)
{
    line->numbered = true;
    return line->seq == 0 && json_u64(value, &line->seq); /* `seq` or `at`, once */
}

static bool take_at(struct segment_line *line, struct span value)
{
    return line->seq == 0 && json_u64(value, &line->seq);
}

static bool take_session(struct segment_line *line, struct span value)
{
    return read_string(value, &line->session);
}

static bool take_event(struct segment_line *line, struct span value)
{
    return read_string(value, &line->event) && line->event.len > 0;
}

static bool take_dir(struct segment_line *line, struct span value)
{
    struct span text;
    line->is_message = true;
    return read_string(value, &text) && direction_parse(text.data, text.len, &line->direction);
}

static bool take_latency(struct segment_line *line, struct span value)
{
    uint64_t us;
    if (!json_u64(value, &us) || us > INT64_MAX)
        return false;
    line->latency_us = (int64_t)us;
    return true;
}

static bool take_re(struct segment_line *line, struct span value)
{
    line->paired = true;
    return json_u64(value, &line->re);
}

static bool take_frag(struct segment_line *line, struct span value)
{
    uint64_t number;
    if (!json_u64(value, &number) || number > UINT32_MAX)
        return false;
    line->is_fragment = true;
    line->fragment = (uint32_t)number;
    return true;
}

static bool take_last(struct segment_line *line, struct span value)
{
    line->last_fragment = span_equal_text(value, "true");
    return line->last_fragment;
}

static bool take_early(struct segment_line *line, struct span value)
{
    line->early = span_equal_text(value, "true");
    return line->early;
}

static bool take_before(struct segment_line *line, struct span value)
{
    uint64_t number;
    line->before = 0;
    if (!json_u64(value, &number) || number > UINT32_MAX)
        return false;
    line->before = (uint32_t)number;
    return true;
}

static bool take_method(struct segment_line *line, struct span value)
{
    return read_string(value, &line->method);
}

static bool take_end(struct segment_line *line, struct span value)
{
    if (span_equal_text(value, "\"\\r\\n\""))
        line->terminator = TERMINATOR_CRLF;
    else if (span_equal_text(value, "\"\""))
        line->terminator = TERMINATOR_NONE;
    else
        return false;
    return true;
}

static bool take_bytes(struct segment_line *line, struct span value)
{
    return read_string(value, &line->bytes_b64);
}

static bool take_why(struct segment_line *line, struct span value)
{
    return read_string(value, &line->why);
}

static const struct {
    const char *key;
    size_t len;
    bool (*take)(struct segment_line *line, struct span value);
} keys[] = {
    {"ts", 2, take_ts},         {"seq", 3, take_seq},         {"latency_us", 10, take_latency},
    {"re", 2, take_re},         {"session", 7, take_session}, {"dir", 3, take_dir},
    {"frag", 4, take_frag},     {"last", 4, take_last},       {"method", 6, take_method},
    {"end", 3, take_end},       {"bytes_b64", 9, take_bytes}, {"why", 3, take_why},
    {"event", 5, take_event},   {"at", 2, take_at},           {"early", 5, take_early},
    {"before", 6, take_before},
};

static bool take(struct segment_line *line, struct span key, struct span value)
{
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].len == key.len && memcmp(keys[i].key, key.data, key.len) == 0)
            return keys[i].take(line, value);
    }
    return true; /* of a later version */
}

/* ------------------------------------------------------------------ the walk */

/* Takes "key": at *at. */
static bool read_key(const char **at, const char *end, struct span *key)
{
    if (*at >= end || **at != '"')
        return false;
    const char *behind = json_skip_value(*at, end);
    if (!behind || behind >= end || *behind != ':')
        return false;
    *key = span_make(*at + 1, (size_t)(behind - *at) - 2);
    *at = behind + 1;
    return true;
}

/* `at` is behind the opening brace, `end` on the closing one. */
static bool walk(struct segment_line *line, const char *at, const char *end)
{
    struct span key;
    while (read_key(&at, end, &key)) {
        if (span_equal_text(key, "msg")) {
            line->msg = span_make(at, (size_t)(end - at));
            return at < end;
        }
        const char *behind = json_skip_value(at, end);
        if (!behind || !take(line, key, span_make(at, (size_t)(behind - at))))
            return false;
        if (behind == end)
            return true;
        if (*behind != ',')
            return false;
        at = behind + 1;
    }
    return false;
}

static bool is_complete(const struct segment_line *line)
{
    if (line->wall_ns == INT64_MIN || line->seq == 0)
        return false;
    if (!line->is_message)
        return line->event.len > 0 && !line->msg.data;
    return line->session.len > 0 && line->numbered &&
           (line->msg.data != NULL) != (line->bytes_b64.data != NULL);
}

enum status segment_line_parse(struct segment_line *out, const char *text, size_t len)
{
    *out = (struct segment_line){
        .text = {text, len}, .wall_ns = INT64_MIN, .terminator = TERMINATOR_LF};
    if (len < 2 || text[0] != '{' || text[len - 1] != '}' || !walk(out, text + 1, text + len - 1) ||
        !is_complete(out))
        return STATUS_DAMAGED;
    if (out->is_fragment && !out->last_fragment)
        out->terminator = TERMINATOR_NONE;
    return STATUS_OK;
}

bool segment_line_is_scrap(const struct segment_line *line)
{
    return line->is_fragment && (line->early || line->bytes_b64.len == 0);
}

struct span segment_line_added(const struct segment_line *line, struct span message)
{
    size_t before = line->before < message.len ? line->before : message.len;
    return span_make(message.data + before, message.len - before);
}
