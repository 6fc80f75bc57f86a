/*
 * auth.c - the rules of auth.h, one function each.
 *
 * Tokens are compared as SHA-256 digests, so neither length nor content shows in the time it takes.
 */
#include "api/access/auth.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/http/head.h"
#include "api/http/hosts.h"
#include "lib/base/memory.h"

#define COOKIE_PURPOSE "hashscope cookie 1"
#define COOKIE_LEN     (2 * (size_t)SHA256_DIGEST_LENGTH)
#define COOKIE_SECONDS (30L * 24 * 3600)

struct auth {
    bool has_token, tls;
    unsigned char token_digest[SHA256_DIGEST_LENGTH];
    unsigned char cookie_digest[SHA256_DIGEST_LENGTH]; /* of the cookie's text */
    char cookie[COOKIE_LEN];
    char own_name[256];
    char *allowed_hosts, *cors_origins; /* "" when unset */
};

/* ---- the policy ---- */

static void take_token(struct auth *auth, const char *token)
{
    unsigned char mac[SHA256_DIGEST_LENGTH];
    unsigned len = 0;

    auth->has_token = true;
    SHA256((const unsigned char *)token, strlen(token), auth->token_digest);
    HMAC(EVP_sha256(), token, (int)strlen(token), (const unsigned char *)COOKIE_PURPOSE,
         sizeof(COOKIE_PURPOSE) - 1, mac, &len);
    hex_encode(auth->cookie, mac, sizeof mac);
    SHA256((const unsigned char *)auth->cookie, COOKIE_LEN, auth->cookie_digest);
}

static enum status check_lists(const struct auth *auth, struct error *err)
{
    struct span rest = span_text(auth->allowed_hosts), part;
    struct origin origin;
    struct host host;

    while (list_next(&rest, &part)) {
        if (!span_equal_text(part, "*") && !host_parse(&host, part))
            return error_set(err, STATUS_INVALID, "ALLOWED_HOSTS: %.*s is not a host name",
                             (int)part.len, part.data);
    }
    rest = span_text(auth->cors_origins);
    while (list_next(&rest, &part)) {
        if (!span_equal_text(part, "*") && !origin_parse(&origin, part))
            return error_set(err, STATUS_INVALID,
                             "CORS_ORIGINS: %.*s is not an origin such as https://example.org",
                             (int)part.len, part.data);
    }
    return STATUS_OK;
}

enum status auth_new(struct auth **out, const struct auth_options *options, struct error *err)
{
    struct auth *auth = memory_new(sizeof *auth);
    enum status status;

    auth->tls = options->tls;
    auth->allowed_hosts = memory_text(options->allowed_hosts ? options->allowed_hosts : "");
    auth->cors_origins = memory_text(options->cors_origins ? options->cors_origins : "");
    hosts_own_name(auth->own_name);
    if (options->token != NULL && options->token[0] != '\0')
        take_token(auth, options->token);
    status = check_lists(auth, err);
    if (status != STATUS_OK) {
        auth_free(auth);
        auth = NULL;
    }
    *out = auth;
    return status;
}

void auth_free(struct auth *auth)
{
    if (auth == NULL)
        return;
    free(auth->allowed_hosts);
    free(auth->cors_origins);
    OPENSSL_cleanse(auth, sizeof *auth);
    free(auth);
}

bool auth_needs_token(const struct auth *auth)
{
    return auth->has_token;
}

/* ---- 1. Host ---- */

static bool is_own_name(const struct auth *auth, struct span name)
{
    const char *dot = strchr(auth->own_name, '.');

    if (auth->own_name[0] == '\0')
        return false;
    return names_equal(name, span_text(auth->own_name)) ||
           (dot != NULL &&
            names_equal(name, span_make(auth->own_name, (size_t)(dot - auth->own_name))));
}

static bool is_listed_host(const struct auth *auth, const struct host *host)
{
    struct span rest = span_text(auth->allowed_hosts), part;
    struct host listed;

    while (list_next(&rest, &part)) {
        if (span_equal_text(part, "*"))
            return true;
        if (host_parse(&listed, part) && names_equal(listed.name, host->name) &&
            (listed.port == 0 || listed.port == host->port))
            return true;
    }
    return false;
}

static bool host_fits(const struct auth *auth, struct span text)
{
    struct host host;

    if (text.len == 0)
        return true;
    return host_parse(&host, text) && (host_is_address(&host) || host_is_localhost(&host) ||
                                       is_own_name(auth, host.name) || is_listed_host(auth, &host));
}

/* ---- 2. Origin ---- */

/* Behind a proxy that speaks TLS we are addressed as http and the page is https; the reverse would
 * let whoever can change plain pages act here. */
static bool is_same_origin(const struct auth *auth, const struct origin *origin, struct span host)
{
    struct origin own = {.https = auth->tls || origin->https};

    return host_parse(&own.host, host) && origin_equal(&own, origin);
}

static bool is_cors_origin(const struct auth *auth, const struct origin *origin)
{
    struct span rest = span_text(auth->cors_origins), part;
    struct origin listed;

    while (list_next(&rest, &part)) {
        if (origin_parse(&listed, part) && origin_equal(&listed, origin))
            return true;
    }
    return false;
}

static bool any_origin_reads(const struct auth *auth)
{
    struct span rest = span_text(auth->cors_origins), part;

    while (list_next(&rest, &part)) {
        if (span_equal_text(part, "*"))
            return true;
    }
    return false;
}

static bool origin_fits(const struct auth *auth, const struct auth_request *request)
{
    struct origin origin;

    if (request->origin.len == 0)
        return true; /* no browser: those name it wherever it matters */
    return origin_parse(&origin, request->origin) &&
           (is_same_origin(auth, &origin, request->host) || is_cors_origin(auth, &origin));
}

/* ---- 3. what changes something ---- */

static bool changes(const struct auth_request *request)
{
    return !span_equal_text(request->method, "GET") && !span_equal_text(request->method, "HEAD") &&
           !span_equal_text(request->method, "OPTIONS");
}

static bool is_json(struct span type)
{
    static const char json[] = "application/json";
    size_t len = sizeof(json) - 1;

    return type.len >= len && strncasecmp(type.data, json, len) == 0 &&
           (type.len == len || type.data[len] == ';' || type.data[len] == ' ');
}

/* ---- 4. the token ---- */

static bool digest_fits(struct span text, const unsigned char digest[SHA256_DIGEST_LENGTH])
{
    unsigned char own[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)text.data, text.len, own);
    return CRYPTO_memcmp(own, digest, sizeof own) == 0;
}

bool auth_token_fits(const struct auth *auth, struct span token)
{
    return auth->has_token && token.len > 0 && digest_fits(token, auth->token_digest);
}

static struct span bearer_of(struct span header)
{
    static const char scheme[] = "Bearer ";
    size_t len = sizeof(scheme) - 1;

    if (header.len <= len || strncasecmp(header.data, scheme, len) != 0)
        return span_make("", 0);
    return span_make(header.data + len, header.len - len);
}

static void cookie_name(struct span host_text, char out[32])
{
    struct host host;

    if (!host_parse(&host, host_text))
        host.port = 0;
    snprintf(out, 32, "hashscope-%u", host.port);
}

static enum auth_verdict check_token(const struct auth *auth, const struct auth_request *request)
{
    char name[32];
    struct span cookie;

    if (!auth->has_token || !request->needs_token)
        return AUTH_ALLOWED;
    if (request->authorization.len > 0)
        return auth_token_fits(auth, bearer_of(request->authorization)) ? AUTH_ALLOWED
                                                                        : AUTH_TOKEN_WRONG;
    cookie_name(request->host, name);
    cookie = http_cookie(request->cookie, name);
    if (cookie.len == 0)
        return AUTH_TOKEN_MISSING;
    return digest_fits(cookie, auth->cookie_digest) ? AUTH_ALLOWED : AUTH_TOKEN_WRONG;
}

enum auth_verdict auth_check(const struct auth *auth, const struct auth_request *request)
{
    if (!host_fits(auth, request->host))
        return AUTH_HOST;
    if ((changes(request) || request->websocket) && !origin_fits(auth, request))
        return AUTH_ORIGIN;
    if (changes(request) && !is_json(request->content_type))
        return AUTH_CONTENT_TYPE;
    return check_token(auth, request);
}

/* ---- what is answered ---- */

int auth_status(enum auth_verdict verdict)
{
    switch (verdict) {
    case AUTH_ALLOWED:
        return 200;
    case AUTH_TOKEN_MISSING:
    case AUTH_TOKEN_WRONG:
        return 401;
    case AUTH_HOST:
    case AUTH_ORIGIN:
    case AUTH_CONTENT_TYPE:
        break;
    }
    return 403;
}

const char *auth_reason(enum auth_verdict verdict)
{
    switch (verdict) {
    case AUTH_ALLOWED:
        return "allowed";
    case AUTH_TOKEN_MISSING:
        return "a token is needed: Authorization: Bearer TOKEN, or open the link that was printed "
               "at the start";
    case AUTH_TOKEN_WRONG:
        return "the token is wrong";
    case AUTH_HOST:
        return "this host name is not one of ours: name it in ALLOWED_HOSTS";
    case AUTH_ORIGIN:
        return "pages of this origin may not do this: name it in CORS_ORIGINS";
    case AUTH_CONTENT_TYPE:
        break;
    }
    return "what changes something needs Content-Type: application/json";
}

void auth_cookie(const struct auth *auth, struct span host, bool clear, struct buffer *out)
{
    char name[32];

    cookie_name(host, name);
    buffer_append_format(out, "Set-Cookie: %s=", name);
    if (!clear)
        buffer_append(out, auth->cookie, COOKIE_LEN);
    buffer_append_format(out, "; Path=/; HttpOnly; SameSite=Strict; Max-Age=%ld%s\r\n",
                         clear ? 0 : COOKIE_SECONDS, auth->tls ? "; Secure" : "");
}

bool auth_cors(const struct auth *auth, struct span origin_text, bool preflight, struct buffer *out)
{
    struct origin origin;
    bool listed = origin_parse(&origin, origin_text) && is_cors_origin(auth, &origin);

    if (auth->cors_origins[0] != '\0')
        buffer_append_text(out, "Vary: Origin\r\n");
    if (listed) {
        buffer_append_text(out, "Access-Control-Allow-Origin: ");
        buffer_append(out, origin_text.data, origin_text.len);
        buffer_append_text(out, "\r\nAccess-Control-Allow-Credentials: true\r\n");
    } else if (origin_text.len > 0 && any_origin_reads(auth)) {
        buffer_append_text(out, "Access-Control-Allow-Origin: *\r\n");
    } else {
        return false;
    }
    if (preflight)
        buffer_append_format(out,
                             "Access-Control-Allow-Methods: %s\r\n"
                             "Access-Control-Allow-Headers: authorization, content-type\r\n"
                             "Access-Control-Max-Age: 600\r\n",
                             listed ? "GET, HEAD, POST, DELETE" : "GET, HEAD");
    return true;
}

void auth_headers(bool page, struct buffer *out)
{
    buffer_append_text(out, "X-Content-Type-Options: nosniff\r\n"
                            "Referrer-Policy: no-referrer\r\n"
                            "X-Frame-Options: DENY\r\n"
                            "Cross-Origin-Opener-Policy: same-origin\r\n"
                            "Cross-Origin-Resource-Policy: same-origin\r\n");
    if (page)
        buffer_append_text(
            out, "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self' "
                 "'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
                 "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; "
                 "frame-ancestors 'none'\r\n");
    else
        buffer_append_text(out, "Content-Security-Policy: default-src 'none'; "
                                "frame-ancestors 'none'\r\n");
}
