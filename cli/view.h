/*
 * view.h - showing recorded lines: which ones (filters), and how (the archive's NDJSON as it is, or
 * a row for people). What `tail` and `cat` have in common.
 *
 * A view learns as it goes: who is behind a session (its address from the event that opened it, its
 * worker name from mining.authorize) and which method a request had, so that the row of an answer
 * can say what it answers. Lines must therefore all be given to it, in order, also those that are
 * not to be shown.
 *
 * Ownership: options are borrowed, the rest is the view's; view_close frees it.
 * Memory: about 5 MB for the methods of the last requests; sessions as many as are seen, with a
 * cap. Threads: one.
 */
#ifndef HASHSCOPE_CLI_VIEW_H
#define HASHSCOPE_CLI_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/flags.h"
#include "lib/base/options.h"
#include "lib/capture/segment.h"
#include "lib/stratum/scan.h"

struct view_options {
    bool json, text;     /* NDJSON or rows, whatever stdout is */
    bool errors;         /* only what refuses or is no JSON */
    const char *session; /* UUID, its beginning or end, or a worker name */
    const char *method;  /* with or without "mining." */
    const char *dir;     /* direction's name */
    bool raw;            /* cat: the bytes themselves */
    int64_t lines;       /* tail: so many of the newest first */
    int64_t after;       /* tail: all behind this number, whatever `lines` says; -1: not given */
    bool no_follow;      /* tail: end when all is shown */
    const char **files;  /* cat */
    size_t file_count;
};

/* Reads the command line; faults end the program with exit code 2. `own` are the command's flags
 * besides the common ones. The caller frees the settings and, with view_options_close, the list. */
struct settings *view_options_read(struct view_options *out, int argc, char **argv,
                                   const struct flag *own, size_t own_count, const char *args_doc,
                                   const char *doc);
void view_options_close(struct view_options *options);

struct view_person; /* who is behind a session */

struct view {
    const struct view_options *options;
    bool table, color;
    enum direction direction; /* of options->dir */
    struct view_person *people;
    size_t people_count, people_room; /* room is a power of two */
    struct view_request *requests;    /* the newest by seq modulo VIEW_REQUESTS */
    struct buffer out;                /* what is to be printed next */
};

/* A line with what the scan of its message says. */
struct view_line {
    struct segment_line line;
    struct stratum_scan scan;     /* of line.msg; zeroed for events */
    enum stratum_method answered; /* of a paired response; NONE when not known */
};

/* False, with a message on stderr, when an option makes no sense (an unknown direction). */
bool view_init(struct view *view, const struct view_options *options, const char *command);
void view_close(struct view *view);

/* Takes the line in. True when it is to be shown; then view->out holds it, with its newline, until
 * the next call. */
bool view_take(struct view *view, const struct segment_line *line);

/* Writes view->out to stdout. False when nobody reads any more. */
bool view_print(const struct view *view);

/* Whether `wanted` is the UUID, or at least four characters of its beginning or end. */
bool view_session_has_id(struct span session, const char *wanted);

/* ---- between the view's own files ---- */

/* The name to show: worker, else the miner's address, else "". */
struct span view_name_of(const struct view *view, struct span session);
/* The same, or the name to show. */
bool view_session_matches(const struct view *view, struct span session, const char *wanted);
void view_learn(struct view *view, struct view_line *line);
void view_append_row(struct view *view, const struct view_line *line);

#endif
