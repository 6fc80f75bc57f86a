/*
 * error.h - the one list of error codes and the message that goes with them.
 *
 * A function that can fail returns enum status and is marked MUST_CHECK. Where a person will read
 * about the failure it also takes a struct error *, which may be NULL: the function that notices
 * the fault writes what was wrong, where, and what was expected; callers on the way up put in front
 * what they were doing (error_wrap). The first line printed then reads like a sentence:
 * "starting the recorder: opening /data/live/ring: No space left on device".
 *
 * Ownership: struct error is a plain value owned by the caller; nothing is allocated.
 * Threads: any; no shared state.
 */
#ifndef HASHSCOPE_BASE_ERROR_H
#define HASHSCOPE_BASE_ERROR_H

#include <stddef.h>

#if defined(__GNUC__)
#define MUST_CHECK           __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, va) __attribute__((format(printf, fmt, va)))
#else
#define MUST_CHECK
#define PRINTF_LIKE(fmt, va)
#endif

enum status {
    STATUS_OK = 0,
    STATUS_INVALID,     /* bad input: a setting, an argument, a line, a file's content */
    STATUS_NOT_FOUND,   /* the thing named does not exist */
    STATUS_EXISTS,      /* it exists already */
    STATUS_BUSY,        /* somebody else holds it (a lock, a port) */
    STATUS_DENIED,      /* permission */
    STATUS_FULL,        /* a bound was reached: memory, queue, table, disk */
    STATUS_IO,          /* the system refused for another reason; errno's text is in the message */
    STATUS_DAMAGED,     /* a checksum, magic or length does not fit */
    STATUS_UNSUPPORTED, /* a version or feature this build does not know */
    STATUS_TIMEOUT,     /* it took too long */
    STATUS_CLOSED,      /* the other side went away */
    STATUS_END,         /* no more: end of file, of a list, of what is there so far */
};

struct error {
    char text[512]; /* NUL-terminated, without a newline; cut with "..." when too long */
};

/* Sets the message (err may be NULL) and returns `code`, so that a caller can write
 * `return error_set(err, STATUS_INVALID, "...")`. */
enum status error_set(struct error *err, enum status code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As error_set, followed by ": " and the text of `errnum`; the code is the one that fits errnum
 * (ENOENT → NOT_FOUND, EACCES/EPERM → DENIED, ENOSPC/EMFILE/ENOMEM → FULL, EADDRINUSE → BUSY …,
 * else STATUS_IO). */
enum status error_errno(struct error *err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "what was being done: " in front of the message; returns `code` unchanged. */
enum status error_wrap(struct error *err, enum status code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A short English name: "invalid", "not found" … */
const char *status_name(enum status code);

#endif
