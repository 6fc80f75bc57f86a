/*
 * recorder_proxy_header_fuzz.c - any bytes as a PROXY header: never read beyond them, and what is
 * read can be written and read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header header, again;
    struct error err;
    char *copy = malloc(size ? size : 1); /* exact, so that the sanitizer sees an overrun */
    memcpy(copy, data, size);
    if (proxy_header_parse(&header, copy, size, &err) == STATUS_OK) {
        char out[PROXY_HEADER_MAX];
        if (header.len > size)
            abort();
        for (int version = 1; !header.local && version <= 2; version++) {
            size_t len = proxy_header_format(out, version, &header.source, &header.destination);
            if (proxy_header_parse(&again, out, len, &err) != STATUS_OK || again.len != len ||
                memcmp(&again.source, &header.source, sizeof again.source) != 0)
                abort();
        }
    }
    free(copy);
    return 0;
}
