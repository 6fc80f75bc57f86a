/*
 * table.h - the sessions that the feed has heard of since the API started, and what was
 * learned of each (view.h): so that a list of sessions need not read messages.
 *
 * At most SESSION_TABLE_MAX, in SESSION_TABLE_BYTES; those that were not heard of for longest go.
 * Of a session that is older than the rows that the feed has seen, what was agreed with its pool is
 * looked up in the newest state line of the archive, by whoever asks; of one that has ended, and of
 * those of imports, in its first lines.
 *
 * Ownership: session_table_new's caller. Threads: one adds, any read.
 */
#ifndef HASHSCOPE_API_SESSION_TABLE_H
#define HASHSCOPE_API_SESSION_TABLE_H

#include "api/session/operator_state.h"
#include "api/session/view.h"

#define SESSION_TABLE_MAX   32768u
#define SESSION_TABLE_BYTES (64u << 20)

struct session_table;

struct session_table *session_table_new(void);
void session_table_free(struct session_table *table); /* NULL is fine */

struct session_table_facts {
    uint64_t sessions, bytes;
};
void session_table_facts(struct session_table *table, struct session_table_facts *out);

/* The feed: every row of the ring, in order. */
void session_table_add(struct session_table *table, const struct query_row *row);

/* A session may stand in several series: in the recorder's own, and in imports of it. */
struct session_name {
    uint64_t series; /* of an import; 0: the recorder's own */
    struct uuid session;
};

/* What is known of a session, or NULL; to be read until session_table_return, which is due in
 * either case, and soon: the feed waits. */
const struct session_view *session_table_borrow(struct session_table *table,
                                                const struct session_name *name);
void session_table_return(struct session_table *table);

/* Of the recorder's own: under which name the choices for a session are kept (operator_state.h).
 * False: neither worker nor peer is known. */
bool session_table_key(struct session_table *table, const struct uuid *session,
                       char out[OPERATOR_KEY_MAX]);

/* Looks up what is not known of these sessions, which are open: one bounded reading of the archive,
 * only if there is something to be looked up. */
void session_table_take(struct session_table *table, const struct query_place *place,
                        const struct uuid *sessions, size_t count);
/* The same of those that have ended, which may lie anywhere in the archive, or in an import: the
 * first lines of one after the other, for a moment in all. What was not reached is looked up when
 * it is asked for again; what was found is kept, but makes room for every session that is heard of.
 */
void session_table_take_ended(struct session_table *table, const struct query_place *place,
                              const struct uuid *sessions, size_t count);

#endif
