/* See terminal.h. Colours are the eight that every terminal has (ECMA-48, SGR 2 and 31 to 36). */
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/json.h"

bool terminal_wants_color(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) == 1 && (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

size_t terminal_width(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

/* Bytes of the character at `at`, 1 for what is to become '?': a control character or no UTF-8. */
static size_t character_len(struct span text, size_t at, bool *harmless)
{
    const unsigned char *byte = (const unsigned char *)text.data + at;
    size_t left = text.len - at;
    size_t len = *byte < 0x80 ? 1 : *byte < 0xe0 ? 2 : *byte < 0xf0 ? 3 : 4;

    *harmless = len <= left && utf8_valid_prefix(text.data + at, len) == len && *byte >= 0x20 &&
                *byte != 0x7f && !(*byte == 0xc2 && byte[1] < 0xa0);
    if (*byte == 0xc2 && left >= 2 && byte[1] >= 0x80 && byte[1] < 0xa0)
        return 2;
    return *harmless ? len : 1;
}

/* Appends at most `most` columns; returns how many. */
static size_t append_columns(struct buffer *out, struct span text, size_t most)
{
    size_t columns = 0;

    for (size_t at = 0; at < text.len && columns < most; columns++) {
        bool harmless = false;
        size_t len = character_len(text, at, &harmless);

        if (harmless)
            buffer_append(out, text.data + at, len);
        else
            buffer_append_char(out, '?');
        at += len;
    }
    return columns;
}

void terminal_append_text(struct buffer *out, struct span text)
{
    (void)append_columns(out, text, SIZE_MAX);
}

static const char *color_code(enum terminal_color color)
{
    switch (color) {
    case COLOR_DIM:
        return "\033[2m";
    case COLOR_RED:
        return "\033[31m";
    case COLOR_GREEN:
        return "\033[32m";
    case COLOR_YELLOW:
        return "\033[33m";
    case COLOR_BLUE:
        return "\033[34m";
    case COLOR_MAGENTA:
        return "\033[35m";
    case COLOR_CYAN:
        return "\033[36m";
    case COLOR_NONE:
        break;
    }
    return NULL;
}

void terminal_row_add(struct terminal_row *row, enum terminal_color color, struct span text,
                      size_t pad)
{
    const char *code = row->color ? color_code(color) : NULL;
    size_t room = row->width == 0 ? SIZE_MAX : row->width - row->used;
    size_t most = pad > 0 && pad < room ? pad : room;
    size_t columns;

    if (code != NULL)
        buffer_append_text(&row->out, code);
    columns = append_columns(&row->out, text, most);
    if (code != NULL)
        buffer_append_text(&row->out, "\033[0m");
    for (; pad > 0 && columns <= pad && columns < room; columns++)
        buffer_append_char(&row->out, ' ');
    row->used += columns;
}
