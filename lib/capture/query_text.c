/* query_text.c - see query_text.h. Without SSE2 it is memmem, or a plain loop when folding. */
#include "lib/capture/query_text.h"

#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lib/base/memory.h"

static bool is_letter(unsigned char c)
{
    return (unsigned char)((c | 0x20) - 'a') < 26;
}

static unsigned char fold_mask(const struct query_needle *needle, unsigned char c)
{
    return needle->fold && is_letter(c) ? 0x20 : 0;
}

/* How often a byte occurs in lines of the archive, roughly: 0 is rare. */
static int commonness(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return 4;
    if ((c >= 'a' && c <= 'f') || c == '"')
        return 3;
    if (c == ',' || c == 'i' || c == 'o' || c == 'n' || c == 'r' || c == 's' || c == 't')
        return 2;
    return c >= 'g' && c <= 'z' ? 1 : 0;
}

static size_t rarest(const struct query_needle *needle, size_t but)
{
    size_t best = but == 0 && needle->len > 1 ? 1 : 0;
    for (size_t i = 0; i < needle->len; i++) {
        unsigned char c = (unsigned char)needle->text[i];
        unsigned char best_c = (unsigned char)needle->text[best];
        if (i != but &&
            commonness(c | fold_mask(needle, c)) < commonness(best_c | fold_mask(needle, best_c)))
            best = i;
    }
    return best;
}

void query_needle_init(struct query_needle *needle, const char *text, size_t len, bool fold)
{
    *needle = (struct query_needle){.len = len, .fold = fold};
    if (len == 0)
        return;
    needle->text = memory_new(len + 1);
    memcpy(needle->text, text, len);
    needle->rare = rarest(needle, SIZE_MAX);
    needle->second = rarest(needle, needle->rare);
    const size_t places[2] = {needle->rare, needle->second};
    for (int i = 0; i < 2; i++) {
        unsigned char c = (unsigned char)needle->text[places[i]];
        needle->mask[i] = fold_mask(needle, c);
        needle->byte[i] = c | needle->mask[i];
    }
}

void query_needle_close(struct query_needle *needle)
{
    free(needle->text);
    *needle = (struct query_needle){0};
}

static bool fits(const struct query_needle *needle, const char *at)
{
    if (!needle->fold)
        return memcmp(at, needle->text, needle->len) == 0;
    for (size_t i = 0; i < needle->len; i++) {
        unsigned char want = (unsigned char)needle->text[i], have = (unsigned char)at[i];
        unsigned char mask = fold_mask(needle, want);
        if ((have | mask) != (want | mask))
            return false;
    }
    return true;
}

/* The last few bytes, or all of them where there is nothing better. */
static const char *find_narrow(const struct query_needle *needle, const char *at, const char *end)
{
    if (!needle->fold)
        return memmem(at, (size_t)(end - at), needle->text, needle->len);
    for (; (size_t)(end - at) >= needle->len; at++) {
        if (fits(needle, at))
            return at;
    }
    return NULL;
}

#ifdef __SSE2__
static unsigned places_that_fit(const struct query_needle *needle, const char *at)
{
    __m128i first = _mm_loadu_si128((const __m128i *)(const void *)(at + needle->rare));
    __m128i second = _mm_loadu_si128((const __m128i *)(const void *)(at + needle->second));
    first = _mm_or_si128(first, _mm_set1_epi8((char)needle->mask[0]));
    second = _mm_or_si128(second, _mm_set1_epi8((char)needle->mask[1]));
    first = _mm_cmpeq_epi8(first, _mm_set1_epi8((char)needle->byte[0]));
    second = _mm_cmpeq_epi8(second, _mm_set1_epi8((char)needle->byte[1]));
    return (unsigned)_mm_movemask_epi8(_mm_and_si128(first, second));
}

const char *query_needle_find(const struct query_needle *needle, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    for (; (size_t)(end - at) >= needle->len + 15; at += 16) {
        for (unsigned places = places_that_fit(needle, at); places; places &= places - 1) {
            const char *place = at + __builtin_ctz(places);
            if (fits(needle, place))
                return place;
        }
    }
    return find_narrow(needle, at, end);
}
#else
const char *query_needle_find(const struct query_needle *needle, const char *text, size_t len)
{
    return find_narrow(needle, text, text + len);
}
#endif
