/*
 * option_value.h - the text of one setting against its row of the table.
 * Threads: any; no state.
 */
#ifndef HASHSCOPE_BASE_OPTION_VALUE_H
#define HASHSCOPE_BASE_OPTION_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/options.h"

/* True when the text is a value that the row allows; *number is the integer, the bytes, or 0 and 1
 * for a boolean, and 0 for texts. */
bool option_parse(const struct option_row *row, const char *text, int64_t *number);

/* Appends what option_parse wants: "an integer from 1 to 65535". */
void option_append_expected(struct buffer *out, const struct option_row *row);

/* Appends a size in the largest unit that fits without a rest: 64M, 1500. */
void option_append_size(struct buffer *out, int64_t bytes);

#endif
