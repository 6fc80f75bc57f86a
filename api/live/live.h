/*
 * live.h - the newest messages of the recorder, in memory: CAPTURE_MAX_MESSAGES of them,
 * CAPTURE_MAX_BYTES with what goes along with them, and no more than CAPTURE_MAX_PER_SESSION of one
 * session. What the endpoints with source=live answer from, how a request finds its answer, and who
 * is behind a session.
 *
 *   entries, by number:   … │ 812 │ 815 │ 816 │ 820 │      a ring; found by binary search
 *                              ▲─────────────▲             of one session: a chain, both ways
 *
 * Where there are too many messages the oldest goes; where a session has too many, its oldest.
 * Where they have too many bytes it is the oldest of one of the sessions that hold most (within a
 * factor of two, in turns): who speaks in long lines pushes out its own, and others keep what they
 * have.
 *
 * The feed adds each row; readers copy the lines they need under a lock, so that nothing is written
 * out or sent while it is held.
 *
 * Ownership: live_new's caller. Threads: one adds, any read.
 */
#ifndef HASHSCOPE_API_LIVE_LIVE_H
#define HASHSCOPE_API_LIVE_LIVE_H

#include "api/live/page.h"
#include "lib/query/query.h"

struct live;

struct live *live_new(size_t messages, size_t per_session, uint64_t bytes);
void live_free(struct live *live); /* NULL is fine */

/* The feed: every row of the ring, in order. A row of another series empties it. */
void live_add(struct live *live, const struct query_row *row);
/* Sessions that began before the ring's oldest row are known from its table: looked up there, at
 * most once a second, while there are such. The feed's thread. */
void live_learn(struct live *live, const char *ring_path);
/* The message object of a row (message.h), with what is known of the request that it answers. */
void live_write_row(struct live *live, struct buffer *out, const struct query_row *row);

/* Appends to `page` the messages that fit, as page.h says. Of the filter: times, sessions (one or
 * none), directions, methods, method_names, errors, text. False: what is behind page->behind has
 * been overwritten in part, and the page goes on with what is left. */
bool live_page(struct live *live, const struct query_filter *filter, struct page *page);
/* The one with this number. False: it is not here. */
bool live_find(struct live *live, uint64_t instance, uint64_t seq, struct page *page);
/* Fills in answers, methods answered and peers of a page's rows, as far as they are here. */
void live_complete(struct live *live, struct page *page);

struct live_facts {
    uint64_t messages, bytes; /* held now; bytes with what goes along with each message */
    uint64_t messages_most, bytes_most;
    uint64_t sessions;                      /* with messages, and the youngest without */
    uint64_t instance, first_seq, last_seq; /* of the messages held; 0: none */
};
void live_facts(struct live *live, struct live_facts *out);

#endif
