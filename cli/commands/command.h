/*
 * command.h - what a command of the `hashscope` front is: one file NAME.c and one descriptor.
 *
 * A command gets its own argv (argv[0] is "hashscope NAME", for messages) and returns the process's
 * exit code: 0 done, 1 it failed (a line on stderr says why), 2 the command line or the settings
 * are wrong. Commands hold no logic that a library could hold.
 */
#ifndef HASHSCOPE_CLI_COMMANDS_COMMAND_H
#define HASHSCOPE_CLI_COMMANDS_COMMAND_H

struct command {
    const char *name;
    const char *summary; /* one line for `hashscope --help` */
    int (*run)(int argc, char **argv);
};

extern const struct command command_up;
extern const struct command command_record;
extern const struct command command_api;
extern const struct command command_tail;
extern const struct command command_cat;
extern const struct command command_ls;
extern const struct command command_export;
extern const struct command command_info;
extern const struct command command_verify;
extern const struct command command_repair;
extern const struct command command_status;
extern const struct command command_sessions;
extern const struct command command_inject;
extern const struct command command_disconnect;
extern const struct command command_rotate;
extern const struct command command_stop;
extern const struct command command_import;
extern const struct command command_wireshark;
extern const struct command command_sim;

#endif
