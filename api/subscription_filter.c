/*
 * subscription_filter.c - what a reader asked for, read from a query string and held against
 * messages. Pure. Names and meaning are those of GET /api/messages.
 */
#include <stdlib.h>
#include <string.h>

#include "api/subscription.h"
#include "lib/stratum/scan.h"

#define VALUE_MAX 1024 /* bytes of one parameter, decoded */

struct parameter {
    struct span name;
    char value[VALUE_MAX + 1];
    size_t len;
};

/* ---- the query string ---- */

/* application/x-www-form-urlencoded; false: malformed, or longer than VALUE_MAX. */
static bool decode(struct parameter *out, struct span text)
{
    out->len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];

        if (out->len >= VALUE_MAX)
            return false;
        if (byte == '%') {
            if (text.len - i < 3 || !hex_decode(&byte, text.data + i + 1, 2))
                return false;
            i += 2;
        } else if (byte == '+') {
            byte = ' ';
        }
        out->value[out->len++] = byte;
    }
    out->value[out->len] = '\0';
    return true;
}

static struct span cut_at(struct span *rest, char mark)
{
    const char *found = rest->len == 0 ? NULL : memchr(rest->data, mark, rest->len);
    size_t len = found == NULL ? rest->len : (size_t)(found - rest->data);
    struct span part = span_make(rest->data, len);
    size_t used = found == NULL ? len : len + 1;

    *rest = used == 0 ? *rest : span_make(rest->data + used, rest->len - used);
    return part;
}

/* ---- one parameter ---- */

static enum status read_switch(bool *out, const struct parameter *from, struct error *err)
{
    struct span value = span_make(from->value, from->len);

    *out = span_equal_text(value, "1") || span_equal_text(value, "true");
    if (*out || span_equal_text(value, "0") || span_equal_text(value, "false"))
        return STATUS_OK;
    return error_set(err, STATUS_INVALID, "%.*s: expected true or false", (int)from->name.len,
                     from->name.data);
}

static enum status read_text(char out[SUBSCRIPTION_TEXT], size_t *len, const struct parameter *from,
                             struct error *err)
{
    if (from->len > SUBSCRIPTION_TEXT)
        return error_set(err, STATUS_INVALID, "%.*s: longer than %d bytes", (int)from->name.len,
                         from->name.data, SUBSCRIPTION_TEXT);
    memcpy(out, from->value, from->len);
    *len = from->len;
    return STATUS_OK;
}

static enum status read_session(struct subscription_filter *out, const struct parameter *from,
                                struct error *err)
{
    out->has_session = from->len > 0;
    if (out->has_session && !uuid_parse(&out->session, from->value, from->len))
        return error_set(err, STATUS_INVALID, "session_id: expected a UUID");
    return STATUS_OK;
}

static enum status read_direction(struct subscription_filter *out, const struct parameter *from,
                                  struct error *err)
{
    out->has_direction = from->len > 0;
    if (out->has_direction && !direction_parse(from->value, from->len, &out->direction))
        return error_set(err, STATUS_INVALID,
                         "direction: expected miner_to_pool, pool_to_miner, hashscope_to_pool or "
                         "pool_to_hashscope");
    return STATUS_OK;
}

static enum status read_parameter(struct subscription_filter *out, const struct parameter *from,
                                  struct error *err)
{
    if (span_equal_text(from->name, "session_id"))
        return read_session(out, from, err);
    if (span_equal_text(from->name, "direction"))
        return read_direction(out, from, err);
    if (span_equal_text(from->name, "method"))
        return read_text(out->method, &out->method_len, from, err);
    if (span_equal_text(from->name, "q"))
        return read_text(out->text, &out->text_len, from, err);
    if (span_equal_text(from->name, "errors"))
        return read_switch(&out->errors, from, err);
    if (span_equal_text(from->name, "batch"))
        return read_switch(&out->batch, from, err);
    return error_set(err, STATUS_INVALID,
                     "no such parameter; there are session_id, direction, method, q, errors and "
                     "batch");
}

enum status subscription_filter_parse(struct subscription_filter *out, struct span query,
                                      struct error *err)
{
    struct parameter parameter;
    enum status status = STATUS_OK;

    *out = (struct subscription_filter){.has_session = false};
    while (query.len > 0 && status == STATUS_OK) {
        struct span pair = cut_at(&query, '&');

        if (pair.len == 0)
            continue;
        parameter.name = cut_at(&pair, '=');
        if (!decode(&parameter, pair))
            return error_set(err, STATUS_INVALID, "a parameter is malformed or too long");
        status = read_parameter(out, &parameter, err);
    }
    return status;
}

/* ---- a message ---- */

/* "submit" stands for "mining.submit". */
static bool method_fits(const struct subscription_filter *filter, struct span name)
{
    static const char prefix[] = "mining.";
    size_t skip = sizeof(prefix) - 1;

    if (name.len == filter->method_len && memcmp(name.data, filter->method, name.len) == 0)
        return true;
    return name.len == filter->method_len + skip && memcmp(name.data, prefix, skip) == 0 &&
           memcmp(name.data + skip, filter->method, filter->method_len) == 0;
}

static bool session_fits(const struct subscription_filter *filter, struct span session)
{
    char text[UUID_TEXT_LEN];

    uuid_format(text, &filter->session);
    return session.len == UUID_TEXT_LEN && memcmp(session.data, text, UUID_TEXT_LEN) == 0;
}

static bool content_fits(const struct subscription_filter *filter, const struct segment_line *line,
                         struct span bytes)
{
    struct stratum_scan scan = {.method = STRATUM_METHOD_NONE};

    if (filter->text_len > 0 &&
        (bytes.len == 0 || memmem(bytes.data, bytes.len, filter->text, filter->text_len) == NULL))
        return false;
    if (filter->method_len == 0 && !filter->errors)
        return true;
    if (line->is_fragment)
        scan.method_text = line->method;
    else
        stratum_scan_line(&scan, bytes.data, bytes.len);
    return (filter->method_len == 0 ||
            (scan.method_text.len > 0 && method_fits(filter, scan.method_text))) &&
           (!filter->errors || scan.error);
}

bool subscription_filter_fits(const struct subscription_filter *filter, const struct query_row *row,
                              struct span bytes)
{
    const struct segment_line *line = &row->line;

    return line->is_message && (!filter->has_direction || line->direction == filter->direction) &&
           (!filter->has_session || session_fits(filter, line->session)) &&
           content_fits(filter, line, bytes);
}
