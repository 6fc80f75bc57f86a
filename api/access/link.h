/*
 * link.h - links with ?token=…, as printed at the start: a browser that opens one gets the cookie
 * (auth.h) and is sent on to the same page without the token, so that it stays in no history.
 *
 * Pure. Threads: any.
 */
#ifndef HASHSCOPE_API_ACCESS_LINK_H
#define HASHSCOPE_API_ACCESS_LINK_H

#include <stdbool.h>

#include "api/access/auth.h"
#include "api/http/head.h"

/* True when the request is such a link (GET or HEAD outside /api with a `token`); the whole answer
 * is appended: 303 with the cookie, or 403 when the token or the Host is wrong. */
bool link_answer(const struct auth *auth, const struct http_head *head, struct buffer *out,
                 bool *wrong_token);

#endif
