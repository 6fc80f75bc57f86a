/*
 * random.h - random numbers from the kernel, and UUIDs of version 7 (RFC 9562, section 5.7).
 * Threads: any.
 */
#ifndef HASHSCOPE_BASE_RANDOM_H
#define HASHSCOPE_BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void random_bytes(void *out, size_t len); /* getrandom; aborts if the kernel has none to give */
uint64_t random_u64(void);

struct uuid {
    uint8_t bytes[16]; /* network order, as RFC 9562 prints them */
};

#define UUID_TEXT_LEN 36

/* Version 7 with the wall time's milliseconds in front; the 12 bits behind the version hold the
 * time's sub-millisecond part (RFC 9562, method 3), so UUIDs made in turn sort in that order down
 * to a quarter of a microsecond; the rest is random. */
struct uuid uuid_new(int64_t wall_ns);
void uuid_format(char *out, const struct uuid *uuid); /* UUID_TEXT_LEN characters, no NUL */
bool uuid_parse(struct uuid *out, const char *text, size_t len);
bool uuid_equal(const struct uuid *a, const struct uuid *b);

#endif
