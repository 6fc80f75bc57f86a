/*
 * bounds.h - everything in the API that others can make grow: how much of it there is, and how much
 * there may be. For /metrics.
 *
 * Threads: any.
 */
#ifndef HASHSCOPE_API_REST_BOUNDS_H
#define HASHSCOPE_API_REST_BOUNDS_H

#include "api/request/rest.h"

struct bound {
    const char *name; /* "connections", "answer_bytes" */
    uint64_t used, most;
};
#define BOUNDS_MAX 32

/* The number written to `out`. */
size_t bounds_list(const struct rest *rest, struct bound out[BOUNDS_MAX]);

#endif
