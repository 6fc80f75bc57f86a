/*
 * subscription.c - queues of shared messages behind one lock.
 *
 * How it works: a message is made when the first subscription wants it, and counted by those that
 * hold it. Subscriptions hang in one of BUCKETS lists by their session, or in the list of those
 * that follow all sessions. When a subscription gets something while its queue was empty it joins
 * the list of those to be served; whoever serves it takes until nothing is left.
 *
 * Once a message did not fit, all that follow are left out and counted, until the reader has taken
 * what was queued and the notice: so there is one notice for each time a reader fell behind, in
 * the place where the messages are missing.
 */
#include "api/live/subscription.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define BUCKETS     4096 /* power of two */
#define QUEUE_FIRST 8    /* room of a new queue */

struct shared_message {
    atomic_uint holders;
    size_t len;
    char json[];
};

struct subscription {
    struct subscription_filter *filter;
    void *user;
    struct subscription **home, *next, *previous; /* in the list of a bucket */
    struct subscription *next_due, *previous_due;
    bool due;       /* in the list of those to be served */
    bool announced; /* something came since subscription_take found nothing */
    struct shared_message **queue;
    size_t room, first, count, bytes; /* room is a power of two */
    size_t sending;                   /* bytes of frames on their way, as subscription_weigh said */
    uint64_t skipped;                 /* since the last notice */
};

struct subscriptions {
    pthread_mutex_t lock;
    void (*wake)(void *user);
    void *user;
    bool woken;
    struct subscription *buckets[BUCKETS];
    struct subscription *everything;
    struct subscription *first_due, *last_due;
    struct buffer json; /* scratch of the publisher */
    size_t count;
    atomic_size_t bytes;
    uint64_t sent, skipped;
};

struct subscriptions *subscriptions_new(void (*wake)(void *user), void *user)
{
    struct subscriptions *all = memory_new(sizeof *all);

    pthread_mutex_init(&all->lock, NULL);
    all->wake = wake;
    all->user = user;
    return all;
}

void subscriptions_free(struct subscriptions *all)
{
    if (all == NULL)
        return;
    buffer_close(&all->json);
    pthread_mutex_destroy(&all->lock);
    free(all);
}

/* ---- messages ---- */

static void release(struct subscriptions *all, struct shared_message *message)
{
    if (atomic_fetch_sub(&message->holders, 1) > 1)
        return;
    atomic_fetch_sub(&all->bytes, sizeof *message + message->len);
    free(message);
}

/* Held once, by the publisher. */
static struct shared_message *make_message(struct subscriptions *all,
                                           const struct subscription_message *from)
{
    struct shared_message *message;

    buffer_clear(&all->json);
    from->write_message(from->user, &all->json, from->row);
    message = memory_new(sizeof *message + all->json.len);
    atomic_init(&message->holders, 1);
    message->len = all->json.len;
    memcpy(message->json, all->json.data, all->json.len);
    atomic_fetch_add(&all->bytes, sizeof *message + message->len);
    return message;
}

/* ---- those to be served ---- */

static void due_append(struct subscriptions *all, struct subscription *subscription)
{
    subscription->announced = subscription->due = true;
    subscription->next_due = NULL;
    subscription->previous_due = all->last_due;
    if (all->last_due != NULL)
        all->last_due->next_due = subscription;
    else
        all->first_due = subscription;
    all->last_due = subscription;
}

static void due_remove(struct subscriptions *all, struct subscription *subscription)
{
    if (!subscription->due)
        return;
    if (subscription->previous_due != NULL)
        subscription->previous_due->next_due = subscription->next_due;
    else
        all->first_due = subscription->next_due;
    if (subscription->next_due != NULL)
        subscription->next_due->previous_due = subscription->previous_due;
    else
        all->last_due = subscription->previous_due;
    subscription->due = false;
}

static void announce(struct subscriptions *all, struct subscription *subscription)
{
    if (!subscription->announced)
        due_append(all, subscription);
}

void *subscriptions_next(struct subscriptions *all)
{
    struct subscription *subscription;

    pthread_mutex_lock(&all->lock);
    subscription = all->first_due;
    if (subscription != NULL)
        due_remove(all, subscription);
    else
        all->woken = false;
    pthread_mutex_unlock(&all->lock);
    return subscription == NULL ? NULL : subscription->user;
}

void subscriptions_flush(struct subscriptions *all)
{
    bool wake;

    pthread_mutex_lock(&all->lock);
    wake = all->first_due != NULL && !all->woken;
    all->woken = all->woken || wake;
    pthread_mutex_unlock(&all->lock);
    if (wake)
        all->wake(all->user);
}

/* ---- coming and going ---- */

/* NULL: all sessions. */
static struct subscription **home_of(struct subscriptions *all, const struct uuid *session)
{
    if (session == NULL)
        return &all->everything;
    /* The end of a UUID of version 7 is random. */
    return &all->buckets[load_le32(session->bytes + 12) % BUCKETS];
}

struct subscription *subscription_add(struct subscriptions *all, struct subscription_filter *filter,
                                      void *user)
{
    struct subscription *subscription = memory_new(sizeof *subscription);

    subscription->filter = filter;
    subscription->user = user;
    pthread_mutex_lock(&all->lock);
    subscription->home = home_of(all, filter->messages.query.sessions);
    subscription->next = *subscription->home;
    if (subscription->next != NULL)
        subscription->next->previous = subscription;
    *subscription->home = subscription;
    all->count++;
    pthread_mutex_unlock(&all->lock);
    return subscription;
}

static void unlink_home(struct subscription *subscription)
{
    if (subscription->previous != NULL)
        subscription->previous->next = subscription->next;
    else
        *subscription->home = subscription->next;
    if (subscription->next != NULL)
        subscription->next->previous = subscription->previous;
}

void subscription_remove(struct subscriptions *all, struct subscription *subscription)
{
    pthread_mutex_lock(&all->lock);
    unlink_home(subscription);
    due_remove(all, subscription);
    all->count--;
    pthread_mutex_unlock(&all->lock);
    for (size_t i = 0; i < subscription->count; i++)
        release(all, subscription->queue[(subscription->first + i) & (subscription->room - 1)]);
    atomic_fetch_sub(&all->bytes, subscription->room * sizeof(void *) + subscription->sending);
    free(subscription->queue);
    subscription_filter_free(subscription->filter);
    free(subscription);
}

size_t subscriptions_count(const struct subscriptions *all)
{
    struct subscription_facts facts;

    subscriptions_facts(all, &facts);
    return facts.count;
}

void subscriptions_facts(const struct subscriptions *all, struct subscription_facts *out)
{
    struct subscriptions *lockable = (struct subscriptions *)all; /* the lock is no part of it */

    pthread_mutex_lock(&lockable->lock);
    *out = (struct subscription_facts){.count = all->count,
                                       .bytes = atomic_load(&lockable->bytes),
                                       .sent = all->sent,
                                       .skipped = all->skipped};
    pthread_mutex_unlock(&lockable->lock);
}

/* ---- publishing ---- */

static void grow(struct subscriptions *all, struct subscription *subscription)
{
    size_t room = subscription->room == 0 ? QUEUE_FIRST : 2 * subscription->room;
    struct shared_message **queue = memory_new(room * sizeof(void *));

    for (size_t i = 0; i < subscription->count; i++)
        queue[i] = subscription->queue[(subscription->first + i) & (subscription->room - 1)];
    free(subscription->queue);
    atomic_fetch_add(&all->bytes, (room - subscription->room) * sizeof(void *));
    subscription->queue = queue;
    subscription->room = room;
    subscription->first = 0;
}

/* When all readers together hold too much, those that have fallen behind pay. */
static bool has_room(struct subscriptions *all, const struct subscription *subscription, size_t len)
{
    return subscription->skipped == 0 && subscription->count < SUBSCRIPTION_MESSAGES &&
           (subscription->count == 0 || subscription->bytes + len <= SUBSCRIPTION_BYTES) &&
           (subscription->count == 0 || atomic_load(&all->bytes) <= SUBSCRIPTIONS_BYTES);
}

static void enqueue(struct subscriptions *all, struct subscription *subscription,
                    struct shared_message *message)
{
    if (subscription->count == subscription->room)
        grow(all, subscription);
    subscription->queue[(subscription->first + subscription->count) & (subscription->room - 1)] =
        message;
    subscription->count++;
    subscription->bytes += message->len;
    atomic_fetch_add(&message->holders, 1);
    announce(all, subscription);
}

static void skip(struct subscriptions *all, struct subscription *subscription, uint64_t count)
{
    subscription->skipped += count;
    all->skipped += count;
    announce(all, subscription);
}

/* A message on its way to those that want it. */
struct publication {
    const struct subscription_message *from;
    struct message_facts facts;
    struct uuid session;
    bool has_session;
    struct shared_message *message; /* made for the first of them */
};

static bool fits(const struct publication *publication, const struct subscription_filter *filter)
{
    const struct query_filter *wanted = &filter->messages.query;

    return (wanted->session_count == 0 ||
            (publication->has_session &&
             uuid_equal(&wanted->sessions[0], &publication->session))) &&
           message_filter_fits(wanted, &publication->facts);
}

static void publish_list(struct subscriptions *all, struct subscription *list,
                         struct publication *publication)
{
    for (; list != NULL; list = list->next) {
        if (!fits(publication, list->filter))
            continue;
        if (publication->message == NULL)
            publication->message = make_message(all, publication->from);
        if (has_room(all, list, publication->message->len))
            enqueue(all, list, publication->message);
        else
            skip(all, list, 1);
    }
}

void subscriptions_publish(struct subscriptions *all, const struct subscription_message *from)
{
    struct publication publication = {.from = from};
    struct span session = from->row->line.session;

    message_facts_read(&publication.facts, from->row, from->bytes);
    publication.has_session =
        session.data != NULL && uuid_parse(&publication.session, session.data, session.len);
    pthread_mutex_lock(&all->lock);
    publish_list(all, all->everything, &publication);
    if (publication.has_session)
        publish_list(all, *home_of(all, &publication.session), &publication);
    pthread_mutex_unlock(&all->lock);
    if (publication.message != NULL)
        release(all, publication.message);
}

static void miss_list(struct subscriptions *all, struct subscription *list, uint64_t count)
{
    for (; list != NULL; list = list->next)
        skip(all, list, count);
}

void subscriptions_missed(struct subscriptions *all, uint64_t count)
{
    pthread_mutex_lock(&all->lock);
    miss_list(all, all->everything, count);
    for (size_t i = 0; i < BUCKETS; i++)
        miss_list(all, all->buckets[i], count);
    pthread_mutex_unlock(&all->lock);
}

/* ---- taking ---- */

struct taken {
    struct shared_message *messages[SUBSCRIPTION_BATCH];
    size_t count;
    uint64_t skipped;
};

static void pop(struct subscription *subscription, struct taken *taken)
{
    size_t most = subscription->filter->batch ? SUBSCRIPTION_BATCH : 1;

    for (size_t bytes = 0; taken->count < most && subscription->count > 0;) {
        struct shared_message *message = subscription->queue[subscription->first];

        if (taken->count > 0 && bytes + message->len > SUBSCRIPTION_FRAME)
            break;
        taken->messages[taken->count++] = message;
        bytes += message->len;
        subscription->first = (subscription->first + 1) & (subscription->room - 1);
        subscription->count--;
        subscription->bytes -= message->len;
    }
}

static void take_next(struct subscriptions *all, struct subscription *subscription,
                      struct taken *taken)
{
    pthread_mutex_lock(&all->lock);
    pop(subscription, taken);
    if (taken->count == 0) {
        taken->skipped = subscription->skipped;
        subscription->skipped = 0;
        subscription->announced = subscription->due || taken->skipped > 0;
    }
    all->sent += taken->count;
    pthread_mutex_unlock(&all->lock);
}

void subscription_weigh(struct subscriptions *all, struct subscription *subscription,
                        size_t sending)
{
    pthread_mutex_lock(&all->lock);
    atomic_fetch_add(&all->bytes, sending - subscription->sending); /* modulo 2^64 */
    subscription->sending = sending;
    if (subscription->count == 0 && subscription->room > QUEUE_FIRST) {
        atomic_fetch_sub(&all->bytes, subscription->room * sizeof(void *));
        free(subscription->queue);
        subscription->queue = NULL;
        subscription->room = 0;
    }
    pthread_mutex_unlock(&all->lock);
}

bool subscriptions_are_full(const struct subscriptions *all)
{
    return atomic_load(&all->bytes) > SUBSCRIPTIONS_BYTES;
}

static void write_frame(struct subscriptions *all, const struct taken *taken, bool batch,
                        struct buffer *out)
{
    buffer_append_text(out, batch ? "{\"type\":\"messages\",\"messages\":["
                                  : "{\"type\":\"message\",\"message\":");
    for (size_t i = 0; i < taken->count; i++) {
        if (i > 0)
            buffer_append_char(out, ',');
        buffer_append(out, taken->messages[i]->json, taken->messages[i]->len);
        release(all, taken->messages[i]);
    }
    buffer_append_text(out, batch ? "]}" : "}");
}

bool subscription_take(struct subscriptions *all, struct subscription *subscription,
                       struct buffer *out)
{
    struct taken taken;

    taken.count = 0;
    taken.skipped = 0;
    take_next(all, subscription, &taken);
    if (taken.count > 0)
        write_frame(all, &taken, subscription->filter->batch, out);
    else if (taken.skipped > 0)
        buffer_append_format(out, "{\"type\":\"skipped\",\"count\":%llu}",
                             (unsigned long long)taken.skipped);
    return taken.count > 0 || taken.skipped > 0;
}
