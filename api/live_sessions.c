/* live_sessions.c - the sessions that messages belong to, and who they are. */
#include <stdio.h>
#include <stdlib.h>

#include "api/live_private.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/capture/ring.h"

#define LOOK_AT 64 /* sessions, for one that can go */

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

static void unlink_age(struct live *live, struct live_session *session)
{
    *(session->older ? &session->older->younger : &live->oldest) = session->younger;
    *(session->younger ? &session->younger->older : &live->youngest) = session->older;
}

static void link_youngest(struct live *live, struct live_session *session)
{
    session->older = live->youngest;
    session->younger = NULL;
    *(live->youngest ? &live->youngest->younger : &live->oldest) = session;
    live->youngest = session;
}

static void drop(struct live *live, struct live_session *session)
{
    struct live_session **at = list_of(live, &session->uuid);
    while (*at != session)
        at = &(*at)->next_hashed;
    *at = session->next_hashed;
    unlink_age(live, session);
    live->sessions--;
    free(session);
}

/* The session without messages that was not heard of for longest; among the oldest, or NULL. */
static struct live_session *find_idle(const struct live *live)
{
    struct live_session *session = live->oldest;
    for (unsigned looked = 0; session && session->count > 0; looked++)
        session = looked < LOOK_AT ? session->younger : NULL;
    return session;
}

static void make_room(struct live *live)
{
    struct live_session *idle = live->sessions >= LIVE_SESSIONS ? find_idle(live) : NULL;
    if (idle)
        drop(live, idle);
}

struct live_session *live_session_get(struct live *live, const struct uuid *uuid)
{
    struct live_session *session = live_session_find(live, uuid);
    if (session) {
        if (session != live->youngest) {
            unlink_age(live, session);
            link_youngest(live, session);
        }
        return session;
    }
    make_room(live);
    session = memory_new(sizeof *session);
    session->uuid = *uuid;
    session->oldest = session->newest = LIVE_NONE;
    session->next_hashed = *list_of(live, uuid);
    *list_of(live, uuid) = session;
    link_youngest(live, session);
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
    for (struct live_session *session = live->oldest, *younger; session; session = younger) {
        younger = session->younger;
        free(session);
    }
    for (size_t i = 0; i < LIVE_SESSIONS; i++)
        live->hashed[i] = NULL;
    live->oldest = live->youngest = NULL;
    live->sessions = 0;
}
