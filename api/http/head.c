/*
 * head.c - one pass over the lines of a head.
 *
 * Refused: a line that ends in LF alone, continuation lines, white space before a colon, control
 * characters, a method that is none of the usual, a target that is not a path, with bytes beyond
 * ASCII or an encoded NUL in it, two Hosts, two Content-Lengths, one that is no number, any
 * Transfer-Encoding, more lines than HTTP_HEADERS_MAX.
 */
#include "api/http/head.h"

#include <string.h>
#include <strings.h>

#include "lib/base/json.h"

/* ---- characters ---- */

static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool all_tokens(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_token(text.data[i]))
            return false;
    }
    return text.len > 0;
}

/* Without spaces: of a target, which has no bytes beyond ASCII either (RFC 3986). */
static bool is_printable(struct span text, bool spaces)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c == 0x7f || c < 0x20 || (!spaces && (c == ' ' || c > 0x7f))) {
            if (c != '\t' || !spaces)
                return false;
        }
    }
    return true;
}

static struct span trim(struct span text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = span_make(text.data + 1, text.len - 1);
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

static bool is_named(struct span text, const char *name)
{
    return text.len == strlen(name) && strncasecmp(text.data, name, text.len) == 0;
}

/* Whether a comma-separated list has the word. */
static bool has_word(struct span list, const char *word)
{
    while (list.len > 0) {
        const char *comma = memchr(list.data, ',', list.len);
        size_t len = comma == NULL ? list.len : (size_t)(comma - list.data);

        if (is_named(trim(span_make(list.data, len)), word))
            return true;
        if (comma == NULL)
            break;
        list = span_make(comma + 1, list.len - len - 1);
    }
    return false;
}

/* ---- the first line ---- */

static bool take_word(struct span *rest, struct span *out)
{
    const char *space = memchr(rest->data, ' ', rest->len);

    if (space == NULL)
        return false;
    *out = span_make(rest->data, (size_t)(space - rest->data));
    *rest = span_make(space + 1, rest->len - out->len - 1);
    return true;
}

/* What the server behind us reads; it would refuse any other by itself, in words of its own. */
static bool is_method(struct span method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (span_equal_text(method, known[i]))
            return true;
    }
    return false;
}

static enum status read_first(struct http_head *out, struct span line, int *code)
{
    const char *mark;

    if (!take_word(&line, &out->method) || !take_word(&line, &out->target) ||
        !is_method(out->method) || out->target.len == 0 || out->target.data[0] != '/' ||
        !is_printable(out->target, false))
        return STATUS_INVALID;
    out->keep_alive = span_equal_text(line, "HTTP/1.1");
    if (!out->keep_alive && !span_equal_text(line, "HTTP/1.0")) {
        *code = line.len > 5 && memcmp(line.data, "HTTP/", 5) == 0 ? 505 : 400;
        return *code == 505 ? STATUS_UNSUPPORTED : STATUS_INVALID;
    }
    out->old = !out->keep_alive;
    mark = memchr(out->target.data, '?', out->target.len);
    out->path = out->query = span_make(out->target.data, out->target.len);
    out->query.len = 0;
    if (mark != NULL) {
        out->path.len = (size_t)(mark - out->target.data);
        out->query = span_make(mark + 1, out->target.len - out->path.len - 1);
    }
    /* The server would take the path to end there. */
    return memmem(out->path.data, out->path.len, "%00", 3) ? STATUS_INVALID : STATUS_OK;
}

/* ---- the others ---- */

struct reading {
    bool has_length, has_host, upgrade, connection_upgrade;
    unsigned lines;
};

static bool read_length(struct http_head *out, struct reading *reading, struct span value)
{
    if (reading->has_length || value.len == 0 || value.len > 15)
        return false;
    reading->has_length = true;
    out->body = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return false;
        out->body = out->body * 10 + (uint64_t)(value.data[i] - '0');
    }
    return true;
}

static bool read_host(struct http_head *out, struct reading *reading, struct span value)
{
    if (reading->has_host)
        return false;
    reading->has_host = true;
    out->host = value;
    return true;
}

static enum status read_expectation(struct http_head *out, struct span value, int *code)
{
    out->expects_continue = is_named(value, "100-continue");
    *code = 417;
    return out->expects_continue ? STATUS_OK : STATUS_UNSUPPORTED;
}

/* Once only: a second one would be read by one program and not by another. */
static bool read_once(struct span *out, struct span value)
{
    if (out->data != NULL)
        return false;
    *out = value;
    return true;
}

static bool read_known(struct http_head *out, struct span name, struct span value)
{
    if (is_named(name, "origin"))
        return read_once(&out->origin, value);
    if (is_named(name, "cookie"))
        return read_once(&out->cookie, value);
    if (is_named(name, "authorization"))
        return read_once(&out->authorization, value);
    if (is_named(name, "content-type"))
        return read_once(&out->content_type, value);
    if (is_named(name, "user-agent"))
        return read_once(&out->user_agent, value);
    if (is_named(name, "sec-websocket-key"))
        return read_once(&out->websocket_key, value);
    if (is_named(name, "sec-websocket-version"))
        return read_once(&out->websocket_version, value);
    return true;
}

static enum status read_header(struct http_head *out, struct reading *reading, struct span line,
                               int *code)
{
    const char *colon = memchr(line.data, ':', line.len);
    struct span name, value;
    bool good = true;

    if (colon == NULL)
        return STATUS_INVALID;
    name = span_make(line.data, (size_t)(colon - line.data));
    value = trim(span_make(colon + 1, line.len - name.len - 1));
    if (!all_tokens(name) || !is_printable(value, true))
        return STATUS_INVALID;
    if (is_named(name, "transfer-encoding")) {
        *code = 411;
        return STATUS_UNSUPPORTED;
    }
    if (is_named(name, "expect"))
        return read_expectation(out, value, code);
    if (is_named(name, "content-length"))
        good = read_length(out, reading, value);
    else if (is_named(name, "host"))
        good = read_host(out, reading, value);
    else if (is_named(name, "upgrade"))
        reading->upgrade |= has_word(value, "websocket");
    else if (is_named(name, "connection")) {
        reading->connection_upgrade |= has_word(value, "upgrade");
        out->keep_alive = out->keep_alive && !has_word(value, "close");
    } else
        good = read_known(out, name, value);
    return good ? STATUS_OK : STATUS_INVALID;
}

/* The next line without its CRLF; STATUS_END: not complete yet. */
static enum status next_line(struct span *rest, struct span *line)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);

    if (end == NULL)
        return STATUS_END;
    if (end == rest->data || end[-1] != '\r')
        return STATUS_INVALID;
    *line = span_make(rest->data, (size_t)(end - rest->data) - 1);
    *rest = span_make(end + 1, rest->len - line->len - 2);
    return STATUS_OK;
}

enum status http_head_parse(struct http_head *out, struct span text, int *code)
{
    struct reading reading = {.has_length = false};
    struct span rest = text, line;
    enum status status;

    *out = (struct http_head){.body = 0};
    *code = 400;
    status = next_line(&rest, &line);
    if (status == STATUS_OK)
        status = read_first(out, line, code);
    while (status == STATUS_OK && (status = next_line(&rest, &line)) == STATUS_OK && line.len > 0) {
        if (++reading.lines > HTTP_HEADERS_MAX) {
            *code = 431;
            return STATUS_UNSUPPORTED;
        }
        status = read_header(out, &reading, line, code);
    }
    if (status != STATUS_OK)
        return status;
    if (!reading.has_host && !out->old)
        return STATUS_INVALID; /* RFC 9112, 3.2 */
    out->len = text.len - rest.len;
    out->websocket = reading.upgrade && reading.connection_upgrade;
    /* RFC 6455, 4.1 */
    if (out->websocket && (out->body > 0 || !span_equal_text(out->method, "GET")))
        return STATUS_INVALID;
    return STATUS_OK;
}

/* ---- helpers ---- */

struct span http_cookie(struct span cookies, const char *name)
{
    size_t len = strlen(name);

    while (cookies.len > 0) {
        const char *end = memchr(cookies.data, ';', cookies.len);
        size_t used = end == NULL ? cookies.len : (size_t)(end - cookies.data);
        struct span pair = trim(span_make(cookies.data, used));

        if (pair.len > len && pair.data[len] == '=' && memcmp(pair.data, name, len) == 0)
            return span_make(pair.data + len + 1, pair.len - len - 1);
        if (end == NULL)
            break;
        cookies = span_make(end + 1, cookies.len - used - 1);
    }
    return span_make("", 0);
}

const char *http_reason(int code)
{
    static const struct {
        int code;
        const char *text;
    } reasons[] = {{200, "OK"},
                   {204, "No Content"},
                   {303, "See Other"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {408, "Request Timeout"},
                   {409, "Conflict"},
                   {411, "Length Required"},
                   {413, "Content Too Large"},
                   {414, "URI Too Long"},
                   {417, "Expectation Failed"},
                   {422, "Unprocessable Content"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {502, "Bad Gateway"},
                   {503, "Service Unavailable"},
                   {505, "HTTP Version Not Supported"}};

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].code == code)
            return reasons[i].text;
    }
    return "Error";
}

void http_refusal(struct buffer *out, int code, const char *detail, const char *extra)
{
    struct buffer body = {0};

    buffer_append_text(&body, "{\"detail\":");
    json_append_text(&body, detail);
    buffer_append_text(&body, "}\n");
    buffer_append_format(out,
                         "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
                         "Content-Length: %zu\r\nConnection: close\r\nCache-Control: no-store\r\n"
                         "X-Content-Type-Options: nosniff\r\n",
                         code, http_reason(code), body.len);
    buffer_append_text(out, extra);
    buffer_append_text(out, "\r\n");
    buffer_append(out, body.data, body.len);
    buffer_close(&body);
}
