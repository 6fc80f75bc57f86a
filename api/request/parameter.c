/* parameter.c - taking a query string apart by its table. */
#include "api/request/parameter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/archive/series_list.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/memory.h"

bool parameter_decode(struct buffer *out, struct span text)
{
    size_t begin = out->len;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (byte == '+')
            byte = ' ';
        else if (byte == '%') {
            if (text.len - i < 3 || !hex_decode(&byte, text.data + i + 1, 2))
                return false;
            i += 2;
        }
        if (byte == '\0')
            return false;
        buffer_append_char(out, byte);
    }
    return out->len == begin ||
           utf8_valid_prefix(out->data + begin, out->len - begin) == out->len - begin;
}

/* ---- values ---- */

static enum status take_text(struct parameter_value *value, const struct parameter *known,
                             struct error *err)
{
    if (value->len >= 1 && value->len <= (size_t)known->most)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID, "%s: %zu bytes are not 1 to %" PRId64, known->name,
                     value->len, known->most);
}

static enum status take_integer(struct parameter_value *value, const struct parameter *known,
                                struct error *err)
{
    char *end;
    errno = 0;
    value->number = strtoll(value->text, &end, 10);
    bool digits = value->len > 0 && strspn(value->text, "-0123456789") == value->len;
    if (digits && !*end && !errno && value->number >= known->least && value->number <= known->most)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID, "%s: %.40s is not %" PRId64 " to %" PRId64, known->name,
                     value->len ? value->text : "nothing", known->least, known->most);
}

static enum status take_choice(struct parameter_value *value, const struct parameter *known,
                               struct error *err)
{
    const char *at = known->choices;
    for (int64_t i = 0; at; i++) {
        size_t len = strcspn(at, "|");
        value->number = i;
        if (len == value->len && memcmp(at, value->text, len) == 0)
            return STATUS_OK;
        at = at[len] ? at + len + 1 : NULL;
    }
    return error_set(err, STATUS_INVALID, "%s: '%.40s' is none of %s", known->name, value->text,
                     known->choices);
}

static enum status take_switch(struct parameter_value *value, const struct parameter *known,
                               struct error *err)
{
    value->number = strcmp(value->text, "true") == 0 || strcmp(value->text, "1") == 0;
    if (value->number || strcmp(value->text, "false") == 0 || strcmp(value->text, "0") == 0)
        return STATUS_OK;
    return error_set(err, STATUS_INVALID, "%s: '%.40s' is neither true nor false", known->name,
                     value->text);
}

/* "500", "0.25": no sign, no exponent. */
static bool read_ms(const char *text, int64_t *us)
{
    static const int64_t unit[] = {1000, 100, 10, 1};
    int64_t behind = 0;
    size_t whole = strspn(text, "0123456789"), digits = 0;
    const char *point = text + whole;
    if (*point == '.')
        digits = strspn(point + 1, "0123456789");
    if (whole == 0 || whole > 12 || digits > 3 || point[digits + (*point == '.')] != '\0' ||
        (*point == '.' && digits == 0))
        return false;
    for (size_t i = 1; i <= digits; i++)
        behind += (point[i] - '0') * unit[i];
    *us = strtoll(text, NULL, 10) * unit[0] + behind;
    return true;
}

static enum status take_ms(struct parameter_value *value, const struct parameter *known,
                           struct error *err)
{
    if (!read_ms(value->text, &value->number))
        return error_set(err, STATUS_INVALID,
                         "%s: '%.40s' is no number of milliseconds such as 2.5", known->name,
                         value->text);
    if (value->number < known->least || value->number > known->most)
        return error_set(err, STATUS_INVALID, "%s: %.40s is not %g to %g", known->name, value->text,
                         (double)known->least / 1e3, (double)known->most / 1e3);
    return STATUS_OK;
}

static enum status take_value(struct parameter_value *value, const struct parameter *known,
                              struct error *err)
{
    switch (known->kind) {
    case PARAMETER_TEXT:
        return take_text(value, known, err);
    case PARAMETER_INTEGER:
        return take_integer(value, known, err);
    case PARAMETER_CHOICE:
        return take_choice(value, known, err);
    case PARAMETER_SWITCH:
        return take_switch(value, known, err);
    case PARAMETER_MS:
        return take_ms(value, known, err);
    case PARAMETER_SESSION:
        if (uuid_parse(&value->uuid, value->text, value->len))
            return STATUS_OK;
        return error_set(err, STATUS_INVALID, "%s: '%.40s' is no UUID", known->name, value->text);
    case PARAMETER_SERIES:
        value->number = (int64_t)series_parse(value->text);
        if (value->number != 0)
            return STATUS_OK;
        return error_set(err, STATUS_INVALID, "%s: '%.40s' is not 16 hexadecimal digits",
                         known->name, value->text);
    case PARAMETER_TIME:
        if (clock_parse(value->text, value->len, &value->number))
            return STATUS_OK;
        return error_set(err, STATUS_INVALID, "%s: '%.40s' is no time such as 2026-11-22T13:53:01Z",
                         known->name, value->text);
    }
    return error_set(err, STATUS_INVALID, "%s: cannot be given", known->name);
}

/* ---- the string ---- */

static enum status take_pair(struct parameters *out, struct span pair, struct error *err)
{
    const char *equals = memchr(pair.data, '=', pair.len);
    size_t name_len = equals ? (size_t)(equals - pair.data) : pair.len;
    for (size_t i = 0; i < out->count; i++) {
        const struct parameter *known = &out->known[i];
        struct parameter_value *value = &out->values[i];
        struct buffer text = {0};
        if (strlen(known->name) != name_len || memcmp(known->name, pair.data, name_len) != 0)
            continue;
        if (value->given)
            return error_set(err, STATUS_INVALID, "%s: given twice", known->name);
        struct span raw = equals ? span_make(equals + 1, pair.len - name_len - 1) : span_text("");
        if (!parameter_decode(&text, raw)) {
            buffer_close(&text);
            return error_set(err, STATUS_INVALID, "%s: not percent-encoded UTF-8", known->name);
        }
        value->given = true;
        value->len = text.len;
        buffer_append_char(&text, '\0');
        value->text = text.data;
        return take_value(value, known, err);
    }
    return error_set(err, STATUS_INVALID, "%.*s: there is no such parameter here",
                     (int)(name_len < 40 ? name_len : 40), pair.data);
}

enum status parameters_parse(struct parameters *out, const struct parameter *known, size_t count,
                             struct span query, struct error *err)
{
    *out = (struct parameters){.known = known, .count = count};
    for (size_t i = 0; i < count; i++)
        out->values[i].number = known[i].fallback;
    while (query.len > 0) {
        const char *and = memchr(query.data, '&', query.len);
        size_t len = and? (size_t)(and-query.data) : query.len;
        if (len > 0) {
            enum status status = take_pair(out, span_make(query.data, len), err);
            if (status != STATUS_OK)
                return status;
        }
        len += and != NULL;
        query = span_make(query.data + len, query.len - len);
    }
    return STATUS_OK;
}

void parameters_close(struct parameters *parameters)
{
    for (size_t i = 0; i < parameters->count; i++)
        free(parameters->values[i].text);
    parameters->count = 0;
}

const struct parameter_value *parameter(const struct parameters *parameters, const char *name)
{
    for (size_t i = 0; i < parameters->count; i++) {
        if (strcmp(parameters->known[i].name, name) == 0)
            return &parameters->values[i];
    }
    abort();
}

int64_t parameter_number(const struct parameters *parameters, const char *name)
{
    return parameter(parameters, name)->number;
}

const char *parameter_text(const struct parameters *parameters, const char *name)
{
    return parameter(parameters, name)->text;
}
