/* link.c - see link.h. */
#include "api/access/link.h"

#include <string.h>

#define NAME     "token="
#define NAME_LEN (sizeof(NAME) - 1)

/* Takes the token out of the query; the rest is appended to `others`. False: there is none. */
static bool split_query(struct span query, struct buffer *token, struct buffer *others)
{
    bool found = false;

    while (query.len > 0) {
        const char *end = memchr(query.data, '&', query.len);
        size_t len = end == NULL ? query.len : (size_t)(end - query.data);

        if (len >= NAME_LEN && memcmp(query.data, NAME, NAME_LEN) == 0) {
            found = true;
            buffer_clear(token);
            buffer_append(token, query.data + NAME_LEN, len - NAME_LEN);
        } else if (len > 0) {
            buffer_append_char(others, others->len == 0 ? '?' : '&');
            buffer_append(others, query.data, len);
        }
        if (end == NULL)
            break;
        query = span_make(end + 1, query.len - len - 1);
    }
    return found;
}

static void decode(struct buffer *text)
{
    size_t out = 0;

    for (size_t i = 0; i < text->len; i++) {
        char byte = text->data[i];

        if (byte == '%' && text->len - i > 2 && hex_decode(&byte, text->data + i + 1, 2))
            i += 2;
        text->data[out++] = byte;
    }
    text->len = out;
}

static bool is_outside_api(struct span path)
{
    static const char prefix[] = "/api/";

    return path.len < sizeof(prefix) - 1 || memcmp(path.data, prefix, sizeof(prefix) - 1) != 0;
}

/* "//elsewhere" would be another host. */
static void append_location(struct span path, const struct buffer *others, struct buffer *out)
{
    while (path.len > 1 && (path.data[1] == '/' || path.data[1] == '\\'))
        path = span_make(path.data + 1, path.len - 1);
    buffer_append_text(out, "Location: ");
    buffer_append(out, path.data, path.len);
    if (others->len > 0)
        buffer_append(out, others->data, others->len);
    buffer_append_text(out, "\r\n");
}

/* True: the token is wrong. */
static bool answer(const struct auth *auth, const struct http_head *head, struct span token,
                   const struct buffer *others, struct buffer *out)
{
    const struct auth_request request = {.method = head->method, .host = head->host};
    enum auth_verdict verdict = auth_check(auth, &request);

    if (verdict == AUTH_ALLOWED && auth_needs_token(auth) && !auth_token_fits(auth, token)) {
        http_refusal(out, 403, auth_reason(AUTH_TOKEN_WRONG), "");
        return true;
    }
    if (verdict != AUTH_ALLOWED) {
        http_refusal(out, auth_status(verdict), auth_reason(verdict), "");
        return false;
    }
    buffer_append_text(out, "HTTP/1.1 303 See Other\r\nContent-Length: 0\r\nConnection: close\r\n"
                            "Cache-Control: no-store\r\n");
    append_location(head->path, others, out);
    if (auth_needs_token(auth))
        auth_cookie(auth, head->host, false, out);
    auth_headers(true, out);
    buffer_append_text(out, "\r\n");
    return false;
}

bool link_answer(const struct auth *auth, const struct http_head *head, struct buffer *out,
                 bool *wrong_token)
{
    struct buffer token = {0}, others = {0};
    bool is_link =
        (span_equal_text(head->method, "GET") || span_equal_text(head->method, "HEAD")) &&
        is_outside_api(head->path) && split_query(head->query, &token, &others);

    if (is_link) {
        decode(&token);
        *wrong_token =
            answer(auth, head, span_make(token.len > 0 ? token.data : "", token.len), &others, out);
    }
    buffer_close(&token);
    buffer_close(&others);
    return is_link;
}
