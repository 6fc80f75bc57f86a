/* odd_json.c - a strict reading of JSON by jansson, with two exceptions for what it cannot hold and
 * JSON may have: a NUL in the name of a member, where U+0001 is read in its place, and numbers
 * beyond a double, which keep their first digits and lose their exponents. */
#include "tests/fuzz/odd_json.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DIGITS_KEPT 15 /* of a run of them */

static void replace_nuls(struct buffer *text)
{
    static const char nul[] = "\\u0000";
    char *at = text->data;
    while (at && (at = memmem(at, text->len - (size_t)(at - text->data), nul, sizeof nul - 1)))
        at[sizeof nul - 2] = '1';
}

static bool is_digit(struct span text, size_t at)
{
    return at < text.len && isdigit((unsigned char)text.data[at]);
}

/* What stands at `at`, outside of strings: the end of an exponent that begins there, or `at`. */
static size_t past_exponent(struct span text, size_t at)
{
    if (at == 0 || !is_digit(text, at - 1) || (text.data[at] | 0x20) != 'e')
        return at;
    size_t end = at + 1;
    if (end < text.len && (text.data[end] == '+' || text.data[end] == '-'))
        end++;
    if (!is_digit(text, end))
        return at; /* which jansson refuses */
    while (is_digit(text, end))
        end++;
    return end;
}

/* The text with numbers that a double can hold. */
static void tame_numbers(struct buffer *out, struct span text)
{
    bool quoted = false;
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        size_t end = quoted ? i : past_exponent(text, i);
        if (end > i) {
            i = end - 1;
            continue;
        }
        digits = !quoted && is_digit(text, i) ? digits + 1 : 0;
        if (digits <= DIGITS_KEPT)
            buffer_append_char(out, text.data[i]);
        if (quoted && text.data[i] == '\\' && i + 1 < text.len)
            buffer_append_char(out, text.data[++i]);
        else if (text.data[i] == '"')
            quoted = !quoted;
    }
}

json_t *odd_json(struct span text)
{
    struct buffer copy = {0};
    json_error_t fault;
    tame_numbers(&copy, text);
    replace_nuls(&copy);
    json_t *tree = json_loadb(copy.data, copy.len, JSON_DECODE_INT_AS_REAL, &fault);
    if (!tree)
        fprintf(stderr, "%s, at %d: %.*s\n", fault.text, fault.position, (int)text.len, text.data);
    buffer_close(&copy);
    return tree;
}
