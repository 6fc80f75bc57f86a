/*
 * comment.c - words out of lines. The line is one of the archive's own, so its keys need no
 * unescaping; what is no line gives no words. Nothing can fail.
 */
#include "lib/export/comment.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/record/json_slice.h"

/* ------------------------------------------------------------------ events */

/* What stands between quotes may stand without them. */
static bool is_bare(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7f)
            return false;
    }
    return text.len > 0;
}

static void append_value(struct buffer *out, struct span value)
{
    struct span text = value;
    if (json_is_string(value)) {
        text = span_make(value.data + 1, value.len - 2);
        if (!is_bare(text))
            text = value;
    }
    buffer_append(out, text.data, text.len);
}

static void append_word(struct buffer *out, struct span key, struct span value)
{
    if (out->len > 0 && out->data[out->len - 1] > ' ')
        buffer_append_char(out, ' ');
    buffer_append(out, key.data, key.len);
    buffer_append_char(out, '=');
    append_value(out, value);
}

/* Takes "key":value at *at; false: there is none. */
static bool next_member(const char **at, const char *end, struct span *key, struct span *value)
{
    const char *colon = json_skip_value(*at, end);
    if (!colon || colon >= end || *colon != ':' || colon - *at < 2)
        return false;
    const char *behind = json_skip_value(colon + 1, end);
    if (!behind)
        return false;
    *key = span_make(*at + 1, (size_t)(colon - *at) - 2);
    *value = span_make(colon + 1, (size_t)(behind - colon) - 1);
    *at = behind < end && *behind == ',' ? behind + 1 : end;
    return true;
}

/* Where and when a `state` stood says nothing of the session, and is another line in an import. */
static bool is_known(struct span line, struct span key, bool at_packet)
{
    static const char state[] = "\"event\":\"state\"";
    bool time = span_equal_text(key, "ts");
    if (!time && !span_equal_text(key, "at"))
        return false;
    return (time && at_packet) || memmem(line.data, line.len, state, sizeof state - 1) != NULL;
}

void comment_append_event(struct buffer *out, struct span line, int64_t line_ns, int64_t packet_ns)
{
    const char *at = line.data + 1, *end = line.data + line.len - 1;
    size_t begin = out->len;
    bool counted = false; /* what stands behind the counts is what messages have said */
    struct span key, value;
    while (line.len > 2 && at < end && next_member(&at, end, &key, &value)) {
        if (counted && !span_equal_text(key, "lasted_us"))
            return;
        bool nested = value.data[0] == '{' || value.data[0] == '[';
        if (nested || is_known(line, key, line_ns == packet_ns))
            continue;
        if (out->len - begin + key.len + value.len + 2 > COMMENT_MAX)
            return;
        append_word(out, key, value);
        counted |= span_equal_text(key, "bytes_down");
    }
}

/* ------------------------------------------------------------------ messages */

static char *put(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}
#define PUT(at, literal) put(at, literal, sizeof(literal) - 1)

/* Keys whose values are short; those of unknown length come last. */
static char *put_span(char *at, const char *end, struct span text)
{
    size_t room = (size_t)(end - at);
    return put(at, text.data, text.len < room ? text.len : room);
}

/* fwd_us is not among what every reader wants of a line, so it is looked for behind `dir`. */
static struct span forward_of(const struct segment_line *line)
{
    static const char key[] = ",\"fwd_us\":";
    const char *from = line->session.data + line->session.len;
    const char *to = line->msg.data ? line->msg.data : line->bytes_b64.data;
    const char *at = from < to ? memmem(from, (size_t)(to - from), key, sizeof key - 1) : NULL;
    if (at == NULL)
        return span_make(NULL, 0);
    at += sizeof key - 1;
    return span_make(at, strspn(at, "0123456789"));
}

static char *put_fragment(char *at, const struct segment_line *line)
{
    if (line->before)
        return format_u64(PUT(at, " before="), line->before);
    if (!line->is_fragment)
        return at;
    at = format_u64(PUT(at, " frag="), line->fragment);
    if (line->last_fragment)
        at = PUT(at, " last=true");
    return line->early ? PUT(at, " early=true") : at;
}

static char *put_end(char *at, const struct segment_line *line)
{
    if (line->is_fragment && !line->last_fragment)
        return at;
    switch (line->terminator) {
    case TERMINATOR_LF:
        break;
    case TERMINATOR_CRLF:
        return PUT(at, " end=\"\\r\\n\"");
    case TERMINATOR_NONE:
        return PUT(at, " end=\"\"");
    }
    return at;
}

static char *put_why(char *at, const char *end, struct span why)
{
    if (why.len == 0 || why.len + 8 > (size_t)(end - at))
        return at;
    at = put_span(PUT(at, " why=\""), end, why);
    return PUT(at, "\"");
}

static char *put_forward(char *at, const struct segment_line *line)
{
    struct span forward = forward_of(line);
    if (forward.len == 0 || forward.len > 20)
        return at;
    return put(PUT(at, " fwd_us="), forward.data, forward.len);
}

size_t comment_write_message(char *out, const struct segment_line *line, struct span method,
                             uint64_t lost_bytes)
{
    const char *direction = direction_name(line->direction), *end = out + COMMENT_MAX - 64;
    char *at = format_u64(PUT(out, "seq="), line->seq);
    at = put_span(PUT(at, " session="), out + 128, line->session);
    at = put(PUT(at, " dir="), direction, strlen(direction));
    if (line->paired) {
        at = format_u64(PUT(at, " re="), line->re);
        at = format_u64(PUT(at, " latency_us="), (uint64_t)line->latency_us);
    }
    at = put_fragment(put_forward(at, line), line);
    if (method.len > 0 && method.len < 256)
        at = put(PUT(at, " method="), method.data, method.len);
    at = put_why(put_end(at, line), end, line->why);
    if (lost_bytes > 0)
        at = format_u64(PUT(at, " lost_bytes="), lost_bytes);
    return (size_t)(at - out);
}
