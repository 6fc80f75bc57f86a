/* text.c - see text.h. On other processors than x86-64 it is
 * memmem, or a plain loop when folding. */
#include "lib/query/text.h"

#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
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
/* The first of these places (a bit each, from *at on) that fits: then *at is it. */
static inline bool find_place(const struct query_needle *needle, const char **at, unsigned places)
{
    for (; places; places &= places - 1) {
        const char *place = *at + __builtin_ctz(places);
        if (fits(needle, place)) {
            *at = place;
            return true;
        }
    }
    return false;
}

/* Both return a place that fits, or where fewer bytes are left than they look at in one step. */
static const char *find_16(const struct query_needle *needle, const char *at, const char *end,
                           bool *found)
{
    const __m128i mask0 = _mm_set1_epi8((char)needle->mask[0]);
    const __m128i mask1 = _mm_set1_epi8((char)needle->mask[1]);
    const __m128i byte0 = _mm_set1_epi8((char)needle->byte[0]);
    const __m128i byte1 = _mm_set1_epi8((char)needle->byte[1]);
    for (; (size_t)(end - at) >= needle->len + 15; at += 16) {
        __m128i first = _mm_loadu_si128((const __m128i *)(const void *)(at + needle->rare));
        __m128i second = _mm_loadu_si128((const __m128i *)(const void *)(at + needle->second));
        first = _mm_cmpeq_epi8(_mm_or_si128(first, mask0), byte0);
        second = _mm_cmpeq_epi8(_mm_or_si128(second, mask1), byte1);
        unsigned places = (unsigned)_mm_movemask_epi8(_mm_and_si128(first, second));
        if ((*found = find_place(needle, &at, places)))
            break;
    }
    return at;
}

__attribute__((target("avx2"))) static const char *
find_32(const struct query_needle *needle, const char *at, const char *end, bool *found)
{
    const __m256i mask0 = _mm256_set1_epi8((char)needle->mask[0]);
    const __m256i mask1 = _mm256_set1_epi8((char)needle->mask[1]);
    const __m256i byte0 = _mm256_set1_epi8((char)needle->byte[0]);
    const __m256i byte1 = _mm256_set1_epi8((char)needle->byte[1]);
    for (; (size_t)(end - at) >= needle->len + 31; at += 32) {
        __m256i first = _mm256_loadu_si256((const __m256i *)(const void *)(at + needle->rare));
        __m256i second = _mm256_loadu_si256((const __m256i *)(const void *)(at + needle->second));
        first = _mm256_cmpeq_epi8(_mm256_or_si256(first, mask0), byte0);
        second = _mm256_cmpeq_epi8(_mm256_or_si256(second, mask1), byte1);
        unsigned places = (unsigned)_mm256_movemask_epi8(_mm256_and_si256(first, second));
        if ((*found = find_place(needle, &at, places)))
            break;
    }
    return at;
}

const char *query_needle_find(const struct query_needle *needle, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    bool found = false;
    if (__builtin_cpu_supports("avx2"))
        at = find_32(needle, at, end, &found);
    if (!found)
        at = find_16(needle, at, end, &found);
    return found ? at : find_narrow(needle, at, end);
}
#else
const char *query_needle_find(const struct query_needle *needle, const char *text, size_t len)
{
    return find_narrow(needle, text, text + len);
}
#endif
