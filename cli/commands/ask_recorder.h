/*
 * ask_recorder.h - asking the running recorder through its control socket, for the small commands.
 * Threads: one; blocking.
 */
#ifndef HASHSCOPE_CLI_COMMANDS_ASK_RECORDER_H
#define HASHSCOPE_CLI_COMMANDS_ASK_RECORDER_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/flags.h"
#include "lib/base/options.h"

/* What a command reads from its command line besides the settings. */
struct control_options {
    bool json;                /* JSON even on a terminal */
    bool all;                 /* closed sessions too */
    const char *arguments[2]; /* SESSION, LINE; NULL when not given */
    int argument_count;
};

/* Reads the command line of a command with up to `most` arguments, at least `least`; faults end the
 * program with exit code 2. `extra` (may be NULL) is one flag more than --json. The caller frees
 * the settings. */
struct settings *control_options_read(struct control_options *out, int argc, char **argv,
                                      const struct flag *extra, int least, int most,
                                      const char *args_doc, const char *doc);

/* Sends the request (stealing it) and gives every line of the answer to `on_answer`. Says what went
 * wrong on stderr and returns 1; 0 when all went well. A line with "error" is a failure. */
int control_call(const char *command, const struct settings *settings, json_t *request,
                 void (*on_answer)(void *user, const json_t *answer), void *user);

/* Whether to print tables: stdout is a terminal and --json was not given. */
bool control_wants_table(const struct control_options *options);
/* Prints the tree as one line of JSON. */
void control_print_json(const json_t *answer);

#endif
