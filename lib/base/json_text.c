/* json_text.c - see json_text.h. Runs that need no care are copied whole. */
#include "lib/base/json_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/json.h"

/* Valid UTF-8 as it is, other bytes as \xf6. */
static void append_bytes(struct buffer *out, struct span text)
{
    char code[4] = "\\x";
    while (text.len > 0) {
        size_t valid = utf8_valid_prefix(text.data, text.len);
        buffer_append(out, text.data, valid);
        text = span_make(text.data + valid, text.len - valid);
        if (text.len == 0)
            return;
        hex_encode(code + 2, text.data, 1);
        buffer_append(out, code, sizeof code);
        text = span_make(text.data + 1, text.len - 1);
    }
}

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

/* False: it is no escape, or half a pair, whose backslash is to stay. */
static bool append_unicode(struct buffer *out, struct span *text)
{
    struct span behind = *text;
    uint32_t point, low;
    if (!take_unit(&behind, &point))
        return false;
    if (point >= 0xd800 && point <= 0xdfff) {
        if (point > 0xdbff || !take_unit(&behind, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    append_point(out, point);
    *text = behind;
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
        append_bytes(out, span_make(inside.data, plain));
        inside = span_make(inside.data + plain, inside.len - plain);
        if (inside.len > 0)
            append_escape(out, &inside);
    }
}

static size_t control_at(struct span text)
{
    const unsigned char *at = (const unsigned char *)text.data;
    for (size_t i = 0; i < text.len; i++) {
        if (at[i] < 0x20 || at[i] == 0x7f ||
            (at[i] == 0xc2 && i + 1 < text.len && at[i + 1] >= 0x80 && at[i + 1] < 0xa0))
            return i;
    }
    return text.len;
}

void text_append_shown(struct buffer *out, struct span text)
{
    char code[6] = "\\u00";
    if (buffer_holds(out, text.data)) {
        struct span own = span_copy(text);
        text_append_shown(out, own);
        span_free(&own);
        return;
    }
    while (text.len > 0) {
        size_t plain = control_at(text);
        append_bytes(out, span_make(text.data, plain));
        text = span_make(text.data + plain, text.len - plain);
        if (text.len == 0)
            return;
        size_t len = (unsigned char)text.data[0] == 0xc2 ? 2 : 1;
        hex_encode(code + 4, text.data + len - 1, 1);
        buffer_append(out, code, sizeof code);
        text = span_make(text.data + len, text.len - len);
    }
}
