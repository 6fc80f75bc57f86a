/* Texts between the quotes of JSON, made plain. */
#include <string.h>

#include "lib/base/json_text.h"
#include "tests/unit/unit.h"

static void expect(const char *inside, const char *plain)
{
    struct buffer out = {0};
    json_text_append(&out, span_text(inside));
    ck_assert_msg(out.len == strlen(plain) && memcmp(out.data ? out.data : "", plain, out.len) == 0,
                  "%s became %.*s", inside, (int)out.len, out.data ? out.data : "");
    buffer_close(&out);
}

START_TEST(texts_without_escapes_stay)
{
    expect("", "");
    expect("farm.Rig 7/\xc3\xa9", "farm.Rig 7/\xc3\xa9");
}
END_TEST

START_TEST(escapes_are_taken_away)
{
    expect("a\\\"b\\\\c\\/d", "a\"b\\c/d");
    expect("\\b\\f\\n\\r\\t", "\b\f\n\r\t");
    expect("\\u0041\\u00e9\\u20AC!", "A\xc3\xa9\xe2\x82\xac!");
    expect("\\ud83d\\ude00", "\xf0\x9f\x98\x80");
}
END_TEST

START_TEST(what_is_no_escape_does_no_harm)
{
    expect("\\", "\\");
    expect("\\x\\u12", "\\x\\u12");
    expect("\\u12g4", "\\u12g4");
}
END_TEST

/* A name in an 8-bit code page, one that was cut in the middle of a character, halves of pairs:
 * nothing of them is lost. */
START_TEST(what_utf8_cannot_hold_stays_an_escape)
{
    expect("bj\xf6rn", "bj\\xf6rn");
    expect("rack.\xf0\x9f\x94", "rack.\\xf0\\x9f\\x94");
    expect("\\ud83d", "\\ud83d");
    expect("\\ud83d\\u0041", "\\ud83dA");
    expect("\\ud83d\\ud83d\\ude00", "\\ud83d\xf0\x9f\x98\x80");
    expect("\\ude00x", "\\ude00x");
}
END_TEST

START_TEST(terminals_show_what_steers_them)
{
    struct buffer out = {0};
    text_append_shown(&out, span_make("a\0\x1b[1m\x7f\xc2\x9b\xc3\xa9\xf6", 12));
    ck_assert(span_equal_text(span_make(out.data, out.len),
                              "a\\u0000\\u001b[1m\\u007f\\u009b\xc3\xa9\\xf6"));
    buffer_close(&out);
    for (int i = 0; i < 62; i++)
        buffer_append_char(&out, i % 2 == 0 ? 'a' : '\n');
    text_append_shown(&out, span_make(out.data, out.len)); /* moves it */
    ck_assert_uint_eq(out.len, 62 + 31 * 7);
    for (size_t i = 62; i < out.len; i++)
        ck_assert_int_eq(out.data[i], "a\\u000a"[(i - 62) % 7]);
    buffer_close(&out);
}
END_TEST

START_TEST(what_is_not_seen_is_told_by_its_number)
{
    static const struct {
        uint32_t code;
        bool hidden;
    } cases[] = {{0xac, false},   {0xad, true},     {0x200a, false},  {0x200b, true},
                 {0x200d, true},  {0x200f, true},   {0x2010, false},  {0x2028, true},
                 {0x202e, true},  {0x202f, false},  {0x2060, true},   {0x206f, true},
                 {0x180e, true},  {0xfe00, true},   {0xfe0f, false},  {0xfeff, true},
                 {0xfffd, false}, {0x1d173, true},  {0x1f600, false}, {0xe0001, true},
                 {0xe01ef, true}, {0xf0000, false}, {'a', false},     {0x4e2d, false}};
    struct buffer out = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ck_assert_int_eq(text_is_hidden(cases[i].code), cases[i].hidden);
    text_append_seen(&out,
                     span_text("\x1b[1m \xe2\x80\xaegir\xe2\x80\x8d \xf3\xa0\x81\x81 \xc3\xa9"));
    ck_assert(span_equal_text(
        span_make(out.data, out.len),
        "\\u001b[1m \xe2\x80\xb9U+202E\xe2\x80\xbagir\xe2\x80\xb9U+200D\xe2\x80\xba "
        "\xe2\x80\xb9U+E0041\xe2\x80\xba \xc3\xa9"));
    buffer_close(&out);
}
END_TEST

START_TEST(a_zero_is_a_character)
{
    struct buffer out = {0};
    json_text_append(&out, span_text("a\\u0000b"));
    ck_assert_uint_eq(out.len, 3);
    ck_assert_int_eq(memcmp(out.data, "a\0b", 3), 0);
    buffer_close(&out);
}
END_TEST

int main(void)
{
    return UNIT_RUN("json_text", texts_without_escapes_stay, escapes_are_taken_away,
                    what_is_no_escape_does_no_harm, what_utf8_cannot_hold_stays_an_escape,
                    terminals_show_what_steers_them, what_is_not_seen_is_told_by_its_number,
                    a_zero_is_a_character);
}
