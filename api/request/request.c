/* request.c - writing answers. */
#include "api/request/request.h"

#include <civetweb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/access/auth.h"
#include "api/http/head.h"
#include "lib/base/json.h"

static bool send_all(struct request *request, const void *data, size_t len)
{
    if (!request->connection && request->answer)
        buffer_append(request->answer, data, len);
    else if (!request->gone && len > 0)
        request->gone = mg_write(request->connection, data, len) != (int)len;
    return !request->gone;
}

/* The head. `length` < 0: it comes in chunks, where the client knows them. */
static struct buffer make_head(struct request *request, int status, const char *type,
                               int64_t length)
{
    struct buffer head = {0};
    request->status = status;
    buffer_append_format(&head, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n", status,
                         http_reason(status), type);
    if (length >= 0)
        buffer_append_format(&head, "Content-Length: %lld\r\n", (long long)length);
    else if (!request->old_http)
        buffer_append_text(&head, "Transfer-Encoding: chunked\r\n");
    auth_headers(request->route && (request->route->flags & ROUTE_PAGE), &head);
    if (request->route && !(request->route->flags & ROUTE_PAGE))
        buffer_append_text(&head, "Cache-Control: no-store\r\n");
    buffer_append(&head, request->headers.data, request->headers.len);
    buffer_append_text(&head, "\r\n");
    return head;
}

void reply_bytes(struct request *request, int status, const char *type, struct span body)
{
    struct buffer whole = make_head(request, status, type, (int64_t)body.len);
    request->sent = body.len;
    if (strcmp(request->method, "HEAD") != 0)
        buffer_append(&whole, body.data, body.len); /* one write, one wake-up of who reads it */
    (void)send_all(request, whole.data, whole.len);
    buffer_close(&whole);
}

void reply_json(struct request *request, int status, struct buffer *json)
{
    reply_bytes(request, status, "application/json", span_make(json->data, json->len));
    buffer_close(json);
}

void reply_tree(struct request *request, int status, json_t *tree)
{
    char *text = json_dumps(tree, JSON_COMPACT);
    json_decref(tree);
    if (text)
        reply_bytes(request, status, "application/json", span_text(text));
    else
        reply_error(request, 500, "the answer cannot be written");
    free(text);
}

void reply_error(struct request *request, int status, const char *fmt, ...)
{
    char text[512];
    struct buffer json = {0};
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    buffer_append_text(&json, "{\"detail\":");
    json_append_text(&json, text);
    buffer_append_char(&json, '}');
    if (status == 429 || status == 503)
        buffer_append_text(&request->headers, "Retry-After: 1\r\n");
    reply_json(request, status, &json);
}

void reply_failure(struct request *request, enum status status, const struct error *err)
{
    static const int codes[] = {
        [STATUS_INVALID] = 422, [STATUS_NOT_FOUND] = 404, [STATUS_EXISTS] = 409,
        [STATUS_BUSY] = 409,    [STATUS_DENIED] = 503,    [STATUS_FULL] = 503,
        [STATUS_IO] = 503,      [STATUS_DAMAGED] = 503,   [STATUS_UNSUPPORTED] = 503,
        [STATUS_TIMEOUT] = 503, [STATUS_CLOSED] = 503,
    };
    bool known = status < sizeof codes / sizeof codes[0] && codes[status];
    reply_error(request, known ? codes[status] : 500, "%s", err->text);
}

void reply_begin(struct request *request, const char *type, const char *file)
{
    if (file)
        buffer_append_format(&request->headers,
                             "Content-Disposition: attachment; filename=\"%s\"\r\n", file);
    struct buffer head = make_head(request, 200, type, -1);
    (void)send_all(request, head.data, head.len);
    buffer_close(&head);
}

bool reply_write(struct request *request, const void *data, size_t len)
{
    char size[24];
    if (len == 0 || strcmp(request->method, "HEAD") == 0)
        return !request->gone;
    int digits = request->old_http ? 0 : snprintf(size, sizeof size, "%zx\r\n", len);
    if (!send_all(request, size, (size_t)digits) || !send_all(request, data, len) ||
        !send_all(request, "\r\n", request->old_http ? 0 : 2))
        return false;
    request->sent += len;
    return true;
}

void reply_end(struct request *request)
{
    if (strcmp(request->method, "HEAD") != 0 && !request->old_http)
        (void)send_all(request, "0\r\n\r\n", 5);
}
