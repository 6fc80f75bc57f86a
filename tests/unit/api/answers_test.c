/* answers_test.c - pages that the archive completes: answers that are on the page themselves.
 */
#include <stdio.h>
#include <string.h>

#include "api/live/answers.h"
#include "tests/unit/query/query_support.h"
#include "tests/unit/unit.h"

#define SESSION "01933b4e-9a7c-7025-8000-00000000000a"

/* A submit, or with `re` its answer, that is `pad` bytes longer than it needs to be. */
static void add(struct page *page, uint64_t seq, uint64_t re, unsigned pad)
{
    char line[800], paired[64] = "";
    if (re)
        snprintf(paired, sizeof paired, "\"latency_us\":7,\"re\":%d,", (int)re);
    snprintf(line, sizeof line,
             "{\"ts\":\"2026-11-22T13:53:01.000000Z\",\"seq\":%d,%s\"session\":\"" SESSION
             "\",\"dir\":\"%s\",\"msg\":%s%*s}",
             (int)seq, paired, re ? "pool_to_miner" : "miner_to_pool",
             re ? "{\"id\":1,\"result\":true}" : "{\"id\":1,\"method\":\"mining.submit\"}",
             (int)pad, "");
    ck_assert(page_add(page, span_text(line), seq));
}

/* Whatever room the buffer has left: the address sanitizer watches. */
START_TEST(a_page_answers_itself)
{
    struct made made;
    struct page page;
    made_begin(&made, 1);
    const struct rest rest = {.place = {made.folder, NULL, 0}, .pair_timeout_sec = 120};
    for (unsigned pad = 0; pad < 400; pad += 7) {
        page_open(&page, QUERY_OLDEST_FIRST, 4);
        add(&page, 1, 0, pad);
        add(&page, 2, 0, pad);
        add(&page, 3, 1, pad);
        add(&page, 4, 2, 0);
        size_t len = page.lines.len;
        answers_complete(&rest, &page);
        for (int i = 0; i < 2; i++) {
            ck_assert(
                span_equal(page_answer(&page, &page.rows[i]), page_line(&page, &page.rows[i + 2])));
            ck_assert_int_eq(page.rows[i + 2].answered, STRATUM_MINING_SUBMIT);
        }
        ck_assert_uint_eq(page.lines.len, len);
        page_close(&page);
    }
    made_end(&made);
}
END_TEST

int main(void)
{
    return UNIT_RUN("api answers", a_page_answers_itself);
}
