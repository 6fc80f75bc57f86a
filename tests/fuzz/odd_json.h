/*
 * odd_json.h - whether what a program said is strict JSON. Pure; the tree is the caller's.
 */
#ifndef HASHSCOPE_TESTS_FUZZ_ODD_JSON_H
#define HASHSCOPE_TESTS_FUZZ_ODD_JSON_H

#include <jansson.h>

#include "lib/base/bytes.h"

/* An object or array; NULL: it is none, and stderr says why. Integers are read as reals. */
json_t *odd_json(struct span text);

#endif
