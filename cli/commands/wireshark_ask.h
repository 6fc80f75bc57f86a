/*
 * wireshark_ask.h - what the user's Wireshark says of itself: where it looks for plugins, what it
 * has found there. Asked of tshark, or of wireshark where there is no tshark.
 *
 * Threads: one.
 */
#ifndef HASHSCOPE_CLI_COMMANDS_WIRESHARK_ASK_H
#define HASHSCOPE_CLI_COMMANDS_WIRESHARK_ASK_H

#include <stdbool.h>

#include "lib/base/bytes.h"
#include "lib/command/program.h"

struct wireshark_folders {
    const char *asked;              /* "tshark", "wireshark"; NULL: there is neither */
    char plugins[PROGRAM_PATH_MAX]; /* the user's, for Lua; as Wireshark says, or as is usual */
    char extcap[PROGRAM_PATH_MAX];  /* the user's */
    bool extcap_is_read;            /* this Wireshark looks into it: versions before 4.2 do not */
    char extcap_system[PROGRAM_PATH_MAX]; /* everybody's; "" when not known */
};

/* Fills in everything; without Wireshark, and without HOME, what is not known is "". */
void wireshark_folders_read(struct wireshark_folders *out);

/* Runs `program argument argument2` (NULL: none) and appends what it prints on standard output.
 * False: there is no such program, or it failed. */
bool wireshark_ask(const char *program, const char *argument, const char *argument2,
                   struct buffer *out);

#endif
