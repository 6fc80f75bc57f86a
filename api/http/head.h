/*
 * head.h - the head of an HTTP/1 request taken apart: enough to bound it, to know where the
 * request ends, and to check who sent it. Stricter than RFC 9112: what two programs could read in
 * two ways (smuggling) is refused here, before a second program sees it.
 *
 * Pure. All spans point into the text given. Threads: any.
 */
#ifndef HASHSCOPE_API_HTTP_HEAD_H
#define HASHSCOPE_API_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

#define HTTP_HEADERS_MAX 64 /* lines; the server behind the front ignores what is beyond */

struct http_head {
    struct span method, target; /* target as sent: "/api/ws?batch=1" */
    struct span path, query;    /* of it; path still percent-encoded */
    struct span host, origin, cookie, authorization, content_type, user_agent;
    struct span websocket_key, websocket_version;
    uint64_t body; /* Content-Length; 0 without */
    size_t len;    /* of the head, with the empty line */
    bool websocket;
    bool keep_alive;
    bool old;              /* HTTP/1.0: it knows no chunks */
    bool expects_continue; /* it waits for "100 Continue" before it sends the body */
};

/* STATUS_END: the head is not complete yet. STATUS_INVALID: malformed (400). STATUS_UNSUPPORTED:
 * Transfer-Encoding (411), another expectation than 100-continue (417), more lines than
 * HTTP_HEADERS_MAX (431), or not HTTP/1 (505): `*code` says. */
enum status http_head_parse(struct http_head *out, struct span text, int *code) MUST_CHECK;

/* The value of one cookie; empty when it is not there. */
struct span http_cookie(struct span cookies, const char *name);

/* "Too Many Requests" … for the codes this project answers with. */
const char *http_reason(int code);

/* Appends a whole answer with {"detail": …} that closes the connection; `extra` are header lines.
 * `detail` is ours, and goes out escaped. */
void http_refusal(struct buffer *out, int code, const char *detail, const char *extra);

#endif
