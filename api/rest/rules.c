/* rules.c - see rules.h. */
#include "api/rest/rules.h"

#include <string.h>

#include "api/access/auth.h"
#include "api/rest/server.h"
#include "lib/stratum/strict.h"

static const struct route_table *const tables[] = {&rest_messages, &rest_sessions, &rest_control,
                                                   &rest_archive,  &rest_status,   &rest_login,
                                                   &rest_docs,     &rest_replay};

/* ---- routes ---- */

/* Does the path fit the pattern? What stands for {id} is copied. */
static bool path_fits(const char *pattern, const char *path, char id[REQUEST_ID_MAX])
{
    for (; *pattern; pattern++, path++) {
        if (*pattern == '{') {
            size_t len = strcspn(path, "/");
            if (len == 0 || len >= REQUEST_ID_MAX)
                return false;
            memcpy(id, path, len);
            id[len] = '\0';
            path += len - 1;
            pattern = strchr(pattern, '}');
        } else if (*pattern != *path) {
            return false;
        }
    }
    return *path == '\0';
}

/* The route, or NULL; `allowed` gets the methods that the path has. */
static const struct route *find_route(struct request *request, struct buffer *allowed)
{
    const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (size_t i = 0; i < tables[t]->count; i++) {
            const struct route *route = &tables[t]->routes[i];
            if (!path_fits(route->path, request->path, request->id))
                continue;
            if (strcmp(route->method, method) == 0)
                return route;
            if (allowed->len)
                buffer_append_text(allowed, ", ");
            buffer_append_text(allowed, route->method);
        }
    }
    return NULL;
}

/* ---- rules ---- */

static bool is_below_api(const char *path)
{
    return strncmp(path, "/api/", 5) == 0 || strcmp(path, "/api") == 0;
}

static bool is_allowed(struct request *request)
{
    bool open =
        request->route ? (request->route->flags & ROUTE_OPEN) != 0 : !is_below_api(request->path);
    struct auth_request asked = {
        .method = span_text(request->method),
        .host = request->host,
        .origin = request->origin,
        .cookie = request->cookie,
        .authorization = request->authorization,
        .content_type = request->content_type,
        .needs_token = !open,
    };
    enum auth_verdict verdict = auth_check(request->rest->auth, &asked);
    if (verdict == AUTH_ALLOWED)
        return true;
    request->wrong_token = verdict == AUTH_TOKEN_WRONG;
    if (auth_status(verdict) == 401)
        buffer_append_text(&request->headers, "WWW-Authenticate: Bearer\r\n");
    reply_error(request, auth_status(verdict), "%s", auth_reason(verdict));
    return false;
}

static void preflight(struct request *request)
{
    bool allowed = auth_cors(request->rest->auth, request->origin, true, &request->headers);
    if (allowed)
        reply_bytes(request, 204, "text/plain", span_text(""));
    else
        reply_error(request, 403, "this origin is not among CORS_ORIGINS");
}

static bool has_route(struct request *request, const struct buffer *allowed)
{
    if (request->route || allowed->len == 0)
        return true;
    buffer_append_format(&request->headers, "Allow: %.*s\r\n", (int)allowed->len, allowed->data);
    reply_error(request, 405, "%s takes %.*s", request->path, (int)allowed->len, allowed->data);
    return false;
}

bool rules_judge(struct request *request)
{
    struct buffer allowed = {0};
    bool good = false;
    request->route = find_route(request, &allowed);
    if (strcmp(request->method, "OPTIONS") == 0 && request->origin.len > 0) {
        preflight(request);
    } else if (is_allowed(request)) {
        (void)auth_cors(request->rest->auth, request->origin, false, &request->headers);
        good = has_route(request, &allowed);
    }
    buffer_close(&allowed);
    return good;
}

/* ---- query and body ---- */

static bool take_parameters(struct request *request, struct span query)
{
    struct error err;
    if (query.len > SERVER_QUERY_MAX) {
        reply_error(request, 414, "a query has at most %d bytes", SERVER_QUERY_MAX);
        return false;
    }
    if (parameters_parse(&request->parameters, request->route->parameters,
                         request->route->parameter_count, query, &err) == STATUS_OK)
        return true;
    reply_error(request, 422, "%s", err.text);
    return false;
}

static bool take_body(struct request *request, struct span body)
{
    json_error_t fault;
    if (body.len == 0)
        return true;
    json_t *tree = request->route->flags & ROUTE_EXACT ? stratum_exact_parse_unique(body) : NULL;
    if (!tree)
        tree = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, &fault);
    if (!tree)
        reply_error(request, 400, "the body is no JSON: %s, at byte %d", fault.text,
                    fault.position);
    else if (!json_is_object(tree))
        reply_error(request, 422, "the body is no JSON object");
    if (!json_is_object(tree)) {
        json_decref(tree);
        return false;
    }
    request->body = tree;
    return true;
}

bool rules_take(struct request *request, struct span query, struct span body)
{
    return take_parameters(request, query) && take_body(request, body);
}
