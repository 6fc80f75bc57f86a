/* message_filter.c - parameters into a filter, and a filter against a message. */
#include "api/live/message_filter.h"

#include <stdio.h>
#include <string.h>

/* `mining.` may be left out, as in all commands; "submit" is a method of other dialects too. 0: not
 * among those that are known. */
static uint64_t find_methods(const char *name)
{
    char whole[MESSAGE_FILTER_TEXT + sizeof "mining."];
    int len = snprintf(whole, sizeof whole, "mining.%s", name);
    enum stratum_method found[] = {stratum_method_find(name, strlen(name)),
                                   stratum_method_find(whole, (size_t)len)};
    uint64_t methods = 0;
    for (int i = 0; i < 2; i++)
        methods |= found[i] == STRATUM_METHOD_UNKNOWN ? 0 : UINT64_C(1) << found[i];
    return methods;
}

/* One or several names with commas between them. */
static enum status read_methods(struct message_filter *out, const struct parameter_value *value,
                                struct error *err)
{
    memcpy(out->memory, value->text, value->len + 1);
    for (char *rest = out->memory, *name; (name = strsep(&rest, ",")) != NULL;) {
        uint64_t methods = find_methods(name);
        if (*name == '\0')
            return error_set(err, STATUS_INVALID, "method: an empty name in '%s'", value->text);
        if (methods) {
            out->query.methods |= methods;
        } else if (out->query.method_count == MESSAGE_FILTER_METHODS) {
            return error_set(err, STATUS_INVALID, "method: at most %d names that are not known",
                             MESSAGE_FILTER_METHODS);
        } else {
            out->names[out->query.method_count++] = name;
        }
    }
    out->query.method_names = out->names;
    return STATUS_OK;
}

enum status message_filter_read_content(struct message_filter *out,
                                        const struct parameters *parameters, struct error *err)
{
    const struct parameter_value *session = parameter(parameters, "session_id");
    const struct parameter_value *direction = parameter(parameters, "direction");
    const struct parameter_value *method = parameter(parameters, "method");
    const struct parameter_value *text = parameter(parameters, "q");
    *out = (struct message_filter){.query = {.what = QUERY_MESSAGES,
                                             .errors = parameter_number(parameters, "errors"),
                                             .no_scraps = true}};
    if (session->given) {
        out->query.sessions = &session->uuid;
        out->query.session_count = 1;
    }
    if (direction->given)
        out->query.directions = 1u << direction->number;
    if (text->given) {
        out->query.text = text->text;
        out->query.text_len = text->len;
    }
    out->query.latency_min_us = parameter_number(parameters, "latency_min_ms");
    out->query.latency_max_us = parameter_number(parameters, "latency_max_ms");
    if (out->query.latency_max_us && out->query.latency_max_us < out->query.latency_min_us)
        return error_set(err, STATUS_INVALID, "latency_max_ms: below latency_min_ms");
    return method->given ? read_methods(out, method, err) : STATUS_OK;
}

enum status message_filter_read(struct message_filter *out, const struct parameters *parameters,
                                struct error *err)
{
    static const enum query_source sources[] = {QUERY_ALL, QUERY_LIVE, QUERY_ARCHIVE};
    enum status status = message_filter_read_content(out, parameters, err);
    out->query.from_ns = parameter_number(parameters, "from");
    out->query.to_ns = parameter_number(parameters, "to");
    out->query.source = sources[parameter_number(parameters, "source")];
    if (parameter(parameters, "to")->given && out->query.to_ns <= out->query.from_ns)
        return error_set(err, STATUS_INVALID, "to: not behind from");
    return status;
}

bool message_filter_is_narrow(const struct message_filter *filter)
{
    const struct query_filter *query = &filter->query;
    return query->session_count || query->directions || query->methods || query->method_count ||
           query->errors || query->text_len || query->latency_min_us || query->latency_max_us;
}

/* ---- a message ---- */

void message_facts_read(struct message_facts *out, const struct query_row *row, struct span bytes)
{
    const struct segment_line *line = &row->line;
    struct stratum_scan scan = {.method = STRATUM_METHOD_NONE};
    if (!line->is_fragment) {
        stratum_scan_line(&scan, bytes.data, bytes.len);
    } else if (line->method.len > 0) {
        scan.method = stratum_method_find(line->method.data, line->method.len);
        scan.method_text = line->method;
    }
    *out = (struct message_facts){.wall_ns = line->wall_ns,
                                  .direction = line->direction,
                                  .method = scan.method,
                                  .error = scan.error,
                                  .latency_us = line->paired ? line->latency_us : -1,
                                  .bytes = bytes,
                                  .method_text = scan.method_text};
}

static bool method_fits(const struct query_filter *filter, const struct message_facts *facts)
{
    if ((!filter->methods && !filter->method_count) || filter->methods >> facts->method & 1)
        return true;
    for (size_t i = 0; i < filter->method_count && facts->method == STRATUM_METHOD_UNKNOWN; i++) {
        if (span_equal_text(facts->method_text, filter->method_names[i]))
            return true;
    }
    return false;
}

static bool latency_fits(const struct query_filter *filter, const struct message_facts *facts)
{
    if (!filter->latency_min_us && !filter->latency_max_us)
        return true;
    return facts->latency_us >= 0 && facts->latency_us >= filter->latency_min_us &&
           (!filter->latency_max_us || facts->latency_us <= filter->latency_max_us);
}

bool message_filter_fits(const struct query_filter *filter, const struct message_facts *facts)
{
    return (!filter->directions || filter->directions >> facts->direction & 1) &&
           (!filter->from_ns || facts->wall_ns >= filter->from_ns) &&
           (!filter->to_ns || facts->wall_ns < filter->to_ns) &&
           (!filter->errors || facts->error) && latency_fits(filter, facts) &&
           method_fits(filter, facts) &&
           (!filter->text_len ||
            memmem(facts->bytes.data, facts->bytes.len, filter->text, filter->text_len) != NULL);
}
