/* Spans, buffers, hex, base64, CRC-32C, the table hash and little-endian numbers. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/json.h"
#include "tests/unit/unit.h"

static void expect_text(struct buffer *buffer, const char *text)
{
    ck_assert_uint_eq(buffer->len, strlen(text));
    ck_assert(span_equal_text(span_make(buffer->data, buffer->len), text));
    buffer_close(buffer);
    ck_assert_ptr_null(buffer->data);
}

START_TEST(span_equality)
{
    ck_assert(span_equal(span_make(NULL, 0), span_text("")));
    ck_assert(span_equal(span_text("abc"), span_make("abcd", 3)));
    ck_assert(!span_equal(span_text("abc"), span_text("abd")));
    ck_assert(!span_equal_text(span_make("a\0c", 3), "a"));
}
END_TEST

START_TEST(buffer_grows_and_keeps_content)
{
    struct buffer buffer = {0};

    for (int i = 0; i < 100000; i++)
        buffer_append_char(&buffer, (char)('a' + i % 26));
    ck_assert_uint_eq(buffer.len, 100000);
    for (int i = 0; i < 100000; i++)
        ck_assert_int_eq(buffer.data[i], 'a' + i % 26);
    buffer_close(&buffer);
}
END_TEST

START_TEST(buffer_reserve_gives_room_even_when_nothing_is_asked)
{
    struct buffer buffer = {0};

    ck_assert_ptr_nonnull(buffer_reserve(&buffer, 0));
    memset(buffer_reserve(&buffer, 1000), 'x', 1000);
    ck_assert_uint_eq(buffer.len, 0);
    ck_assert_uint_ge(buffer.capacity, 1000);
    buffer_close(&buffer);
}
END_TEST

START_TEST(buffer_consume_drops_the_front)
{
    struct buffer buffer = {0};

    buffer_append_text(&buffer, "hello world");
    buffer_consume(&buffer, 0);
    buffer_consume(&buffer, 6);
    ck_assert(span_equal_text(span_make(buffer.data, buffer.len), "world"));
    buffer_consume(&buffer, 99);
    ck_assert_uint_eq(buffer.len, 0);
    buffer_append_text(&buffer, "again");
    expect_text(&buffer, "again");
}
END_TEST

/* Whatever is appended may lie in the buffer, which moves when it grows. */
START_TEST(buffer_appends_from_itself)
{
    struct buffer buffer = {0};

    buffer_append_text(&buffer, "0123456789abcdef");
    for (int i = 0; i < 12; i++)
        buffer_append(&buffer, buffer.data, buffer.len);
    ck_assert_uint_eq(buffer.len, 16 << 12);
    for (size_t i = 0; i < buffer.len; i++)
        ck_assert_int_eq(buffer.data[i], "0123456789abcdef"[i % 16]);
    buffer_close(&buffer);
}
END_TEST

/* The same of those that look at what they append more than once; a new buffer each, so that all
 * of them have to grow. */
START_TEST(buffer_appends_itself_in_other_forms)
{
    const char line[] = "0123456789012345678901234567890123456789012345678901234567890123";
    struct buffer buffer = {0};

    buffer_append_text(&buffer, line);
    buffer_append_base64(&buffer, buffer.data, 6);
    expect_text(&buffer, "0123456789012345678901234567890123456789012345678901234567890123"
                         "MDEyMzQ1");
    buffer_append_text(&buffer, line);
    buffer_append_format(&buffer, "%.*s", 10, buffer.data);
    expect_text(&buffer, "0123456789012345678901234567890123456789012345678901234567890123"
                         "0123456789");
    buffer_append_text(&buffer, "\n");
    buffer_append_text(&buffer, line + 1);
    json_append_string(&buffer, buffer.data, 3);
    expect_text(&buffer, "\n123456789012345678901234567890123456789012345678901234567890123"
                         "\"\\n12\"");
}
END_TEST

START_TEST(copies_keep_every_byte)
{
    struct span copy = span_copy(span_make("a\0b\0c", 4)), none = span_copy(span_make(NULL, 0));

    ck_assert_uint_eq(copy.len, 4);
    ck_assert_mem_eq(copy.data, "a\0b\0\0", 5);
    ck_assert_ptr_null(none.data);
    span_free(&copy);
    span_free(&none);
    ck_assert_ptr_null(copy.data);
}
END_TEST

START_TEST(numbers_as_text)
{
    struct buffer buffer = {0};

    buffer_append_u64(&buffer, 0);
    buffer_append_char(&buffer, ' ');
    buffer_append_u64(&buffer, UINT64_MAX);
    buffer_append_char(&buffer, ' ');
    buffer_append_i64(&buffer, INT64_MIN);
    buffer_append_char(&buffer, ' ');
    buffer_append_i64(&buffer, INT64_MAX);
    buffer_append_i64(&buffer, -42);
    expect_text(&buffer, "0 18446744073709551615 -9223372036854775808 9223372036854775807-42");
}
END_TEST

START_TEST(formatted_text_of_any_length)
{
    struct buffer buffer = {0};
    char *wide = calloc(1, 5001);

    memset(wide, 'w', 5000);
    buffer_append_format(&buffer, "%s", "");
    ck_assert_uint_eq(buffer.len, 0);
    buffer_append_format(&buffer, "<%s|%d>", wide, 42);
    ck_assert_uint_eq(buffer.len, 5005);
    ck_assert_mem_eq(buffer.data + 5000, "w|42>", 5);
    buffer_close(&buffer);
    free(wide);
}
END_TEST

START_TEST(hex_both_ways)
{
    unsigned char all[256];
    unsigned char back[256];
    char text[512];

    for (unsigned i = 0; i < 256; i++)
        all[i] = (unsigned char)i;
    hex_encode(text, all, 256);
    ck_assert_mem_eq(text, "000102", 6);
    ck_assert_mem_eq(text + 506, "fdfeff", 6);
    ck_assert(hex_decode(back, text, 512));
    ck_assert_mem_eq(all, back, 256);
    ck_assert(hex_decode(back, "aBCd", 4));
    ck_assert_mem_eq(back, "\xab\xcd", 2);
    ck_assert(hex_decode(back, "", 0));
}
END_TEST

START_TEST(hex_refuses_what_is_no_hex)
{
    unsigned char out[4];

    ck_assert(!hex_decode(out, "abc", 3));
    ck_assert(!hex_decode(out, "0g", 2));
    ck_assert(!hex_decode(out, "g0", 2));
    ck_assert(!hex_decode(out, " 1", 2));
    ck_assert(!hex_decode(out, "0x12", 4));
}
END_TEST

/* RFC 4648, section 10. */
static const char *const base64_vectors[][2] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xff\xff\xfe", "///+"},
};

START_TEST(base64_vectors_both_ways)
{
    for (size_t i = 0; i < sizeof base64_vectors / sizeof *base64_vectors; i++) {
        const char *plain = base64_vectors[i][0];
        const char *coded = base64_vectors[i][1];
        struct buffer buffer = {0};
        char out[8];
        size_t len = 99;

        buffer_append_base64(&buffer, plain, strlen(plain));
        expect_text(&buffer, coded);
        ck_assert(base64_decode(out, &len, coded, strlen(coded)));
        ck_assert_uint_eq(len, strlen(plain));
        ck_assert_mem_eq(out, plain, len);
    }
}
END_TEST

START_TEST(base64_refuses_the_malformed)
{
    static const char *const bad[] = {
        "Zg",   "Zg=",   "Zg===", "Z===", "====", "=",        "Zm9v=", "Zg==Zg==",
        "Zm 9", "Zm9\n", "Zm-_",  "Zh==", "Zm9=", "Zm8=Zm9v", "Z=g=",  "A",
    };
    char out[16];
    size_t len;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!base64_decode(out, &len, bad[i], strlen(bad[i])), "accepted %s", bad[i]);
}
END_TEST

/* RFC 3720, appendix B.4, and the check value of the CRC catalogue. */
START_TEST(crc32c_vectors)
{
    unsigned char data[32];

    ck_assert_uint_eq(crc32c(0, "", 0), 0);
    ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
    memset(data, 0, sizeof data);
    ck_assert_uint_eq(crc32c(0, data, sizeof data), 0x8a9136aa);
    memset(data, 0xff, sizeof data);
    ck_assert_uint_eq(crc32c(0, data, sizeof data), 0x62a8ab43);
    for (unsigned i = 0; i < 32; i++)
        data[i] = (unsigned char)i;
    ck_assert_uint_eq(crc32c(0, data, sizeof data), 0x46dd794e);
}
END_TEST

START_TEST(crc32c_continues_at_any_cut)
{
    const char text[] = "The quick brown fox jumps over the lazy dog, twice a day";
    uint32_t whole = crc32c(0, text, sizeof text);

    for (size_t cut = 0; cut <= sizeof text; cut++)
        ck_assert_uint_eq(crc32c(crc32c(0, text, cut), text + cut, sizeof text - cut), whole);
}
END_TEST

/* With seed 0 this is SipHash-1-3 under an all-zero key; values from CPython 3.11's hash(bytes)
 * with PYTHONHASHSEED=0, which is the same function. */
START_TEST(hash_vectors)
{
    ck_assert_uint_eq(hash_bytes(0, "abc", 3), UINT64_C(0xc03bc3a0042630f2));
    ck_assert_uint_eq(hash_bytes(0, "hello world abcd", 16), UINT64_C(0xd58cdf8faaa5d3c8));
}
END_TEST

START_TEST(hash_depends_on_seed_length_and_every_bit)
{
    unsigned char data[24] = {0};
    uint64_t plain = hash_bytes(7, data, sizeof data);

    ck_assert_uint_ne(plain, hash_bytes(8, data, sizeof data));
    ck_assert_uint_ne(plain, hash_bytes(7, data, sizeof data - 1));
    for (size_t bit = 0; bit < sizeof data * 8; bit++) {
        int changed;

        data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        changed = __builtin_popcountll(plain ^ hash_bytes(7, data, sizeof data));
        ck_assert_msg(changed > 10 && changed < 54, "bit %zu changes %d bits", bit, changed);
        data[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
}
END_TEST

START_TEST(little_endian_at_odd_addresses)
{
    unsigned char raw[9] = {0};

    store_le64(raw + 1, UINT64_C(0x8877665544332211));
    ck_assert_mem_eq(raw + 1, "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
    ck_assert_uint_eq(load_le64(raw + 1), UINT64_C(0x8877665544332211));
    ck_assert_uint_eq(load_le32(raw + 5), 0x88776655);
    ck_assert_uint_eq(load_le16(raw + 7), 0x8877);
    store_le32(raw + 1, 0xdeadbeef);
    store_le16(raw + 5, 0xcafe);
    ck_assert_mem_eq(raw + 1, "\xef\xbe\xad\xde\xfe\xca", 6);
}
END_TEST

int main(void)
{
    return UNIT_RUN("bytes", span_equality, buffer_grows_and_keeps_content,
                    buffer_reserve_gives_room_even_when_nothing_is_asked,
                    buffer_consume_drops_the_front, buffer_appends_from_itself,
                    buffer_appends_itself_in_other_forms, copies_keep_every_byte, numbers_as_text,
                    formatted_text_of_any_length, hex_both_ways, hex_refuses_what_is_no_hex,
                    base64_vectors_both_ways, base64_refuses_the_malformed, crc32c_vectors,
                    crc32c_continues_at_any_cut, hash_vectors,
                    hash_depends_on_seed_length_and_every_bit, little_endian_at_odd_addresses);
}
