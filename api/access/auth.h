/*
 * auth.h - who may do what: the token, the Host against DNS rebinding, the Origin against requests
 * that other web pages make a browser send, and CORS.
 *
 * Pure: takes what a request says of itself and returns a verdict. The REST dispatch and the
 * WebSocket handshake both ask here, and nowhere else.
 *
 * Rules, in this order:
 * 1. Host must be an IP literal, localhost (or a name below it), the machine's own name, or one of
 *    ALLOWED_HOSTS ("*": any). HTTP/1.0 without Host is allowed: no browser sends that.
 * 2. Where an Origin is given, requests that change something, and WebSocket handshakes, need one
 *    that is the same as Host, or one of CORS_ORIGINS. "*" there lets pages read without a cookie,
 *    but changes nothing here.
 * 3. What changes something needs Content-Type application/json, which a browser sends to other
 *    origins only after asking (CORS preflight). A request without a body says so too.
 * 4. The token, unless there is none or the endpoint is open to all: `Authorization: Bearer TOKEN`,
 *    or the cookie that auth_cookie has set. Compared in constant time, as digests.
 *
 * The cookie holds an HMAC of the token, not the token itself. Cookies do not know of ports, so its
 * name carries that of the port by which the API was reached.
 *
 * Ownership: auth_new copies what it is given. Threads: read-only after auth_new.
 */
#ifndef HASHSCOPE_API_ACCESS_AUTH_H
#define HASHSCOPE_API_ACCESS_AUTH_H

#include <stdbool.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

struct auth;

struct auth_options {
    const char *token;         /* NULL: none is needed */
    const char *allowed_hosts; /* ALLOWED_HOSTS, or NULL */
    const char *cors_origins;  /* CORS_ORIGINS, or NULL */
    bool tls;                  /* the API itself speaks HTTPS */
};

/* What a request says; empty spans for headers that are not there. Header values as received. */
struct auth_request {
    struct span method;
    struct span host;
    struct span origin;
    struct span cookie;
    struct span authorization;
    struct span content_type;
    bool needs_token; /* false: /health, the login page, static files */
    bool websocket;   /* a handshake: GET, but as dangerous as a POST */
};

enum auth_verdict {
    AUTH_ALLOWED,
    AUTH_TOKEN_MISSING, /* 401 */
    AUTH_TOKEN_WRONG,   /* 401 */
    AUTH_HOST,          /* 403 */
    AUTH_ORIGIN,        /* 403 */
    AUTH_CONTENT_TYPE,  /* 403 */
};

/* STATUS_INVALID: an entry of CORS_ORIGINS or ALLOWED_HOSTS is none. */
enum status auth_new(struct auth **out, const struct auth_options *options,
                     struct error *err) MUST_CHECK;
void auth_free(struct auth *auth); /* NULL is fine */

enum auth_verdict auth_check(const struct auth *auth, const struct auth_request *request);

int auth_status(enum auth_verdict verdict);         /* 200, 401, 403 */
const char *auth_reason(enum auth_verdict verdict); /* for {"detail": …} and the log; no secrets */
bool auth_needs_token(const struct auth *auth);     /* a token is set */
bool auth_token_fits(const struct auth *auth, struct span token); /* constant time; login, links */

/* Appends "Set-Cookie: …\r\n" (HttpOnly, SameSite=Strict, Secure with TLS, 30 days), or with
 * `clear` the one that takes it away. */
void auth_cookie(const struct auth *auth, struct span host, bool clear, struct buffer *out);

/* Appends the CORS headers that the answer to a request of this origin needs: none unless it is one
 * of CORS_ORIGINS. With `preflight` (OPTIONS) also what may be sent. True when it is allowed. */
bool auth_cors(const struct auth *auth, struct span origin, bool preflight, struct buffer *out);

/* Appends the security headers that every answer carries (nosniff, no-referrer, frame-ancestors …),
 * of pages with their Content-Security-Policy. */
void auth_headers(bool page, struct buffer *out);

#endif
