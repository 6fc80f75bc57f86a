/* access_log.c - see access_log.h. log.h escapes what clients sent and cuts it. */
#include "api/rest/access_log.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"

#define FORMAT "access: %s %.16s %.256s %d %llu bytes in %.3f ms"

void access_log(const struct access_entry *entry)
{
    double ms = (double)entry->took_ns / (double)NS_PER_MS;
    unsigned long long bytes = entry->bytes;

    if (strcmp(entry->path, "/health") == 0 || strcmp(entry->path, "/metrics") == 0)
        log_debug(FORMAT, entry->peer, entry->method, entry->path, entry->status, bytes, ms);
    else
        log_info(FORMAT, entry->peer, entry->method, entry->path, entry->status, bytes, ms);
}
