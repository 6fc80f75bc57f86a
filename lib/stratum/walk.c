/*
 * How it works: recursive descent, one function per kind of value, with the const uint8_t *handed
 * from one to the next. The depth is bounded by STRATUM_DEPTH_MAX, so the recursion needs a few KiB
 * of stack at most; what is nested deeper is passed over by counting brackets. Most of a Stratum
 * line lies inside strings; plain_run skips their plain bytes sixteen at a time and stops at a
 * quote, a backslash, a control character or a byte above 0x7f.
 *
 * How it can fail: only by stopping, see walk.h. No byte at or behind `end` is ever read.
 */
#include "lib/stratum/walk.h"

#include <string.h>

#include "lib/stratum/number.h"
#include "lib/stratum/utf8.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

void stratum_walk_note(struct stratum_walk *walk, enum stratum_fault fault, const uint8_t *at)
{
    if (walk->fault != STRATUM_FAULT_NONE)
        return;
    walk->fault = fault;
    walk->fault_at = (size_t)(at - walk->begin);
}

const uint8_t *stratum_walk_stop(struct stratum_walk *walk, enum stratum_fault fault,
                                 const uint8_t *at)
{
    stratum_walk_note(walk, fault, at);
    walk->stopped = fault;
    return NULL;
}

/* Stops where something else should have come: the end, or a wrong byte. */
static const uint8_t *stop_here(struct stratum_walk *walk, const uint8_t *at)
{
    bool cut = at == walk->end;
    return stratum_walk_stop(walk, cut ? STRATUM_FAULT_TRUNCATED : STRATUM_FAULT_SYNTAX, at);
}

const uint8_t *stratum_walk_space_slow(struct stratum_walk *walk, const uint8_t *at)
{
    for (; at < walk->end; at++) {
        if (*at == '\r')
            stratum_walk_note(walk, STRATUM_FAULT_CR, at);
        else if (*at == '\n')
            stratum_walk_note(walk, STRATUM_FAULT_CONTROL, at);
        else if (*at != ' ' && *at != '\t')
            break;
    }
    return at;
}

static inline bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    uint8_t lower = (uint8_t)(c | 0x20);
    return is_digit(c) || (lower >= 'a' && lower <= 'f');
}

/* ---- strings ---- */

/* Neither quote, backslash, control character nor part of a longer UTF-8 sequence. */
static inline bool is_plain(uint8_t c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

#if defined(__SSE2__)
/* A bit for each of the sixteen bytes that is not plain. */
static inline unsigned odd_bytes(const uint8_t *at)
{
    __m128i chunk = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i marks = _mm_or_si128(_mm_cmpeq_epi8(chunk, _mm_set1_epi8('"')),
                                 _mm_cmpeq_epi8(chunk, _mm_set1_epi8('\\')));
    /* The comparison is signed, so bytes above 0x7f count as below the space too. */
    __m128i odd = _mm_or_si128(marks, _mm_cmplt_epi8(chunk, _mm_set1_epi8(' ')));
    return (unsigned)_mm_movemask_epi8(odd);
}

/* The first byte that is not plain, or the end. */
static inline const uint8_t *plain_run(const struct stratum_walk *walk, const uint8_t *at)
{
    for (; walk->end - at >= 16; at += 16) {
        unsigned odd = odd_bytes(at);
        if (odd != 0)
            return at + __builtin_ctz(odd);
    }
    if (walk->end - walk->begin < 16) {
        while (at < walk->end && is_plain(*at))
            at++;
        return at;
    }
    /* The text's last sixteen bytes hold what is left; those before `at` are shifted out. */
    unsigned odd = odd_bytes(walk->end - 16) >> (16 - (walk->end - at));
    return odd != 0 ? at + __builtin_ctz(odd) : walk->end;
}
#else
static inline const uint8_t *plain_run(const struct stratum_walk *walk, const uint8_t *at)
{
    while (at < walk->end && is_plain(*at))
        at++;
    return at;
}
#endif

/* Reads the four digits of \uXXXX; `at` is the first of them. NULL when stopped. */
static const uint8_t *walk_code_unit(struct stratum_walk *walk, const uint8_t *at, unsigned *unit)
{
    *unit = 0;
    for (int i = 0; i < 4; i++, at++) {
        if (at == walk->end || !is_hex(*at))
            return stop_here(walk, at);
        unsigned nibble = is_digit(*at) ? *at - (unsigned)'0' : (*at | 0x20u) - 'a' + 10u;
        *unit = *unit << 4 | nibble;
    }
    return at;
}

/* `at` is behind the four digits of a high surrogate, which began at `first`. */
static const uint8_t *walk_low_surrogate(struct stratum_walk *walk, const uint8_t *at,
                                         const uint8_t *first)
{
    unsigned unit;
    if (at == walk->end || (*at == '\\' && at + 1 == walk->end))
        return stratum_walk_stop(walk, STRATUM_FAULT_TRUNCATED, walk->end);
    if (at[0] != '\\' || at[1] != 'u') {
        stratum_walk_note(walk, STRATUM_FAULT_SURROGATE, first);
        return at;
    }
    const uint8_t *behind = walk_code_unit(walk, at + 2, &unit);
    if (behind == NULL)
        return NULL;
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return behind;
    stratum_walk_note(walk, STRATUM_FAULT_SURROGATE, first);
    return at; /* the other escape is read again: it may be a high surrogate with a partner */
}

/* `at` is a backslash. */
static const uint8_t *walk_escape(struct stratum_walk *walk, const uint8_t *at)
{
    unsigned unit;
    if (at + 1 == walk->end)
        return stop_here(walk, walk->end);
    if (at[1] != 'u') {
        bool known = at[1] != '\0' && strchr("\"\\/bfnrt", at[1]) != NULL;
        return known ? at + 2 : stop_here(walk, at + 1);
    }
    const uint8_t *behind = walk_code_unit(walk, at + 2, &unit);
    if (behind == NULL || unit < 0xd800 || unit > 0xdfff)
        return behind;
    if (unit <= 0xdbff)
        return walk_low_surrogate(walk, behind, at);
    stratum_walk_note(walk, STRATUM_FAULT_SURROGATE, at);
    return behind;
}

/* `at` is a byte above 0x7f. */
static const uint8_t *walk_utf8(struct stratum_walk *walk, const uint8_t *at)
{
    struct stratum_utf8 state = {0};
    const uint8_t *lead = at;
    do {
        if (at == walk->end)
            return stop_here(walk, at);
        if (!stratum_utf8_feed(&state, *at)) {
            stratum_walk_note(walk, STRATUM_FAULT_UTF8, lead);
            return at == lead ? at + 1 : at; /* what breaks a sequence may be a quote */
        }
        at++;
    } while (state.need > 0);
    return at;
}

const uint8_t *stratum_walk_string(struct stratum_walk *walk, const uint8_t *at)
{
    while (at != NULL) {
        at = plain_run(walk, at);
        if (at == walk->end)
            return stop_here(walk, at);
        if (*at == '"')
            return at + 1;
        if (*at == '\\') {
            at = walk_escape(walk, at);
        } else if (*at >= 0x80) {
            at = walk_utf8(walk, at);
        } else {
            stratum_walk_note(walk, *at == '\r' ? STRATUM_FAULT_CR : STRATUM_FAULT_CONTROL, at);
            at++;
        }
    }
    return NULL;
}

/* ---- numbers and words ---- */

/* One digit or more. */
static inline const uint8_t *walk_digits(struct stratum_walk *walk, const uint8_t *at)
{
    if (at == walk->end || !is_digit(*at))
        return stop_here(walk, at);
    do {
        at++;
    } while (at < walk->end && is_digit(*at));
    return at;
}

static inline bool is_exponent(const struct stratum_walk *walk, const uint8_t *at)
{
    return at < walk->end && (*at | 0x20) == 'e';
}

/* `at` is the e. */
static const uint8_t *walk_exponent(struct stratum_walk *walk, const uint8_t *at)
{
    at++;
    if (at < walk->end && (*at == '+' || *at == '-'))
        at++;
    return walk_digits(walk, at);
}

/* A number inside a container that ends with the text is cut off: its exponent may be missing. */
static inline bool is_cut(const struct stratum_walk *walk, const uint8_t *at)
{
    return at == walk->end && walk->depth > 0;
}

static const uint8_t *walk_number(struct stratum_walk *walk, const uint8_t *at)
{
    const uint8_t *first = at;
    if (*at == '-')
        at++;
    at = at < walk->end && *at == '0' ? at + 1 : walk_digits(walk, at);
    bool small = at != NULL && at - first <= STRATUM_NUMBER_SAFE_DIGITS;
    if (at != NULL && at < walk->end && *at == '.')
        at = walk_digits(walk, at + 1);
    if (at != NULL && is_exponent(walk, at)) {
        at = walk_exponent(walk, at);
        small = false;
    }
    if (at == NULL || small || is_cut(walk, at))
        return at;
    if (!stratum_number_is_finite((const char *)first, (size_t)(at - first)))
        stratum_walk_note(walk, STRATUM_FAULT_NUMBER, first);
    return at;
}

static const uint8_t *walk_word(struct stratum_walk *walk, const uint8_t *at, const char *word)
{
    for (; *word != '\0'; word++, at++) {
        if (at == walk->end || *at != (uint8_t)*word)
            return stop_here(walk, at);
    }
    return at;
}

/* ---- containers ---- */

/* `at` is the bracket of a container that is nested too deeply: up to its end brackets are counted
 * and strings walked over, so that what stands behind it is still found. */
static const uint8_t *skip_container(struct stratum_walk *walk, const uint8_t *at)
{
    size_t open = 0;
    stratum_walk_note(walk, STRATUM_FAULT_DEPTH, at);
    do {
        if (at == walk->end)
            return stop_here(walk, at);
        uint8_t byte = *at++;
        if (byte == '"')
            at = stratum_walk_string(walk, at);
        else if (byte == '[' || byte == '{')
            open++;
        else if (byte == ']' || byte == '}')
            open--;
    } while (at != NULL && open > 0);
    return at;
}

const uint8_t *stratum_walk_open(struct stratum_walk *walk, const uint8_t *at, uint8_t bracket,
                                 bool *closed)
{
    *closed = false;
    if (walk->depth == STRATUM_DEPTH_MAX) {
        *closed = true;
        return skip_container(walk, at);
    }
    at = stratum_walk_space(walk, at + 1);
    if (at < walk->end && *at == bracket) {
        *closed = true;
        return at + 1;
    }
    walk->depth++;
    return at;
}

const uint8_t *stratum_walk_name(struct stratum_walk *walk, const uint8_t *at, struct span *name)
{
    if (at == walk->end || *at != '"')
        return stop_here(walk, at);
    const uint8_t *behind = stratum_walk_string(walk, at + 1);
    if (behind == NULL)
        return NULL;
    *name = span_make((const char *)at + 1, (size_t)(behind - at - 2));
    behind = stratum_walk_space(walk, behind);
    if (behind == walk->end || *behind != ':')
        return stop_here(walk, behind);
    return stratum_walk_space(walk, behind + 1);
}

const uint8_t *stratum_walk_separator(struct stratum_walk *walk, const uint8_t *at, uint8_t bracket,
                                      bool *closed)
{
    at = stratum_walk_space(walk, at);
    if (at < walk->end && *at == ',')
        return stratum_walk_space(walk, at + 1);
    if (at == walk->end || *at != bracket)
        return stop_here(walk, at);
    walk->depth--;
    *closed = true;
    return at + 1;
}

static const uint8_t *walk_array(struct stratum_walk *walk, const uint8_t *at)
{
    bool closed;
    at = stratum_walk_open(walk, at, ']', &closed);
    while (at != NULL && !closed) {
        at = stratum_walk_value(walk, at);
        if (at != NULL)
            at = stratum_walk_separator(walk, at, ']', &closed);
    }
    return at;
}

static const uint8_t *walk_object(struct stratum_walk *walk, const uint8_t *at)
{
    bool closed;
    at = stratum_walk_open(walk, at, '}', &closed);
    while (at != NULL && !closed) {
        struct span name;
        at = stratum_walk_name(walk, at, &name);
        if (at != NULL)
            at = stratum_walk_value(walk, at);
        if (at != NULL)
            at = stratum_walk_separator(walk, at, '}', &closed);
    }
    return at;
}

const uint8_t *stratum_walk_value(struct stratum_walk *walk, const uint8_t *at)
{
    if (at == walk->end)
        return stop_here(walk, at);
    switch (*at) {
    case '"':
        return stratum_walk_string(walk, at + 1);
    case '[':
        return walk_array(walk, at);
    case '{':
        return walk_object(walk, at);
    case 't':
        return walk_word(walk, at, "true");
    case 'f':
        return walk_word(walk, at, "false");
    case 'n':
        return walk_word(walk, at, "null");
    default:
        return *at == '-' || is_digit(*at) ? walk_number(walk, at) : stop_here(walk, at);
    }
}
