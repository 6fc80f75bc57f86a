/* Messages: set, from errno, wrapped on the way up, cut when too long. */
#include <errno.h>
#include <string.h>

#include "lib/base/error.h"
#include "tests/unit/unit.h"

START_TEST(message_reads_like_a_sentence)
{
    struct error err;
    enum status status = error_errno(&err, ENOSPC, "opening %s", "/data/live/ring");

    ck_assert_int_eq(status, STATUS_FULL);
    status = error_wrap(&err, status, "starting the %s", "recorder");
    ck_assert_int_eq(status, STATUS_FULL);
    ck_assert_str_eq(err.text,
                     "starting the recorder: opening /data/live/ring: No space left on device");
}
END_TEST

START_TEST(no_message_wanted)
{
    ck_assert_int_eq(error_set(NULL, STATUS_DAMAGED, "x %d", 1), STATUS_DAMAGED);
    ck_assert_int_eq(error_wrap(NULL, STATUS_END, "x"), STATUS_END);
    ck_assert_int_eq(error_errno(NULL, ENOENT, "x"), STATUS_NOT_FOUND);
}
END_TEST

START_TEST(a_message_may_quote_itself)
{
    struct error err;
    enum status status = error_set(&err, STATUS_INVALID, "%s", "inner");

    status = error_set(&err, status, "<%s>", err.text);
    ck_assert_int_eq(status, STATUS_INVALID);
    ck_assert_str_eq(err.text, "<inner>");
}
END_TEST

START_TEST(long_messages_end_in_dots)
{
    char wide[2 * sizeof(struct error)];
    struct error err;

    memset(wide, 'w', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    ck_assert_int_eq(error_set(&err, STATUS_IO, "%s", wide), STATUS_IO);
    ck_assert_uint_eq(strlen(err.text), sizeof err.text - 1);
    ck_assert_str_eq(err.text + sizeof err.text - 5, "w...");
    ck_assert_int_eq(error_wrap(&err, STATUS_IO, "%s", wide), STATUS_IO);
    ck_assert_uint_eq(strlen(err.text), sizeof err.text - 1);
    ck_assert_int_eq(error_errno(&err, EIO, "%s", wide), STATUS_IO);
    ck_assert_uint_eq(strlen(err.text), sizeof err.text - 1);
}
END_TEST

START_TEST(the_longest_message_is_kept_whole_and_one_more_is_cut)
{
    char text[sizeof((struct error *)0)->text];
    struct error err;

    memset(text, 't', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(error_set(&err, STATUS_IO, "%s", text), STATUS_IO);
    ck_assert_str_eq(err.text, text);
    ck_assert_int_eq(error_set(&err, STATUS_IO, "%st", text), STATUS_IO);
    ck_assert_str_eq(err.text + sizeof text - 5, "t...");
}
END_TEST

START_TEST(errno_becomes_a_code)
{
    static const struct {
        int errnum;
        enum status status;
    } cases[] = {
        {ENOENT, STATUS_NOT_FOUND},  {EACCES, STATUS_DENIED},       {EPERM, STATUS_DENIED},
        {ENOSPC, STATUS_FULL},       {EMFILE, STATUS_FULL},         {ENOMEM, STATUS_FULL},
        {EADDRINUSE, STATUS_BUSY},   {EEXIST, STATUS_EXISTS},       {ECONNRESET, STATUS_CLOSED},
        {ETIMEDOUT, STATUS_TIMEOUT}, {ENOTSUP, STATUS_UNSUPPORTED}, {EIO, STATUS_IO},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ck_assert_int_eq(error_errno(NULL, cases[i].errnum, "x"), cases[i].status);
}
END_TEST

START_TEST(every_code_has_a_name_of_its_own)
{
    for (int a = STATUS_OK; a <= STATUS_END; a++) {
        ck_assert_str_ne(status_name((enum status)a), "unknown");
        for (int b = STATUS_OK; b < a; b++)
            ck_assert_str_ne(status_name((enum status)a), status_name((enum status)b));
    }
}
END_TEST

int main(void)
{
    return UNIT_RUN("error", message_reads_like_a_sentence, no_message_wanted,
                    a_message_may_quote_itself, long_messages_end_in_dots,
                    the_longest_message_is_kept_whole_and_one_more_is_cut, errno_becomes_a_code,
                    every_code_has_a_name_of_its_own);
}
