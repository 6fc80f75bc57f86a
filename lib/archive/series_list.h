/*
 * series_list.h - which series a data directory holds beside the recorder's own: the imports.
 *
 * Threads: any.
 */
#ifndef HASHSCOPE_ARCHIVE_SERIES_LIST_H
#define HASHSCOPE_ARCHIVE_SERIES_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

/* The instance that is written as 16 hexadecimal digits, lower case; 0: it is none. */
uint64_t series_parse(const char *text);

struct series_entry {
    uint64_t instance;
    int64_t made_ns; /* when its folder was changed last */
};

/* Newest first. The caller frees the list. Without any: STATUS_OK and a count of 0. */
enum status series_list(const char *data_dir, struct series_entry **out, size_t *count,
                        struct error *err) MUST_CHECK;

#endif
