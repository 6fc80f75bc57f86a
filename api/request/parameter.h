/*
 * parameter.h - the parameters of a query string, held against a table before anybody uses them:
 * names, types, bounds and defaults stand in one place, and what is not in the table is refused.
 *
 * Ownership: struct parameters owns the texts; parameters_close frees them. Pure. Threads: any.
 */
#ifndef HASHSCOPE_API_REQUEST_PARAMETER_H
#define HASHSCOPE_API_REQUEST_PARAMETER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/base/random.h"

#define PARAMETERS_MAX 20

enum parameter_kind {
    PARAMETER_TEXT,    /* 1 to `most` bytes of UTF-8 */
    PARAMETER_INTEGER, /* least to most */
    PARAMETER_CHOICE,  /* one of `choices`; the value is its place among them */
    PARAMETER_SWITCH,  /* true, false, 1, 0 */
    PARAMETER_SESSION, /* a UUID */
    PARAMETER_SERIES,  /* the instance of an import; the value is its bits */
    PARAMETER_TIME,    /* RFC 3339, with Z or an offset; nanoseconds */
    PARAMETER_MS,      /* milliseconds, up to three digits behind the point; microseconds, least to
                          most */
};

struct parameter {
    const char *name;
    enum parameter_kind kind;
    int64_t least, most;
    int64_t fallback;    /* when it is not given */
    const char *choices; /* "live|archive|all" */
};

struct parameter_value {
    bool given;
    int64_t number; /* of all kinds but TEXT and SESSION */
    struct uuid uuid;
    char *text; /* decoded, with a NUL behind it */
    size_t len;
};

struct parameters {
    const struct parameter *known;
    size_t count;
    struct parameter_value values[PARAMETERS_MAX];
};

/* `query`: percent-encoded, without its question mark; may be {NULL, 0}. STATUS_INVALID with
 * "limit: 5000 is not 1 to 1000". To be closed in either case. */
enum status parameters_parse(struct parameters *out, const struct parameter *known, size_t count,
                             struct span query, struct error *err) MUST_CHECK;
void parameters_close(struct parameters *parameters);

/* Of a parameter that is in the table; one that is not is a fault of the program, which aborts. */
const struct parameter_value *parameter(const struct parameters *parameters, const char *name);
int64_t parameter_number(const struct parameters *parameters, const char *name);
const char *parameter_text(const struct parameters *parameters, const char *name); /* or NULL */

/* Percent and plus signs decoded; false: malformed, a NUL, or no UTF-8. Appends. */
bool parameter_decode(struct buffer *out, struct span text);

#endif
