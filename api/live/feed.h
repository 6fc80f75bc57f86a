/*
 * feed.h - follows the live ring once for everybody: a thread that reads each row as it is written,
 * gives it to the live index, makes the JSON of each message once, and hands that to the
 * subscriptions (subscription.h) whose filter fits.
 *
 * The recorder may not be there yet, go away, or make its ring anew: the feed looks for it four
 * times a second and goes on where it was; what was overwritten meanwhile is told to all
 * subscriptions as skipped. The JSON is made only while somebody is subscribed.
 *
 * Ownership: heap object; what options point to must outlive it. Threads: start and stop from one;
 * `on_row` and `on_missed` are called on the feed's own thread.
 */
#ifndef HASHSCOPE_API_LIVE_FEED_H
#define HASHSCOPE_API_LIVE_FEED_H

#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/query/query.h"

struct feed;
struct subscriptions; /* subscription.h */

struct feed_options {
    const char *data_dir, *ring_path;
    struct subscriptions *subscriptions;
    uint64_t backlog; /* rows of the ring given to on_row at the start (CAPTURE_MAX_MESSAGES) */
    /* Every row of the ring, in order, with those before the start that the backlog covers. May be
     * NULL. */
    void (*on_row)(void *user, const struct query_row *row);
    /* Appends the message object of a row that is a message. */
    void (*write_message)(void *user, struct buffer *out, const struct query_row *row);
    void *user;
};

enum status feed_start(struct feed **out, const struct feed_options *options,
                       struct error *err) MUST_CHECK;
void feed_stop(struct feed *feed); /* NULL is fine; returns within a second */

struct feed_facts {
    uint64_t rows;     /* given to on_row */
    uint64_t messages; /* of them, made into JSON */
    uint64_t missed;   /* overwritten before they were read */
    uint64_t reopened; /* times the ring had to be looked for again */
    uint64_t last_seq;
    bool connected; /* there is a ring; whether the recorder runs, its control socket tells */
};
void feed_facts(const struct feed *feed, struct feed_facts *out); /* any thread */

#endif
