/* json_out.c - see json_out.h. Nothing fails. */
#include "api/request/json_out.h"

#include <math.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/json_text.h"

void out_comma(struct buffer *out)
{
    char last = out->len ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[')
        buffer_append_char(out, ',');
}

void out_name(struct buffer *out, const char *name)
{
    out_comma(out);
    json_append_text(out, name);
    buffer_append_char(out, ':');
}

void out_null(struct buffer *out, const char *name)
{
    out_name(out, name);
    buffer_append_text(out, "null");
}

void out_u64(struct buffer *out, const char *name, uint64_t value)
{
    out_name(out, name);
    buffer_append_u64(out, value);
}

void out_u64_or_null(struct buffer *out, const char *name, uint64_t value)
{
    if (value)
        out_u64(out, name, value);
    else
        out_null(out, name);
}

void out_bool(struct buffer *out, const char *name, bool value)
{
    out_name(out, name);
    buffer_append_text(out, value ? "true" : "false");
}

void out_string(struct buffer *out, const char *name, struct span text)
{
    out_name(out, name);
    json_append_string(out, text.data, text.len);
}

void out_text(struct buffer *out, const char *name, struct span text)
{
    if (text.len == 0)
        out_null(out, name);
    else
        out_string(out, name, text);
}

void out_time(struct buffer *out, const char *name, int64_t wall_ns)
{
    char text[CLOCK_TEXT_LEN];
    if (wall_ns == 0) {
        out_null(out, name);
        return;
    }
    clock_format(text, wall_ns);
    out_name(out, name);
    json_append_string(out, text, sizeof text);
}

void out_number(struct buffer *out, const char *name, double value, int digits)
{
    if (!isfinite(value) || value < 0) {
        out_null(out, name);
        return;
    }
    out_name(out, name);
    buffer_append_format(out, "%.*g", digits, value);
}

void text_fill(char *out, size_t room, struct span text)
{
    struct buffer shown = {0};
    text_append_shown(&shown, text);
    size_t len = shown.len < room ? shown.len : room - 1;
    while (len > 0 && len < shown.len && (shown.data[len] & 0xc0) == 0x80)
        len--;
    if (len > 0)
        memcpy(out, shown.data, len);
    out[len] = '\0';
    buffer_close(&shown);
}
