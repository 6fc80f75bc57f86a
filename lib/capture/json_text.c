/* json_text.c - see json_text.h. Runs without a backslash are copied whole. */
#include "lib/capture/json_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT 0xfffdu

static void append_point(struct buffer *out, uint32_t point)
{
    if (point < 0x80) {
        buffer_append_char(out, (char)point);
        return;
    }
    if (point < 0x800) {
        buffer_append_char(out, (char)(0xc0 | point >> 6));
    } else if (point < 0x10000) {
        buffer_append_char(out, (char)(0xe0 | point >> 12));
        buffer_append_char(out, (char)(0x80 | (point >> 6 & 0x3f)));
    } else {
        buffer_append_char(out, (char)(0xf0 | point >> 18));
        buffer_append_char(out, (char)(0x80 | (point >> 12 & 0x3f)));
        buffer_append_char(out, (char)(0x80 | (point >> 6 & 0x3f)));
    }
    buffer_append_char(out, (char)(0x80 | (point & 0x3f)));
}

/* Takes \uXXXX; false when it is none. */
static bool take_unit(struct span *text, uint32_t *unit)
{
    unsigned char bytes[2];
    if (text->len < 6 || memcmp(text->data, "\\u", 2) != 0 || !hex_decode(bytes, text->data + 2, 4))
        return false;
    *unit = (uint32_t)bytes[0] << 8 | bytes[1];
    *text = span_make(text->data + 6, text->len - 6);
    return true;
}

static bool append_unicode(struct buffer *out, struct span *text)
{
    uint32_t point, low;
    if (!take_unit(text, &point))
        return false;
    if (point >= 0xd800 && point <= 0xdbff) {
        struct span behind = *text;
        bool pair = take_unit(&behind, &low) && low >= 0xdc00 && low <= 0xdfff;
        point = pair ? 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00) : REPLACEMENT;
        if (pair)
            *text = behind;
    } else if (point >= 0xdc00 && point <= 0xdfff) {
        point = REPLACEMENT;
    }
    append_point(out, point);
    return true;
}

/* The text begins with a backslash. */
static void append_escape(struct buffer *out, struct span *text)
{
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *known = text->len > 1 ? memchr(escapes, text->data[1], sizeof escapes - 1) : NULL;
    if (known) {
        buffer_append_char(out, meanings[known - escapes]);
        *text = span_make(text->data + 2, text->len - 2);
    } else if (!append_unicode(out, text)) {
        buffer_append_char(out, '\\');
        *text = span_make(text->data + 1, text->len - 1);
    }
}

void json_text_append(struct buffer *out, struct span inside)
{
    if (buffer_holds(out, inside.data)) {
        struct span own = span_copy(inside);
        json_text_append(out, own);
        span_free(&own);
        return;
    }
    while (inside.len > 0) {
        const char *backslash = memchr(inside.data, '\\', inside.len);
        size_t plain = backslash ? (size_t)(backslash - inside.data) : inside.len;
        buffer_append(out, inside.data, plain);
        inside = span_make(inside.data + plain, inside.len - plain);
        if (inside.len > 0)
            append_escape(out, &inside);
    }
}
