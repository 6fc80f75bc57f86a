/*
 * line.h - a line of the archive looked at step by step, only as far as a filter needs. For
 * lib/query alone.
 *
 * Lines have their keys in a fixed order (FORMAT.md, section 5 and 6), so the front of nearly every
 * one is known by its bytes. A line that begins otherwise is taken apart by segment_line_parse:
 * same answers, more time. Pure.
 */
#ifndef HASHSCOPE_QUERY_LINE_H
#define HASHSCOPE_QUERY_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/segment/segment.h"

struct query_line {
    struct segment_line line; /* as far as it was read */
    const char *time;         /* CLOCK_TEXT_LEN characters; NULL: see line.wall_ns */
    const char *at;           /* behind what was read */
    bool parsed;              /* all of it was */
};

/* text, seq, numbered and the time. False: none of this format. */
bool query_line_begin(struct query_line *line, const char *text, size_t len);
/* Also paired, re, session, event, is_message and direction. */
bool query_line_subject(struct query_line *line);
/* Also msg, bytes_b64, why, method is_fragment, early and before. */
bool query_line_content(struct query_line *line);

/* The second that was read last: most lines are of the same one as the line before. */
struct query_second {
    char text[CLOCK_TEXT_LEN];
    bool known;
    int64_t ns;
};
/* As segment_line_parse, in a fifth of the time. */
enum status query_line_parse(struct segment_line *out, struct query_second *second,
                             const char *text, size_t len) MUST_CHECK;

#endif
