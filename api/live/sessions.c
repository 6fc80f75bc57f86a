/* sessions.c - the sessions that messages belong to, and who they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/live/live_private.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/ring/ring.h"

static struct live_session **list_of(const struct live *live, const struct uuid *uuid)
{
    return &live->hashed[hash_bytes(live->seed, uuid, sizeof *uuid) % LIVE_SESSIONS];
}

struct live_session *live_session_find(const struct live *live, const struct uuid *uuid)
{
    struct live_session *session = *list_of(live, uuid);
    while (session && !uuid_equal(&session->uuid, uuid))
        session = session->next_hashed;
    return session;
}

/* ---- lists by weight ---- */

static unsigned list_for(const struct live_session *session)
{
    return session->count ? 64 - (unsigned)__builtin_clzll(session->bytes) : 0;
}

static void leave_list(struct live *live, struct live_session *session)
{
    struct live_list *list = &live->lists[session->list];
    *(session->before ? &session->before->behind : &list->first) = session->behind;
    *(session->behind ? &session->behind->before : &list->last) = session->before;
    live->idle -= session->list == 0;
}

static void join_list(struct live *live, struct live_session *session)
{
    session->list = list_for(session);
    struct live_list *list = &live->lists[session->list];
    session->before = list->last;
    session->behind = NULL;
    *(list->last ? &list->last->behind : &list->first) = session;
    list->last = session;
    live->idle += session->list == 0;
}

void live_session_settle(struct live *live, struct live_session *session, bool again)
{
    if (!again && session->list == list_for(session))
        return;
    leave_list(live, session);
    join_list(live, session);
}

struct live_session *live_session_heaviest(const struct live *live)
{
    for (unsigned i = LIVE_LISTS - 1; i > 0; i--) {
        if (live->lists[i].first)
            return live->lists[i].first;
    }
    return NULL;
}

/* ---- coming and going ---- */

static void drop(struct live *live, struct live_session *session)
{
    struct live_session **at = list_of(live, &session->uuid);
    while (*at != session)
        at = &(*at)->next_hashed;
    *at = session->next_hashed;
    leave_list(live, session);
    live->sessions--;
    free(session);
}

struct live_session *live_session_get(struct live *live, const struct uuid *uuid)
{
    struct live_session *session = live_session_find(live, uuid);
    if (session) {
        live_session_settle(live, session, session->list == 0);
        return session;
    }
    if (live->idle >= LIVE_SESSIONS)
        drop(live, live->lists[0].first);
    session = memory_new(sizeof *session);
    session->uuid = *uuid;
    session->oldest = session->newest = LIVE_NONE;
    session->next_hashed = *list_of(live, uuid);
    *list_of(live, uuid) = session;
    join_list(live, session);
    live->sessions++;
    return session;
}

void live_learn(struct live *live, const char *ring_path)
{
    struct ring_reader *ring;
    struct session_info info;
    struct error err;
    int64_t now_ns = clock_mono_ns();
    if (!live->strangers || now_ns - live->learned_ns < NS_PER_S)
        return;
    live->learned_ns = now_ns;
    live->strangers = false;
    if (ring_reader_open(&ring, ring_path, &err) != STATUS_OK)
        return;
    (void)pthread_rwlock_wrlock(&live->lock);
    for (uint32_t slot = 0; slot < ring_reader_slots(ring); slot++) {
        if (ring_reader_session(ring, slot, &info) != STATUS_OK)
            continue;
        struct live_session *session = live_session_find(live, &info.session);
        if (session && !session->peer[0])
            (void)snprintf(session->peer, sizeof session->peer, "%s", info.miner);
    }
    (void)pthread_rwlock_unlock(&live->lock);
    ring_reader_close(ring);
}

void live_sessions_free(struct live *live)
{
    for (unsigned i = 0; i < LIVE_LISTS; i++) {
        for (struct live_session *at = live->lists[i].first, *behind; at; at = behind) {
            behind = at->behind;
            free(at);
        }
        live->lists[i] = (struct live_list){0};
    }
    memset((void *)live->hashed, 0, LIVE_SESSIONS * sizeof(struct live_session *));
    live->sessions = live->idle = 0;
}
