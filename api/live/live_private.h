/* live_private.h - the store's own parts: entries by number, sessions by UUID. For api/live*.c. */
#ifndef HASHSCOPE_API_LIVE_LIVE_PRIVATE_H
#define HASHSCOPE_API_LIVE_LIVE_PRIVATE_H

#include <pthread.h>

#include "api/live/live.h"

#define LIVE_NONE     UINT64_MAX
#define LIVE_SESSIONS 16384u /* remembered without messages */
#define LIVE_LISTS    65     /* of sessions: by the magnitude of their bytes; 0: without messages */
#define LIVE_OVERHEAD 16     /* bytes that malloc adds to a line, or to a session */

struct live_session {
    struct uuid uuid;
    char peer[PAGE_PEER_BYTES];
    uint64_t count, bytes;   /* of messages held */
    uint64_t oldest, newest; /* of them; places */
    struct live_session *next_hashed;
    unsigned list; /* where it is, of live->lists */
    struct live_session *before, *behind;
};

struct live_list {
    struct live_session *first, *last;
};

/* That of a place is place % slots. */
struct live_entry {
    uint64_t seq;
    char *line; /* NULL: taken away before its turn */
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
    uint64_t most_bytes;
    struct live_entry *entries;
    size_t slots;         /* a quarter more than messages: room for those taken away */
    uint64_t first, next; /* places: the oldest message, and the one to come */
    uint64_t held, bytes;
    struct live_session **hashed;       /* LIVE_SESSIONS lists */
    struct live_list lists[LIVE_LISTS]; /* each in the order in which sessions came into it; those
                                         * without messages by when they were last heard of */
    size_t sessions, idle;              /* all; without messages */
    bool strangers;                     /* there are sessions whose peer is not known */
    int64_t learned_ns;                 /* when that was last looked up */
};

static inline struct live_entry *live_entry(const struct live *live, uint64_t place)
{
    return &live->entries[place % live->slots];
}

/* sessions.c */
struct live_session *live_session_find(const struct live *live, const struct uuid *uuid);
/* Found or made; without messages it is the youngest then. */
struct live_session *live_session_get(struct live *live, const struct uuid *uuid);
/* Puts it at the end of the list where it belongs, if that is another or `again`. */
void live_session_settle(struct live *live, struct live_session *session, bool again);
/* One of those that hold most; NULL: there are no messages. */
struct live_session *live_session_heaviest(const struct live *live);
void live_sessions_free(struct live *live);

/* The first place with a number of at least `seq`; live->next: none. */
uint64_t live_place(const struct live *live, uint64_t seq);

#endif
