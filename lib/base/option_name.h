/*
 * option_name.h - names of settings: finding a row, the flag of a name, the name that was meant.
 * Threads: any; no state.
 */
#ifndef HASHSCOPE_BASE_OPTION_NAME_H
#define HASHSCOPE_BASE_OPTION_NAME_H

#include "lib/base/bytes.h"
#include "lib/base/options.h"

/* Index of the row with that name; option_count when there is none. Case matters. */
size_t option_find(struct span name);

/* Index of the row whose name is most like `name`; option_count when none is like it. */
size_t option_nearest(struct span name);

/* Appends the flag without its hyphens: POOL_HOST → pool-host. */
void option_append_flag(struct buffer *out, const char *name);

/* What a section of rows is called: that of the lowest group. */
const char *option_section(const struct option_row *row);

#endif
