/*
 * log.h - one line per event on stderr, as text or as JSON.
 *
 * text:  2026-11-22T13:53:01.123456Z info  recorder: listening on 0.0.0.0:3333
 * json:  {"ts":"…","level":"info","program":"recorder","message":"listening on 0.0.0.0:3333"}
 *
 * Every line is one write(), so lines of several threads and processes do not mix. Characters that
 * are not printable ASCII or valid UTF-8 are escaped (\xNN): what a miner sent can neither forge a
 * line nor steer a terminal. Lines are cut at 2 KiB. Never give it a secret.
 *
 * The only global state of the library: program name, level and format, set once at start.
 * Threads: any. A line that can't be written is dropped and counted.
 */
#ifndef HASHSCOPE_BASE_LOG_H
#define HASHSCOPE_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_setup(const char *program, enum log_level level, bool json);
bool log_enabled(enum log_level level);
void log_error(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_info(const char *fmt, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *fmt, ...) PRINTF_LIKE(1, 2);
uint64_t log_dropped(void); /* lines that could not be written so far */

/* For faults that outsiders can cause at will: at most `burst` lines a minute per call site, then
 * one line that says how many were left out. Keep one zeroed struct per site. */
struct log_limit {
    int64_t window_start_ns;
    uint32_t count;
    uint32_t suppressed;
};
bool log_limit_pass(struct log_limit *limit, uint32_t burst);

#endif
