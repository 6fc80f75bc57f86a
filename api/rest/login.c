/* login.c - the cookie for browsers: given for the token, and taken back. */
#include "api/access/auth.h"
#include "api/request/rest.h"

static void answer_cookie(struct request *request, bool clear)
{
    struct buffer json = {0};
    auth_cookie(request->rest->auth, request->host, clear, &request->headers);
    buffer_append_text(&json, "{\"success\":true}");
    reply_json(request, 200, &json);
}

static void login(struct request *request)
{
    const json_t *token = json_object_get(request->body, "token");
    if (!json_is_string(token)) {
        reply_error(request, 422, "token: a text is wanted");
        return;
    }
    if (!auth_token_fits(request->rest->auth,
                         span_make(json_string_value(token), json_string_length(token)))) {
        request->wrong_token = true;
        reply_error(request, 401, "this is not the token");
        return;
    }
    answer_cookie(request, false);
}

static void logout(struct request *request)
{
    answer_cookie(request, true);
}

static const struct route routes[] = {
    {"POST", "/api/login", login, NULL, 0, ROUTE_OPEN | ROUTE_BODY | ROUTE_FRONT},
    {"POST", "/api/logout", logout, NULL, 0, ROUTE_OPEN | ROUTE_FRONT},
};
const struct route_table rest_login = {routes, sizeof routes / sizeof routes[0]};
