/*
 * record.c - names of the enums of record.h as they stand in files, answers and filters.
 */
#include "lib/record/record.h"

#include <string.h>

static const char *const direction_names[DIRECTION_COUNT] = {
    [DIRECTION_MINER_TO_POOL] = "miner_to_pool",
    [DIRECTION_POOL_TO_MINER] = "pool_to_miner",
    [DIRECTION_HASHSCOPE_TO_POOL] = "hashscope_to_pool",
    [DIRECTION_POOL_TO_HASHSCOPE] = "pool_to_hashscope",
};

const char *direction_name(enum direction direction)
{
    return (unsigned)direction < DIRECTION_COUNT ? direction_names[direction] : "unknown";
}

bool direction_parse(const char *text, size_t len, enum direction *out)
{
    for (unsigned i = 0; i < DIRECTION_COUNT; i++) {
        if (strlen(direction_names[i]) == len && memcmp(direction_names[i], text, len) == 0) {
            *out = (enum direction)i;
            return true;
        }
    }
    return false;
}

struct span terminator_bytes(enum terminator terminator)
{
    switch (terminator) {
    case TERMINATOR_NONE:
        return span_make("", 0);
    case TERMINATOR_LF:
        return span_make("\n", 1);
    case TERMINATOR_CRLF:
        return span_make("\r\n", 2);
    }
    return span_make("", 0);
}

const char *session_state_name(enum session_state state)
{
    switch (state) {
    case SESSION_CONNECTING:
        return "connecting";
    case SESSION_OPEN:
        return "open";
    case SESSION_CLOSED:
        return "closed";
    }
    return "unknown";
}
