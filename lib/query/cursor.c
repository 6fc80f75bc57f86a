/* cursor.c - places of rows as text: cursors and ids. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/query/query_private.h"

int query_key_compare(const struct query_key *a, const struct query_key *b)
{
    if (a->seq != b->seq)
        return a->seq < b->seq ? -1 : 1;
    return a->rank == b->rank ? 0 : a->rank < b->rank ? -1 : 1;
}

/* Takes `digits` hex digits, then `end`. */
static bool take_hex(const char **at, uint64_t *out, char end)
{
    unsigned char bytes[8];
    if (strnlen(*at, 16) < 16 || !hex_decode(bytes, *at, 16) || (*at)[16] != end)
        return false;
    *out = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        *out = *out << 8 | bytes[i];
    *at += end ? 17 : 16;
    return true;
}

static bool take_decimal(const char **at, uint64_t *out, char end)
{
    const char *digit = *at;
    *out = 0;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, (uint64_t)(*digit - '0'), out))
            return false;
    }
    bool fits = digit > *at && *digit == end;
    *at = digit + (end != '\0');
    return fits;
}

/* 1f2e3d4c5b6a7988-812-4294967295-0123456789abcdef */
void query_cursor_format(char out[QUERY_CURSOR_BYTES], const struct query_key *key, uint64_t hash)
{
    snprintf(out, QUERY_CURSOR_BYTES, "%016" PRIx64 "-%" PRIu64 "-%" PRIu32 "-%016" PRIx64,
             key->instance, key->seq, key->rank, hash);
}

bool query_cursor_parse(const char *text, struct query_key *key, uint64_t hash)
{
    uint64_t rank, made_for;
    if (!take_hex(&text, &key->instance, '-') || !take_decimal(&text, &key->seq, '-') ||
        !take_decimal(&text, &rank, '-') || !take_hex(&text, &made_for, '\0'))
        return false;
    key->rank = (uint32_t)rank;
    return rank <= QUERY_RANK_NUMBERED && made_for == hash;
}

void query_id_format(char out[QUERY_ID_BYTES], uint64_t instance, uint64_t seq)
{
    snprintf(out, QUERY_ID_BYTES, "%016" PRIx64 "-%" PRIu64, instance, seq);
}

bool query_id_parse(const char *text, uint64_t *instance, uint64_t *seq)
{
    return take_hex(&text, instance, '-') && take_decimal(&text, seq, '\0') && *seq > 0;
}
