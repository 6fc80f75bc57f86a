/*
 * proxy_loop.c - see proxy_loop.h. A session is found by the addresses of its sockets; that is a
 * walk over all of them, and happens only when the ports say that there may be one. Both ends have
 * to agree: Linux gives the port of one connection to another one as well when that leads
 * elsewhere, so among a thousand miners of this machine some have the port of another session's
 * pool connection.
 */
#include "recorder/proxy_loop.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "recorder/recorder.h"

#define STEPS_MAX 64 /* more than routes that anybody has */

static uint16_t port_of(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *in4 = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;
    return ntohs(address->ss_family == AF_INET6 ? in6->sin6_port : in4->sin_port);
}

static bool is_same_host(const struct sockaddr_storage *one, const struct sockaddr_storage *two)
{
    const struct sockaddr_in *a4 = (const void *)one, *b4 = (const void *)two;
    const struct sockaddr_in6 *a6 = (const void *)one, *b6 = (const void *)two;
    if (one->ss_family != two->ss_family)
        return false;
    if (one->ss_family == AF_INET6)
        return IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr);
    uint32_t a = ntohl(a4->sin_addr.s_addr), b = ntohl(b4->sin_addr.s_addr);
    return a == b || (a >> 24 == IN_LOOPBACKNET && b >> 24 == IN_LOOPBACKNET);
}

static bool is_same(const struct sockaddr_storage *one, const struct sockaddr_storage *two)
{
    return port_of(one) == port_of(two) && is_same_host(one, two);
}

/* Whose pool this miner is. */
static struct session *parent_of(const struct session *session)
{
    const struct recorder *recorder = session->recorder;
    struct sockaddr_storage local, peer, end, pool;
    struct session *at;
    if (!session->miner_port || !recorder->proxy_loop->pools[session->miner_port])
        return NULL;
    stream_addresses(&session->miner, &local, &peer);
    TAILQ_FOREACH(at, &recorder->sessions, link)
    {
        if (at->pool_port != session->miner_port)
            continue;
        stream_addresses(&at->pool, &end, &pool);
        if (is_same(&end, &peer) && is_same(&pool, &local))
            return at;
    }
    return NULL;
}

/* Whose miner this pool is. */
static struct session *child_of(const struct session *session, const struct sockaddr_storage *end,
                                const struct sockaddr_storage *pool)
{
    const struct recorder *recorder = session->recorder;
    struct sockaddr_storage local, peer;
    struct session *at;
    if (!recorder->proxy_loop->miners[session->pool_port])
        return NULL;
    TAILQ_FOREACH(at, &recorder->sessions, link)
    {
        if (at->miner_port != session->pool_port)
            continue;
        stream_addresses(&at->miner, &local, &peer);
        if (is_same(end, &peer) && is_same(pool, &local))
            return at;
    }
    return NULL;
}

/* Has its route been passed before, on the way to it? */
static bool is_proxy_loop(const struct session *session)
{
    const struct session *at = parent_of(session);
    for (int i = 0; at && i < STEPS_MAX; i++, at = parent_of(at))
        if (at->route == session->route)
            return true;
    return false;
}

static void report(struct session *parent, char reason[PROXY_LOOP_REASON_MAX])
{
    struct recorder *recorder = parent->recorder;
    const struct connect_target *target = &parent->route->targets[parent->target];
    snprintf(reason, PROXY_LOOP_REASON_MAX, "the pool %.60s:%u is this recorder itself",
             target->host, target->port);
    ring_count(&recorder->tap.counters->pool_connect_failures, 1);
    if (log_limit_pass(&recorder->connect_log, 20))
        log_error("route %s: %s: nothing can be mined here", parent->route->name, reason);
}

struct session *proxy_loop_accepted(struct session *session, const struct sockaddr_storage *local,
                                    const struct sockaddr_storage *peer,
                                    char reason[PROXY_LOOP_REASON_MAX])
{
    if (!is_same_host(local, peer))
        return NULL;
    session->miner_port = port_of(peer);
    session->recorder->proxy_loop->miners[session->miner_port]++;
    if (!is_proxy_loop(session))
        return NULL;
    struct session *parent = parent_of(session);
    report(parent, reason);
    return parent;
}

struct session *proxy_loop_dialed(struct session *session, char reason[PROXY_LOOP_REASON_MAX])
{
    struct sockaddr_storage local, peer;
    stream_addresses(&session->pool, &local, &peer);
    if (local.ss_family == AF_UNSPEC)
        return NULL;
    session->pool_port = port_of(&local);
    session->recorder->proxy_loop->pools[session->pool_port]++;
    struct session *child = is_same_host(&local, &peer) ? child_of(session, &local, &peer) : NULL;
    if (!child || !is_proxy_loop(child))
        return NULL;
    report(session, reason);
    return child;
}

void proxy_loop_forget_pool(struct session *session)
{
    if (session->pool_port)
        session->recorder->proxy_loop->pools[session->pool_port]--;
    session->pool_port = 0;
}

void proxy_loop_forget(struct session *session)
{
    proxy_loop_forget_pool(session);
    if (session->miner_port)
        session->recorder->proxy_loop->miners[session->miner_port]--;
    session->miner_port = 0;
}
