/*
 * codec.c - hex, base64 (RFC 4648, section 4) and little-endian numbers. Decoders read what comes
 * from outside: they accept only the canonical form and never read beyond the length given.
 */
#include "lib/base/bytes.h"

#include <string.h>

#define NOT_A_DIGIT 0xffu

void hex_encode(char *out, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *in = data;

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
}

static unsigned hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A' + 10);
    return NOT_A_DIGIT;
}

bool hex_decode(void *out, const char *text, size_t len)
{
    unsigned char *bytes = out;

    if (len % 2 != 0)
        return false;
    for (size_t i = 0; i < len / 2; i++) {
        unsigned high = hex_digit(text[2 * i]);
        unsigned low = hex_digit(text[2 * i + 1]);

        if (high == NOT_A_DIGIT || low == NOT_A_DIGIT)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

/* One group: 1 to 3 bytes become 4 characters. */
static void base64_encode_group(char *out, const unsigned char *in, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = (unsigned)in[0] << 16;

    if (len > 1)
        bits |= (unsigned)in[1] << 8;
    if (len > 2)
        bits |= in[2];
    out[0] = digits[bits >> 18];
    out[1] = digits[bits >> 12 & 63];
    out[2] = len > 1 ? digits[bits >> 6 & 63] : '=';
    out[3] = len > 2 ? digits[bits & 63] : '=';
}

void buffer_append_base64(struct buffer *buffer, const void *data, size_t len)
{
    if (buffer_holds(buffer, data)) {
        struct span own = span_copy(span_make(data, len));

        buffer_append_base64(buffer, own.data, own.len);
        span_free(&own);
        return;
    }
    const unsigned char *in = data;
    char *out = buffer_reserve(buffer, len / 3 * 4 + 4);
    char *start = out;

    for (; len >= 3; len -= 3, in += 3, out += 4)
        base64_encode_group(out, in, 3);
    if (len > 0) {
        base64_encode_group(out, in, len);
        out += 4;
    }
    buffer->len += (size_t)(out - start);
}

static unsigned base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0' + 52);
    if (c == '+')
        return 62;
    return c == '/' ? 63 : NOT_A_DIGIT;
}

/* Decodes `digits` (2 to 4) characters to digits - 1 bytes; false for a foreign character or for
 * bits set that no byte takes. */
static bool base64_decode_group(unsigned char *out, const char *text, size_t digits)
{
    unsigned bits = 0;

    for (size_t i = 0; i < 4; i++) {
        unsigned digit = i < digits ? base64_digit(text[i]) : 0;

        if (digit == NOT_A_DIGIT)
            return false;
        bits = bits << 6 | digit;
    }
    if (digits < 4 && (bits & (digits == 3 ? 0xffu : 0xffffu)) != 0)
        return false;
    for (size_t i = 0; i + 1 < digits; i++)
        out[i] = (unsigned char)(bits >> (16 - 8 * i));
    return true;
}

bool base64_decode(void *out, size_t *out_len, const char *text, size_t len)
{
    unsigned char *bytes = out;
    size_t padding = 0;

    *out_len = 0;
    if (len % 4 != 0)
        return false;
    if (len > 0 && text[len - 1] == '=')
        padding = text[len - 2] == '=' ? 2 : 1;
    for (size_t i = 0; i < len; i += 4) {
        size_t digits = i + 4 == len ? 4 - padding : 4;

        if (!base64_decode_group(bytes, text + i, digits))
            return false;
        bytes += digits - 1;
    }
    *out_len = (size_t)(bytes - (unsigned char *)out);
    return true;
}

void store_le16(void *p, uint16_t value)
{
    unsigned char *out = p;

    out[0] = (unsigned char)value;
    out[1] = (unsigned char)(value >> 8);
}

void store_le32(void *p, uint32_t value)
{
    unsigned char *out = p;

    store_le16(out, (uint16_t)value);
    store_le16(out + 2, (uint16_t)(value >> 16));
}

void store_le64(void *p, uint64_t value)
{
    unsigned char *out = p;

    store_le32(out, (uint32_t)value);
    store_le32(out + 4, (uint32_t)(value >> 32));
}
