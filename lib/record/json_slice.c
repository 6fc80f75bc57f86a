/*
 * json_slice.c - see json_slice.h. Containers are skipped by counting brackets outside of strings,
 * so nesting costs no stack.
 */
#include "lib/record/json_slice.h"

#include <string.h>

const char *json_skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

bool json_u64(struct span value, uint64_t *out)
{
    uint64_t number = 0;
    if (value.len == 0 || value.len > 20)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        unsigned digit = (unsigned char)value.data[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, digit, &number))
            return false;
    }
    *out = number;
    return true;
}

/* `at` is the opening quote. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '"')
            return at + 1;
        if (*at == '\\' && ++at == end)
            return NULL;
    }
    return NULL;
}

static const char *skip_container(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            if (!(at = skip_string(at, end)))
                return NULL;
            continue;
        }
        if (*at == '[' || *at == '{')
            depth++;
        else if ((*at == ']' || *at == '}') && --depth == 0)
            return at + 1;
        at++;
    }
    return NULL;
}

static const char *skip_scalar(const char *at, const char *end)
{
    const char *begin = at;
    while (at<end && * at> ' ' && *at != ',' && *at != ']' && *at != '}' && *at != ':' &&
           *at != '"')
        at++;
    return at > begin ? at : NULL;
}

const char *json_skip_value(const char *at, const char *end)
{
    at = json_skip_space(at, end);
    if (at >= end)
        return NULL;
    if (*at == '"')
        return skip_string(at, end);
    if (*at == '[' || *at == '{')
        return skip_container(at, end);
    return skip_scalar(at, end);
}

/* Takes the value at *at and moves behind it and the comma that follows; false at the end. */
static bool take_value(const char **at, const char *end, struct span *out)
{
    const char *begin = json_skip_space(*at, end);
    const char *behind = json_skip_value(begin, end);
    if (!behind)
        return false;
    *out = span_make(begin, (size_t)(behind - begin));
    *at = json_skip_space(behind, end);
    if (*at < end && **at == ',')
        ++*at;
    return true;
}

bool json_element(struct span array, unsigned index, struct span *out)
{
    if (array.len < 2 || array.data[0] != '[')
        return false;
    const char *at = array.data + 1, *end = array.data + array.len - 1;
    for (;; index--) {
        if (!take_value(&at, end, out))
            return false;
        if (index == 0)
            return true;
    }
}

static bool take_colon(const char **at, const char *end)
{
    *at = json_skip_space(*at, end);
    if (*at >= end || **at != ':')
        return false;
    ++*at;
    return true;
}

bool json_member(struct span object, const char *name, struct span *out)
{
    struct span key, value;
    bool found = false;
    if (object.len < 2 || object.data[0] != '{')
        return false;
    const char *at = object.data + 1, *end = object.data + object.len - 1;
    while (take_value(&at, end, &key) && take_colon(&at, end) && take_value(&at, end, &value)) {
        if (json_is_string(key) && span_equal_text(span_make(key.data + 1, key.len - 2), name)) {
            *out = value;
            found = true;
        }
    }
    return found;
}
