/* pass.c - see pass.h. */
#include "api/http/pass.h"

#include <string.h>
#include <strings.h>

/* ---- paths ---- */

static bool decode(struct buffer *out, struct span path)
{
    for (size_t i = 0; i < path.len; i++) {
        char byte = path.data[i];

        if (byte == '%' && path.len - i > 2 && hex_decode(&byte, path.data + i + 1, 2))
            i += 2;
        if (byte == '\0')
            return false;
        buffer_append_char(out, byte == '\\' ? '/' : byte);
    }
    return true;
}

static void drop_segment(struct buffer *out, size_t begin)
{
    while (out->len > begin && out->data[out->len - 1] != '/')
        out->len--;
    if (out->len > begin)
        out->len--;
}

static void add_segment(struct buffer *out, size_t begin, struct span segment, bool last)
{
    bool up = span_equal_text(segment, "..");

    if (up)
        drop_segment(out, begin);
    if (segment.len == 0 || up || span_equal_text(segment, ".")) {
        if (last)
            buffer_append_char(out, '/');
        return;
    }
    buffer_append_char(out, '/');
    buffer_append(out, segment.data, segment.len);
}

bool http_path_clean(struct buffer *out, struct span path)
{
    struct buffer text = {0};
    size_t begin = out->len, at = 1;
    bool good = decode(&text, path) && text.len > 0;

    while (good && at <= text.len) {
        const char *here = text.data + at;
        const char *slash = memchr(here, '/', text.len - at);
        size_t len = slash == NULL ? text.len - at : (size_t)(slash - here);

        add_segment(out, begin, span_make(here, len), slash == NULL);
        at += len + 1;
    }
    buffer_close(&text);
    return good;
}

/* ---- requests ---- */

static bool is_plain(char c, const char *others)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(others, c) != NULL);
}

/* What is not plain goes percent-encoded. */
static void append_encoded(struct buffer *out, struct span text, const char *others)
{
    char digits[2];

    for (size_t i = 0; i < text.len; i++) {
        if (is_plain(text.data[i], others)) {
            buffer_append_char(out, text.data[i]);
            continue;
        }
        hex_encode(digits, text.data + i, 1);
        buffer_append_char(out, '%');
        buffer_append(out, digits, sizeof digits);
    }
}

static void append_header(struct buffer *out, const char *name, struct span value)
{
    if (value.data == NULL)
        return;
    buffer_append_text(out, name);
    buffer_append(out, value.data, value.len);
    buffer_append_text(out, "\r\n");
}

void http_pass_head(struct buffer *out, const struct http_head *head, struct span path)
{
    buffer_append(out, head->method.data, head->method.len);
    buffer_append_char(out, ' ');
    append_encoded(out, path, "/-._~");
    if (head->query.len > 0) {
        buffer_append_char(out, '?');
        append_encoded(out, head->query, "%&=+-._~:/?@!$'()*,;");
    }
    buffer_append_text(out, head->old ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
    append_header(out, "Host: ", head->host);
    append_header(out, "Origin: ", head->origin);
    append_header(out, "Cookie: ", head->cookie);
    append_header(out, "Authorization: ", head->authorization);
    append_header(out, "Content-Type: ", head->content_type);
    buffer_append_format(out, "Content-Length: %llu\r\n\r\n", (unsigned long long)head->body);
}

/* ---- answers ---- */

static bool is_named(struct span line, const char *name, struct span *value)
{
    size_t len = strlen(name);

    if (line.len <= len || line.data[len] != ':' || strncasecmp(line.data, name, len) != 0)
        return false;
    *value = span_make(line.data + len + 1, line.len - len - 1);
    while (value->len > 0 && value->data[0] == ' ')
        *value = span_make(value->data + 1, value->len - 1);
    return true;
}

static bool read_number(struct span text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *out = *out * 10 + (uint64_t)(text.data[i] - '0');
    }
    return text.len > 0 && text.len <= 18;
}

/* The line at the front of `rest`, without its end. */
static struct span next_line(struct span *rest)
{
    const char *end = memmem(rest->data, rest->len, "\r\n", 2);
    struct span line = span_make(rest->data, end == NULL ? rest->len : (size_t)(end - rest->data));

    *rest = end == NULL ? span_make("", 0) : span_make(end + 2, rest->len - line.len - 2);
    return line;
}

static bool read_status(struct http_answer *out, struct span line)
{
    uint64_t number = 0;
    bool good = line.len >= 12 && memcmp(line.data, "HTTP/1.1 ", 9) == 0 &&
                read_number(span_make(line.data + 9, 3), &number) && number >= 200 && number < 600;

    out->status = (int)number;
    return good && (line.len == 12 || line.data[12] == ' ');
}

enum status http_answer_parse(struct http_answer *out, struct span text, bool to_head)
{
    const char *end = text.len > 0 ? memmem(text.data, text.len, "\r\n\r\n", 4) : NULL;
    struct span rest, value;
    bool counted = false, good;

    *out = (struct http_answer){.status = 0};
    if (end == NULL)
        return STATUS_END;
    out->len = (size_t)(end - text.data) + 4;
    rest = span_make(text.data, out->len - 4);
    good = read_status(out, next_line(&rest));
    while (good && rest.len > 0) {
        struct span line = next_line(&rest);

        if (is_named(line, "Content-Length", &value))
            good = counted = read_number(value, &out->body);
        else if (is_named(line, "Transfer-Encoding", &value))
            good = out->chunked = span_equal_text(value, "chunked");
        else if (is_named(line, "Connection", &value))
            out->server_closes = span_equal_text(value, "close");
    }
    if (to_head || out->status == 204 || out->status == 304) {
        out->chunked = false;
        out->body = 0;
    } else {
        out->until_close = !counted && !out->chunked;
    }
    return good && !(counted && out->chunked) ? STATUS_OK : STATUS_INVALID;
}

void http_answer_write(struct buffer *out, struct span head, bool keep_alive)
{
    struct span rest = span_make(head.data, head.len - 4), value;

    while (rest.len > 0) {
        struct span line = next_line(&rest);

        if (is_named(line, "Connection", &value) || is_named(line, "Keep-Alive", &value))
            continue;
        buffer_append(out, line.data, line.len);
        buffer_append_text(out, "\r\n");
    }
    buffer_append_text(out, keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

/* ---- bodies ---- */

void http_body_begin(struct http_body *body, const struct http_answer *answer)
{
    *body = (struct http_body){.state = HTTP_BODY_COUNTED, .left = answer->body};
    if (answer->chunked)
        *body = (struct http_body){.state = HTTP_BODY_SIZE};
    else if (answer->until_close)
        body->state = HTTP_BODY_TO_CLOSE;
    else if (answer->body == 0)
        body->state = HTTP_BODY_ENDED;
}

static bool take_size(struct http_body *body, char c)
{
    char byte, digits[2] = {'0', c};

    if (c == '\n') {
        body->in_extension = false;
        body->state = body->left > 0 ? HTTP_BODY_CHUNK : HTTP_BODY_TRAILER;
        return true;
    }
    if (c == '\r' || c == ';')
        body->in_extension = true;
    if (body->in_extension)
        return true;
    if (body->left > UINT64_MAX >> 8 || !hex_decode(&byte, digits, 2))
        return false;
    body->left = body->left * 16 + (uint64_t)byte;
    return true;
}

static void take_trailer(struct http_body *body, char c)
{
    if (c == '\n' && body->left == 0)
        body->state = HTTP_BODY_ENDED;
    else if (c == '\n')
        body->left = 0;
    else if (c != '\r')
        body->left++;
}

/* As many as there are, of what is counted. */
static size_t skip(struct http_body *body, size_t len)
{
    size_t taken = len < body->left ? len : (size_t)body->left;

    body->left -= taken;
    return taken;
}

bool http_body_take(struct http_body *body, const char *data, size_t len, size_t *taken)
{
    size_t at = 0;
    bool good = true;

    while (at < len && good && body->state != HTTP_BODY_ENDED) {
        switch (body->state) {
        case HTTP_BODY_COUNTED:
            at += skip(body, len - at);
            body->state = body->left > 0 ? HTTP_BODY_COUNTED : HTTP_BODY_ENDED;
            break;
        case HTTP_BODY_CHUNK:
            at += skip(body, len - at);
            body->state = body->left > 0 ? HTTP_BODY_CHUNK : HTTP_BODY_CHUNKED;
            break;
        case HTTP_BODY_CHUNKED:
            good = data[at] == '\r' || data[at] == '\n';
            body->state = data[at++] == '\n' ? HTTP_BODY_SIZE : HTTP_BODY_CHUNKED;
            break;
        case HTTP_BODY_SIZE:
            good = take_size(body, data[at++]);
            break;
        case HTTP_BODY_TRAILER:
            take_trailer(body, data[at++]);
            break;
        case HTTP_BODY_TO_CLOSE:
            at = len;
            break;
        case HTTP_BODY_ENDED:
            break;
        }
    }
    *taken = at;
    return good;
}
