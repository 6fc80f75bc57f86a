/*
 * How it works: walk.c checks values; this file walks over the members of the top-level object
 * itself, so that it sees where each value begins and ends, and files those it knows by name. The
 * kind follows from what was seen.
 *
 * How it can fail: not at all; what is wrong with the line stands in the result.
 */
#include "lib/stratum/scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/stratum/walk.h"

#define ID_SEED UINT64_C(0x5374726174756d31) /* any constant: the hash stays inside a process */

struct scanner {
    struct stratum_walk walk;
    struct stratum_scan *out;
    bool has_result; /* the member began, if its value was cut off */
    bool has_error;
};

static inline bool name_is(struct span name, const char *text, size_t len)
{
    return name.len == len && memcmp(name.data, text, len) == 0;
}
#define NAME_IS(name, literal) name_is((name), "" literal, sizeof(literal) - 1)

/* ---- values ---- */

/* null, false, "", [] or {}. `value` is valid JSON. */
static bool value_is_empty(struct span value)
{
    switch (value.data[0]) {
    case 'n':
    case 'f':
        return true;
    case '"':
        return value.len == 2;
    case '[':
    case '{':
        for (size_t i = 1; i < value.len - 1; i++) {
            if (strchr(" \t\r\n", value.data[i]) == NULL)
                return false;
        }
        return true;
    default:
        return false;
    }
}

/* False when the number is no integer or does not fit. */
static bool parse_integer(struct span text, uint64_t *bits)
{
    bool negative = text.data[0] == '-';
    uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t value = 0;
    for (size_t i = negative ? 1 : 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.data[i] - '0';
        if (digit > 9 || value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *bits = negative ? 0 - value : value;
    return true;
}

static struct stratum_id id_of(struct span value)
{
    struct stratum_id id = {STRATUM_ID_NULL, 0};
    char first = value.data[0];
    if (first == 'n')
        return id;
    if (first == '"') {
        id.type = STRATUM_ID_STRING;
        id.value = hash_bytes(ID_SEED, value.data + 1, value.len - 2);
    } else if ((first == '-' || (first >= '0' && first <= '9')) &&
               parse_integer(value, &id.value)) {
        id.type = STRATUM_ID_INTEGER;
    } else {
        id.type = STRATUM_ID_OTHER;
        id.value = hash_bytes(ID_SEED, value.data, value.len);
    }
    return id;
}

bool stratum_id_is_spelled(const struct stratum_id *number, const struct stratum_id *id)
{
    const char *ending = id->type == STRATUM_ID_OTHER ? ".0" : "";
    char text[32];
    if (number->type != STRATUM_ID_INTEGER || id->type < STRATUM_ID_STRING)
        return false;
    int len = snprintf(text, sizeof text, "%" PRId64 "%s", (int64_t)number->value, ending);
    return id->value == hash_bytes(ID_SEED, text, (size_t)len);
}

static void take_method(struct stratum_scan *out, struct span value)
{
    if (value.data[0] == '"') {
        out->method_text = span_make(value.data + 1, value.len - 2);
        out->method = stratum_method_find(out->method_text.data, out->method_text.len);
    } else {
        out->method_text = span_make(NULL, 0);
        out->method = value.data[0] == 'n' ? STRATUM_METHOD_NONE : STRATUM_METHOD_UNKNOWN;
    }
}

/* ---- members ---- */

static void take_member(struct stratum_scan *out, struct span name, struct span value)
{
    if (NAME_IS(name, "id")) {
        out->id_text = value;
        out->id = id_of(value);
    } else if (NAME_IS(name, "method")) {
        take_method(out, value);
    } else if (NAME_IS(name, "params")) {
        out->params = value;
    } else if (NAME_IS(name, "result")) {
        out->result = value;
    } else if (NAME_IS(name, "error")) {
        out->error_text = value;
    } else if (NAME_IS(name, "reject-reason")) {
        out->reject_text = value;
    }
}

/* A number that ends with the line may have lost digits; it is not taken until something follows.
 */
static inline bool may_be_cut(const struct stratum_walk *walk, const uint8_t *value,
                              const uint8_t *behind)
{
    return behind == walk->end && (*value == '-' || (*value >= '0' && *value <= '9'));
}

static const uint8_t *scan_member(struct scanner *scanner, const uint8_t *at)
{
    struct span name;
    const uint8_t *value = stratum_walk_name(&scanner->walk, at, &name);
    if (value == NULL)
        return NULL;
    scanner->has_result = scanner->has_result || NAME_IS(name, "result");
    scanner->has_error = scanner->has_error || NAME_IS(name, "error");
    const uint8_t *behind = stratum_walk_value(&scanner->walk, value);
    if (behind != NULL && !may_be_cut(&scanner->walk, value, behind))
        take_member(scanner->out, name, span_make((const char *)value, (size_t)(behind - value)));
    return behind;
}

static const uint8_t *scan_object(struct scanner *scanner, const uint8_t *at)
{
    bool closed;
    at = stratum_walk_open(&scanner->walk, at, '}', &closed);
    while (at != NULL && !closed) {
        at = scan_member(scanner, at);
        if (at != NULL)
            at = stratum_walk_separator(&scanner->walk, at, '}', &closed);
    }
    return at;
}

/* ---- the line ---- */

static void scan_text(struct scanner *scanner)
{
    struct stratum_walk *walk = &scanner->walk;
    const uint8_t *at = stratum_walk_space(walk, walk->begin);
    if (at == walk->end)
        stratum_walk_stop(walk, STRATUM_FAULT_EMPTY, at);
    else if (*at == '{')
        at = scan_object(scanner, at);
    else
        at = stratum_walk_value(walk, at);
    if (at == NULL || at == walk->end)
        return;
    at = stratum_walk_space(walk, at);
    if (at != walk->end)
        stratum_walk_stop(walk, STRATUM_FAULT_SYNTAX, at);
}

static enum stratum_kind kind_of(const struct scanner *scanner)
{
    const struct stratum_scan *out = scanner->out;
    enum stratum_fault stopped = scanner->walk.stopped;
    if (stopped == STRATUM_FAULT_SYNTAX || stopped == STRATUM_FAULT_EMPTY)
        return STRATUM_OTHER;
    if (out->method != STRATUM_METHOD_NONE) {
        bool open = out->id.type != STRATUM_ID_ABSENT && out->id.type != STRATUM_ID_NULL;
        return open ? STRATUM_REQUEST : STRATUM_NOTIFICATION;
    }
    return scanner->has_result || scanner->has_error ? STRATUM_RESPONSE : STRATUM_OTHER;
}

static bool refuses(const struct stratum_scan *out)
{
    return (out->error_text.len > 0 && !value_is_empty(out->error_text)) ||
           (out->reject_text.len > 0 && !value_is_empty(out->reject_text)) ||
           name_is(out->result, "false", 5);
}

/* Field by field: as one assignment it becomes a `rep stos`, which starts slowly. */
static inline void clear(struct stratum_scan *out)
{
    const struct span absent = {NULL, 0};
    out->kind = STRATUM_OTHER;
    out->method = STRATUM_METHOD_NONE;
    out->id.type = STRATUM_ID_ABSENT;
    out->id.value = 0;
    out->method_text = absent;
    out->id_text = absent;
    out->params = absent;
    out->result = absent;
    out->error_text = absent;
    out->reject_text = absent;
}

static inline void begin(struct scanner *scanner, const char *line, size_t len)
{
    static const uint8_t nothing[1];
    struct stratum_walk *walk = &scanner->walk;
    walk->begin = line != NULL ? (const uint8_t *)line : nothing;
    walk->end = walk->begin + len;
    walk->depth = 0;
    walk->fault = STRATUM_FAULT_NONE;
    walk->fault_at = 0;
    walk->stopped = STRATUM_FAULT_NONE;
    scanner->has_result = false;
    scanner->has_error = false;
}

void stratum_scan_line(struct stratum_scan *out, const char *line, size_t len)
{
    struct scanner scanner;
    scanner.out = out;
    clear(out);
    begin(&scanner, line, len);
    scan_text(&scanner);
    size_t fault_at = scanner.walk.fault_at;
    out->kind = kind_of(&scanner);
    out->error = out->kind == STRATUM_RESPONSE && refuses(out);
    out->fault = scanner.walk.fault;
    out->fault_at = fault_at < UINT32_MAX ? (uint32_t)fault_at : UINT32_MAX;
}
