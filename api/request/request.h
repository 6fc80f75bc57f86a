/*
 * request.h - one request that has passed the rules (api/access/auth.h, parameter.h), and its
 * answer.
 *
 * A handler gets a request whose parameters and body are checked as its route says, and answers
 * exactly once: reply_json, reply_bytes, reply_error, or reply_begin … reply_write … reply_end.
 *
 * Ownership: the request is the server's; a handler keeps nothing of it. Threads: one per request,
 * several requests at a time.
 */
#ifndef HASHSCOPE_API_REQUEST_REQUEST_H
#define HASHSCOPE_API_REQUEST_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/http/peer.h"
#include "api/request/parameter.h"
#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/query/query.h"

#define REQUEST_ID_MAX 80 /* bytes of {id}, with its NUL */

struct mg_connection;
struct request;
struct rest; /* rest.h */

/* route.flags */
#define ROUTE_OPEN   1u  /* needs no token */
#define ROUTE_HEAVY  2u  /* reads the archive: one of at most SERVER_HEAVY_MAX at a time */
#define ROUTE_BODY   4u  /* takes a JSON object; without one the body is ignored if it is {} */
#define ROUTE_PAGE   8u  /* HTML */
#define ROUTE_FRONT  16u /* answered by the front, on its own thread: waits for nothing */
#define ROUTE_EXACT  64u /* its body is an exact tree (lib/stratum/strict.h) */
#define ROUTE_EXPORT 32u /* a download that takes as long as its client */

struct route {
    const char *method; /* "GET", "POST" */
    const char *path;   /* "/api/sessions/{id}/disconnect" */
    void (*handle)(struct request *request);
    const struct parameter *parameters;
    size_t parameter_count;
    unsigned flags;
};
#define ROUTE_PARAMETERS(list) (list), sizeof(list) / sizeof((list)[0])

struct request {
    const struct rest *rest;
    const struct route *route;
    const char *method, *path; /* decoded */
    char id[REQUEST_ID_MAX];   /* what stands for {id} */
    struct parameters parameters;
    json_t *body; /* an object; NULL: none was sent */
    struct front_peer peer;
    struct span host, origin, cookie, authorization, content_type;

    struct mg_connection *connection; /* NULL: it is the front that answers, into `answer` */
    struct buffer *answer;
    bool old_http;         /* its client knows no chunks: a body without a length goes to the end */
    struct buffer headers; /* of the answer, to be added to; each with its line end */
    bool wrong_token;      /* somebody guesses */
    int status;            /* of the answer; 0: none yet */
    uint64_t sent;         /* bytes of its body */
    bool gone;             /* the client went away */
};

/* Takes and frees the text. */
void reply_json(struct request *request, int status, struct buffer *json);
void reply_tree(struct request *request, int status, json_t *tree); /* takes the reference */
void reply_bytes(struct request *request, int status, const char *type, struct span body);
/* {"detail": "…"} */
void reply_error(struct request *request, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* With the code that HTTP has for it. */
void reply_failure(struct request *request, enum status status, const struct error *err);

/* A body whose length is not known before. `file`: what a browser calls the download; NULL: it is
 * none. reply_write is false when the client has gone. */
void reply_begin(struct request *request, const char *type, const char *file);
bool reply_write(struct request *request, const void *data, size_t len);
void reply_end(struct request *request);

/* A parameter of those that read recordings: an import in place of the recorder's own. */
#define REQUEST_SERIES                                                                             \
    {                                                                                              \
        .name = "series", .kind = PARAMETER_SERIES                                                 \
    }
/* Where to read, by the parameters `series` and, where it is among them, `source`.
 * STATUS_NOT_FOUND: there is no such import. */
enum status request_place(const struct request *request, const struct parameters *given,
                          struct query_place *out, struct error *err) MUST_CHECK;

#endif
