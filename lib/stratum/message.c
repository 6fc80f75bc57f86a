/*
 * How it works: the scanner judges the line and tells what kind it is, jansson builds the tree, and
 * fields.c gives names to what is inside. The scanner is the stricter of the two; where jansson can
 * read what the scanner faults (a raw CR, deep nesting), there is a view that says so.
 *
 * How it can fail: the line is no JSON, or jansson has no room for it (a NUL in a member's name).
 */
#include "lib/stratum/message.h"

#include <string.h>

#include "lib/base/bytes.h"
#include "lib/stratum/strict.h"
#include "lib/stratum/walk.h"

#define FAULT_TEXT_MAX 96

static void report(struct error *err, const struct stratum_scan *scan)
{
    if (scan->fault != STRATUM_FAULT_NONE)
        (void)error_set(err, STATUS_INVALID, "%s at byte %u", stratum_fault_text(scan->fault),
                        (unsigned)scan->fault_at);
    else
        (void)error_set(err, STATUS_INVALID, "a name with a NUL");
}

/* ---- reasons ---- */

static void take_code(struct stratum_reason *reason, const json_t *value)
{
    if ((json_is_integer(value) || stratum_is_exact_number(value)) && !reason->code)
        reason->code = value;
}

static void take_text(struct stratum_reason *reason, const json_t *value)
{
    if (json_string_length(value) > 0 && reason->text.data == NULL &&
        !stratum_is_exact_number(value))
        reason->text = span_make(json_string_value(value), json_string_length(value));
}

static void take_error(struct stratum_reason *reason, const json_t *error)
{
    take_code(reason, error);
    take_text(reason, error);
    take_code(reason, json_object_get(error, "code"));
    take_text(reason, json_object_get(error, "message"));
    for (size_t i = 0; i < json_array_size(error); i++) {
        take_code(reason, json_array_get(error, i));
        take_text(reason, json_array_get(error, i));
    }
}

void stratum_message_reason(struct stratum_reason *reason, const json_t *message)
{
    *reason = (struct stratum_reason){0};
    take_error(reason, json_object_get(message, "error"));
    take_text(reason, json_object_get(message, "reject-reason"));
}

static json_t *reason_view(const json_t *message)
{
    struct stratum_reason reason;
    json_t *view = json_object();
    stratum_message_reason(&reason, message);
    if (reason.code)
        json_object_set_new(view, "code", json_deep_copy(reason.code));
    if (reason.text.data != NULL)
        json_object_set_new(view, "text", json_stringn(reason.text.data, reason.text.len));
    return view;
}

/* ---- the view ---- */

/* Takes the reference; a NULL is left out. */
static void add(json_t *view, const char *name, json_t *value)
{
    if (value != NULL)
        json_object_set_new(view, name, value);
}

static void add_id(json_t *view, const struct stratum_scan *scan, json_t *message)
{
    if (scan->id.type == STRATUM_ID_ABSENT)
        return;
    add(view, "id", json_incref(json_object_get(message, "id")));
    add(view, "id_type", json_string(stratum_id_type_name(scan->id.type)));
    if (scan->id.type == STRATUM_ID_OTHER)
        add(view, "id_text", json_stringn(scan->id_text.data, scan->id_text.len));
}

static void add_message(json_t *view, const struct stratum_scan *scan, json_t *message,
                        enum stratum_method answered)
{
    static const char *const as_sent[] = {"method", "params", "result", "error"};
    add_id(view, scan, message);
    for (size_t i = 0; i < sizeof(as_sent) / sizeof(as_sent[0]); i++)
        add(view, as_sent[i], json_incref(json_object_get(message, as_sent[i])));
    if (scan->kind == STRATUM_RESPONSE)
        add(view, "fields", stratum_message_result(answered, json_object_get(message, "result")));
    else
        add(view, "fields",
            stratum_message_params(scan->method, json_object_get(message, "params")));
    if (scan->error)
        add(view, "refused", reason_view(message));
}

static json_t *view_of(struct span line, enum stratum_method answered, struct error *err);

/* The view of one message of a batch: written out and looked at like a line of its own. */
static json_t *element_view(json_t *element)
{
    struct buffer text = {0};
    if (!json_is_object(element))
        return json_pack("{s:s, s:O}", "kind", stratum_kind_name(STRATUM_OTHER), "value", element);
    stratum_exact_dump(&text, element);
    json_t *view = view_of(span_make(text.data, text.len), STRATUM_METHOD_NONE, NULL);
    buffer_close(&text);
    return view;
}

/* Takes the reference; a NULL is left out. */
static void add_element(json_t *views, json_t *view)
{
    if (view != NULL)
        json_array_append_new(views, view);
}

static json_t *batch_view(const json_t *array)
{
    json_t *views = json_array();
    for (size_t i = 0; i < json_array_size(array); i++)
        add_element(views, element_view(json_array_get(array, i)));
    return views;
}

static bool is_batch(const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (json_is_object(json_array_get(value, i)))
            return true;
    }
    return false;
}

static void add_fault(json_t *view, const struct stratum_scan *scan)
{
    struct error fault;
    if (scan->fault == STRATUM_FAULT_NONE)
        return;
    report(&fault, scan);
    add(view, "fault", json_string(fault.text));
}

/* NULL: nobody can read it. */
static json_t *line_view(struct span line, const struct stratum_scan *scan,
                         enum stratum_method answered)
{
    json_t *tree = stratum_exact_load(line);
    if (tree == NULL)
        return NULL;
    json_t *view = json_object();
    add(view, "kind", json_string(stratum_kind_name(scan->kind)));
    if (json_is_object(tree))
        add_message(view, scan, tree, answered);
    else if (is_batch(tree))
        add(view, "batch", batch_view(tree));
    else
        add(view, "value", json_incref(tree));
    add_fault(view, scan);
    json_decref(tree);
    return view;
}

/* The message that begins there, and where it ends; NULL: none does. */
static json_t *next_view(struct stratum_walk *walk, const uint8_t *at, const uint8_t **behind)
{
    struct stratum_scan scan;
    *behind = *at == '{' ? stratum_walk_value(walk, at) : NULL;
    if (*behind == NULL)
        return NULL;
    struct span line = span_make((const char *)at, (size_t)(*behind - at));
    stratum_scan_line(&scan, line.data, line.len);
    return line_view(line, &scan, STRATUM_METHOD_NONE);
}

/* Of several messages in one line, which lenient peers read like a batch; NULL: it is none. */
static json_t *joined_view(struct span line, const struct stratum_scan *scan)
{
    struct stratum_walk walk = {.begin = (const uint8_t *)line.data};
    walk.end = walk.begin + line.len;
    json_t *views = json_array();
    const uint8_t *at = line.len > 0 ? stratum_walk_space(&walk, walk.begin) : walk.end;
    while (at != NULL && at < walk.end) {
        const uint8_t *behind;
        json_t *view = next_view(&walk, at, &behind);
        add_element(views, view);
        at = view ? stratum_walk_space(&walk, behind) : NULL;
    }
    json_t *whole = at != NULL && json_array_size(views) > 1 ? json_object() : NULL;
    if (whole) {
        add(whole, "kind", json_string(stratum_kind_name(STRATUM_OTHER)));
        add(whole, "batch", json_incref(views));
        add_fault(whole, scan);
    }
    json_decref(views);
    return whole;
}

static json_t *view_of(struct span line, enum stratum_method answered, struct error *err)
{
    struct stratum_scan scan;
    stratum_scan_line(&scan, line.data, line.len);
    json_t *view = line_view(line, &scan, answered);
    if (view == NULL)
        view = joined_view(line, &scan);
    if (view == NULL)
        report(err, &scan);
    return view;
}

bool stratum_message_write(struct buffer *out, struct span line, enum stratum_method answered,
                           struct error *err)
{
    json_t *view = view_of(line, answered, err);
    if (view == NULL)
        return false;
    stratum_exact_dump(out, view);
    json_decref(view);
    return true;
}
