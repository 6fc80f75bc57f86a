/*
 * clock.h - the two clocks, and times as text.
 *
 * Wall time (CLOCK_REALTIME) says when; it can be set. Monotonic time (CLOCK_MONOTONIC) says how
 * long; it never goes back, and has no meaning after a reboot. Both are int64_t nanoseconds.
 * Threads: any.
 */
#ifndef HASHSCOPE_BASE_CLOCK_H
#define HASHSCOPE_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

int64_t clock_wall_ns(void);
int64_t clock_mono_ns(void);

/* Times out of files and from outside may be anything: these stop at the ends of int64_t. Each is
 * what its name says: count * unit (NS_PER_US …), a file's time, ns + more, to_ns - from_ns. */
int64_t clock_ns(int64_t count, int64_t unit);
int64_t clock_of_file(struct timespec at);
int64_t clock_later(int64_t ns, int64_t more);
int64_t clock_between(int64_t from_ns, int64_t to_ns);

/* Length of "2026-11-22T13:53:01.123456Z", without the NUL. */
#define CLOCK_TEXT_LEN 27

/* Writes exactly CLOCK_TEXT_LEN characters and no NUL: RFC 3339, UTC, microseconds (cut, not
 * rounded). Years 0001 to 9999; a time outside is clamped. */
void clock_format(char *out, int64_t wall_ns);

/* The same for many times close together: keeps the text of the last second and rewrites only the
 * microseconds (about 10 ns). Start with a zeroed struct. */
struct clock_formatter {
    int64_t second;
    char text[CLOCK_TEXT_LEN];
    bool valid;
};
void clock_formatter_write(struct clock_formatter *formatter, char *out, int64_t wall_ns);

/* Reads RFC 3339 with Z or an offset and up to nine decimals. False when it is not one. */
bool clock_parse(const char *text, size_t len, int64_t *wall_ns);

#endif
