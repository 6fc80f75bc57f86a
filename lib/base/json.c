/*
 * json.c - strings as JSON. Bytes from outside go in; what comes out is always one valid JSON
 * string: runs that need no care are copied whole, quotes, backslashes and control characters are
 * escaped, and each byte that belongs to no valid UTF-8 sequence becomes U+FFFD. Nothing can fail.
 */
#include "lib/base/json.h"

#include <string.h>

/* Length of the valid multi-byte sequence at `in`, 0 when there is none. The ranges of the second
 * byte are those of table 3-7 of the Unicode standard ("Well-Formed UTF-8 Byte Sequences"). */
static size_t utf8_sequence(const unsigned char *in, size_t len)
{
    size_t need = in[0] < 0xc2 ? 0 : in[0] < 0xe0 ? 2 : in[0] < 0xf0 ? 3 : in[0] < 0xf5 ? 4 : 0;
    unsigned low = in[0] == 0xe0 ? 0xa0 : in[0] == 0xf0 ? 0x90 : 0x80;
    unsigned high = in[0] == 0xed ? 0x9f : in[0] == 0xf4 ? 0x8f : 0xbf;

    if (need == 0 || len < need || in[1] < low || in[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++) {
        if ((in[i] & 0xc0) != 0x80)
            return 0;
    }
    return need;
}

size_t utf8_valid_prefix(const char *text, size_t len)
{
    const unsigned char *in = (const unsigned char *)text;
    size_t at = 0;

    while (at < len) {
        size_t step;

        while (len - at >= 8 && (load_le64(in + at) & UINT64_C(0x8080808080808080)) == 0)
            at += 8;
        if (at == len)
            break;
        step = in[at] < 0x80 ? 1 : utf8_sequence(in + at, len - at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static void append_escape(struct buffer *out, unsigned char c)
{
    static const char letters[] = "btn\0fr"; /* for 8 to 13; there is none for 11 */
    char code[6] = {'\\', 'u', '0', '0', 0, 0};

    if (c == '"' || c == '\\') {
        buffer_append(out, (char[]){'\\', (char)c}, 2);
    } else if (c >= 8 && c <= 13 && letters[c - 8] != '\0') {
        buffer_append(out, (char[]){'\\', letters[c - 8]}, 2);
    } else {
        hex_encode(code + 4, &c, 1);
        buffer_append(out, code, sizeof code);
    }
}

void json_append_string(struct buffer *out, const char *text, size_t len)
{
    if (buffer_holds(out, text)) {
        struct span own = span_copy(span_make(text, len));

        json_append_string(out, own.data, own.len);
        span_free(&own);
        return;
    }
    const unsigned char *in = (const unsigned char *)text;
    size_t at = 0;

    buffer_append_char(out, '"');
    while (at < len) {
        size_t start = at;
        size_t step;

        while (at < len && is_plain(in[at]))
            at++;
        buffer_append(out, text + start, at - start);
        if (at == len)
            break;
        step = in[at] < 0x80 ? 0 : utf8_sequence(in + at, len - at);
        if (step > 0)
            buffer_append(out, text + at, step);
        else if (in[at] < 0x80)
            append_escape(out, in[at]);
        else
            buffer_append_text(out, "\xef\xbf\xbd");
        at += step > 0 ? step : 1;
    }
    buffer_append_char(out, '"');
}

void json_append_text(struct buffer *out, const char *text)
{
    json_append_string(out, text, strlen(text));
}
