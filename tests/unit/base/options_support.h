/*
 * options_support.h - for tests of settings: an empty directory, a clean environment, a load with a
 * few arguments. Everything is of the calling test, which has a process of its own.
 */
#ifndef HASHSCOPE_TESTS_UNIT_BASE_OPTIONS_SUPPORT_H
#define HASHSCOPE_TESTS_UNIT_BASE_OPTIONS_SUPPORT_H

#include "lib/base/bytes.h"
#include "lib/base/options.h"

#define ALL_GROUPS ~0u

struct loaded {
    struct settings *settings;
    struct buffer faults; /* ends with a NUL */
    enum status status;
};

/* Goes to a new empty directory with none of the settings in the environment; leave_directory goes
 * back to / and removes it. */
void enter_empty_directory(void);
void leave_directory(void);
void write_file(const char *name, const char *text);

/* settings_load with up to three arguments, the first NULL ends them. */
struct loaded load(unsigned groups, const char *a, const char *b, const char *c);
void unload(struct loaded *loaded);

#endif
