/*
 * up.h - what `hashscope up` is made of, private to cli/up_*.c and cli/commands/up.c: the settings
 * handed on to the children, the checks before the start, and what is said to the user. Threads:
 * one.
 */
#ifndef HASHSCOPE_CLI_UP_UP_H
#define HASHSCOPE_CLI_UP_UP_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/up/supervisor.h"
#include "lib/base/options.h"
#include "lib/command/program.h"

#define UP_GROUPS (GROUP_COMMON | GROUP_RECORDER | GROUP_ARCHIVE | GROUP_API)

struct up_options {
    int64_t miners; /* in the demo */
    bool json;      /* NDJSON also on a terminal */
    bool no_tail;
    bool no_api;
};

struct up {
    struct up_options options;
    struct settings *settings;
    struct supervisor supervisor;
    struct child *pool, *recorder, *miners, *api, *tail; /* NULL: not part of it */
    const char *data_dir;
    bool demo;                   /* no pool is named: simulate one */
    uint16_t pool_port;          /* of the simulated pool */
    char listen[320];            /* where the recorder listens, as it says itself */
    char target[320];            /* the pool it leads to from there, likewise */
    uint64_t last_seq;           /* the last number before this run's first */
    char link[1024];             /* to the web UI, with the token; "" until the API listens */
    char self[PROGRAM_PATH_MAX]; /* this program, as a shell finds it */
    char api_fault[512];         /* why its pages are not where they should be; "": they are */
    uint16_t ui_port;            /* where its pages are too; 0: nowhere */
};

/* Puts every setting that was given anywhere into the environment, so that the children have the
 * same, whatever ./.env says. */
void up_export_settings(const struct settings *settings);

/* Makes DATA_DIR/logs. */
enum status up_make_directories(const struct up *up, struct error *err) MUST_CHECK;

/* STATUS_BUSY when the port of that setting is taken, with a message that says what to do. */
enum status up_check_port(const struct settings *settings, const char *host_name,
                          const char *port_name, struct error *err) MUST_CHECK;

/* Asks the recorder where it listens; false while it does not answer, or another one does. */
bool up_ask_recorder(struct up *up);

/* Where the API is told to write its link, and what it wrote there with the port of its pages;
 * false while it did not. */
void up_link_path(const struct up *up, char *out, size_t size);
bool up_read_link(struct up *up);

/* Tells on stderr what runs, how to point a miner and a pool at it, where everything is kept. */
void up_print_welcome(const struct up *up);
/* What a log file holds from `offset` on, for when its program did not come up. */
void up_print_log(const char *path, long offset);

#endif
