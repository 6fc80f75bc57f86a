/*
 * segment_facts.h - what `ls --segments` and `info` tell about a segment file: read from its
 * footer, or gathered from its frames where there is none.
 *
 * Ownership: segment_facts_close frees. Threads: one.
 */
#ifndef HASHSCOPE_CLI_COMMANDS_SEGMENT_FACTS_H
#define HASHSCOPE_CLI_COMMANDS_SEGMENT_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/display/terminal.h"
#include "lib/segment/footer.h"

struct segment_facts {
    char *path;
    uint64_t bytes; /* of the file */
    bool open;      /* being written, or left by a crash */
    bool counted;   /* sessions are known */
    struct segment_footer *footer;
    struct error damage; /* text "": none that can be seen without reading all of it */
};

/* `thorough`: also counts the sessions of a file without a footer, which means reading all of it.
 * STATUS_NOT_FOUND: no such file (a file that was sealed meanwhile is found under its new name). */
enum status segment_facts_read(struct segment_facts *out, const char *path, bool thorough,
                               struct error *err) MUST_CHECK;
void segment_facts_close(struct segment_facts *facts);

/* One line of JSON with its newline; `whole` with methods and events. */
void segment_facts_append_json(struct buffer *out, const struct segment_facts *facts, bool whole);
/* A row of columns, and their titles. */
void segment_facts_append_titles(struct terminal_row *row);
void segment_facts_append_row(struct terminal_row *row, const struct segment_facts *facts);
/* Lines of a title and what it says. */
void segment_facts_append_sheet(struct buffer *out, const struct segment_facts *facts);

#endif
