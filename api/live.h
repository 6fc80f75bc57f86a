/*
 * live.h - the newest messages of the recorder, in memory: CAPTURE_MAX_MESSAGES of them, and no
 * more than CAPTURE_MAX_PER_SESSION of one session. What the endpoints with source=live answer
 * from, how a request finds its answer, and who is behind a session.
 *
 * The feed adds each row; readers copy what they need under a lock, so that nothing is written out
 * or sent while it is held.
 *
 * Ownership: live_new's caller. Threads: one adds, any read.
 */
#ifndef HASHSCOPE_API_LIVE_H
#define HASHSCOPE_API_LIVE_H

#include "api/page.h"
#include "lib/capture/query.h"

struct live;

struct live *live_new(size_t messages, size_t per_session);
void live_free(struct live *live); /* NULL is fine */

/* The feed: every row of the ring, in order. A row of another instance empties it. */
void live_add(struct live *live, const struct query_row *row);
/* The feed: the message object of a row (message.h), with the request that it answers. */
void live_write_row(struct live *live, struct buffer *out, const struct query_row *row);

/* Appends to `page` the messages that fit, at most page->limit, behind page->cursor_seq in
 * page->order, with the answers to requests among them. */
void live_page(struct live *live, const struct query_filter *filter, struct page *page);
/* The one with this number. False: it is not here. */
bool live_find(struct live *live, uint64_t instance, uint64_t seq, struct page *page);

/* The miner's address of a session seen in the ring: copied to `out`, which has PEER_BYTES. */
#define LIVE_PEER_BYTES 64
bool live_peer(struct live *live, const struct uuid *session, char out[LIVE_PEER_BYTES]);

struct live_facts {
    uint64_t messages, bytes; /* held now */
    uint64_t instance, first_seq, last_seq;
};
void live_facts(struct live *live, struct live_facts *out);

#endif
