/* gate.c - from the front's view of a request to that of handlers, and back. */
#include "api/rest/gate.h"

#include <string.h>

#include "api/front/front.h"
#include "api/http/head.h"
#include "api/rest/request_counts.h"
#include "api/rest/rules.h"
#include "lib/base/clock.h"

#define METHOD_MAX 16

/* A request as handlers know it, for as long as the front is at it. */
struct asked {
    struct request request;
    char method[METHOD_MAX];
    int64_t begun_ns;
};

static void open_request(struct asked *asked, const struct rest *rest,
                         const struct front_request *from, struct front_reply *out)
{
    const struct http_head *head = from->head;
    size_t len = head->method.len < METHOD_MAX ? head->method.len : METHOD_MAX - 1;
    *asked = (struct asked){.begun_ns = clock_mono_ns()};
    memcpy(asked->method, head->method.data, len);
    asked->request = (struct request){.rest = rest,
                                      .method = asked->method,
                                      .path = from->path.data,
                                      .peer = *from->peer,
                                      .host = head->host,
                                      .origin = head->origin,
                                      .cookie = head->cookie,
                                      .authorization = head->authorization,
                                      .content_type = head->content_type,
                                      .answer = &out->bytes};
}

static void close_request(struct asked *asked, struct front_reply *out)
{
    struct request *request = &asked->request;
    if (request->status) {
        out->wrong_token = request->wrong_token;
        request_counts_note(request, asked->begun_ns);
    }
    parameters_close(&request->parameters);
    json_decref(request->body);
    buffer_close(&request->headers);
}

static enum front_verdict verdict_of(const struct route *route)
{
    unsigned flags = route ? route->flags : 0;
    if (flags & ROUTE_FRONT)
        return FRONT_HERE;
    if (flags & ROUTE_EXPORT)
        return FRONT_PASS_EXPORT;
    return flags & ROUTE_HEAVY ? FRONT_PASS_HEAVY : FRONT_PASS;
}

static enum front_verdict judge(void *user, const struct front_request *from,
                                struct front_reply *out)
{
    struct asked asked;
    enum front_verdict verdict = FRONT_ANSWERED;
    open_request(&asked, user, from, out);
    if (rules_judge(&asked.request)) {
        const struct route *route = asked.request.route;
        verdict = verdict_of(route);
        if (!route || route->flags & ROUTE_OPEN)
            out->body_max = FRONT_OPEN_BODY_MAX;
    }
    close_request(&asked, out);
    return verdict;
}

static void answer(void *user, const struct front_request *from, struct front_reply *out)
{
    const struct rest *rest = user;
    struct asked asked;
    open_request(&asked, rest, from, out);
    struct request *request = &asked.request;
    if (!rest->ready)
        reply_error(request, 503, "the API is starting");
    else if (rules_judge(request) && rules_take(request, from->head->query, from->body))
        request->route->handle(request);
    close_request(&asked, out);
}

struct front_gate gate_make(const struct rest *rest)
{
    return (struct front_gate){.judge = judge, .answer = answer, .user = (void *)rest};
}
