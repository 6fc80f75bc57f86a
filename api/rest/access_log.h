/*
 * access_log.h - one line for each request answered, for people and for machines that count:
 *
 *   access: 192.0.2.7:52114 GET /api/messages 200 51873 bytes in 3.212 ms
 *
 * Of the target only the path stands there, since queries hold tokens and what people look for; no
 * header does. /health and /metrics are logged at level debug. Threads: any.
 */
#ifndef HASHSCOPE_API_REST_ACCESS_LOG_H
#define HASHSCOPE_API_REST_ACCESS_LOG_H

#include <stdint.h>

struct access_entry {
    const char *peer, *method, *path; /* path without query */
    int status;
    uint64_t bytes; /* of the body */
    int64_t took_ns;
};
void access_log(const struct access_entry *entry);

#endif
