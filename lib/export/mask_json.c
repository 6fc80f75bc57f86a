/*
 * mask_json.c - takes JSON apart, strictly in its structure and leniently in its strings, whose
 * bytes may be any, and masks on the way: what is seen to be a login when it ends is masked then.
 *
 * Whatever passes here is read alike by strict and by lenient readers, since no byte of it is
 * outside of JSON's structure. All else ends the walk: NULL.
 */
#include <string.h>

#include "lib/export/mask_text.h"
#include "lib/record/json_slice.h"

#define DEPTH_MAX       64
#define METHOD_MAX      4096
#define LOGIN_DEPTH_MAX 8 /* a message, or one of a batch; bounds how often bytes are masked */

struct walk {
    char *end;
    struct buffer *plain;
};

/* ---- masking a value that was walked over ---- */

/* Of an exponent all digits but the last become 0: what a double holds stays so. */
void mask_all(char *at, const char *end)
{
    bool inside = false, exponent = false;
    for (; at < end; at++) {
        if (inside && *at == '\\' && at + 1 < end)
            *at++ = 'x'; /* what is escaped may be a quote */
        else if (*at == '"') {
            inside = !inside;
            continue;
        }
        if (inside)
            *at = 'x';
        else if (*at >= '0' && *at <= '9')
            *at = exponent && at + 1 < end && at[1] >= '0' && at[1] <= '9' ? '0' : '1';
        else if (*at != '+' && *at != '-')
            exponent = *at == 'e' || *at == 'E';
    }
}

/* Behind the value at `at`, which is known to be one. */
static char *behind_value(char *at, const char *end)
{
    return at + (json_skip_value(at, end) - at);
}

/* The next value of a container, behind white space, comma and colon; NULL: there is none. */
static char *next_value(char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n,:", *at) != NULL)
        at++;
    return at + 1 < end ? at : NULL;
}

/* A member that says who and what, not with which password. */
static bool is_public(struct span name, char value)
{
    static const char *const names[] = {"id",      "jsonrpc", "method",   "worker", "login",
                                        "user",    "name",    "username", "agent",  "rigid",
                                        "account", "wallet",  "address"};
    if (span_equal_text(name, "algo") || span_equal_text(name, "algo-perf"))
        return true;
    if (value == '[' || value == '{')
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (span_equal_text(name, names[i]))
            return true;
    }
    return false;
}

static void mask_parameters(char *begin, const char *end);

/* Parameters by position: the first says who. */
static void mask_elements(char *begin, const char *end)
{
    char *at = next_value(begin + 1, end);
    for (bool first = true; at != NULL; first = false) {
        char *behind = behind_value(at, end);
        if (!first)
            mask_all(at, behind);
        else if (*at == '[' || *at == '{')
            mask_parameters(at, behind);
        at = next_value(behind, end);
    }
}

/* Of the login itself, or of its named parameters, in whose values nothing is public. */
static void mask_members(char *begin, const char *end, bool login)
{
    char *name = next_value(begin + 1, end);
    while (name != NULL) {
        char *behind = behind_value(name, end);
        struct span text = span_make(name + 1, (size_t)(behind - name) - 2);
        char *value = next_value(behind, end);
        if (value == NULL)
            return;
        behind = behind_value(value, end);
        if (!is_public(text, *value))
            (login ? mask_parameters : mask_all)(value, behind);
        name = next_value(behind, end);
    }
}

/* What a login has beside its method. */
static void mask_parameters(char *begin, const char *end)
{
    if (*begin == '[')
        mask_elements(begin, end);
    else if (*begin == '{')
        mask_members(begin, end, false);
    else
        mask_all(begin, end);
}

/* ---- walking ---- */

static char *skip_space(const struct walk *walk, char *at)
{
    return at + (json_skip_space(at, walk->end) - at);
}

static char *walk_escape(const struct walk *walk, char *at)
{
    if (at == walk->end || *at == '\0')
        return NULL;
    if (*at != 'u')
        return strchr("\"\\/bfnrt", *at) != NULL ? at + 1 : NULL;
    if (walk->end - at < 5)
        return NULL;
    for (int i = 1; i <= 4; i++) {
        if (at[i] == '\0' || strchr("0123456789abcdefABCDEF", at[i]) == NULL)
            return NULL;
    }
    return at + 5;
}

/* `at` is the opening quote. */
static char *walk_string(const struct walk *walk, char *at)
{
    for (at++; at < walk->end;) {
        if (*at == '"')
            return at + 1;
        if (*at++ != '\\')
            continue;
        at = walk_escape(walk, at);
        if (at == NULL)
            return NULL;
    }
    return NULL;
}

static size_t count_digits(const char *at, const char *end)
{
    size_t len = 0;
    while (at + len < end && at[len] >= '0' && at[len] <= '9')
        len++;
    return len;
}

static bool is_number(struct span text)
{
    const char *at = text.data, *end = text.data + text.len;
    at += at < end && *at == '-';
    size_t len = count_digits(at, end);
    if (len == 0 || (*at == '0' && len > 1))
        return false;
    at += len;
    if (at < end && *at == '.') {
        len = count_digits(at + 1, end);
        if (len == 0)
            return false;
        at += len + 1;
    }
    if (at == end || (*at != 'e' && *at != 'E'))
        return at == end;
    at++;
    at += at < end && (*at == '+' || *at == '-');
    len = count_digits(at, end);
    return len > 0 && at + len == end;
}

static char *walk_scalar(const struct walk *walk, char *at)
{
    char *begin = at;
    while (at<walk->end && * at> ' ' && strchr(",:]}[{\"", *at) == NULL)
        at++;
    struct span text = span_make(begin, (size_t)(at - begin));
    bool known = span_equal_text(text, "true") || span_equal_text(text, "false") ||
                 span_equal_text(text, "null") || is_number(text);
    return known ? at : NULL;
}

static char *walk_value(const struct walk *walk, char *at, unsigned depth);

/* Behind the comma, or with *closed behind the bracket. */
static char *walk_separator(const struct walk *walk, char *at, char bracket, bool *closed)
{
    at = skip_space(walk, at);
    if (at == walk->end)
        return NULL;
    *closed = *at == bracket;
    return *closed ? at + 1 : *at == ',' ? skip_space(walk, at + 1) : NULL;
}

static char *walk_array(const struct walk *walk, char *at, unsigned depth)
{
    bool closed = false;
    at = skip_space(walk, at + 1);
    if (at < walk->end && *at == ']')
        return at + 1;
    while (at != NULL && !closed) {
        at = walk_value(walk, at, depth + 1);
        if (at != NULL)
            at = walk_separator(walk, at, ']', &closed);
    }
    return at;
}

/* A method too long to be one is taken for a login's. */
static bool is_login(const struct walk *walk, struct span name, struct span value)
{
    return mask_reads_as(name, "method", walk->plain) &&
           (value.len > METHOD_MAX || (mask_speaks_of(value, walk->plain) & MASK_LOGIN) != 0);
}

/* A member; *login: it makes its object one. */
static char *walk_member(const struct walk *walk, char *at, unsigned depth, bool *login)
{
    if (at == walk->end || *at != '"')
        return NULL;
    char *name = at + 1;
    char *behind = walk_string(walk, at);
    if (behind == NULL)
        return NULL;
    struct span text = span_make(name, (size_t)(behind - name) - 1);
    char *value = skip_space(walk, behind);
    if (value == walk->end || *value != ':')
        return NULL;
    value = skip_space(walk, value + 1);
    behind = walk_value(walk, value, depth + 1);
    if (behind == NULL)
        return NULL;
    if (is_login(walk, text, span_make(value, (size_t)(behind - value))))
        *login = true;
    if (mask_speaks_of(text, walk->plain) & MASK_PASSWORD)
        mask_all(value, behind);
    return behind;
}

static char *walk_object(const struct walk *walk, char *begin, unsigned depth)
{
    bool closed = false, login = false;
    char *at = skip_space(walk, begin + 1);
    if (at < walk->end && *at == '}')
        return at + 1;
    while (at != NULL && !closed) {
        at = walk_member(walk, at, depth, &login);
        if (at != NULL)
            at = walk_separator(walk, at, '}', &closed);
    }
    if (at == NULL || !login)
        return at;
    if (depth > LOGIN_DEPTH_MAX)
        return NULL;
    mask_members(begin, at, true);
    return at;
}

static char *walk_value(const struct walk *walk, char *at, unsigned depth)
{
    if (at == walk->end)
        return NULL;
    if (*at == '{' || *at == '[') {
        if (depth > DEPTH_MAX)
            return NULL;
        return (*at == '{' ? walk_object : walk_array)(walk, at, depth);
    }
    return *at == '"' ? walk_string(walk, at) : walk_scalar(walk, at);
}

bool mask_json(char *text, size_t len, struct buffer *plain)
{
    const struct walk walk = {text + len, plain};
    static const char mark[] = "\xef\xbb\xbf"; /* that some senders put in front of UTF-8 */
    char *at = text;
    if (len >= 3 && memcmp(text, mark, 3) == 0)
        at += 3;
    at = skip_space(&walk, at);
    bool first = true;
    while (at != NULL && at < walk.end) {
        bool scalar = *at != '{' && *at != '[';
        at = walk_value(&walk, at, 1);
        if (at != NULL)
            at = skip_space(&walk, at);
        if (scalar && (!first || at != walk.end))
            return false; /* words of somebody's own */
        first = false;
    }
    return at != NULL;
}
