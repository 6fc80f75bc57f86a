/* Lines of the archive: every kind as FORMAT.md has it, to the byte, and taken apart again. */
#include <stdlib.h>
#include <string.h>

#include "lib/record/line.h"
#include "lib/segment/layout.h"
#include "lib/segment/segment.h"
#include "lib/stratum/scan.h"
#include "tests/unit/unit.h"

#define WALL    INT64_C(1795355581123456789)
#define TS      "\"ts\":\"2026-11-22T13:53:01.123456Z\""
#define SESSION "01933b4e-9a7c-7c3d-8e21-0123456789ab"
#define FRONT   "{" TS ",\"seq\":812,\"session\":\"" SESSION "\","

static struct record message(const char *text)
{
    struct record record = {
        .type = RECORD_MESSAGE,
        .seq = 812,
        .wall_ns = WALL,
        .direction = DIRECTION_MINER_TO_POOL,
        .terminator = TERMINATOR_LF,
        .payload = span_text(text),
    };
    ck_assert(uuid_parse(&record.session, SESSION, strlen(SESSION)));
    return record;
}

static void expect_line(const struct record *record, const char *expected)
{
    struct buffer out = {0};
    struct clock_formatter clock = {0};
    struct segment_line line;
    line_append_record(&out, &clock, record);
    buffer_append_char(&out, '\0');
    ck_assert_str_eq(out.data, expected);
    ck_assert_int_eq(segment_line_parse(&line, out.data, out.len - 2), STATUS_OK);
    ck_assert_uint_eq(line.seq, record->seq);
    ck_assert(line.numbered);
    ck_assert_int_eq(line.wall_ns, WALL / 1000 * 1000);
    ck_assert_int_eq(line.is_message, record->type == RECORD_MESSAGE);
    buffer_close(&out);
}

START_TEST(a_message_is_embedded_as_it_is)
{
    struct record record = message(" {\"id\": 4,\"method\":\"mining.submit\"}\t");
    expect_line(&record,
                FRONT "\"dir\":\"miner_to_pool\",\"msg\": {\"id\": 4,\"method\":\"mining.submit\"}"
                      "\t}\n");
}
END_TEST

START_TEST(a_response_names_its_request)
{
    struct record record = message("{\"id\":4,\"result\":true,\"error\":null}");
    record.direction = DIRECTION_POOL_TO_MINER;
    record.flags = RECORD_PAIRED;
    record.re = 811;
    record.latency_ns = 41873999;
    expect_line(&record,
                "{" TS ",\"seq\":812,\"latency_us\":41873,\"re\":811,\"session\":\"" SESSION
                "\",\"dir\":\"pool_to_miner\",\"msg\":{\"id\":4,\"result\":true,\"error\":"
                "null}}\n");
    record.latency_ns = -5;
    record.direction = DIRECTION_POOL_TO_HASHSCOPE;
    expect_line(&record, "{" TS ",\"seq\":812,\"latency_us\":0,\"re\":811,\"session\":\"" SESSION
                         "\",\"dir\":\"pool_to_hashscope\",\"msg\":{\"id\":4,\"result\":true,"
                         "\"error\":null}}\n");
}
END_TEST

START_TEST(a_slow_forward_is_told)
{
    struct record record = message("{}");
    record.direction = DIRECTION_HASHSCOPE_TO_POOL;
    record.flags = RECORD_FORWARD_KNOWN;
    record.forward_ns = 1000000;
    expect_line(&record, FRONT "\"dir\":\"hashscope_to_pool\",\"msg\":{}}\n");
    record.forward_ns = 1001000;
    expect_line(&record, FRONT "\"dir\":\"hashscope_to_pool\",\"fwd_us\":1001,\"msg\":{}}\n");
    record.flags = 0;
    expect_line(&record, FRONT "\"dir\":\"hashscope_to_pool\",\"msg\":{}}\n");
}
END_TEST

START_TEST(the_end_is_told_when_it_is_not_a_line_feed)
{
    struct record record = message("[1]");
    record.terminator = TERMINATOR_CRLF;
    expect_line(&record, FRONT "\"dir\":\"miner_to_pool\",\"end\":\"\\r\\n\",\"msg\":[1]}\n");
    record.terminator = TERMINATOR_NONE;
    expect_line(&record, FRONT "\"dir\":\"miner_to_pool\",\"end\":\"\",\"msg\":[1]}\n");
}
END_TEST

START_TEST(bytes_that_are_no_json_say_why)
{
    struct record record = message("\xff{");
    record.fault = STRATUM_FAULT_SYNTAX;
    record.fault_at = 0;
    expect_line(&record, FRONT "\"dir\":\"miner_to_pool\",\"bytes_b64\":\"/3s=\",\"why\":\"invalid "
                               "JSON at byte 0\"}\n");
    record.payload = span_text("");
    record.fault = STRATUM_FAULT_EMPTY;
    record.terminator = TERMINATOR_CRLF;
    expect_line(&record, FRONT "\"dir\":\"miner_to_pool\",\"end\":\"\\r\\n\",\"bytes_b64\":\"\","
                               "\"why\":\"empty line\"}\n");
    record.payload = span_make("\0\1", 2);
    record.fault = STRATUM_FAULT_OPAQUE;
    record.flags = RECORD_OPAQUE;
    record.terminator = TERMINATOR_NONE;
    expect_line(&record, FRONT "\"dir\":\"miner_to_pool\",\"end\":\"\",\"bytes_b64\":\"AAE=\","
                               "\"why\":\"no text\"}\n");
}
END_TEST

START_TEST(a_long_line_comes_in_pieces)
{
    struct record record = message("{\"id\"");
    record.flags = RECORD_FRAGMENT;
    record.method = STRATUM_MINING_NOTIFY;
    record.fault = STRATUM_FAULT_TRUNCATED;
    record.terminator = TERMINATOR_NONE;
    expect_line(&record, FRONT "\"dir\":\"miner_to_pool\",\"frag\":0,\"method\":\"mining.notify\","
                               "\"bytes_b64\":\"eyJpZCI=\"}\n");
    record.method = STRATUM_METHOD_UNKNOWN;
    expect_line(&record,
                FRONT "\"dir\":\"miner_to_pool\",\"frag\":0,\"bytes_b64\":\"eyJpZCI=\"}\n");
    record.flags |= RECORD_LAST_FRAGMENT;
    record.fragment = 3;
    record.terminator = TERMINATOR_LF;
    expect_line(&record, FRONT
                "\"dir\":\"miner_to_pool\",\"frag\":3,\"last\":true,\"bytes_b64\":\"eyJpZCI=\"}\n");
    record.terminator = TERMINATOR_NONE;
    expect_line(&record, FRONT "\"dir\":\"miner_to_pool\",\"frag\":3,\"last\":true,\"end\":\"\","
                               "\"bytes_b64\":\"eyJpZCI=\"}\n");
}
END_TEST

static struct session_info an_info(void)
{
    return (struct session_info){
        .number = 7,
        .route = "main",
        .miner = "10.0.0.7:53122",
        .listen = "10.0.0.2:3333",
        .pool = "pool.example.com:3333",
        .address = "203.0.113.9:3333",
        .local = "10.0.0.2:40112",
        .closed_by = "pool",
        .reason = "refused: \"no\"\n\xff",
        .bytes_up = 81234,
        .bytes_down = 4455667,
        .opened_wall_ns = WALL,
        .pool_tls = 1,
    };
}

static struct record event(enum record_type type, const void *payload, size_t len)
{
    struct record record = message("");
    record.type = type;
    record.payload = span_make(payload, len);
    return record;
}

START_TEST(session_events)
{
    struct session_info info = an_info();
    struct record record = event(RECORD_OPENED, &info, sizeof info);
    expect_line(&record,
                FRONT "\"event\":\"opened\",\"route\":\"main\",\"number\":7,\"miner\":\"10.0.0.7:"
                      "53122\",\"listen\":\"10.0.0.2:3333\",\"tls\":false}\n");
    strcpy(info.via, "[2001:db8::1]:443");
    expect_line(&record,
                FRONT "\"event\":\"opened\",\"route\":\"main\",\"number\":7,\"miner\":\"10.0.0.7:"
                      "53122\",\"listen\":\"10.0.0.2:3333\",\"tls\":false,\"via\":\"[2001:db8::1]:"
                      "443\"}\n");
    record.type = RECORD_POOL_CONNECTED;
    expect_line(&record, FRONT "\"event\":\"pool_connected\",\"pool\":\"pool.example.com:3333\","
                               "\"address\":\"203.0.113.9:3333\",\"local\":\"10.0.0.2:40112\","
                               "\"tls\":true}\n");
    record.type = RECORD_CLOSED;
    expect_line(&record,
                FRONT "\"event\":\"closed\",\"by\":\"pool\",\"reason\":\"refused: \\\"no\\\"\\n"
                      "\xef\xbf\xbd\",\"bytes_up\":81234,\"bytes_down\":4455667}\n");
    info.opened_mono_ns = 5000; /* on the monotonic clock */
    record.mono_ns = 77006999;
    expect_line(&record,
                FRONT "\"event\":\"closed\",\"by\":\"pool\",\"reason\":\"refused: \\\"no\\\"\\n"
                      "\xef\xbf\xbd\",\"bytes_up\":81234,\"bytes_down\":4455667,"
                      "\"lasted_us\":77001}\n");
    record.payload.len--; /* not the details that this version knows */
    expect_line(&record, FRONT "\"event\":\"closed\"}\n");
}
END_TEST

START_TEST(events_without_session)
{
    int64_t step = -7200000000001;
    struct gap_info gap = {.first_lost = 5, .lost = 800, .reason = "power_loss"};
    struct record record = event(RECORD_CLOCK_STEP, &step, sizeof step);
    expect_line(&record, "{" TS ",\"seq\":812,\"event\":\"clock_step\",\"step_us\":-7200000000}\n");
    record = event(RECORD_GAP, &gap, sizeof gap);
    expect_line(&record, "{" TS ",\"seq\":812,\"event\":\"gap\",\"lost\":800,\"first_lost\":5,"
                         "\"reason\":\"power_loss\"}\n");
}
END_TEST

START_TEST(lines_that_the_writer_adds)
{
    struct buffer out = {0};
    struct clock_formatter clock = {0};
    struct segment_line line;
    struct record following = message("{}");
    struct gap_info gap = {.first_lost = 775, .lost = 37, .bytes = 9120, .reason = "ring overrun"};
    line_append_gap(&out, &clock, &following, &gap);
    buffer_append_char(&out, '\0');
    ck_assert_str_eq(out.data,
                     "{" TS ",\"at\":812,\"event\":\"gap\",\"lost\":37,\"first_lost\":775,"
                     "\"bytes\":9120,\"reason\":\"ring overrun\"}\n");
    ck_assert_int_eq(segment_line_parse(&line, out.data, out.len - 2), STATUS_OK);
    ck_assert(!line.numbered);
    ck_assert_uint_eq(line.seq, 812);
    buffer_clear(&out);
    line_append_recovered(&out, WALL, 812, 3, "why");
    buffer_append_char(&out, '\0');
    ck_assert_str_eq(out.data, "{" TS ",\"at\":812,\"event\":\"recovered\",\"lines\":3,\"reason\":"
                               "\"why\"}\n");
    buffer_close(&out);
}
END_TEST

/* ---- taking apart ---- */

static enum status parse(struct segment_line *line, const char *text)
{
    return segment_line_parse(line, text, strlen(text));
}

START_TEST(all_parts_of_a_line)
{
    struct segment_line line;
    ck_assert_int_eq(parse(&line, "{" TS ",\"seq\":9,\"latency_us\":12,\"re\":3,\"new\":[{\"a\":"
                                  "\"]\\\"\"},1],\"session\":\"s\",\"dir\":\"pool_to_miner\","
                                  "\"end\":\"\\r\\n\",\"msg\":{\"dir\":1}}"),
                     STATUS_OK);
    ck_assert(line.is_message && line.numbered && line.paired && !line.is_fragment);
    ck_assert_uint_eq(line.re, 3);
    ck_assert_int_eq(line.latency_us, 12);
    ck_assert_int_eq(line.direction, DIRECTION_POOL_TO_MINER);
    ck_assert_int_eq(line.terminator, TERMINATOR_CRLF);
    ck_assert(span_equal_text(line.msg, "{\"dir\":1}"));
    ck_assert(span_equal_text(line.session, "s"));
    ck_assert_ptr_null(line.bytes_b64.data);
    ck_assert_int_eq(parse(&line, "{" TS ",\"seq\":9,\"session\":\"s\",\"dir\":\"miner_to_pool\","
                                  "\"frag\":1,\"bytes_b64\":\"\"}"),
                     STATUS_OK);
    ck_assert(line.is_fragment && !line.last_fragment);
    ck_assert_int_eq(line.terminator, TERMINATOR_NONE);
    ck_assert_ptr_nonnull(line.bytes_b64.data);
    ck_assert_ptr_null(line.msg.data);
    ck_assert_int_eq(parse(&line, "{\"ts\":\"0026-11-22T13:53:01.323456Z\",\"seq\":1,"
                                  "\"event\":\"x\"}"),
                     STATUS_OK); /* its time lies before what nanoseconds can say */
    ck_assert_int_eq(line.wall_ns, INT64_MIN / NS_PER_US * NS_PER_US);
}
END_TEST

START_TEST(lines_that_are_none)
{
    static const char *const bad[] = {
        "",
        "{",
        "{}",
        "null",
        "{" TS "}",
        "{" TS ",\"seq\":1}",
        "{" TS ",\"seq\":0,\"event\":\"x\"}",
        "{" TS ",\"seq\":-1,\"event\":\"x\"}",
        "{" TS ",\"seq\":18446744073709551616,\"event\":\"x\"}",
        "{" TS ",\"seq\":1,\"event\":\"\"}",
        "{" TS ",\"seq\":2,\"seq\":1,\"event\":\"x\"}",
        "{" TS ",\"at\":2,\"seq\":1,\"event\":\"x\"}",
        "{" TS ",\"seq\":1,\"event\":7}",
        "{" TS ",\"seq\":1,\"event\":\"x\"",
        "{" TS ",\"seq\":1,\"event\":\"x}",
        "{" TS ",\"seq\":1,\"event\":\"x\",}",
        "{" TS " \"seq\":1,\"event\":\"x\"}",
        "{\"ts\":\"yesterday\",\"seq\":1,\"event\":\"x\"}",
        "{" TS ",\"seq\":1,\"session\":\"s\",\"dir\":\"up\",\"msg\":{}}",
        "{" TS ",\"seq\":1,\"dir\":\"miner_to_pool\",\"msg\":{}}",
        "{" TS ",\"at\":1,\"session\":\"s\",\"dir\":\"miner_to_pool\",\"msg\":{}}",
        "{" TS ",\"seq\":1,\"session\":\"s\",\"dir\":\"miner_to_pool\"}",
        "{" TS ",\"seq\":1,\"session\":\"s\",\"dir\":\"miner_to_pool\",\"msg\":}",
        "{" TS ",\"seq\":1,\"session\":\"s\",\"dir\":\"miner_to_pool\",\"end\":\"\\n\",\"msg\":1}",
        "{" TS ",\"seq\":1,\"session\":\"s\",\"dir\":\"miner_to_pool\",\"bytes_b64\":1}",
        "{" TS ",\"seq\":1,\"session\":\"s\",\"dir\":\"miner_to_pool\",\"frag\":4294967296,"
        "\"bytes_b64\":\"\"}",
    };
    struct segment_line line;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(parse(&line, bad[i]) == STATUS_DAMAGED, "taken for a line: %s", bad[i]);
}
END_TEST

/* Every prefix of a line is damaged, and reads nothing outside (sanitizers watch). */
START_TEST(a_cut_line_is_none)
{
    const char *whole =
        "{" TS ",\"seq\":9,\"latency_us\":12,\"re\":3,\"session\":\"s\\\"\",\"dir\":"
        "\"pool_to_miner\",\"end\":\"\\r\\n\",\"bytes_b64\":\"AAA=\",\"why\":\"x\"}";
    struct segment_line line;
    for (size_t len = 0; len < strlen(whole); len++) {
        char *copy = malloc(len + 1);
        memcpy(copy, whole, len);
        ck_assert_int_eq(segment_line_parse(&line, copy, len), STATUS_DAMAGED);
        free(copy);
    }
    ck_assert_int_eq(parse(&line, whole), STATUS_OK);
}
END_TEST

/* ---- what the index says of a line ---- */

static struct segment_note note_of(const char *text)
{
    struct segment_line line;
    struct segment_note note;
    ck_assert_msg(parse(&line, text) == STATUS_OK, "no line: %s", text);
    segment_note_of_line(&note, &line);
    return note;
}

#define MESSAGE "{" TS ",\"seq\":9,\"session\":\"s\",\"dir\":\"pool_to_miner\","

START_TEST(notes_are_found_again)
{
    ck_assert_uint_eq(note_of(MESSAGE "\"msg\":{\"method\":\"mining.notify\"}}").method,
                      STRATUM_MINING_NOTIFY);
    ck_assert(note_of(MESSAGE "\"msg\":{\"id\":1,\"result\":false}}").error);
    ck_assert(!note_of(MESSAGE "\"msg\":{\"id\":1,\"result\":true}}").error);
    /* {"id":1,"error":"x"}\xff */
    struct segment_note note = note_of(
        MESSAGE "\"bytes_b64\":\"eyJpZCI6MSwiZXJyb3IiOiJ4/yJ9\",\"why\":\"invalid UTF-8 at byte "
                "17\"}");
    ck_assert(note.error);
    note = note_of(MESSAGE "\"frag\":0,\"method\":\"mining.submit\",\"bytes_b64\":\"\"}");
    ck_assert_uint_eq(note.method, STRATUM_MINING_SUBMIT);
    ck_assert_uint_eq(note.seq, 9);
    ck_assert_int_eq(note_of("{" TS ",\"at\":9,\"event\":\"gap\"}").event, SEGMENT_EVENT_GAP);
    ck_assert_uint_eq(note_of("{" TS ",\"at\":9,\"event\":\"gap\"}").seq, 0);
    ck_assert_int_eq(note_of("{" TS ",\"seq\":9,\"event\":\"later\"}").event, SEGMENT_EVENT_OTHER);
}
END_TEST

int main(void)
{
    return UNIT_RUN("segment line", a_message_is_embedded_as_it_is, a_response_names_its_request,
                    a_slow_forward_is_told, the_end_is_told_when_it_is_not_a_line_feed,
                    bytes_that_are_no_json_say_why, a_long_line_comes_in_pieces, session_events,
                    events_without_session, lines_that_the_writer_adds, all_parts_of_a_line,
                    lines_that_are_none, a_cut_line_is_none, notes_are_found_again);
}
