/*
 * check.h - who can reach the API as it is configured, and with what: `hashscope api --check`.
 * Threads: one.
 */
#ifndef HASHSCOPE_API_ACCESS_CHECK_H
#define HASHSCOPE_API_ACCESS_CHECK_H

#include <stdio.h>

#include "lib/base/options.h"

/* Prints what holds and what is risky. 0: nothing is; 1: something is; 2: a setting is wrong. */
int access_check_print(const struct settings *settings, FILE *out);

#endif
