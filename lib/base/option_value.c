/*
 * option_value.c - each type reads the whole text or refuses it; nothing is guessed, trimmed or
 * cut.
 */
#include "lib/base/option_value.h"

#include <string.h>
#include <strings.h>

static bool parse_digits(const char **text, int64_t *value)
{
    const char *in = *text;

    *value = 0;
    for (; *in >= '0' && *in <= '9'; in++) {
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, *in - '0', value))
            return false;
    }
    if (in == *text)
        return false;
    *text = in;
    return true;
}

static bool parse_integer(const char *text, int64_t *value)
{
    bool negative = *text == '-';

    if (negative)
        text++;
    if (!parse_digits(&text, value) || *text != '\0')
        return false;
    if (negative)
        *value = -*value;
    return true;
}

/* K, M, G, T or KiB, MiB, GiB, TiB in any case; nothing, or B alone, is bytes. -1: no such unit. */
static int unit_shift(const char *unit)
{
    static const char letters[] = "KMGT";
    const char *letter;

    if (*unit == '\0' || strcasecmp(unit, "B") == 0)
        return 0;
    letter = strchr(letters, *unit >= 'a' ? *unit - 'a' + 'A' : *unit);
    if (letter == NULL || (unit[1] != '\0' && strcasecmp(unit + 1, "iB") != 0))
        return -1;
    return 10 * (int)(letter - letters + 1);
}

static bool parse_size(const char *text, int64_t *value)
{
    int shift;

    if (!parse_digits(&text, value))
        return false;
    shift = unit_shift(text);
    return shift >= 0 && !__builtin_mul_overflow(*value, INT64_C(1) << shift, value);
}

static bool parse_boolean(const char *text, int64_t *value)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *value = (int64_t)(i % 2);
            return true;
        }
    }
    return false;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);

    while (*choices != '\0') {
        size_t choice = strcspn(choices, "|");

        if (choice == len && memcmp(choices, text, len) == 0)
            return true;
        choices += choice + (choices[choice] == '|');
    }
    return false;
}

static bool is_printable(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    }
    return true;
}

bool option_parse(const struct option_row *row, const char *text, int64_t *number)
{
    *number = 0;
    switch (row->type) {
    case OPTION_INTEGER:
        return parse_integer(text, number) && *number >= row->min && *number <= row->max;
    case OPTION_SIZE:
        return parse_size(text, number) && *number >= row->min && *number <= row->max;
    case OPTION_BOOLEAN:
        return parse_boolean(text, number);
    case OPTION_CHOICE:
        return is_choice(row->choices, text);
    case OPTION_TEXT:
    case OPTION_PATH:
        return is_printable(text);
    }
    return false;
}

static void append_choices(struct buffer *out, const char *choices)
{
    for (; *choices != '\0'; choices++) {
        if (*choices == '|')
            buffer_append_text(out, ", ");
        else
            buffer_append_char(out, *choices);
    }
}

static void append_size_range(struct buffer *out, const struct option_row *row)
{
    buffer_append_text(out, "bytes (K, M, G, T are allowed) from ");
    option_append_size(out, row->min);
    if (row->max < INT64_MAX) {
        buffer_append_text(out, " to ");
        option_append_size(out, row->max);
    }
}

void option_append_expected(struct buffer *out, const struct option_row *row)
{
    switch (row->type) {
    case OPTION_INTEGER:
        buffer_append_text(out, "an integer from ");
        buffer_append_i64(out, row->min);
        buffer_append_text(out, " to ");
        buffer_append_i64(out, row->max);
        break;
    case OPTION_SIZE:
        append_size_range(out, row);
        break;
    case OPTION_BOOLEAN:
        buffer_append_text(out, "true or false");
        break;
    case OPTION_CHOICE:
        buffer_append_text(out, "one of ");
        append_choices(out, row->choices);
        break;
    case OPTION_TEXT:
        buffer_append_text(out, "text without control characters");
        break;
    case OPTION_PATH:
        buffer_append_text(out, "a path without control characters");
        break;
    }
}

void option_append_size(struct buffer *out, int64_t bytes)
{
    static const char units[] = "\0KMGT";
    int unit = 0;

    while (unit < 4 && bytes != 0 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    buffer_append_i64(out, bytes);
    if (unit > 0)
        buffer_append_char(out, units[unit]);
}
