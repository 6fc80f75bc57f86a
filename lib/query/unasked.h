/*
 * unasked.h - why answers of a session pair with nothing (lib/stratum/unasked.h), counted by
 * reading its messages: footers know only how many there are (query_session.unasked).
 *
 * Threads: one at a time per call.
 */
#ifndef HASHSCOPE_QUERY_UNASKED_H
#define HASHSCOPE_QUERY_UNASKED_H

#include "lib/query/query.h"
#include "lib/stratum/unasked.h"

/* Codes as those of query_open and query_next. */
enum status query_unasked(const struct query_place *place, const struct uuid *session,
                          uint64_t out[STRATUM_UNASKED_COUNT], struct error *err) MUST_CHECK;

#endif
