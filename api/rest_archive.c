/* rest_archive.c - GET segments, segments/{id}. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/rest.h"
#include "api/segments.h"

/* A number above 0, in digits alone. */
static bool read_number(const char *text, uint64_t *out)
{
    size_t len = strlen(text);
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return len > 0 && strspn(text, "0123456789") == len && !errno && *out > 0;
}

static void get_segments(struct request *request)
{
    const char *cursor = parameter_text(&request->parameters, "cursor");
    size_t limit = (size_t)parameter_number(&request->parameters, "limit");
    uint64_t below = 0, next;
    char text[24];
    struct error err;
    json_t *items;
    if (cursor && !read_number(cursor, &below)) {
        reply_error(request, 422, "cursor: it is none of this list");
        return;
    }
    enum status status = segments_list(&request->rest->place, below, limit, &items, &next, &err);
    if (status != STATUS_OK) {
        reply_failure(request, status, &err);
        return;
    }
    (void)snprintf(text, sizeof text, "%" PRIu64, next);
    reply_tree(request, 200,
               json_pack("{s:o, s:s?}", "items", items, "next_cursor", next ? text : NULL));
}

static void get_segment(struct request *request)
{
    uint64_t number;
    struct error err;
    json_t *segment;
    if (!read_number(request->id, &number)) {
        reply_error(request, 404, "there is no segment %s: they have numbers", request->id);
        return;
    }
    enum status status = segments_one(&request->rest->place, number, &segment, &err);
    if (status == STATUS_OK)
        reply_tree(request, 200, segment);
    else
        reply_failure(request, status, &err);
}

/* ---- the table ---- */

static const struct parameter list_parameters[] = {
    {.name = "cursor", .kind = PARAMETER_TEXT, .most = 20},
    {.name = "limit", .kind = PARAMETER_INTEGER, .least = 1, .most = 1000, .fallback = 100},
};

static const struct route routes[] = {
    {"GET", "/api/segments", get_segments, ROUTE_PARAMETERS(list_parameters), ROUTE_HEAVY},
    {"GET", "/api/segments/{id}", get_segment, NULL, 0, ROUTE_HEAVY},
};
const struct route_table rest_archive = {routes, sizeof routes / sizeof routes[0]};
