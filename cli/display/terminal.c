/* See terminal.h. Colours are the eight that every terminal has (ECMA-48, SGR 2 and 31 to 36). */
#include "cli/display/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/json_text.h"

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

static size_t columns_of(struct span shown)
{
    size_t columns = 0;

    for (size_t at = 0; at < shown.len; at++)
        columns += (shown.data[at] & 0xc0) != 0x80;
    return columns;
}

/* The beginning of a text that is shown already, at most so many columns of it. */
static struct span columns_cut(struct span shown, size_t most)
{
    size_t at = 0;

    for (size_t columns = 0; at < shown.len; at++) {
        columns += (shown.data[at] & 0xc0) != 0x80;
        if (columns > most)
            break;
    }
    return span_make(shown.data, at);
}

/* Appends at most `most` columns; returns how many. */
static size_t append_columns(struct buffer *out, struct span text, size_t most)
{
    struct buffer shown = {NULL, 0, 0};
    struct span cut;
    size_t columns;

    /* No character is shown in fewer bytes than it has columns. */
    text_append_seen(&shown, span_make(text.data, text.len / 4 > most ? 4 * most + 3 : text.len));
    cut = columns_cut(span_make(shown.data, shown.len), most);
    buffer_append(out, cut.data, cut.len);
    columns = columns_of(cut);
    buffer_close(&shown);
    return columns;
}

void terminal_append_text(struct buffer *out, struct span text)
{
    text_append_seen(out, text);
}

size_t terminal_columns(struct span text, size_t most)
{
    struct buffer unused = {NULL, 0, 0};
    size_t columns = append_columns(&unused, text, most);

    buffer_close(&unused);
    return columns;
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

void terminal_row_add_name(struct terminal_row *row, enum terminal_color color, struct span name,
                           size_t columns)
{
    static const char gap[] = "\xe2\x80\xa6"; /* an ellipsis */
    struct buffer shown = {NULL, 0, 0};
    size_t all, rig = 0, tail, behind = 0;

    text_append_seen(&shown, name);
    all = columns_of(span_make(shown.data, shown.len));
    if (all > columns) {
        const char *dot = memrchr(shown.data, '.', shown.len);

        if (dot != NULL)
            rig = columns_of(span_make(dot, (size_t)(shown.data + shown.len - dot)));
        tail = rig > columns / 2 ? rig : columns / 2;
        tail = tail + 5 > columns ? columns - 5 : tail;
        behind = columns_cut(span_make(shown.data, shown.len), all - tail).len;
        struct span end = span_copy(span_make(shown.data + behind, shown.len - behind));

        shown.len = columns_cut(span_make(shown.data, shown.len), columns - tail - 1).len;
        buffer_append_text(&shown, gap);
        buffer_append(&shown, end.data, end.len);
        span_free(&end);
    }
    terminal_row_add(row, color, span_make(shown.data, shown.len), columns);
    buffer_close(&shown);
}
