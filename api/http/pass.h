/*
 * pass.h - what passes between the front and the HTTP server: the head of a request, made anew
 * from what the front understood, and answers, followed to their ends.
 *
 * Not a byte of a client's head reaches the server as it came: the path is decoded, freed of what
 * means nothing ("//", "/./", "/../") and encoded again, and of the headers only those go on that
 * the server asks for. So there is nothing that two programs could read in two ways.
 *
 * Pure. Threads: any.
 */
#ifndef HASHSCOPE_API_HTTP_PASS_H
#define HASHSCOPE_API_HTTP_PASS_H

#include "api/http/head.h"

/* Appends the path as it is meant: decoded, without "//", "." and ".." (none leads above "/"), with
 * slashes for backslashes, as browsers read them. False: a NUL is in it. */
bool http_path_clean(struct buffer *out, struct span path);

/* Appends the head for the server: `path` is a clean one, the body's length is head->body. */
void http_pass_head(struct buffer *out, const struct http_head *head, struct span path);

/* ---- answers ---- */

struct http_answer {
    int status;
    size_t len; /* of the head */
    bool chunked, until_close, server_closes;
    uint64_t body; /* its length, if neither of these */
};

/* STATUS_END: not complete yet; STATUS_INVALID: that is no answer. `to_head`: of a HEAD request. */
enum status http_answer_parse(struct http_answer *out, struct span text, bool to_head) MUST_CHECK;
/* Appends the head for the client: the server's, with what becomes of the connection. */
void http_answer_write(struct buffer *out, struct span head, bool keep_alive);

/* Where a body ends. */
struct http_body {
    enum {
        HTTP_BODY_COUNTED,  /* `left` bytes */
        HTTP_BODY_SIZE,     /* in the line of a chunk's size, `left` so far */
        HTTP_BODY_CHUNK,    /* `left` bytes of a chunk */
        HTTP_BODY_CHUNKED,  /* its line end */
        HTTP_BODY_TRAILER,  /* behind the last chunk; `left`: of the line so far */
        HTTP_BODY_TO_CLOSE, /* the connection's end */
        HTTP_BODY_ENDED,
    } state;
    uint64_t left;
    bool in_extension; /* of a chunk's size: what follows the number */
};
void http_body_begin(struct http_body *body, const struct http_answer *answer);
/* How many of these bytes belong to the body; it has ended when that is less than `len`, or its
 * state says so. False: it is malformed. */
bool http_body_take(struct http_body *body, const char *data, size_t len, size_t *taken);

#endif
