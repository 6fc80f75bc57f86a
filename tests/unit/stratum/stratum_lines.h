/* stratum_lines.h - what the tests of the scanner share: a scan that also looks for reads beyond.
 */
#ifndef HASHSCOPE_TESTS_UNIT_STRATUM_STRATUM_LINES_H
#define HASHSCOPE_TESTS_UNIT_STRATUM_STRATUM_LINES_H

#include <stdlib.h>
#include <string.h>

#include "lib/stratum/scan.h"
#include "tests/unit/unit.h"

/* Scans a copy that ends where the line ends, so that a sanitizer sees every byte read beyond. The
 * spans of the result point into `line`. */
static inline struct stratum_scan scan_bytes(const char *line, size_t len)
{
    struct stratum_scan copied, scan;
    char *copy = malloc(len > 0 ? len : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, line, len);
    stratum_scan_line(&copied, copy, len);
    free(copy);
    stratum_scan_line(&scan, line, len);
    ck_assert_int_eq(copied.fault, scan.fault);
    ck_assert_int_eq(copied.kind, scan.kind);
    ck_assert_uint_eq(copied.id.value, scan.id.value);
    return scan;
}

static inline struct stratum_scan scan_text(const char *line)
{
    return scan_bytes(line, strlen(line));
}

#endif
