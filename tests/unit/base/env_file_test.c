/* The grammar of `.env`: what is a value, what is a comment, what is a fault and where. */
#include <string.h>

#include "lib/base/env_file.h"
#include "tests/unit/unit.h"

struct line_case {
    const char *line;
    const char *key;
    const char *value; /* NULL: a fault */
};

static void check_line(const struct line_case *c)
{
    struct env_reader reader;
    enum status status;

    env_reader_init(&reader, span_text(c->line));
    status = env_reader_next(&reader);
    if (c->value == NULL) {
        ck_assert_msg(status == STATUS_INVALID, "accepted %s", c->line);
        ck_assert_ptr_nonnull(reader.fault);
    } else {
        ck_assert_msg(status == STATUS_OK, "refused %s", c->line);
        ck_assert_msg(span_equal_text(reader.key, c->key), "key of %s", c->line);
        ck_assert_str_eq(reader.value.data, c->value);
        ck_assert_uint_eq(reader.value.len, strlen(c->value));
    }
    ck_assert_int_eq(env_reader_next(&reader), STATUS_END);
    env_reader_close(&reader);
}

START_TEST(values)
{
    static const struct line_case cases[] = {
        {"A=b", "A", "b"},
        {"A=b\n", "A", "b"},
        {"A=b\r\n", "A", "b"},
        {"\xef\xbb\xbf"
         "A=b",
         "A", "b"},
        {"A=", "A", ""},
        {"  A = b c  ", "A", "b c"},
        {"\tA\t=\tb\t", "A", "b"},
        {"export A=b", "A", "b"},
        {"export\tA=b", "A", "b"},
        {"export=b", "export", "b"},
        {"exports=b", "exports", "b"},
        {"_a9=b=c", "_a9", "b=c"},
        {"A=b # note", "A", "b"},
        {"A=b\t# note", "A", "b"},
        {"A=b#c", "A", "b#c"},
        {"A=#b", "A", "#b"},
        {"A= # note", "A", ""},
        {"A=b \"c\"", "A", "b \"c\""},
        {"A=it's", "A", "it's"},
        {"A=stratum+tcp://[::1]:3333", "A", "stratum+tcp://[::1]:3333"},
        {"A='b c'", "A", "b c"},
        {"A = 'b # c' # note", "A", "b # c"},
        {"A='b\\n\"'", "A", "b\\n\""},
        {"A=''", "A", ""},
        {"A=\"b # c\"#note", "A", "b # c"},
        {"A=\"a\\n\\r\\t\\\"\\\\\\$\\x\"", "A", "a\n\r\t\"\\$\\x"},
        {"A=\"it's\"", "A", "it's"},
        {"A=\"\"", "A", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_line(&cases[i]);
}
END_TEST

START_TEST(malformed_lines)
{
    static const struct line_case cases[] = {
        {"A", NULL, NULL},         {"=b", NULL, NULL},        {"A b=c", NULL, NULL},
        {"9A=b", NULL, NULL},      {"A-B=c", NULL, NULL},     {"A:b", NULL, NULL},
        {"export", NULL, NULL},    {"export A", NULL, NULL},  {"A='b", NULL, NULL},
        {"A=\"b", NULL, NULL},     {"A=\"b\\\"", NULL, NULL}, {"A='b'c", NULL, NULL},
        {"A=\"b\" c", NULL, NULL}, {"{", NULL, NULL},         {"\xc3\xa9=b", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_line(&cases[i]);
}
END_TEST

START_TEST(nul_bytes_are_a_fault)
{
    struct env_reader reader;

    env_reader_init(&reader, span_make("A=b\0c\nB=1", 9));
    ck_assert_int_eq(env_reader_next(&reader), STATUS_INVALID);
    ck_assert_int_eq(env_reader_next(&reader), STATUS_OK);
    env_reader_close(&reader);
}
END_TEST

START_TEST(reading_goes_on_behind_a_fault_and_lines_are_counted)
{
    static const char text[] = "# head\n\n  # more\r\nA=1\n\r\nnonsense\nB='x\nC=3";
    struct env_reader reader;

    env_reader_init(&reader, span_text(text));
    ck_assert_int_eq(env_reader_next(&reader), STATUS_OK);
    ck_assert_uint_eq(reader.line, 4);
    ck_assert_int_eq(env_reader_next(&reader), STATUS_INVALID);
    ck_assert_uint_eq(reader.line, 6);
    ck_assert_int_eq(env_reader_next(&reader), STATUS_INVALID);
    ck_assert_uint_eq(reader.line, 7);
    ck_assert_int_eq(env_reader_next(&reader), STATUS_OK);
    ck_assert_uint_eq(reader.line, 8);
    ck_assert_str_eq(reader.value.data, "3");
    ck_assert_int_eq(env_reader_next(&reader), STATUS_END);
    ck_assert_int_eq(env_reader_next(&reader), STATUS_END);
    env_reader_close(&reader);
}
END_TEST

START_TEST(nothing_to_read)
{
    static const char *const empty[] = {"", "\n", "\r\n", "#", "   ", "\xef\xbb\xbf"};

    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        struct env_reader reader;

        env_reader_init(&reader, span_text(empty[i]));
        ck_assert_int_eq(env_reader_next(&reader), STATUS_END);
        env_reader_close(&reader);
    }
}
END_TEST

int main(void)
{
    return UNIT_RUN("env_file", values, malformed_lines, nul_bytes_are_a_fault,
                    reading_goes_on_behind_a_fault_and_lines_are_counted, nothing_to_read);
}
