/*
 * proxy_header.h - the PROXY protocol, versions 1 (text) and 2 (binary), both ways; pure.
 *
 * A load balancer in front of us says in the first bytes of a connection who the miner is; we can
 * say the same to a pool. Format: "The PROXY protocol, versions 1 & 2" (haproxy, 2020-03-05).
 */
#ifndef HASHSCOPE_RECORDER_PROXY_HEADER_H
#define HASHSCOPE_RECORDER_PROXY_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "lib/base/error.h"

#define PROXY_HEADER_MAX 536 /* v2's sixteen bytes, addresses and a good deal of TLVs; v1: 107 */

struct proxy_header {
    size_t len; /* bytes it took */
    bool local; /* v1 UNKNOWN, v2 LOCAL: the addresses of the connection itself hold */
    struct sockaddr_storage source, destination;
};

/* STATUS_OK: read; STATUS_END: more bytes are needed; STATUS_INVALID: not a PROXY header, or longer
 * than PROXY_HEADER_MAX. */
enum status proxy_header_parse(struct proxy_header *out, const char *data, size_t len,
                               struct error *err) MUST_CHECK;

/* Writes at most PROXY_HEADER_MAX bytes; returns how many. Addresses of different or unknown
 * families give UNKNOWN / LOCAL. */
size_t proxy_header_format(char out[PROXY_HEADER_MAX], int version,
                           const struct sockaddr_storage *source,
                           const struct sockaddr_storage *destination);

#endif
