/*
 * mask_test.c - passwords are masked or withheld wherever a lenient reader would read one,
 * and nothing else is.
 */
#include <string.h>

#include "lib/export/mask.h"
#include "lib/stratum/scan.h"
#include "tests/unit/unit.h"

static void check(struct segment_line line, struct span message, struct span expected)
{
    struct masker masker = {0};
    struct span got;

    line.is_message = true;
    got = mask_message(&masker, &line, message);
    ck_assert_msg(span_equal(got, expected), "%.*s\n%.*s\n%.*s", (int)message.len, message.data,
                  (int)got.len, got.data, (int)expected.len, expected.data);
    masker_close(&masker);
}

static void check_of(enum direction direction, const char *message, const char *expected)
{
    check((struct segment_line){.direction = direction}, span_text(message), span_text(expected));
}

static void check_masked(const char *message, const char *expected)
{
    check((struct segment_line){0}, span_text(message), span_text(expected));
}

static void check_same(const char *message)
{
    check_masked(message, message);
}

static void check_withheld_of(struct segment_line line, struct span message)
{
    struct buffer expected = {NULL, 0, 0};

    buffer_append_text(&expected, MASK_WITHHELD);
    ck_assert_uint_ge(message.len, expected.len);
    while (expected.len < message.len)
        buffer_append_char(&expected, 'x');
    check(line, message, span_make(expected.data, expected.len));
    buffer_close(&expected);
}

static void check_withheld(const char *message)
{
    check_withheld_of((struct segment_line){0}, span_text(message));
}

START_TEST(logins_of_all_coins)
{
    check_masked("{\"method\":\"mining.authorize\",\"params\":[\"a\",\"s\\\"t\"]}",
                 "{\"method\":\"mining.authorize\",\"params\":[\"a\",\"xxxx\"]}");
    check_masked("{\"params\":{\"pass\":\"pw\",\"login\":\"L\",\"agent\":\"x/1\",\"algo\":[\"r\"]},"
                 "\"method\":\"login\"}",
                 "{\"params\":{\"pass\":\"xx\",\"login\":\"L\",\"agent\":\"x/1\",\"algo\":[\"r\"]},"
                 "\"method\":\"login\"}");
    check_masked("{\"worker\":\"w\",\"method\":\"eth_submitLogin\",\"params\":[\"0xa\",\"pw\"]}",
                 "{\"worker\":\"w\",\"method\":\"eth_submitLogin\",\"params\":[\"0xa\",\"xx\"]}");
    check_masked("{\"id\":\"l\",\"method\":\"login\",\"api_key\":\"k3y\"}",
                 "{\"id\":\"l\",\"method\":\"login\",\"api_key\":\"xxx\"}");
    check_masked("{\"method\":\"mining.authorize\",\"params\":[\"a\",-10.5e+2,{\"b\":[true,7]}]}",
                 "{\"method\":\"mining.authorize\",\"params\":[\"a\",-11.1e+1,{\"x\":[true,1]}]}");
    check_masked("{\"method\":\"login\",\"params\":{\"user\":\"u\",\"key\":{\"pw\":1}}}",
                 "{\"method\":\"login\",\"params\":{\"user\":\"u\",\"key\":{\"xx\":1}}}");
    check_masked("{\"method\":\"login\",\"params\":[{\"user\":\"u\",\"key\":\"pw\"}]}",
                 "{\"method\":\"login\",\"params\":[{\"user\":\"u\",\"key\":\"xx\"}]}");
    check_masked("{\"method\":\"mining.authorize\",\"params\":\"a,pw\"}",
                 "{\"method\":\"mining.authorize\",\"params\":\"xxxx\"}");
    check_masked("{\"method\":\"mining.subscribe\",\"params\":{\"passwd\":\"pw\"}}",
                 "{\"method\":\"mining.subscribe\",\"params\":{\"passwd\":\"xx\"}}");
}
END_TEST

START_TEST(whatever_may_be_read_as_a_login)
{
    check_masked("{\"method\":\"mining.\\u0061uthorize\",\"params\":[\"a\",\"pw\"]}",
                 "{\"method\":\"mining.\\u0061uthorize\",\"params\":[\"a\",\"xx\"]}");
    check_masked("{\"M\\u0065thod\":\"Mining.AUTHORIZE\",\"PARAMS\":[\"a\",\"pw\"]}",
                 "{\"M\\u0065thod\":\"xxxxxxxxxxxxxxxx\",\"PARAMS\":[\"a\",\"xx\"]}");
    check_masked("{\"method\":\"login\",\"paramſ\":[\"a\",\"pw\"],\"pa\\u017fs\":\"q\"}",
                 "{\"method\":\"login\",\"paramſ\":[\"a\",\"xx\"],\"pa\\u017fs\":\"x\"}");
    check_masked("{\"params\":[\"a\",\"pw\"],\"method\":\"login\",\"params\":[],\"method\":\"x\"}",
                 "{\"params\":[\"a\",\"xx\"],\"method\":\"login\",\"params\":[],\"method\":\"x\"}");
    check_masked(" [{\"id\":1},{\"method\":\"login\",\"params\":[\"a\",\"pw\"]}]",
                 " [{\"id\":1},{\"method\":\"login\",\"params\":[\"a\",\"xx\"]}]");
    check_masked("{\"id\":4}{\"method\":\"login\",\"params\":[\"a\",\"pw\"]} [1]",
                 "{\"id\":4}{\"method\":\"login\",\"params\":[\"a\",\"xx\"]} [1]");
    check_masked("\xef\xbb\xbf{\"method\":\"login\",\"params\":[\"bj\xf6rn\",\"p\xf6\"]}",
                 "\xef\xbb\xbf{\"method\":\"login\",\"params\":[\"bj\xf6rn\",\"xx\"]}");
}
END_TEST

START_TEST(what_can_be_read_in_two_ways_is_withheld)
{
    check_withheld("{'method':'mining.authorize','params':['a','pw']}");
    check_withheld("{method:\"mining.authorize\",params:[\"a\",\"pw\"]}");
    check_withheld("{\"method\":\"mining.authorize\",\"params\":[\"a\",\"pw\",]}");
    check_withheld("{\"method\":\"mining.authorize\",/**/\"params\":[\"a\",\"pw\"]}");
    check_withheld("GET /{\"method\":\"mining.authorize\",\"params\":[\"a\",\"pw\"]}");
    check_withheld("{\"method\":\"mining.authorize\",\"params\":[\"a\",\"pw\"]}]");
    check_withheld("{\"method\":\"mining.authorize\",\"params\":[\"a\",\"pw\"");
    check_withheld("{'method':'mining.\\x61\\u{75}thor\\151ze','params':['a','pw']}");
    check_withheld("{'method':'mining.a\\uthorize','params':['a','pw']}");
    check_withheld("/*{\"x\":\"*/{'method':'login','params':['u','pw']}/*\"}*/");
    check_withheld("Authorization: Basic dXNlcjpwYXNzd29yZA==");
    check_masked("{login:pw}", "xxxxxxxxxx"); /* too short for the notice */
}
END_TEST

START_TEST(all_else_stays)
{
    check_same("");
    check_same("{\"method\":\"mining.submit\",\"params\":[\"loginpool.pass\",\"1f\"]}");
    check_same("{\"method\":\"mining.authorize\",\"params\":[\"a\"]}");
    check_same("{\"id\":1,\"result\":null,\"error\":[24,\"Unauthorized worker\",null]}");
    check_same("{\"method\":\"client.show_message\",\"params\":[\"wrong password\",\"login\"]}");
    check_same("no JSON");
    check_same("{'id':1,'method':'mining.submit'}");
}
END_TEST

/* A reader of JSON streams takes line ends for white space. */
START_TEST(lines_that_may_be_a_part_of_a_login_are_withheld)
{
    static const char *const parts[] = {"\"SeCrEt77\"",
                                        "    'u',",
                                        "\"u\", \"SeCrEt77\" ]",
                                        "[\"u\",\"SeCrEt77\"],",
                                        "  7777 ,",
                                        "thorize\",\"params\":[\"u\",\"SeCrEt77\"]}",
                                        "{\"worker\":\"u\",\"secret\":\"x\"}",
                                        "{\"worker\":\"u\",\"secret\":\"error\"}",
                                        "{\"worker\":\"method\",\"secret\":\"x\"}",
                                        "{\"worker\":\"u\",\"secret\":\"x\",\"error\":1}",
                                        "{'myid':1,secret:'x','result':null}",
                                        "SeCrEt77",
                                        "SeC\x01rEt77",
                                        "  SeCrEt77, ",
                                        "u.1,SeCrEt77",
                                        "secret: SeCrEt77",
                                        "\xe4\xf6\xfc"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char hidden[128];
        memset(hidden, 'x', sizeof hidden);
        hidden[strlen(parts[i])] = '\0';
        if (strlen(parts[i]) >= strlen(MASK_WITHHELD))
            memcpy(hidden, MASK_WITHHELD, strlen(MASK_WITHHELD));
        check_of(DIRECTION_MINER_TO_POOL, parts[i], hidden);
        check_of(DIRECTION_POOL_TO_MINER, parts[i], parts[i]);
    }
    check_of(DIRECTION_MINER_TO_POOL, "GET / HTTP/1.1", "GET / HTTP/1.1");
    check_of(DIRECTION_MINER_TO_POOL, "it is a text", "it is a text");
    check_of(DIRECTION_MINER_TO_POOL, "{'id' : 1,result:null}", "{'id' : 1,result:null}");
    check_of(DIRECTION_MINER_TO_POOL, "[{\"id\":1,\"method\":\"mining.submit\"}]",
             "[{\"id\":1,\"method\":\"mining.submit\"}]");
}
END_TEST

/* What one piece does not tell, the ones beside it may. */
START_TEST(pieces_that_go_to_the_pool_are_withheld)
{
    static const char piece[] = "ter2\"],\"id\":1}...................";
    static const char whole[] = "{\"id\":1,\"method\":\"mining.submit\",\"params\":[]}";
    static const char tls[] = "\x16\x03\x01 pass, as good as any other bytes";
    struct segment_line line = {.is_fragment = true, .fragment = 1};

    check_withheld_of(line, span_text(piece));
    check_withheld_of(line, span_text(whole));
    line.fragment = 0;
    check_withheld_of(line, span_text(piece));
    check(line, span_text(whole), span_text(whole));
    line.direction = DIRECTION_POOL_TO_MINER;
    check(line, span_text(piece), span_text(piece));

    line = (struct segment_line){.why = span_text(stratum_fault_text(STRATUM_FAULT_OPAQUE))};
    check_withheld_of(line, span_text(piece));
    check_withheld_of(line, span_text(tls)); /* it speaks of one */
    check(line, span_make(tls, 4), span_make(tls, 4));
}
END_TEST

static void check_json(const char *text)
{
    struct masker masker = {0};
    struct segment_line line = {.is_message = true, .msg = span_text(text)};
    struct span got = mask_message(&masker, &line, line.msg);
    struct stratum_scan scan;

    stratum_scan_line(&scan, got.data, got.len);
    ck_assert_int_eq(scan.fault, STRATUM_FAULT_NONE);
    ck_assert_ptr_null(memmem(got.data, got.len, "hunter", 6));
    masker_close(&masker);
}

START_TEST(json_stays_json)
{
    struct buffer text = {NULL, 0, 0};

    check_json("\"login, pass\"");
    for (int i = 0; i < STRATUM_DEPTH_MAX - 1; i++)
        buffer_append_text(&text, "[");
    buffer_append_text(&text, "{\"method\":\"login\",\"pass\":\"hunter2\"}");
    for (int i = 0; i < STRATUM_DEPTH_MAX - 1; i++)
        buffer_append_text(&text, "]");
    buffer_append_char(&text, '\0');
    check_json(text.data);
    buffer_close(&text);
}
END_TEST

START_TEST(nesting_is_bounded)
{
    struct buffer text = {NULL, 0, 0};

    for (int i = 0; i < 100000; i++)
        buffer_append_text(&text, "[{\"pass\":");
    check_withheld_of((struct segment_line){0}, span_make(text.data, text.len));
    buffer_close(&text);
}
END_TEST

#define HEAD                                                                                       \
    "{\"ts\":\"2026-11-22T13:53:01.000001Z\",\"seq\":813,\"session\":\"0193aaaa-bbbb-7ccc-"        \
    "8ddd-eeeeeeeeeeee\""

static void check_line(const char *text, const char *expected)
{
    struct masker masker = {0};
    struct segment_line line;
    struct span got;

    ck_assert(segment_line_parse(&line, text, strlen(text)) == STATUS_OK);
    got = mask_line(&masker, &line);
    ck_assert_msg(span_equal_text(got, expected), "%.*s", (int)got.len, got.data);
    masker_close(&masker);
}

START_TEST(lines_are_masked_in_text_and_base64)
{
    check_line(HEAD ",\"dir\":\"miner_to_pool\",\"msg\":{\"method\":\"login\",\"pass\":\"pw\"}}",
               HEAD ",\"dir\":\"miner_to_pool\",\"msg\":{\"method\":\"login\",\"pass\":\"xx\"}}");
    /* [{"pass":"pw"}]0 and, of what is no JSON, xxxxxxxxxxxxxxxx */
    check_line(HEAD ",\"dir\":\"miner_to_pool\",\"bytes_b64\":\"W3sicGFzcyI6InB3In1dMA==\","
                    "\"why\":\"invalid JSON at byte 15\"}",
               HEAD ",\"dir\":\"miner_to_pool\",\"bytes_b64\":\"eHh4eHh4eHh4eHh4eHh4eA==\","
                    "\"why\":\"invalid JSON at byte 15\"}");
    check_line("{\"ts\":\"2026-11-22T13:53:01.000001Z\",\"at\":8,\"session\":\"0193aaaa-bbbb-7ccc-"
               "8ddd-eeeeeeeeeeee\",\"event\":\"state\",\"subscribe\":{\"pass\":\"pw\"}}",
               "{\"ts\":\"2026-11-22T13:53:01.000001Z\",\"at\":8,\"session\":\"0193aaaa-bbbb-7ccc-"
               "8ddd-eeeeeeeeeeee\",\"event\":\"state\",\"subscribe\":{\"pass\":\"xx\"}}");
}
END_TEST

int main(void)
{
    return UNIT_RUN("export_mask", logins_of_all_coins, whatever_may_be_read_as_a_login,
                    what_can_be_read_in_two_ways_is_withheld, all_else_stays,
                    lines_that_may_be_a_part_of_a_login_are_withheld,
                    pieces_that_go_to_the_pool_are_withheld, json_stays_json, nesting_is_bounded,
                    lines_are_masked_in_text_and_base64);
}
