/*
 * env_file.c - a line is cut off first, so that nothing can read beyond it; then its parts are
 * taken from the front. A malformed line yields its fault and nothing else.
 */
#include "lib/base/env_file.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static void skip(struct span *text, size_t count)
{
    text->data += count;
    text->len -= count;
}

static void skip_blanks(struct span *text)
{
    while (text->len > 0 && is_blank(text->data[0]))
        skip(text, 1);
}

void env_reader_init(struct env_reader *reader, struct span text)
{
    *reader = (struct env_reader){.rest = text};
    if (text.len >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
        skip(&reader->rest, 3);
}

void env_reader_close(struct env_reader *reader)
{
    buffer_close(&reader->value);
}

static struct span next_line(struct env_reader *reader)
{
    const char *newline = memchr(reader->rest.data, '\n', reader->rest.len);
    size_t len = newline != NULL ? (size_t)(newline - reader->rest.data) : reader->rest.len;
    struct span line = span_make(reader->rest.data, len);

    skip(&reader->rest, newline != NULL ? len + 1 : len);
    reader->line++;
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static enum status malformed(struct env_reader *reader, const char *fault)
{
    reader->fault = fault;
    return STATUS_INVALID;
}

static void skip_export(struct span *line)
{
    if (line->len > 6 && memcmp(line->data, "export", 6) == 0 && is_blank(line->data[6])) {
        skip(line, 6);
        skip_blanks(line);
    }
}

static bool is_key_character(char c, bool first)
{
    return is_letter(c) || (!first && c >= '0' && c <= '9');
}

static struct span take_key(struct span *line)
{
    struct span key = span_make(line->data, 0);

    while (key.len < line->len && is_key_character(line->data[key.len], key.len == 0))
        key.len++;
    skip(line, key.len);
    skip_blanks(line);
    return key;
}

/* The character that an escape in double quotes stands for, 0 when it is none. */
static char unescape(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case '"':
    case '\\':
    case '$':
        return c;
    default:
        return 0;
    }
}

/* Takes a quoted value and its closing quote; false when there is none. */
static bool take_quoted(struct buffer *value, struct span *line)
{
    char quote = line->data[0];

    skip(line, 1);
    while (line->len > 0 && line->data[0] != quote) {
        bool escapes = quote == '"' && line->data[0] == '\\' && line->len > 1;
        char meant = escapes ? unescape(line->data[1]) : 0;

        buffer_append_char(value, meant != 0 ? meant : line->data[0]);
        skip(line, meant != 0 ? 2 : 1);
    }
    if (line->len == 0)
        return false;
    skip(line, 1);
    return true;
}

/* A # is a comment only behind a blank: "a#b" and "#b" right behind the = are values. */
static void take_unquoted(struct buffer *value, struct span line)
{
    size_t len = 0;

    while (len < line.len && !(line.data[len] == '#' && len > 0 && is_blank(line.data[len - 1])))
        len++;
    while (len > 0 && is_blank(line.data[len - 1]))
        len--;
    line.len = len;
    skip_blanks(&line);
    buffer_append(value, line.data, line.len);
}

/* `line` is what stands behind the =. */
static enum status read_value(struct env_reader *reader, struct span line)
{
    struct span quoted = line;

    buffer_clear(&reader->value);
    skip_blanks(&quoted);
    if (quoted.len > 0 && (quoted.data[0] == '"' || quoted.data[0] == '\'')) {
        if (!take_quoted(&reader->value, &quoted))
            return malformed(reader, "the quote is not closed on this line");
        skip_blanks(&quoted);
        if (quoted.len > 0 && quoted.data[0] != '#')
            return malformed(reader, "there is text behind the closing quote");
    } else {
        take_unquoted(&reader->value, line);
    }
    *buffer_reserve(&reader->value, 1) = '\0';
    return STATUS_OK;
}

static enum status read_setting(struct env_reader *reader, struct span line)
{
    if (memchr(line.data, '\0', line.len) != NULL)
        return malformed(reader, "there is a NUL byte in this line");
    skip_export(&line);
    reader->key = take_key(&line);
    if (reader->key.len == 0)
        return malformed(reader, "expected NAME=value, a comment (#) or nothing");
    if (line.len == 0 || line.data[0] != '=')
        return malformed(reader, "expected = behind the name");
    skip(&line, 1);
    return read_value(reader, line);
}

enum status env_reader_next(struct env_reader *reader)
{
    while (reader->rest.len > 0) {
        struct span line = next_line(reader);

        skip_blanks(&line);
        if (line.len > 0 && line.data[0] != '#')
            return read_setting(reader, line);
    }
    return STATUS_END;
}
