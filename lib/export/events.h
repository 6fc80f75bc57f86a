/*
 * events.h - the events of an export: read by a query of their own, as far ahead of the messages as
 * is needed to know a session's pool when its handshake is written. For lib/export alone.
 *
 * Events wait in a queue until the messages have come as far. Reading one makes its session known
 * to the table, with the address of its pool; nothing else of it is taken in before its turn.
 *
 * Ownership: the table is the caller's. Threads: one.
 */
#ifndef HASHSCOPE_EXPORT_EVENTS_H
#define HASHSCOPE_EXPORT_EVENTS_H

#include "lib/export/sessions.h"
#include "lib/query/query.h"

struct export_event {
    uint64_t seq;
    bool numbered;
    struct span line; /* its own */
};

struct export_events {
    struct query *query;
    struct export_sessions *sessions;
    struct export_event *queue; /* a ring */
    size_t room, first, count;
    uint64_t read_seq; /* of the last one read */
};

enum status export_events_open(struct export_events *events, const struct query_options *options,
                               struct export_sessions *sessions, struct error *err) MUST_CHECK;
void export_events_close(struct export_events *events);

/* The oldest event in front of the line `seq`, or of that number among those that have none of
 * their own; reads on when the queue is empty. STATUS_END: there is none (so far). */
enum status export_events_next(struct export_events *events, uint64_t seq, struct export_event *out,
                               struct error *err) MUST_CHECK;
/* Reads as much as there is, up to the queue's bound. */
enum status export_events_fill(struct export_events *events, struct error *err) MUST_CHECK;
/* Reads until the session's pool is known, or known to be none; gives up after some minutes of the
 * recording, and a bounded number of events. */
enum status export_events_resolve(struct export_events *events,
                                  const struct export_session *session, int64_t from_ns,
                                  struct error *err) MUST_CHECK;

/* It is done with. */
void export_events_drop(struct export_events *events);

#endif
