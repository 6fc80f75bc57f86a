/*
 * terminal.h - writing for people: colours, widths, and texts from outside made harmless.
 * Threads: any; nothing is kept.
 */
#ifndef HASHSCOPE_CLI_DISPLAY_TERMINAL_H
#define HASHSCOPE_CLI_DISPLAY_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/bytes.h"

enum terminal_color {
    COLOR_NONE,
    COLOR_DIM,
    COLOR_RED,
    COLOR_GREEN,
    COLOR_YELLOW,
    COLOR_BLUE,
    COLOR_MAGENTA,
    COLOR_CYAN,
};

/* Whether stdout is a terminal that wants colours: NO_COLOR is unset or empty, TERM is not dumb. */
bool terminal_wants_color(void);
/* Columns of stdout; 0 when it is no terminal or does not say. */
size_t terminal_width(void);

/* Appends the text so that it can neither steer the terminal nor begin a line: control characters
 * and bytes that are no UTF-8 are shown as escapes (lib/base/json_text.h). Characters that turn the
 * direction of writing, or that are not seen, are told by their numbers: ‹U+202E›. */
void terminal_append_text(struct buffer *out, struct span text);
/* The columns that it takes then; counted up to `most`. */
size_t terminal_columns(struct span text, size_t most);

/* A row with its colours: what is on it is counted in columns, and cut at the width. Every
 * character counts as one column. */
struct terminal_row {
    struct buffer out;
    bool color;
    size_t width; /* 0: never cut */
    size_t used;
};

/* Appends text made harmless, in a colour; `pad` > 0 fills it up (or cuts it) to that many columns
 * and adds a space. */
void terminal_row_add(struct terminal_row *row, enum terminal_color color, struct span text,
                      size_t pad);
/* The same for a name of at least eight columns: one that is too long is cut in its middle, so that
 * an address keeps the rig behind its dot. */
void terminal_row_add_name(struct terminal_row *row, enum terminal_color color, struct span name,
                           size_t columns);

#endif
