/*
 * `hashscope export`: becomes hashscope-export, which lies beside this program, with the same
 * arguments.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands/command.h"
#include "lib/command/program.h"

static int run(int argc, char **argv)
{
    char path[PROGRAM_PATH_MAX];
    struct error err = {""};

    (void)argc;
    if (program_beside(path, "hashscope-export", &err) != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", argv[0], err.text);
        return 1;
    }
    execv(path, argv);
    fprintf(stderr, "%s: %s: %s\n", argv[0], path, strerror(errno));
    return 1;
}

const struct command command_export = {"export", "what was recorded, for Wireshark and other tools",
                                       run};
