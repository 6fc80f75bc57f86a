/* The search for a text, against looking at every place. */
#include <ctype.h>
#include <string.h>

#include "lib/query/text.h"
#include "tests/unit/unit.h"

static uint64_t state = 7;

static unsigned next(unsigned below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % below;
}

static bool equal(const char *a, const char *b, size_t len, bool fold)
{
    for (size_t i = 0; i < len; i++) {
        if (fold ? tolower((unsigned char)a[i]) != tolower((unsigned char)b[i]) : a[i] != b[i])
            return false;
    }
    return true;
}

static const char *plainly(const char *text, size_t len, const char *what, size_t what_len,
                           bool fold)
{
    for (size_t i = 0; i + what_len <= len; i++) {
        if (equal(text + i, what, what_len, fold))
            return text + i;
    }
    return NULL;
}

START_TEST(random_texts)
{
    static const char letters[] = "abAB\"0@`[{";
    for (int round = 0; round < 200000; round++) {
        char room[160], what[8];
        size_t len = next(sizeof room), what_len = 1 + next(sizeof what);
        bool fold = next(2);
        char *text = room + sizeof room - len; /* at the end, so that a read behind it is seen */
        unsigned kinds = 2 + next(8);
        for (size_t i = 0; i < len; i++)
            text[i] = letters[next(kinds)];
        for (size_t i = 0; i < what_len; i++)
            what[i] = letters[next(kinds)];
        struct query_needle needle;
        query_needle_init(&needle, what, what_len, fold);
        const char *expected = plainly(text, len, what, what_len, fold);
        ck_assert_ptr_eq(query_needle_find(&needle, text, len), expected);
        query_needle_close(&needle);
    }
}
END_TEST

START_TEST(only_letters_are_folded)
{
    struct query_needle needle;
    query_needle_init(&needle, "a@b", 3, true);
    ck_assert_ptr_nonnull(query_needle_find(&needle, "..A@B..", 7));
    ck_assert_ptr_null(query_needle_find(&needle, "..A`B..", 7));
    query_needle_close(&needle);
}
END_TEST

int main(void)
{
    return UNIT_RUN("query_text", random_texts, only_letters_are_folded);
}
