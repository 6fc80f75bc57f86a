/* odd_json.c - a strict reading of JSON by jansson, which only knows no NUL in the name of a
 * member, which JSON may have: there U+0001 is read in its place. */
#include "tests/fuzz/odd_json.h"

#include <stdio.h>
#include <string.h>

json_t *odd_json(struct span text)
{
    static const char nul[] = "\\u0000";
    struct buffer copy = {0};
    json_error_t fault;
    buffer_append(&copy, text.data, text.len);
    char *at = copy.data;
    while (at && (at = memmem(at, copy.len - (size_t)(at - copy.data), nul, sizeof nul - 1)))
        at[sizeof nul - 2] = '1';
    json_t *tree = json_loadb(copy.data, copy.len, JSON_DECODE_INT_AS_REAL, &fault);
    if (!tree)
        fprintf(stderr, "%s, at %d: %.*s\n", fault.text, fault.position, (int)text.len, text.data);
    buffer_close(&copy);
    return tree;
}
