/*
 * events.h - what happened in a session beside its shares: the newest jobs and events, in
 * lists of fixed length.
 *
 * Ownership: the owner of the struct calls session_events_close. Threads: one at a time. Nothing
 * fails.
 */
#ifndef HASHSCOPE_API_SESSION_EVENTS_H
#define HASHSCOPE_API_SESSION_EVENTS_H

#include "api/session/view.h"

#define EVENTS_JOBS 100
#define EVENTS_MAX  200
#define EVENTS_KEPT 2 /* of the first ones, which tell where it came from */
#define EVENT_TEXT  200

struct job_row {
    char id[132];
    char previous[65]; /* "": not known, and with it the rest */
    int64_t wall_ns;
    bool clean;
    int64_t height; /* -1: not known */
    double difficulty;
    uint32_t ntime, nbits;
};

struct event_row {
    int64_t wall_ns;
    char name[24];
    char text[EVENT_TEXT];
};

struct session_events {
    struct job_row *jobs; /* a ring; job_count counts all there were */
    size_t job_count;
    struct event_row *events;
    size_t event_count;
};

void session_events_close(struct session_events *events);
/* A line, after session_view_add. */
void session_events_add(struct session_events *events, const struct segment_line *line,
                        const struct session_step *step, const struct session_view *view);
/* The members jobs and events. */
void session_events_write(const struct session_events *events, struct buffer *out);

#endif
