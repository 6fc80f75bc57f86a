/*
 * moment.h - moments, and how long something took, as people write them on a command line.
 *
 *   2026-11-22T13:53:01.5Z     RFC 3339, with Z or an offset
 *   2026-11-22 13:53[:01[.5]]  the same without a zone: UTC, as all times are shown
 *   2026-11-22                 the beginning of that day
 *   13:53[:01[.5]]             that time of day: the last one before now; as an end, the first one
 *                              behind the beginning, if there is a beginning
 *   -2h, -90s, -1d12h          so long before now (w, d, h, m, s)
 *   +5m                        as an end: so long behind the beginning
 *   now, today, yesterday      the last two: the beginning of the day
 *
 * Times are wall time in nanoseconds since 1970, UTC. Pure; threads: any.
 */
#ifndef HASHSCOPE_COMMAND_MOMENT_H
#define HASHSCOPE_COMMAND_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* What a message says was expected. */
#define MOMENT_FORMS                                                                               \
    "a time such as 2026-11-22T13:53:01Z, 2026-11-22 13:53, 2026-11-22, 13:53, -2h, -1d12h, now, " \
    "today or yesterday"

#define MOMENT_NONE INT64_MIN /* no beginning */

/* False when the text is no moment. `begin`: what +5m counts from and 13:53 looks behind;
 * MOMENT_NONE: the text is a beginning itself, or an end without one. */
bool moment_parse(const char *text, int64_t now_ns, int64_t begin_ns, int64_t *out_ns);

/* What a message says was expected. */
#define MOMENT_WAIT_FORMS "a time such as 500ms, 2.5ms, 250us or 2s"

/* How long something took: a number, maybe with digits behind a point, and us, ms or s; at most a
 * day. Microseconds, what is less cut off. */
bool moment_parse_wait(const char *text, int64_t *out_us);

#endif
