/*
 * filter.h - the one group of filter flags that `ls`, `cat` and `tail` share, and what becomes of
 * it: a struct query_filter (lib/query/query.h).
 *
 * What the flags add to the filter itself: moments as people write them (moment.h), sessions by the
 * beginning or end of their UUID, method names without "mining.", and two questions about answers:
 * --answers (of the requests that fit) and --errors, --slower-than or --faster-than together with
 * --method (answers to such requests). For these two the query finds candidates, and show.h
 * decides.
 *
 * Ownership: struct filter owns what it resolved; filter_close frees it. The options' texts must
 * outlive it. Threads: one.
 */
#ifndef HASHSCOPE_COMMAND_FILTER_H
#define HASHSCOPE_COMMAND_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/command/arguments.h"
#include "lib/query/query.h"

struct filter_options {
    struct format_options format;
    const char *since, *until;                        /* moment.h */
    const char *session;                              /* one or several, with commas */
    const char *worker, *peer, *route, *pool, *agent; /* parts of the text */
    int64_t first_seq, last_seq;                      /* 0: no bound */
    const char *series;                               /* the instance of an import */
    const char *dir, *method;                         /* one or several, with commas */
    const char *grep;                                 /* occurs in the message */
    const char *slower_than, *faster_than;            /* moment_parse_wait */
    bool errors, answers, ignore_case;
    const char *kind;   /* "messages", "events", "states" */
    const char *source; /* "all", "live", "archive" */
};

/* Times, sessions, people: for all three. */
extern const struct flag_table filter_session_flags;
/* What messages say: for cat and tail. */
extern const struct flag_table filter_message_flags;
/* --json and --table; the options begin with a struct format_options. */
extern const struct flag_table format_flags;

/* Whether everything passes: no flag but those of the format was given. */
bool filter_is_unset(const struct filter_options *options);

struct filter {
    struct query_filter query;
    uint64_t series; /* for query_place.series; 0: the data directory's own */
    struct uuid *sessions;
    char **method_names;
    bool answers;            /* method-less lines only where they answer what was given out */
    bool refusals;           /* --errors …: only answers to requests of these methods: */
    uint64_t wanted_methods; /* … bit set */
};

/* Takes in all that the flags say but the sessions. Returns the exit code: 0, or 2 with a message
 * (an option makes no sense). */
int filter_read(struct filter *out, const struct filter_options *options, const char *command);
/* Then the sessions. 0; 1 with a message (no such session, the archive can't be read); 2 as above.
 */
int filter_find_sessions(struct filter *filter, const struct filter_options *options,
                         const struct query_place *place, const char *command);
void filter_close(struct filter *filter);

/* The instance of an import: 16 hexadecimal digits. */
bool filter_parse_series(const char *text, uint64_t *out);

/* Whether anything is asked for that only a listing of sessions can answer. */
bool filter_names_people(const struct filter *filter);

#endif
