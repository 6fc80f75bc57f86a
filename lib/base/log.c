/*
 * log.c - a line is put together on the stack and written with one write(). The message is
 * formatted first, then copied unit by unit (a character, a UTF-8 sequence, an escape); a unit that
 * does not fit whole is left out and the line ends in "...", so a cut line is still valid UTF-8
 * and, as JSON, still valid JSON. What can't be written (a full pipe, a closed stderr) is counted.
 */
#include "lib/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/json_text.h"

#define LINE_MAX_BYTES 2048
#define TAIL_ROOM      8 /* for "...", the closing quote and brace, and the newline */

static struct {
    char program[32];
    enum log_level level;
    bool json;
    atomic_uint_fast64_t dropped;
} log_state = {.program = "hashscope", .level = LOG_INFO};

struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
    bool cut;
};

void log_setup(const char *program, enum log_level level, bool json)
{
    snprintf(log_state.program, sizeof log_state.program, "%s", program);
    log_state.level = level;
    log_state.json = json;
}

bool log_enabled(enum log_level level)
{
    return level <= log_state.level;
}

uint64_t log_dropped(void)
{
    return atomic_load(&log_state.dropped);
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARN:
        return "warn";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    return "?";
}

static void line_add(struct line *line, const char *text, size_t len)
{
    if (line->cut || line->len + len > sizeof line->text - TAIL_ROOM) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void line_add_text(struct line *line, const char *text)
{
    line_add(line, text, strlen(text));
}

static void line_add_byte_escape(struct line *line, char c, bool json)
{
    char code[5] = {'\\', '\\', 'x', 0, 0};

    hex_encode(code + 3, &c, 1);
    if (json) /* the backslash itself needs one */
        line_add(line, code, 5);
    else
        line_add(line, code + 1, 4);
}

/* Valid UTF-8 that can still steer a terminal (C1 controls), reorder a line, or is not seen. */
static bool is_steering(const char *text, size_t len)
{
    size_t unit;
    uint32_t code = text_first_code(span_make(text, len), &unit);

    return (code >= 0x80 && code < 0xa0) || text_is_hidden(code);
}

static size_t utf8_unit(const char *text, size_t len)
{
    for (size_t unit = 2; unit <= 4 && unit <= len; unit++) {
        if (utf8_valid_prefix(text, unit) == unit)
            return unit;
    }
    return 0;
}

static void line_add_message(struct line *line, const char *text, size_t len, bool json)
{
    for (size_t at = 0; at < len && !line->cut;) {
        unsigned char c = (unsigned char)text[at];
        size_t unit = c < 0x80 ? 1 : utf8_unit(text + at, len - at);

        if (unit == 0 || c < 0x20 || c == 0x7f) {
            line_add_byte_escape(line, text[at], json);
            unit = 1;
        } else if (is_steering(text + at, unit)) {
            for (size_t i = 0; i < unit; i++)
                line_add_byte_escape(line, text[at + i], json);
        } else if (json && (c == '"' || c == '\\')) {
            line_add(line, (char[]){'\\', (char)c}, 2);
        } else {
            line_add(line, text + at, unit);
        }
        at += unit;
    }
}

static void line_write(struct line *line)
{
    ssize_t wrote;

    line->text[line->len++] = '\n';
    do {
        wrote = write(STDERR_FILENO, line->text, line->len);
    } while (wrote < 0 && errno == EINTR);
    if (wrote != (ssize_t)line->len)
        atomic_fetch_add(&log_state.dropped, 1);
}

static void line_add_head(struct line *line, enum log_level level)
{
    char time[CLOCK_TEXT_LEN];
    char name[8];

    clock_format(time, clock_wall_ns());
    snprintf(name, sizeof name, "%-5s", level_name(level));
    if (log_state.json)
        line_add_text(line, "{\"ts\":\"");
    line_add(line, time, sizeof time);
    line_add_text(line, log_state.json ? "\",\"level\":\"" : " ");
    line_add_text(line, log_state.json ? level_name(level) : name);
    line_add_text(line, log_state.json ? "\",\"program\":\"" : " ");
    line_add_message(line, log_state.program, strlen(log_state.program), log_state.json);
    line_add_text(line, log_state.json ? "\",\"message\":\"" : ": ");
}

static void line_add_tail(struct line *line)
{
    const char *tail = log_state.json ? "\"}" : "";

    if (line->cut) {
        memcpy(line->text + line->len, "...", 3);
        line->len += 3;
    }
    memcpy(line->text + line->len, tail, strlen(tail));
    line->len += strlen(tail);
}

static void log_list(enum log_level level, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

static void log_list(enum log_level level, const char *fmt, va_list args)
{
    int saved = errno;
    char message[LINE_MAX_BYTES];
    struct line line = {.len = 0, .cut = false};
    int wanted;

    if (!log_enabled(level))
        return;
    wanted = vsnprintf(message, sizeof message, fmt, args);
    line_add_head(&line, level);
    line_add_message(&line, message, strnlen(message, sizeof message), log_state.json);
    if (wanted >= (int)sizeof message)
        line.cut = true;
    line_add_tail(&line);
    line_write(&line);
    errno = saved;
}

void log_error(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_list(LOG_ERROR, fmt, args);
    va_end(args);
}

void log_warn(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_list(LOG_WARN, fmt, args);
    va_end(args);
}

void log_info(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_list(LOG_INFO, fmt, args);
    va_end(args);
}

void log_debug(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    log_list(LOG_DEBUG, fmt, args);
    va_end(args);
}

bool log_limit_pass(struct log_limit *limit, uint32_t burst)
{
    int64_t now = clock_mono_ns();

    if (limit->window_start_ns == 0 || now - limit->window_start_ns >= 60 * NS_PER_S) {
        if (limit->suppressed > 0)
            log_warn("%u more lines like the following were left out", limit->suppressed);
        *limit = (struct log_limit){.window_start_ns = now};
    }
    if (limit->count < burst) {
        limit->count++;
        return true;
    }
    limit->suppressed++;
    return false;
}
