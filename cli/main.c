/*
 * The `hashscope` front: finds the command and runs it. `hashscope --help` lists them all.
 *
 * How it can fail: an unknown command is named with the one that looks most like it; exit code 2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands/command.h"
#include "lib/base/bus_fault.h"
#include "lib/base/bytes.h"
#include "lib/base/version.h"

static const struct command *const commands[] = {
    &command_up,         &command_record, &command_api,       &command_tail,     &command_cat,
    &command_export,     &command_import, &command_wireshark, &command_ls,       &command_info,
    &command_verify,     &command_repair, &command_status,    &command_sessions, &command_inject,
    &command_disconnect, &command_rotate, &command_stop,      &command_sim,
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))
#define NAME_MAX_LEN  32

static void print_help(FILE *out)
{
    fputs("Usage: hashscope COMMAND [OPTION...]\n"
          "Sees, keeps and shows everything that miners and their pool say to each other.\n\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-11s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n`hashscope COMMAND --help' tells the options of a command. Settings are the same for\n"
          "all: flags, environment variables, or lines of ./.env.\n",
          out);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Edit distance (insert, remove, replace), both texts cut at NAME_MAX_LEN. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_LEN + 1];
    size_t a_len = strnlen(a, NAME_MAX_LEN), b_len = strnlen(b, NAME_MAX_LEN);

    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];

            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

static int refuse(const char *name)
{
    const struct command *nearest = NULL;
    size_t least = 4; /* more than three edits, or half of it, is another word */

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t edits = distance(name, commands[i]->name);

        if (edits < least && 2 * edits <= strlen(commands[i]->name)) {
            least = edits;
            nearest = commands[i];
        }
    }
    if (nearest != NULL)
        fprintf(stderr, "hashscope: unknown command '%s', did you mean '%s'?\n", name,
                nearest->name);
    else
        fprintf(stderr, "hashscope: unknown command '%s'\n", name);
    fputs("Try `hashscope --help' for a list of commands.\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    const struct command *command;
    char name[NAME_MAX_LEN + 16];

    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("HashScope " HASHSCOPE_VERSION);
        return 0;
    }
    command = find_command(argv[1]);
    if (command == NULL)
        return refuse(argv[1]);
    snprintf(name, sizeof(name), "hashscope %s", command->name);
    argv[1] = name;
    bus_fault_install(name, "the recorder's live ring, or a segment that is read,");
    return command->run(argc - 1, argv + 1);
}
