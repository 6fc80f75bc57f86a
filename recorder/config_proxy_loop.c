/*
 * config_proxy_loop.c - routes that lead back to where they began, as far as the settings show it.
 *
 * A pool whose address and port are those of one of our own listeners is that listener's route: one
 * connection would make another one, and that the next. A chain of routes that ends at a pool is as
 * good as any other; a loop is refused. A name that is not `localhost` is not looked up here:
 * what it turns out to be shows when it is connected to (proxy_loop.h). So are ports that the
 * system picks.
 *
 * How it can fail: without a list of our own addresses only loopback addresses count as ours.
 */
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <strings.h>

#include "lib/base/memory.h"
#include "recorder/config_private.h"

struct own {
    struct ifaddrs *interfaces; /* NULL: not known */
};

static bool is_loopback(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *in4 = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;
    if (address->ss_family == AF_INET)
        return (ntohl(in4->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static bool is_any(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *in4 = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;
    return address->ss_family == AF_INET ? in4->sin_addr.s_addr == htonl(INADDR_ANY)
                                         : IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr);
}

static bool is_same_host(const void *one, const void *two)
{
    const struct sockaddr_in *a4 = one, *b4 = two;
    const struct sockaddr_in6 *a6 = one, *b6 = two;
    if (a4->sin_family != b4->sin_family)
        return false;
    return a4->sin_family == AF_INET ? a4->sin_addr.s_addr == b4->sin_addr.s_addr
                                     : IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr);
}

static bool is_own(const struct own *own, const struct sockaddr_storage *address)
{
    if (is_loopback(address) || is_any(address))
        return true;
    for (const struct ifaddrs *at = own->interfaces; at; at = at->ifa_next)
        if (at->ifa_addr &&
            (at->ifa_addr->sa_family == AF_INET || at->ifa_addr->sa_family == AF_INET6) &&
            is_same_host(at->ifa_addr, address))
            return true;
    return false;
}

/* Does connecting to this host reach this route's listener? To connect to 0.0.0.0 or :: is to
 * connect to the loopback address. */
static bool leads_to(const struct own *own, const char *host, const struct route *route)
{
    struct sockaddr_storage listen, to;
    if (address_parse(&listen, route->listen_host, 0, NULL) != STATUS_OK ||
        address_parse(&to, host, 0, NULL) != STATUS_OK)
        return false;
    address_unmap(&to);
    if (is_any(&listen))
        return is_own(own, &to) && (listen.ss_family == AF_INET6 || to.ss_family == AF_INET);
    return is_same_host(&listen, &to) || (is_any(&to) && is_loopback(&listen));
}

static bool reaches(const struct own *own, const struct connect_target *target,
                    const struct route *route)
{
    if (target->port != route->listen_port || target->port == 0)
        return false;
    if (strcasecmp(target->host, "localhost") == 0) /* either is tried */
        return leads_to(own, "127.0.0.1", route) || leads_to(own, "::1", route);
    return leads_to(own, target->host, route);
}

/* Marks every route that connections to `from` can come to, with what they go on to. */
static void mark_reached(const struct own *own, const struct config *config, size_t from,
                         bool *reached)
{
    bool more = true;
    const struct route *routes = config->routes;
    bool *begun = memory_new(config->route_count);
    for (size_t at = from; more;) {
        begun[at] = true;
        for (size_t t = 0; t < routes[at].target_count; t++)
            for (size_t k = 0; k < config->route_count; k++)
                reached[k] = reached[k] || reaches(own, &routes[at].targets[t], &routes[k]);
        more = false;
        for (size_t k = 0; k < config->route_count && !more; k++)
            if (reached[k] && !begun[k])
                at = k, more = true;
    }
    free(begun);
}

const struct route *config_proxy_loop(const struct config *config)
{
    struct own own = {NULL};
    const struct route *found = NULL;
    if (getifaddrs(&own.interfaces) != 0)
        own.interfaces = NULL;
    for (size_t i = 0; i < config->route_count && !found; i++) {
        bool *reached = memory_new(config->route_count);
        mark_reached(&own, config, i, reached);
        if (reached[i])
            found = &config->routes[i];
        free(reached);
    }
    if (own.interfaces)
        freeifaddrs(own.interfaces);
    return found;
}
