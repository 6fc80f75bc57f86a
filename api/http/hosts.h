/*
 * hosts.h - names in Host and Origin headers, and lists of those that are allowed.
 *
 * Pure but for hosts_own_name. Names compare without regard to case; a dot at the end is ignored.
 * Threads: any.
 */
#ifndef HASHSCOPE_API_HTTP_HOSTS_H
#define HASHSCOPE_API_HTTP_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

/* "example.org:8000", "[::1]:8000", "10.0.0.7" taken apart; `name` without brackets and dot. False
 * when it is none. */
struct host {
    struct span name;
    uint16_t port;  /* 0: none given */
    bool bracketed; /* an IPv6 literal */
};
bool host_parse(struct host *out, struct span text);

/* An IPv4 or IPv6 address: DNS has no say in it, so nobody can rebind it. */
bool host_is_address(const struct host *host);
/* localhost, or a name below it (RFC 6761). */
bool host_is_localhost(const struct host *host);
/* An address at which only this machine can reach us: 127.0.0.0/8, ::1. For API_HOST. */
bool host_is_loopback(const char *address);

/* "https://ui.example.org:8443" taken apart: no path, no user. */
struct origin {
    struct host host;
    bool https;
};
bool origin_parse(struct origin *out, struct span text);
/* Scheme, name and port; ports that stand for the scheme (80, 443) may be left out. */
bool origin_equal(const struct origin *a, const struct origin *b);

/* The parts of a list with commas, trimmed; false at the end. */
bool list_next(struct span *rest, struct span *out);

bool names_equal(struct span a, struct span b);
void hosts_own_name(char out[256]); /* gethostname, or "" */

#endif
