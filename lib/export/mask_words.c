/*
 * mask_words.c - words that logins and passwords have, found as the most lenient reader would:
 * escapes of JSON and JavaScript are resolved, a backslash before anything else is left out, and so
 * are control characters; letters that Unicode folds to s and k are those. Most texts
 * have nothing of all this, and are searched as they are. Nothing can fail.
 */
#include <string.h>

#include "lib/export/mask_text.h"

#define LONG_S 0x17fu  /* folds to s */
#define KELVIN 0x212au /* folds to k */

static inline char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool begins_with(const char *at, const char *end, const char *word, size_t len)
{
    if ((size_t)(end - at) < len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (lower(at[i]) != word[i])
            return false;
    }
    return true;
}
#define BEGINS_WITH(at, end, word) begins_with(at, end, word, sizeof(word) - 1)

static unsigned word_at(const char *at, const char *end)
{
    switch (lower(*at)) {
    case 'a':
        return BEGINS_WITH(at, end, "auth") ? MASK_LOGIN : 0;
    case 'l':
        return BEGINS_WITH(at, end, "login") ? MASK_LOGIN : 0;
    case 'p':
        return BEGINS_WITH(at, end, "pass") || BEGINS_WITH(at, end, "pwd") ? MASK_PASSWORD : 0;
    default:
        return 0;
    }
}

static unsigned words_in(struct span text)
{
    unsigned found = 0;
    for (const char *at = text.data, *end = text.data + text.len; at < end; at++)
        found |= word_at(at, end);
    return found;
}

/* ---- as a lenient reader has it ---- */

static bool is_plain(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '\\' || c < ' ' || c == 0x7f || c == 0xc5 || c == 0xe2)
            return false;
    }
    return true;
}

static int digit_of(char c, unsigned base)
{
    int value = c >= '0' && c <= '9'                 ? c - '0'
                : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10
                                                     : 99;
    return value < (int)base ? value : -1;
}

/* Up to `most` digits; the number of them. */
static size_t take_digits(const char *at, const char *end, unsigned base, size_t most,
                          unsigned *code)
{
    size_t len = 0;
    *code = 0;
    for (; len < most && at + len < end && digit_of(at[len], base) >= 0; len++)
        *code = *code * base + (unsigned)digit_of(at[len], base);
    return len;
}

/* `at` is behind a backslash; returns behind the escape, with what it means, or 0 if it is none. */
static const char *take_escape(const char *at, const char *end, unsigned *code)
{
    *code = 0;
    if (at == end)
        return at;
    bool wide = *at == 'u' || *at == 'U', braced = wide && at + 1 < end && at[1] == '{';
    const char *digits = at + (braced ? 2 : 1);
    size_t most = braced || *at == 'U' ? 8 : *at == 'u' ? 4 : 2;
    if (wide || *at == 'x') {
        size_t len = take_digits(digits, end, 16, most, code);
        bool whole = braced ? len > 0 && digits + len < end && digits[len] == '}' : len == most;
        if (whole)
            return digits + len + (braced ? 1 : 0);
        *code = 0;
        return at;
    }
    size_t len = take_digits(at, end, 8, 3, code);
    return at + len;
}

static void append_code(struct buffer *out, unsigned code)
{
    if (code == LONG_S || code == KELVIN)
        buffer_append_char(out, code == LONG_S ? 's' : 'k');
    else if (code >= ' ' && code != 0x7f)
        buffer_append_char(out, code < 0x80 ? (char)code : '?');
}

static struct span plain_of(struct span text, struct buffer *out)
{
    const char *at = text.data, *end = text.data + text.len;
    buffer_clear(out);
    while (at < end) {
        unsigned code = (unsigned char)*at;
        const char *behind = at + 1;
        if (code == '\\') {
            behind = take_escape(at + 1, end, &code);
        } else if (code == 0xc5 && behind < end && (unsigned char)*behind == 0xbf) {
            code = LONG_S;
            behind++;
        } else if (code == 0xe2 && end - at > 2 && memcmp(at, "\xe2\x84\xaa", 3) == 0) {
            code = KELVIN;
            behind += 2;
        }
        append_code(out, code);
        at = behind;
    }
    return out->len > 0 ? span_make(out->data, out->len) : span_text("");
}

unsigned mask_speaks_of(struct span text, struct buffer *plain)
{
    unsigned found = words_in(text);
    if (found == (MASK_LOGIN | MASK_PASSWORD) || is_plain(text))
        return found;
    return found | words_in(plain_of(text, plain));
}

bool mask_reads_as(struct span text, const char *word, struct buffer *plain)
{
    struct span read = text.len == strlen(word) && is_plain(text) ? text : plain_of(text, plain);
    return read.len == strlen(word) && begins_with(read.data, read.data + read.len, word, read.len);
}
