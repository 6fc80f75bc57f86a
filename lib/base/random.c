/*
 * random.c - getrandom(2) without flags: it waits once, at the boot of a machine, until the kernel
 * has gathered enough, and does not fail afterwards. Should it fail nevertheless (a system-call
 * filter), the program ends: predictable identifiers and keys are worse than none.
 */
#include "lib/base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/bytes.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"

void random_bytes(void *out, size_t len)
{
    unsigned char *bytes = out;

    while (len > 0) {
        ssize_t got = getrandom(bytes, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            log_error("getrandom: %s", strerror(errno));
            abort();
        }
        bytes += got;
        len -= (size_t)got;
    }
}

uint64_t random_u64(void)
{
    uint64_t value;

    random_bytes(&value, sizeof value);
    return value;
}

/* RFC 9562, section 5.7: 48 bits of milliseconds, version, 12 bits rand_a, variant, 62 bits rand_b;
 * rand_a is the fraction of the millisecond (section 6.2, method 3). */
struct uuid uuid_new(int64_t wall_ns)
{
    struct uuid uuid;
    uint64_t ns = wall_ns > 0 ? (uint64_t)wall_ns : 0;
    uint64_t ms = ns / (uint64_t)NS_PER_MS;
    unsigned fraction = (unsigned)(ns % (uint64_t)NS_PER_MS * 4096 / (uint64_t)NS_PER_MS);

    for (int i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    random_bytes(uuid.bytes + 8, 8);
    uuid.bytes[6] = (uint8_t)(0x70u | fraction >> 8);
    uuid.bytes[7] = (uint8_t)fraction;
    uuid.bytes[8] = (uint8_t)(0x80u | (uuid.bytes[8] & 0x3fu));
    return uuid;
}

/* Bytes between the hyphens of the text form. */
static const size_t uuid_groups[] = {4, 2, 2, 2, 6};
#define UUID_GROUP_COUNT (sizeof uuid_groups / sizeof *uuid_groups)

void uuid_format(char *out, const struct uuid *uuid)
{
    const uint8_t *in = uuid->bytes;

    for (size_t i = 0; i < UUID_GROUP_COUNT; i++) {
        if (i > 0)
            *out++ = '-';
        hex_encode(out, in, uuid_groups[i]);
        out += 2 * uuid_groups[i];
        in += uuid_groups[i];
    }
}

bool uuid_parse(struct uuid *out, const char *text, size_t len)
{
    uint8_t *bytes = out->bytes;

    if (len != UUID_TEXT_LEN)
        return false;
    for (size_t i = 0; i < UUID_GROUP_COUNT; i++) {
        if (i > 0 && *text++ != '-')
            return false;
        if (!hex_decode(bytes, text, 2 * uuid_groups[i]))
            return false;
        text += 2 * uuid_groups[i];
        bytes += uuid_groups[i];
    }
    return true;
}

bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}
