/* line.c - see line.h. Every step falls back on the full parser where the bytes are not
 * those expected, and fails only when that fails. */
#include "lib/query/line.h"

#include <string.h>

#include "lib/base/random.h"

#define TIME_AT   7  /* behind {"ts":" */
#define NUMBER_AT 35 /* behind the time's closing quote */

/* Passes a literal when it stands at line->at. */
#define PASS(line, literal) pass(line, literal, sizeof(literal) - 1)

static const char *end_of(const struct query_line *line)
{
    return line->line.text.data + line->line.text.len;
}

static inline bool pass(struct query_line *line, const char *literal, size_t len)
{
    if ((size_t)(end_of(line) - line->at) < len || memcmp(line->at, literal, len) != 0)
        return false;
    line->at += len;
    return true;
}

/* Up to 19 digits, which cannot overflow. */
static inline bool pass_number(struct query_line *line, uint64_t *out)
{
    const char *at = line->at, *end = end_of(line);
    uint64_t value = 0;
    for (; at < end && (unsigned char)(*at - '0') < 10 && at - line->at < 20; at++)
        value = value * 10 + (unsigned char)(*at - '0');
    bool fits = at > line->at && at - line->at < 20;
    *out = value;
    line->at = at;
    return fits;
}

static bool parse_whole(struct query_line *line)
{
    if (line->parsed)
        return true;
    struct span text = line->line.text;
    line->parsed = segment_line_parse(&line->line, text.data, text.len) == STATUS_OK;
    line->time = NULL;
    return line->parsed;
}

/* ------------------------------------------------------------------ the first step */

static bool begins_as_known(struct query_line *line)
{
    struct span text = line->line.text;
    if (text.len < NUMBER_AT + 8 || memcmp(text.data, "{\"ts\":\"", TIME_AT) != 0 ||
        text.data[TIME_AT + CLOCK_TEXT_LEN - 1] != 'Z' || text.data[NUMBER_AT - 1] != '"')
        return false;
    line->at = text.data + NUMBER_AT;
    line->time = text.data + TIME_AT;
    line->line.numbered = PASS(line, ",\"seq\":");
    return (line->line.numbered || PASS(line, ",\"at\":")) && pass_number(line, &line->line.seq) &&
           line->line.seq > 0;
}

bool query_line_begin(struct query_line *line, const char *text, size_t len)
{
    line->line.text = span_make(text, len);
    line->parsed = false;
    return begins_as_known(line) || parse_whole(line);
}

/* ------------------------------------------------------------------ the second */

static bool pass_direction(struct query_line *line)
{
    static const enum direction all[] = {DIRECTION_MINER_TO_POOL, DIRECTION_POOL_TO_MINER,
                                         DIRECTION_HASHSCOPE_TO_POOL, DIRECTION_POOL_TO_HASHSCOPE};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const char *name = direction_name(all[i]);
        if (!pass(line, name, strlen(name)))
            continue;
        line->line.direction = all[i];
        return PASS(line, "\"");
    }
    return false;
}

static bool pass_event(struct query_line *line)
{
    const char *quote = memchr(line->at, '"', (size_t)(end_of(line) - line->at));
    if (!quote || quote == line->at)
        return false;
    line->line.event = span_make(line->at, (size_t)(quote - line->at));
    return !memchr(line->at, '\\', (size_t)(quote - line->at));
}

static bool subject_as_known(struct query_line *line)
{
    uint64_t latency = 0;
    struct segment_line *out = &line->line;
    out->event = out->session = (struct span){NULL, 0};
    out->is_message = out->paired = false;
    if (PASS(line, ",\"latency_us\":") && !pass_number(line, &latency))
        return false;
    out->latency_us = (int64_t)latency;
    if (PASS(line, ",\"re\":") && !(out->paired = pass_number(line, &out->re)))
        return false;
    if (PASS(line, ",\"session\":\"")) {
        if (end_of(line) - line->at <= UUID_TEXT_LEN || line->at[UUID_TEXT_LEN] != '"' ||
            memchr(line->at, '"', UUID_TEXT_LEN) || memchr(line->at, '\\', UUID_TEXT_LEN))
            return false;
        out->session = span_make(line->at, UUID_TEXT_LEN);
        line->at += UUID_TEXT_LEN + 1;
    }
    if (PASS(line, ",\"event\":\""))
        return pass_event(line);
    out->is_message = out->session.len > 0 && PASS(line, ",\"dir\":\"");
    return out->is_message && pass_direction(line);
}

bool query_line_subject(struct query_line *line)
{
    return line->parsed || subject_as_known(line) || parse_whole(line);
}

/* ------------------------------------------------------------------ the third */

bool query_line_content(struct query_line *line)
{
    struct segment_line *out = &line->line;
    if (line->parsed || !out->is_message)
        return true;
    const char *end = end_of(line);
    if (!PASS(line, ",\"msg\":"))
        return parse_whole(line);
    if (end - line->at < 2 || end[-1] != '}')
        return parse_whole(line);
    out->msg = span_make(line->at, (size_t)(end - line->at) - 1);
    out->bytes_b64 = out->why = out->method = (struct span){NULL, 0};
    out->is_fragment = out->early = false;
    out->before = 0;
    return true;
}

/* ------------------------------------------------------------------ all at once */

#define SECOND_LEN 19 /* 2026-11-22T13:53:01 */

/* The time of a line whose front is known; false: it is none. */
static bool read_time(struct query_second *second, const char *text, int64_t *wall_ns)
{
    int64_t us = 0;
    if (!second->known || memcmp(second->text, text, SECOND_LEN) != 0) {
        char whole[CLOCK_TEXT_LEN + 1] = "";
        memcpy(whole, text, SECOND_LEN);
        whole[SECOND_LEN] = 'Z';
        second->known = clock_parse(whole, SECOND_LEN + 1, &second->ns) && second->ns != INT64_MIN;
        if (!second->known)
            return false;
        memcpy(second->text, text, SECOND_LEN);
    }
    for (int i = SECOND_LEN + 1; i < CLOCK_TEXT_LEN - 1; i++) {
        if ((unsigned char)(text[i] - '0') > 9)
            return false;
        us = us * 10 + (text[i] - '0');
    }
    return text[SECOND_LEN] == '.' && !__builtin_add_overflow(second->ns, us * NS_PER_US, wall_ns);
}

enum status query_line_parse(struct segment_line *out, struct query_second *second,
                             const char *text, size_t len)
{
    struct query_line line = {.line = {.terminator = TERMINATOR_LF}};
    line.line.text = span_make(text, len);
    bool known = begins_as_known(&line) && subject_as_known(&line) && line.line.is_message &&
                 line.line.numbered && query_line_content(&line) && !line.parsed;
    if (!known || !read_time(second, line.time, &line.line.wall_ns))
        return segment_line_parse(out, text, len);
    *out = line.line;
    return STATUS_OK;
}
