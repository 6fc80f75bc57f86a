/* archive.c - GET segments, segments/{id}, timeline, GET and POST export. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/live/message_filter.h"
#include "api/request/rest.h"
#include "api/rest/export_stream.h"
#include "api/rest/segments.h"
#include "api/rest/timeline.h"

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
    struct query_place place;
    struct error err;
    json_t *items;
    if (cursor && !read_number(cursor, &below)) {
        reply_error(request, 422, "cursor: it is none of this list");
        return;
    }
    enum status status = request_place(request, &request->parameters, &place, &err);
    if (status == STATUS_OK)
        status = segments_list(&place, below, limit, &items, &next, &err);
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
    struct query_place place;
    struct error err;
    json_t *segment;
    if (!read_number(request->id, &number)) {
        reply_error(request, 404, "there is no segment %s: they have numbers", request->id);
        return;
    }
    enum status status = request_place(request, &request->parameters, &place, &err);
    if (status == STATUS_OK)
        status = segments_one(&place, number, &segment, &err);
    if (status == STATUS_OK)
        reply_tree(request, 200, segment);
    else
        reply_failure(request, status, &err);
}

/* ---- export ---- */

#define EXPORT_PARAMETERS_MAX 32

static const struct parameter export_parameters[] = {
    MESSAGE_FILTER_PARAMETERS,
    {.name = "format", .kind = PARAMETER_CHOICE, .choices = "pcapng|pcap|ndjson|ndjson.zst|csv"},
    {.name = "sides", .kind = PARAMETER_CHOICE, .choices = "pool|both"},
    {.name = "passwords", .kind = PARAMETER_CHOICE, .choices = "masked|shown"},
};

/* The choices stand in the order of the enums. */
static void export_by(struct request *request, const struct parameters *given)
{
    struct message_filter filter;
    struct error err;
    struct query_place place;
    enum status status = message_filter_read(&filter, given, &err);
    if (status == STATUS_OK)
        status = request_place(request, given, &place, &err);
    if (status != STATUS_OK) {
        reply_failure(request, status, &err);
        return;
    }
    struct export_options options = {
        .place = place,
        .filter = filter.query,
        .format = (enum export_format)parameter_number(given, "format"),
        .sides = (enum export_sides)parameter_number(given, "sides"),
        .mask_passwords = parameter_number(given, "passwords") == 0,
    };
    options.filter.what = 0; /* events too, where no message is asked for */
    options.filter.no_scraps = false;
    export_stream(request, &options);
}

static void get_export(struct request *request)
{
    export_by(request, &request->parameters);
}

static void encode(struct buffer *out, const char *text, size_t len)
{
    char digits[2];
    for (size_t i = 0; i < len; i++) {
        hex_encode(digits, text + i, 1);
        buffer_append_char(out, '%');
        buffer_append(out, digits, sizeof digits);
    }
}

/* Fractions are for those that are times. */
static bool takes_fraction(const char *name)
{
    for (size_t i = 0; i < sizeof export_parameters / sizeof export_parameters[0]; i++) {
        if (strcmp(export_parameters[i].name, name) == 0)
            return export_parameters[i].kind == PARAMETER_MS;
    }
    return false;
}

static bool encode_value(struct buffer *out, const char *name, const json_t *value)
{
    char number[24];
    if (json_is_string(value)) {
        encode(out, json_string_value(value), json_string_length(value));
    } else if (json_is_boolean(value)) {
        buffer_append_text(out, json_is_true(value) ? "true" : "false");
    } else if (json_is_integer(value)) {
        (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        buffer_append_text(out, number);
    } else if (json_is_real(value) && takes_fraction(name)) {
        (void)snprintf(number, sizeof number, "%.15g", json_real_value(value));
        buffer_append_text(out, number);
    } else {
        return false;
    }
    return true;
}

/* The members as a query string would have them, so that one table holds for both. */
static enum status encode_body(struct buffer *out, json_t *body, struct error *err)
{
    const char *name;
    json_t *value;
    if (json_object_size(body) > EXPORT_PARAMETERS_MAX)
        return error_set(err, STATUS_INVALID, "the body has more members than there are");
    json_object_foreach(body, name, value)
    {
        if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyz_") != strlen(name))
            return error_set(err, STATUS_INVALID, "%.40s: there is no such member here", name);
        if (out->len)
            buffer_append_char(out, '&');
        buffer_append_text(out, name);
        buffer_append_char(out, '=');
        if (!encode_value(out, name, value))
            return error_set(err, STATUS_INVALID, "%.40s: a text, number or truth is wanted", name);
    }
    return STATUS_OK;
}

static void post_export(struct request *request)
{
    struct parameters given = {0};
    struct buffer query = {0};
    struct error err;
    enum status status = encode_body(&query, request->body, &err);
    if (status == STATUS_OK) {
        status = parameters_parse(&given, export_parameters,
                                  sizeof export_parameters / sizeof export_parameters[0],
                                  span_make(query.data, query.len), &err);
        if (status == STATUS_OK)
            export_by(request, &given);
        parameters_close(&given);
    }
    if (status != STATUS_OK)
        reply_failure(request, status, &err);
    buffer_close(&query);
}

/* ---- the table ---- */

static void get_series(struct request *request)
{
    struct error err;
    json_t *items;
    enum status status = segments_series(&request->rest->place, &items, &err);
    if (status == STATUS_OK)
        reply_tree(request, 200, json_pack("{s:o}", "items", items));
    else
        reply_failure(request, status, &err);
}

static const struct parameter one_parameters[] = {REQUEST_SERIES};

static const struct parameter list_parameters[] = {
    REQUEST_SERIES,
    {.name = "cursor", .kind = PARAMETER_TEXT, .most = 20},
    {.name = "limit", .kind = PARAMETER_INTEGER, .least = 1, .most = 1000, .fallback = 100},
};

static const struct parameter timeline_parameters[] = {
    MESSAGE_FILTER_PARAMETERS,
    {.name = "buckets",
     .kind = PARAMETER_INTEGER,
     .least = 1,
     .most = TIMELINE_BUCKETS,
     .fallback = 200},
};

static const struct route routes[] = {
    {"GET", "/api/segments", get_segments, ROUTE_PARAMETERS(list_parameters), ROUTE_HEAVY},
    {"GET", "/api/segments/{id}", get_segment, ROUTE_PARAMETERS(one_parameters), ROUTE_HEAVY},
    {"GET", "/api/series", get_series, NULL, 0, ROUTE_HEAVY},
    {"GET", "/api/timeline", timeline_get, ROUTE_PARAMETERS(timeline_parameters), ROUTE_HEAVY},
    {"GET", "/api/export", get_export, ROUTE_PARAMETERS(export_parameters),
     ROUTE_HEAVY | ROUTE_EXPORT},
    {"POST", "/api/export", post_export, NULL, 0, ROUTE_HEAVY | ROUTE_BODY | ROUTE_EXPORT},
};
const struct route_table rest_archive = {routes, sizeof routes / sizeof routes[0]};
