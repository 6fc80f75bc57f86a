/*
 * stats.h - what GET sessions/{id} says beyond the listing: figures, series, jobs, events.
 * Made by reading the session's lines once, oldest first, in turns of bounded time: what was read
 * is kept, and the next request goes on where the one before ended. So a page that is looked at for
 * a while costs what is new, and a session too long for one turn is complete after some.
 *
 * At most STATS_KEPT sessions are kept, those asked for last; about 300 KiB each.
 *
 * Ownership: stats_keeper_new's caller. Threads: any.
 */
#ifndef HASHSCOPE_API_SESSION_STATS_H
#define HASHSCOPE_API_SESSION_STATS_H

#include "api/session/view.h"

#define STATS_KEPT 16

struct stats_keeper;
struct session_stats;

struct stats_keeper *stats_keeper_new(void);
void stats_keeper_free(struct stats_keeper *keeper); /* NULL is fine */
size_t stats_kept(struct stats_keeper *keeper);

/* Brings the session's figures up to date, as far as a turn goes; they are the caller's alone until
 * stats_return. NULL: the recordings cannot be read, and *status says why. */
struct session_stats *stats_borrow(struct stats_keeper *keeper, const struct query_place *place,
                                   const struct uuid *session, enum status *status,
                                   struct error *err);
void stats_return(struct stats_keeper *keeper, struct session_stats *stats);

/* All lines were read, up to the newest. */
bool stats_complete(const struct session_stats *stats);
const struct session_view *stats_view(const struct session_stats *stats);
/* The members stats, series, jobs, events; `session` as it is listed. */
void stats_write(const struct session_stats *stats, const struct query_session *session,
                 struct buffer *out);

#endif
