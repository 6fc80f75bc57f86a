/*
 * rules.h - what every request is held against before its handler sees it: its route (404, 405),
 * who it comes from (api/access/auth.h), its parameters (422) and its body (400, 422).
 *
 * The front asks before it passes a request on, so that nobody without the token gets as far as the
 * server's threads; the server asks again.
 *
 * Threads: the request's.
 */
#ifndef HASHSCOPE_API_REST_RULES_H
#define HASHSCOPE_API_REST_RULES_H

#include "api/request/rest.h"

/* By method, path and headers: finds the route; NULL: a page. False: it has been answered. */
bool rules_judge(struct request *request);
/* Takes the query and the body in, for a request that has a route. False: it has been answered. */
bool rules_take(struct request *request, struct span query, struct span body);

#endif
