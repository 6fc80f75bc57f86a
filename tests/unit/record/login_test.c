/* Who logs in, in whatever bytes a line holds. */
#include "lib/record/login.h"
#include "lib/segment/scan.h"
#include "tests/unit/unit.h"

static struct segment_line line_in_base64(const char *bytes)
{
    return (struct segment_line){.is_message = true, .bytes_b64 = span_text(bytes)};
}

START_TEST(a_message_in_base64_is_scanned)
{
    struct segment_line line =
        line_in_base64("eyJpZCI6MSwibWV0aG9kIjoibWluaW5nLmF1dGhvcml6ZSIsInBhcmFtcyI6WyJiYW5rLjEiL"
                       "CJ4Il19");
    struct buffer scratch = {0};
    struct stratum_scan scan;
    struct span worker;
    ck_assert(segment_line_scan(&scan, &line, &scratch) && login_worker(&scan, &worker));
    ck_assert(span_equal_text(worker, "bank.1"));
    buffer_close(&scratch);
}
END_TEST

START_TEST(what_is_no_base64_leaves_nothing_to_be_freed)
{
    struct segment_line line = line_in_base64("eyJpZCI6M!==");
    struct buffer scratch = {0};
    struct stratum_scan scan;
    ck_assert(!segment_line_scan(&scan, &line, &scratch));
    ck_assert_ptr_null(scratch.data);
}
END_TEST

int main(void)
{
    return UNIT_RUN("login", a_message_in_base64_is_scanned,
                    what_is_no_base64_leaves_nothing_to_be_freed);
}
