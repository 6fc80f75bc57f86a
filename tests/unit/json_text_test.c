/* Texts between the quotes of JSON, made plain. */
#include <string.h>

#include "lib/capture/json_text.h"
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
    expect("\\ud83d", "\xef\xbf\xbd");
    expect("\\ud83d\\u0041", "\xef\xbf\xbd"
                             "A");
    expect("\\ude00x", "\xef\xbf\xbdx");
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
                    what_is_no_escape_does_no_harm, a_zero_is_a_character);
}
