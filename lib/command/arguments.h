/*
 * arguments.h - the command line of a command: tables of flags that several commands share, and one
 * of its own, read into one struct. The settings (DATA_DIR, RING_DIR, the log's) come with it.
 *
 * A shared table writes to the struct that its header names; that struct is the first member of the
 * command's own options. Faults end the program with exit code 2.
 */
#ifndef HASHSCOPE_COMMAND_ARGUMENTS_H
#define HASHSCOPE_COMMAND_ARGUMENTS_H

#include <stddef.h>

#include "lib/base/flags.h"
#include "lib/base/options.h"

struct flag_table {
    const struct flag *flags;
    size_t count;
};
#define FLAG_TABLE(flags)                                                                          \
    {                                                                                              \
        flags, sizeof(flags) / sizeof((flags)[0])                                                  \
    }

/* Arguments that are no flags; the texts point into argv. */
struct argument_list {
    const char **items;
    size_t count;
};
void argument_list_add(struct argument_list *list, const char *text);
void argument_list_close(struct argument_list *list);

struct arguments {
    const struct flag_table *tables;
    size_t table_count;
    bool (*argument)(void *target, const char *text); /* NULL: takes none */
    const char *args_doc, *doc;
};

/* The caller frees the settings. */
struct settings *arguments_read(const struct arguments *arguments, void *target, int argc,
                                char **argv);

/* How to show things: rows for people on a terminal, NDJSON into a pipe, or as told. */
struct format_options {
    bool json, table;
};
bool format_wants_table(const struct format_options *format);

#endif
