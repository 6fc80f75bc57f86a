/* See csv.h. Nothing can fail. */
#include "lib/export/csv.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/stratum/scan.h"

void csv_append_head(struct buffer *out)
{
    buffer_append_text(
        out, "ts,seq,session,dir,event,method,re,latency_us,end,why,msg,bytes_b64,line\n");
}

static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '"' || c == ',' || c == '\n' || c == '\r')
            return false;
    }
    return true;
}

static void append_quoted(struct buffer *out, struct span text)
{
    buffer_append_char(out, '"');
    while (text.len > 0) {
        const char *quote = memchr(text.data, '"', text.len);
        size_t len = quote ? (size_t)(quote - text.data) + 1 : text.len;
        buffer_append(out, text.data, len);
        if (quote != NULL)
            buffer_append_char(out, '"');
        text = span_make(text.data + len, text.len - len);
    }
    buffer_append_char(out, '"');
}

/* Spreadsheets take such a cell for a formula; or it looks like one that was defused. */
static bool is_formula(struct span text)
{
    /* =, +, - and @ in their full width */
    static const char wide[][4] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        if (text.len >= 3 && memcmp(text.data, wide[i], 3) == 0)
            return true;
    }
    return text.len > 0 && text.data[0] != '\0' && strchr("=+-@\t\r'", text.data[0]) != NULL;
}

/* A field behind another one. */
static void append_field(struct buffer *out, struct span text)
{
    struct buffer defused = {NULL, 0, 0};
    buffer_append_char(out, ',');
    if (is_formula(text)) {
        buffer_append_char(&defused, '\'');
        buffer_append(&defused, text.data, text.len);
        text = span_make(defused.data, defused.len);
    }
    if (text.len > 0 && is_plain(text))
        buffer_append(out, text.data, text.len);
    else if (text.len > 0)
        append_quoted(out, text);
    buffer_close(&defused);
}

static void append_number(struct buffer *out, bool set, uint64_t value)
{
    buffer_append_char(out, ',');
    if (set)
        buffer_append_u64(out, value);
}

static struct span method_of(const struct segment_line *line)
{
    struct stratum_scan scan;
    if (line->method.len > 0 || line->msg.data == NULL || line->paired)
        return line->method;
    stratum_scan_line(&scan, line->msg.data, line->msg.len);
    return scan.method_text;
}

static struct span end_of(const struct segment_line *line)
{
    if (!line->is_message || (line->is_fragment && !line->last_fragment))
        return span_make(NULL, 0);
    switch (line->terminator) {
    case TERMINATOR_LF:
        break;
    case TERMINATOR_CRLF:
        return span_text("\\r\\n");
    case TERMINATOR_NONE:
        return span_text("none");
    }
    return span_make(NULL, 0);
}

void csv_append_line(struct buffer *out, const struct segment_line *line)
{
    char time[CLOCK_TEXT_LEN];
    clock_format(time, line->wall_ns);
    buffer_append(out, time, sizeof time);
    append_number(out, true, line->seq);
    append_field(out, line->session);
    append_field(out, line->is_message ? span_text(direction_name(line->direction))
                                       : span_make(NULL, 0));
    append_field(out, line->event);
    append_field(out, method_of(line));
    append_number(out, line->paired, line->re);
    append_number(out, line->paired, (uint64_t)line->latency_us);
    append_field(out, end_of(line));
    append_field(out, line->why);
    append_field(out, line->msg);
    append_field(out, line->bytes_b64);
    append_field(out, line->is_message ? span_make(NULL, 0) : line->text);
    buffer_append_char(out, '\n');
}
