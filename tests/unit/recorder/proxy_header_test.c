/*
 * proxy_header_test.c - PROXY protocol headers: both versions, cut at every byte, garbage.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "lib/event/connect.h"
#include "recorder/proxy_header.h"
#include "tests/unit/unit.h"

static struct sockaddr_storage address(const char *host, uint16_t port)
{
    struct sockaddr_storage out;
    ck_assert_int_eq(address_parse(&out, host, port, NULL), STATUS_OK);
    return out;
}

static void expect_address(const struct sockaddr_storage *got, const char *want)
{
    char text[ADDRESS_TEXT_MAX];
    address_format(text, got);
    ck_assert_str_eq(text, want);
}

/* Every beginning asks for more; the whole is read and its length told, bytes behind it left. */
static void expect_whole(const char *data, size_t len, const char *source, const char *destination)
{
    struct proxy_header header;
    struct error err;
    char more[PROXY_HEADER_MAX + 8];
    for (size_t i = 0; i < len; i++)
        ck_assert_int_eq(proxy_header_parse(&header, data, i, &err), STATUS_END);
    memcpy(more, data, len);
    memcpy(more + len, "{\"id\":", 6);
    ck_assert_int_eq(proxy_header_parse(&header, more, len + 6, &err), STATUS_OK);
    ck_assert_uint_eq(header.len, len);
    ck_assert_int_eq(header.local, source == NULL);
    if (source) {
        expect_address(&header.source, source);
        expect_address(&header.destination, destination);
    }
}

START_TEST(text_headers)
{
    static const char v4[] = "PROXY TCP4 10.1.2.3 192.0.2.9 50123 3333\r\n";
    static const char v6[] = "PROXY TCP6 2001:db8::7 ::1 1 65535\r\n";
    static const char unknown[] = "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n";
    expect_whole(v4, strlen(v4), "10.1.2.3:50123", "192.0.2.9:3333");
    expect_whole(v6, strlen(v6), "[2001:db8::7]:1", "[::1]:65535");
    expect_whole(unknown, strlen(unknown), NULL, NULL);
    expect_whole("PROXY UNKNOWN\r\n", 15, NULL, NULL);
}
END_TEST

START_TEST(what_we_write_we_read)
{
    static const char *const pairs[][2] = {{"10.1.2.3", "192.0.2.9"}, {"2001:db8::7", "::1"}};
    static const char *const texts[][2] = {{"10.1.2.3:50123", "192.0.2.9:3333"},
                                           {"[2001:db8::7]:50123", "[::1]:3333"}};
    char header[PROXY_HEADER_MAX];
    for (int version = 1; version <= 2; version++) {
        for (size_t i = 0; i < 2; i++) {
            struct sockaddr_storage from = address(pairs[i][0], 50123);
            struct sockaddr_storage to = address(pairs[i][1], 3333);
            size_t len = proxy_header_format(header, version, &from, &to);
            expect_whole(header, len, texts[i][0], texts[i][1]);
        }
        struct sockaddr_storage from = address("10.1.2.3", 1), to = address("::1", 2);
        size_t len = proxy_header_format(header, version, &from, &to);
        expect_whole(header, len, NULL, NULL);
    }
}
END_TEST

START_TEST(binary_header_to_the_byte)
{
    struct sockaddr_storage from = address("1.2.3.4", 0x0506), to = address("7.8.9.10", 0x0b0c);
    static const char want[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\1\2\3\4\7\x8\x9\xa\5\6\xb\xc";
    char header[PROXY_HEADER_MAX];
    ck_assert_uint_eq(proxy_header_format(header, 2, &from, &to), 28);
    ck_assert_mem_eq(header, want, 28);
}
END_TEST

START_TEST(binary_header_with_extras)
{
    char header[PROXY_HEADER_MAX] =
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\1\2\3\4\7\x8\x9\xa\5\6\xb\xc"
        "\4\0\5hello";
    expect_whole(header, 36, "1.2.3.4:1286", "7.8.9.10:2828");
    memcpy(header + 12, "\x20\x00\0\x03xyz", 7);
    expect_whole(header, 19, NULL, NULL);
}
END_TEST

START_TEST(garbage_is_refused)
{
    static const struct {
        const char *data;
        size_t len;
    } bad[] = {
        {"{\"id\":1}\n", 9},
        {"PROXZ", 5},
        {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", 31},
        {"PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", 30},
        {"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n", 36},
        {"PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", 34},
        {"PROXY TCP4 1.2.3.4 1.2.3.400 1 2\r\n", 34},
        {"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", 32},
        {"PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n", 32},
        {"\r\n\r\n\0\r\nQUIT\n\x11\x11\0\x0c", 16},
        {"\r\n\r\n\0\r\nQUIT\n\x22\x11\0\x0c", 16},
        {"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", 16},
        {"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04\1\2\3\4", 20},
        {"\x16\x03\x01", 3},
    };
    struct proxy_header header;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {""};
        ck_assert_int_eq(proxy_header_parse(&header, bad[i].data, bad[i].len, &err),
                         STATUS_INVALID);
        ck_assert_str_ne(err.text, "");
    }
    char endless[200] = "PROXY TCP4 ";
    memset(endless + 11, ' ', sizeof endless - 11);
    ck_assert_int_eq(proxy_header_parse(&header, endless, 106, NULL), STATUS_END);
    ck_assert_int_eq(proxy_header_parse(&header, endless, 107, NULL), STATUS_INVALID);
}
END_TEST

int main(void)
{
    return UNIT_RUN("PROXY header", text_headers, what_we_write_we_read, binary_header_to_the_byte,
                    binary_header_with_extras, garbage_is_refused);
}
