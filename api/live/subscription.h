/*
 * subscription.h - who wants to see which messages as they pass, and what is waiting for them.
 *
 * One thread (the feed) publishes, one (the WebSocket server) takes. A message's JSON is made once
 * and shared by all that want it. Each subscription has a queue of at most SUBSCRIPTION_MESSAGES
 * messages and SUBSCRIPTION_BYTES; all together hold at most SUBSCRIPTIONS_BYTES. What does not fit
 * is counted instead, and the reader gets {"type":"skipped","count":N} in its place.
 *
 * Subscriptions to one session are found by its id, so a thousand of them cost each message one
 * look-up; those that follow everything are asked one by one.
 *
 * Frames, as text:
 *   {"type":"message","message":{…}}              one message
 *   {"type":"messages","messages":[{…},…]}        with batch=1
 *   {"type":"skipped","count":N}                  N messages that fitted the filter were left out
 *   {"type":"ping"}                               when nothing was sent for 3 s
 *
 * Ownership: subscriptions_free after both threads have ended. Threads: as each function says.
 */
#ifndef HASHSCOPE_API_LIVE_SUBSCRIPTION_H
#define HASHSCOPE_API_LIVE_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/live/message_filter.h"

#define SUBSCRIPTION_MESSAGES 4096 /* a new job for thousands of miners comes at once */
#define SUBSCRIPTION_BYTES    (4u << 20)
#define SUBSCRIPTIONS_BYTES   (64u << 20)
#define SUBSCRIPTION_BATCH    256          /* messages in a frame of batch=1, at most … */
#define SUBSCRIPTION_FRAME    (128u << 10) /* … unless this many bytes come first */

/* What a handshake's query string asks for: the parameters of GET /api/messages that concern a
 * message itself, and batch. Points into itself: must not move. */
struct subscription_filter {
    struct parameters given;
    struct message_filter messages;
    bool batch;
};

/* `query` is percent-encoded; {NULL, 0}: everything. STATUS_INVALID with "direction: …", and then
 * there is none. */
enum status subscription_filter_new(struct subscription_filter **out, struct span query,
                                    struct error *err) MUST_CHECK;
void subscription_filter_free(struct subscription_filter *filter); /* NULL is fine */

struct subscriptions;
struct subscription;

/* `wake` is called by whoever publishes when there is something to take and nobody has been woken
 * since the last subscriptions_next that found nothing. */
struct subscriptions *subscriptions_new(void (*wake)(void *user), void *user);
void subscriptions_free(struct subscriptions *all);

/* Any thread. Takes the filter over; `user` comes back from subscriptions_next. */
struct subscription *subscription_add(struct subscriptions *all, struct subscription_filter *filter,
                                      void *user);
void subscription_remove(struct subscriptions *all, struct subscription *subscription);
size_t subscriptions_count(const struct subscriptions *all);

/* The feed. write_message makes the JSON, and is called at most once. */
struct subscription_message {
    const struct query_row *row;
    struct span bytes;
    void (*write_message)(void *user, struct buffer *out, const struct query_row *row);
    void *user;
};
void subscriptions_publish(struct subscriptions *all, const struct subscription_message *from);
/* Numbers that nobody has seen: all that follow get a notice. */
void subscriptions_missed(struct subscriptions *all, uint64_t count);
void subscriptions_flush(struct subscriptions *all); /* wakes the taker if need be */

/* The taker. The next subscription that has something waiting and was not returned since it got it;
 * NULL: none. */
void *subscriptions_next(struct subscriptions *all);
/* Appends the next frame's text; false: nothing is waiting. */
bool subscription_take(struct subscriptions *all, struct subscription *subscription,
                       struct buffer *out);

/* So many bytes of frames are on their way to it: they count with what waits. */
void subscription_weigh(struct subscriptions *all, struct subscription *subscription,
                        size_t sending);
/* All together have SUBSCRIPTIONS_BYTES. */
bool subscriptions_are_full(const struct subscriptions *all);

struct subscription_facts {
    size_t count;
    size_t bytes;     /* of messages that wait for somebody, or are on their way */
    uint64_t sent;    /* messages taken, once per reader */
    uint64_t skipped; /* messages left out, once per reader */
};
void subscriptions_facts(const struct subscriptions *all, struct subscription_facts *out);

#endif
