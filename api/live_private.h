/* live_private.h - the store's own parts: entries by number, sessions by UUID. For api/live*.c. */
#ifndef HASHSCOPE_API_LIVE_PRIVATE_H
#define HASHSCOPE_API_LIVE_PRIVATE_H

#include <pthread.h>

#include "api/live.h"

#define LIVE_NONE     UINT64_MAX
#define LIVE_SESSIONS 16384u /* remembered; those with messages, and the youngest without */

struct live_session {
    struct uuid uuid;
    char peer[PAGE_PEER_BYTES];
    uint64_t count;          /* messages held */
    uint64_t oldest, newest; /* of them; places */
    struct live_session *next_hashed;
    struct live_session *older, *younger; /* all sessions, by when they were last heard of */
};

/* Places count up for ever; that of an entry is place % capacity. */
struct live_entry {
    uint64_t seq;
    char *line; /* NULL: taken away, since its session has too many */
    uint32_t len;
    uint32_t msg; /* offset of the message in the line; 0: it stands there in base64 */
    int64_t wall_ns;
    uint64_t before, behind; /* in its session; places */
    uint64_t answer;         /* the number of the message that answers it; 0: none yet */
    struct live_session *session;
    uint8_t direction, method, answered;
    bool error;
};

struct live {
    pthread_rwlock_t lock;
    uint64_t instance, seed;
    size_t capacity, per_session;
    struct live_entry *entries;
    uint64_t first, next; /* places: the oldest entry, and the one to come */
    uint64_t held, bytes;
    struct live_session **hashed; /* LIVE_SESSIONS lists */
    struct live_session *oldest, *youngest;
    size_t sessions;
    bool strangers;     /* there are sessions whose peer is not known */
    int64_t learned_ns; /* when that was last looked up */
};

static inline struct live_entry *live_entry(const struct live *live, uint64_t place)
{
    return &live->entries[place % live->capacity];
}

/* live_sessions.c */
struct live_session *live_session_find(const struct live *live, const struct uuid *uuid);
/* Found or made; it is the youngest then. */
struct live_session *live_session_get(struct live *live, const struct uuid *uuid);
void live_sessions_free(struct live *live);

/* The first place with a number of at least `seq`; live->next: none. */
uint64_t live_place(const struct live *live, uint64_t seq);

#endif
