/* json_text.c - see json_text.h. Runs that need no care are copied whole. */
#include "lib/base/json_text.h"

#include <inttypes.h>
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

bool text_is_hidden(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {{0xad, 0xad},      {0x34f, 0x34f},   {0x61c, 0x61c},     {0x115f, 0x1160},
                  {0x17b4, 0x17b5},  {0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x202e},
                  {0x2060, 0x206f},  {0x3164, 0x3164}, {0xfe00, 0xfe0e},   {0xfeff, 0xfeff},
                  {0xffa0, 0xffa0},  {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
                  {0xe0000, 0xe0fff}};
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        if (code >= hidden[i].first && code <= hidden[i].last)
            return true;
    }
    return false;
}

uint32_t text_first_code(struct span text, size_t *len)
{
    const unsigned char *byte = (const unsigned char *)text.data;
    size_t bytes = *byte < 0x80 ? 1 : *byte < 0xe0 ? 2 : *byte < 0xf0 ? 3 : 4;
    uint32_t code = bytes == 1 ? *byte : *byte & (0x7fu >> bytes);
    *len = bytes < text.len ? bytes : text.len;
    for (size_t i = 1; i < *len; i++)
        code = code << 6 | (byte[i] & 0x3fu);
    return code;
}

void text_append_seen(struct buffer *out, struct span text)
{
    struct buffer shown = {NULL, 0, 0};
    size_t len;
    text_append_shown(&shown, text);
    for (size_t at = 0; at < shown.len; at += len) {
        struct span rest = span_make(shown.data + at, shown.len - at);
        uint32_t code = text_first_code(rest, &len);
        if (text_is_hidden(code))
            buffer_append_format(out, "\xe2\x80\xb9U+%04" PRIX32 "\xe2\x80\xba", code);
        else
            buffer_append(out, rest.data, len);
    }
    buffer_close(&shown);
}
