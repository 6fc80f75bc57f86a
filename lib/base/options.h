/*
 * options.h - settings: one table, four sources.
 *
 * Every setting of every program is one row of the table in settings.c. A program asks for the rows
 * of its groups; from the rows come the environment variable (POOL_HOST), the key in `.env`, the
 * command-line flag (--pool-host, through argp), --help, env.example, and the table in
 * docs/settings.md. The command line beats the environment beats `.env` beats the default. An empty
 * value counts as unset: the highest source that names a setting decides, and when it is empty
 * there the default holds.
 *
 * All faults are collected and reported together, one line each: the setting, where it was set, the
 * value (secrets are masked) and what was expected. Unknown keys in `.env` are faults too (with the
 * nearest known name), except COMPOSE_*.
 *
 * Ownership: struct settings owns all strings; settings_free. Threads: read-only after loading.
 */
#ifndef HASHSCOPE_BASE_OPTIONS_H
#define HASHSCOPE_BASE_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

enum option_type {
    OPTION_TEXT,
    OPTION_INTEGER, /* min..max; sizes may end in K, M, G (1024-based), see OPTION_SIZE */
    OPTION_SIZE,    /* bytes, suffixes K M G T, KiB … */
    OPTION_BOOLEAN, /* true/false, yes/no, on/off, 1/0 */
    OPTION_CHOICE,  /* one of `choices`, separated by | */
    OPTION_PATH,
};

/* Which programs want it: a bit set. */
enum option_group {
    GROUP_COMMON = 1 << 0, /* DATA_DIR, LOG_LEVEL, LOG_FORMAT: everyone */
    GROUP_RECORDER = 1 << 1,
    GROUP_API = 1 << 2,
    GROUP_NOSTR = 1 << 3,
    GROUP_AGENT = 1 << 4,
    GROUP_ARCHIVE = 1 << 5, /* segment writing, retention */
};

struct option_row {
    const char *name; /* POOL_HOST; the flag is --pool-host */
    enum option_type type;
    unsigned groups;           /* enum option_group, or-ed */
    const char *default_value; /* text as it would stand in .env; NULL: none */
    int64_t min, max;          /* OPTION_INTEGER and OPTION_SIZE */
    const char *choices;       /* OPTION_CHOICE */
    bool secret;               /* masked wherever it is shown */
    const char *placeholder;   /* in --help: HOST, BYTES, FILE … */
    const char *help;          /* one line */
};

extern const struct option_row option_table[];
extern const size_t option_count;

enum option_source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_ENVIRONMENT, SOURCE_COMMAND_LINE };

struct settings; /* one value per row of the table */

/* Parses argc/argv with argp for the given groups; `extra` (may be NULL) is a child parser for
 * arguments and flags of the program's own, its `input` is passed on. --env-file FILE replaces
 * ./.env. --help, --usage and --version exit. On faults all of them are in *faults, one a line.
 * *out is there even then, with rows at fault at their defaults, so that a program can add the
 * faults that only it can see (settings_fault) and report them together; free it in either case. */
enum status settings_load(struct settings **out, unsigned groups, int argc, char **argv,
                          const struct argp *extra, void *extra_input,
                          struct buffer *faults) MUST_CHECK;
/* Prints the faults, if there are any, to stderr and exits with SETTINGS_EXIT_STATUS. */
#define SETTINGS_EXIT_STATUS 2
void settings_exit_on_faults(const char *program, struct buffer *faults);
/* Convenience for main(): loads, and exits on faults. */
struct settings *settings_load_or_exit(unsigned groups, int argc, char **argv,
                                       const struct argp *extra, void *extra_input);
void settings_free(struct settings *settings);

/* The name must be in the table and of that type, else abort: a fault of the programmer. Texts are
 * owned by the settings; NULL when unset and without default. */
const char *settings_text(const struct settings *settings, const char *name);
int64_t settings_integer(const struct settings *settings, const char *name); /* also sizes */
bool settings_boolean(const struct settings *settings, const char *name);
enum option_source settings_source(const struct settings *settings, const char *name);

/* Puts into the environment which settings were flags, or stood in which line of which file, so
 * that programs started with these settings in their environment blame that for a fault. Settings
 * of all groups are read by every program (flags: of its own), but only those of its own groups are
 * checked. */
#define SETTINGS_ORIGINS  "HASHSCOPE_ORIGINS"  /* ",POOL_HOST=0,DATA_DIR=12,": flag, line 12 */
#define SETTINGS_ENV_FILE "HASHSCOPE_ENV_FILE" /* the file with these lines */
void settings_hand_on_origins(const struct settings *settings);

/* log_setup with LOG_LEVEL and LOG_FORMAT. */
void settings_setup_log(const struct settings *settings, const char *program);

/* Adds a fault found later by the program itself ("POOL_HOST: required"), in the same form. */
void settings_fault(struct buffer *faults, const struct settings *settings, const char *name,
                    const char *expected);
/* The same where what is wrong is known better than what was expected. */
void settings_refuse(struct buffer *faults, const struct settings *settings, const char *name,
                     const char *why);

/* Writers of what is generated from the table. */
void options_write_env_example(FILE *out);
void options_write_markdown(FILE *out);
/* {"POOL_HOST":{"value":…,"source":"default|file|environment|command line"},…}, secrets "***". */
void settings_append_json(struct buffer *out, const struct settings *settings, unsigned groups);

#endif
