/*
 * comment_test.c - comments of packets, lines as CSV.
 */
#include <string.h>

#include "lib/export/comment.h"
#include "lib/export/csv.h"
#include "tests/unit/unit.h"

#define TS      "\"ts\":\"2026-11-22T13:53:01.000001Z\""
#define SESSION "0193aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"
#define HEAD    "{" TS ",\"seq\":813,\"session\":\"" SESSION "\",\"dir\":\"pool_to_miner\""
#define WORDS   "seq=813 session=" SESSION " dir=pool_to_miner"

static struct segment_line parsed(const char *text)
{
    struct segment_line line;

    ck_assert_msg(segment_line_parse(&line, text, strlen(text)) == STATUS_OK, "%s", text);
    return line;
}

static void check_message(const char *text, const char *method, uint64_t lost, const char *expected)
{
    const struct segment_line line = parsed(text);
    char out[COMMENT_MAX + 1];
    const size_t len = comment_write_message(out, &line, span_text(method), lost);

    out[len] = '\0';
    ck_assert_str_eq(out, expected);
}

START_TEST(messages)
{
    check_message(HEAD ",\"msg\":{}}", "", 0, WORDS);
    check_message("{" TS ",\"seq\":813,\"latency_us\":41873,\"re\":812,\"session\":\"" SESSION
                  "\",\"dir\":\"pool_to_miner\",\"fwd_us\":1200,\"end\":\"\\r\\n\",\"msg\":{}}",
                  "mining.submit", 0,
                  WORDS " re=812 latency_us=41873 fwd_us=1200 method=mining.submit end=\"\\r\\n\"");
    check_message(HEAD ",\"end\":\"\",\"bytes_b64\":\"eA==\",\"why\":\"invalid JSON at byte 0\"}",
                  "", 7, WORDS " end=\"\" why=\"invalid JSON at byte 0\" lost_bytes=7");
    check_message(HEAD ",\"frag\":0,\"method\":\"mining.notify\",\"bytes_b64\":\"eA==\"}",
                  "mining.notify", 0, WORDS " frag=0 method=mining.notify");
    check_message(HEAD ",\"frag\":3,\"last\":true,\"bytes_b64\":\"eA==\"}", "", 0,
                  WORDS " frag=3 last=true");
}
END_TEST

/* fwd_us in the message itself is none of the line's. */
START_TEST(keys_of_messages_are_not_taken_for_those_of_lines)
{
    check_message(HEAD ",\"msg\":{\"x\":\"\",\"fwd_us\":5}}", "", 0, WORDS);
    check_message(HEAD ",\"msg\":[\"a\",\"fwd_us\",9]}", "", 0, WORDS);
}
END_TEST

static void check_event(const char *text, bool same_time, const char *expected)
{
    const struct segment_line line = parsed(text);
    struct buffer out = {NULL, 0, 0};

    comment_append_event(&out, line.text, line.wall_ns, same_time ? line.wall_ns : 0);
    buffer_append(&out, "", 1);
    ck_assert_str_eq(out.data, expected);
    buffer_close(&out);
}

START_TEST(events)
{
    check_event("{" TS ",\"at\":5,\"event\":\"gap\",\"lost\":3,\"reason\":\"ring \\\"x\\\"\"}",
                false,
                "ts=2026-11-22T13:53:01.000001Z at=5 event=gap lost=3 reason=\"ring \\\"x\\\"\"");
    check_event("{" TS ",\"seq\":5,\"session\":\"" SESSION "\",\"event\":\"opened\",\"route\":\"\","
                "\"number\":1,\"tls\":false}",
                true, "seq=5 session=" SESSION " event=opened route=\"\" number=1 tls=false");
    check_event("{" TS ",\"at\":5,\"session\":\"" SESSION
                "\",\"event\":\"state\",\"miner\":\"a=b\","
                "\"bytes_up\":1,\"bytes_down\":2,\"notify\":{\"id\":null}}",
                true, "session=" SESSION " event=state miner=\"a=b\" bytes_up=1 bytes_down=2");
    check_event(
        "{" TS ",\"seq\":5,\"session\":\"" SESSION "\",\"event\":\"closed\",\"by\":\"pool\","
        "\"bytes_up\":1,\"bytes_down\":2,\"lasted_us\":3}",
        true, "seq=5 session=" SESSION " event=closed by=pool bytes_up=1 bytes_down=2 lasted_us=3");
}
END_TEST

START_TEST(a_long_event_is_cut_behind_a_word)
{
    struct buffer line = {NULL, 0, 0}, out = {NULL, 0, 0};
    char words[COMMENT_MAX];

    memset(words, 'x', sizeof(words));
    buffer_append_text(&line, "{" TS ",\"seq\":5,\"event\":\"gap\",\"lost\":3,\"reason\":\"");
    buffer_append(&line, words, sizeof(words));
    buffer_append_text(&line, "\"}");
    comment_append_event(&out, span_make(line.data, line.len), 1, 1);
    buffer_append(&out, "", 1);
    ck_assert_str_eq(out.data, "seq=5 event=gap lost=3");
    buffer_close(&line);
    buffer_close(&out);
}
END_TEST

START_TEST(csv_quotes_what_needs_it)
{
    const struct segment_line line = parsed(HEAD ",\"end\":\"\",\"msg\":{\"method\":\"a,b\"}}");
    struct buffer out = {NULL, 0, 0};

    csv_append_line(&out, &line);
    buffer_append(&out, "", 1);
    ck_assert_str_eq(out.data, "2026-11-22T13:53:01.000001Z,813," SESSION ",pool_to_miner,,\"a,b\""
                               ",,,none,,\"{\"\"method\"\":\"\"a,b\"\"}\",,\n");
    buffer_close(&out);
}
END_TEST

static void check_csv(const char *members, const char *cells)
{
    struct buffer text = {NULL, 0, 0}, out = {NULL, 0, 0};

    buffer_append_format(&text, HEAD ",%s}", members);
    buffer_append_char(&text, '\0');
    const struct segment_line line = parsed(text.data);
    csv_append_line(&out, &line);
    buffer_append(&out, "", 1);
    ck_assert_str_eq(out.data + sizeof("2026-11-22T13:53:01.000001Z,813," SESSION) - 1, cells);
    buffer_close(&text);
    buffer_close(&out);
}

START_TEST(csv_has_no_formulas)
{
    check_csv("\"msg\":{\"method\":\"=1+1\"}",
              ",pool_to_miner,,'=1+1,,,,,\"{\"\"method\"\":\"\"=1+1\"\"}\",,\n");
    check_csv("\"msg\":{\"method\":\"@a,b\"}",
              ",pool_to_miner,,\"'@a,b\",,,,,\"{\"\"method\"\":\"\"@a,b\"\"}\",,\n");
    check_csv("\"msg\":{\"method\":\"'=\"}",
              ",pool_to_miner,,''=,,,,,\"{\"\"method\"\":\"\"'=\"\"}\",,\n");
    check_csv(
        "\"msg\":{\"method\":\"\xef\xbc\x9d 1\"}",
        ",pool_to_miner,,'\xef\xbc\x9d 1,,,,,\"{\"\"method\"\":\"\"\xef\xbc\x9d 1\"\"}\",,\n");
    check_csv("\"msg\":\t7", ",pool_to_miner,,,,,,,'\t7,,\n");
    check_csv("\"msg\":{\"method\":\"\xe4\xb8\xad=1\"}",
              ",pool_to_miner,,\xe4\xb8\xad=1,,,,,\"{\"\"method\"\":\"\"\xe4\xb8\xad=1\"\"}\",,\n");
    check_csv("\"msg\":-7", ",pool_to_miner,,,,,,,'-7,,\n");
    check_csv("\"bytes_b64\":\"+A==\",\"why\":\"\"", ",pool_to_miner,,,,,,,,'+A==,\n");
    check_csv("\"msg\":{\"method\":\"a=1\"}",
              ",pool_to_miner,,a=1,,,,,\"{\"\"method\"\":\"\"a=1\"\"}\",,\n");
}
END_TEST

int main(void)
{
    return UNIT_RUN("export_comment", messages, keys_of_messages_are_not_taken_for_those_of_lines,
                    events, a_long_event_is_cut_behind_a_word, csv_quotes_what_needs_it,
                    csv_has_no_formulas);
}
