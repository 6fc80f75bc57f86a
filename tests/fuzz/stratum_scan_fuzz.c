/*
 * The scanner against jansson. Whatever the scanner lets into the archive jansson must be able to
 * read, and the members must be those jansson finds; what the scanner calls no JSON jansson must
 * refuse. Known differences, allowed for below:
 *   - jansson refuses a NUL in a member's name, which RFC 8259 allows;
 *   - jansson takes a number's value from strtod, which agrees with the scanner on what is finite;
 *     integers beyond 64 bits are only read with JSON_DECODE_INT_AS_REAL;
 *   - jansson reads what the scanner faults for the archive's sake: raw CR or LF as white space,
 *     nesting above 64;
 *   - jansson skips raw NULs between tokens, which are no JSON;
 *   - the scanner refuses exponents of more than 18 digits unseen.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/stratum/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static bool inside(struct span part, const char *line, size_t size)
{
    return part.len == 0 || (part.data >= line && part.data + part.len <= line + size);
}

static void check_spans(const struct stratum_scan *scan, const char *line, size_t size)
{
    REQUIRE(inside(scan->method_text, line, size));
    REQUIRE(inside(scan->id_text, line, size));
    REQUIRE(inside(scan->params, line, size));
    REQUIRE(inside(scan->result, line, size));
    REQUIRE(inside(scan->error_text, line, size));
    REQUIRE(inside(scan->reject_text, line, size));
    REQUIRE(scan->fault_at <= size);
    REQUIRE(scan->fault != STRATUM_FAULT_NONE || scan->fault_at == 0);
}

/* A span must hold the value that the tree has under that name. A name that jansson knows may have
 * been written with escapes, which the scanner does not follow; so absence proves nothing. */
static void check_member(const json_t *tree, const char *name, struct span raw)
{
    if (raw.len == 0)
        return;
    json_error_t where;
    json_t *value = json_loadb(raw.data, raw.len,
                               JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &where);
    REQUIRE(value != NULL);
    REQUIRE(json_object_get(tree, name) != NULL);
    json_decref(value);
}

static void check_tree(const struct stratum_scan *scan, const json_t *tree)
{
    check_member(tree, "id", scan->id_text);
    check_member(tree, "params", scan->params);
    check_member(tree, "result", scan->result);
    check_member(tree, "error", scan->error_text);
    check_member(tree, "reject-reason", scan->reject_text);
    if (!json_is_object(tree))
        REQUIRE(scan->kind == STRATUM_OTHER);
    if (scan->kind == STRATUM_REQUEST || scan->kind == STRATUM_NOTIFICATION)
        REQUIRE(json_object_get(tree, "method") != NULL);
}

static void compare_with_jansson(const struct stratum_scan *scan, const char *line, size_t size)
{
    json_error_t where;
    json_t *tree =
        json_loadb(line, size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &where);
    bool nul_in_name = strstr(where.text, "NUL byte in object key") != NULL;
    if (scan->fault == STRATUM_FAULT_NONE)
        REQUIRE(tree != NULL || nul_in_name);
    if (tree == NULL)
        return;
    if (memchr(line, '\0', size) == NULL)
        REQUIRE(scan->fault == STRATUM_FAULT_NONE || scan->fault == STRATUM_FAULT_CR ||
                scan->fault == STRATUM_FAULT_CONTROL || scan->fault == STRATUM_FAULT_DEPTH ||
                scan->fault == STRATUM_FAULT_NUMBER);
    if (scan->fault == STRATUM_FAULT_NONE)
        check_tree(scan, tree);
    json_decref(tree);
}

/* Where a line is cut off does not add a fault that was not there. (A bare number is left out: cut
 * before its exponent, it is another number and no line that is cut off.) */
static void check_prefix(const struct stratum_scan *whole, const char *line, size_t cut)
{
    struct stratum_scan scan;
    stratum_scan_line(&scan, line, cut);
    if (whole->fault == STRATUM_FAULT_NONE)
        REQUIRE(scan.fault == STRATUM_FAULT_NONE || scan.fault == STRATUM_FAULT_TRUNCATED ||
                scan.fault == STRATUM_FAULT_EMPTY);
    else if (scan.fault != STRATUM_FAULT_NONE && scan.fault != STRATUM_FAULT_TRUNCATED &&
             scan.fault != STRATUM_FAULT_EMPTY)
        REQUIRE(scan.fault == whole->fault && scan.fault_at == whole->fault_at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stratum_scan scan;
    const char *line = (const char *)data;
    stratum_scan_line(&scan, line, size);
    check_spans(&scan, line, size);
    compare_with_jansson(&scan, line, size);
    if (size > 0 && (line[0] == '{' || line[0] == '[')) {
        check_prefix(&scan, line, size / 2);
        check_prefix(&scan, line, size - 1);
    }
    return 0;
}
