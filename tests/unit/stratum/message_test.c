/* The view of a line: named fields of every known method, refusals of every dialect, faults. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lib/stratum/message.h"
#include "tests/unit/unit.h"

static json_t *json(const char *text)
{
    json_error_t where;
    json_t *tree = json_loads(text, JSON_DECODE_ANY, &where);
    ck_assert_msg(tree != NULL, "%s: %s", text, where.text);
    return tree;
}

static json_t *view_of(const char *line, enum stratum_method answered)
{
    struct error error;
    struct buffer text = {0};
    ck_assert_msg(stratum_message_write(&text, span_text(line), answered, &error), "%s: %s", line,
                  error.text);
    json_t *view = json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
    if (view == NULL) /* an integer that jansson has no room for */
        view = json_loadb(text.data, text.len, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    ck_assert_msg(view != NULL, "%.*s", (int)text.len, text.data);
    buffer_close(&text);
    return view;
}

/* Takes both references. */
static void expect_equal(json_t *actual, json_t *expected)
{
    char *text = json_dumps(actual, JSON_COMPACT | JSON_ENCODE_ANY);
    ck_assert_msg(json_equal(actual, expected), "%s", text != NULL ? text : "nothing");
    free(text);
    json_decref(actual);
    json_decref(expected);
}

static void expect_view(const char *line, enum stratum_method answered, const char *expected)
{
    expect_equal(view_of(line, answered), json(expected));
}

/* ---- whole views ---- */

START_TEST(views_of_each_kind)
{
    expect_view("{\"id\":1,\"method\":\"mining.authorize\",\"params\":[\"w\",\"x\"]}", 0,
                "{\"kind\":\"request\",\"id\":1,\"id_type\":\"integer\",\"method\":\"mining."
                "authorize\",\"params\":[\"w\",\"x\"],\"fields\":{\"worker\":\"w\",\"password\":"
                "\"x\"}}");
    expect_view("{\"id\":null,\"method\":\"new.thing\",\"params\":[1]}", 0,
                "{\"kind\":\"notification\",\"id\":null,\"id_type\":\"null\",\"method\":\"new."
                "thing\",\"params\":[1]}");
    expect_view("{\"id\":\"a\",\"result\":true,\"error\":null}", STRATUM_MINING_SUBMIT,
                "{\"kind\":\"response\",\"id\":\"a\",\"id_type\":\"string\",\"result\":true,"
                "\"error\":null}");
    expect_view("{\"x\":1}", 0, "{\"kind\":\"other\"}");
    expect_view(" 5 ", 0, "{\"kind\":\"other\",\"value\":5}");
    expect_view("[1,2]", 0, "{\"kind\":\"other\",\"value\":[1,2]}");
}
END_TEST

START_TEST(a_batch_shows_every_message)
{
    expect_view("[{\"id\":1,\"method\":\"mining.extranonce.subscribe\",\"params\":[]},7,"
                "{\"id\":1,\"result\":false}]",
                0,
                "{\"kind\":\"other\",\"batch\":[{\"kind\":\"request\",\"id\":1,\"id_type\":"
                "\"integer\",\"method\":\"mining.extranonce.subscribe\",\"params\":[],\"fields\":"
                "{}},{\"kind\":\"other\",\"value\":7},{\"kind\":\"response\",\"id\":1,\"id_type\":"
                "\"integer\",\"result\":"
                "false,\"refused\":{}}]}");
}
END_TEST

START_TEST(several_messages_in_a_line_are_shown_like_a_batch)
{
    expect_view(" {\"id\":9223372036854775807,\"method\":\"x\"} {\"result\":\"\xf6\"}",
                STRATUM_MINING_SUBMIT,
                "{\"kind\":\"other\",\"batch\":[{\"kind\":\"request\",\"id\":9223372036854775807,"
                "\"id_type\":\"integer\",\"method\":\"x\"},{\"kind\":\"response\",\"result\":"
                "\"\\\\xf6\",\"fault\":\"invalid UTF-8 at byte 11\"}],\"fault\":\"invalid JSON "
                "at byte 41\"}");
}
END_TEST

static void expect_no_view(const char *line, size_t len, const char *text)
{
    struct error error;
    struct buffer out = {0};
    ck_assert(!stratum_message_write(&out, span_make(line, len), STRATUM_METHOD_NONE, &error));
    ck_assert_str_eq(error.text, text);
    ck_assert(!stratum_message_write(&out, span_make(line, len), STRATUM_METHOD_NONE, NULL));
    ck_assert_uint_eq(out.len, 0);
}

START_TEST(what_is_no_JSON_is_told_with_its_byte)
{
    expect_no_view("{\"id\":1,\"method\":x}", 19, "invalid JSON at byte 17");
    expect_no_view("{id:1}", 6, "invalid JSON at byte 1");
    expect_no_view("", 0, "empty line at byte 0");
    expect_no_view("{\"id\":1", 7, "JSON cut off at byte 7");
    expect_no_view("5\0", 2, "invalid JSON at byte 1");
    expect_no_view("401 go away", 11, "invalid JSON at byte 4");
    expect_no_view("{\"id\":1}{\"id\":2", 15, "invalid JSON at byte 8");
    expect_no_view("{\"id\":1}[2]", 11, "invalid JSON at byte 8");
    expect_no_view("{\"id\":1} x", 10, "invalid JSON at byte 9");
    expect_no_view("{\"\0\":1}", 7, "raw control character at byte 2");
}
END_TEST

START_TEST(what_can_be_read_in_spite_of_a_fault_says_so)
{
    expect_view("{\"x\":1,\r\"id\":5}", 0,
                "{\"kind\":\"other\",\"id\":5,\"id_type\":\"integer\",\"fault\":\"raw carriage "
                "return at byte 7\"}");
    expect_view(
        "[\"\xff\"]", 0,
        "{\"kind\":\"other\",\"value\":[\"\\\\xff\"],\"fault\":\"invalid UTF-8 at byte 2\"}");
    expect_view("[\"\\ud800\"]", 0,
                "{\"kind\":\"other\",\"value\":[\"\\\\ud800\"],\"fault\":\"unpaired surrogate "
                "escape at byte 2\"}");
    expect_view("[\"\x01\"]", 0,
                "{\"kind\":\"other\",\"value\":[\"\\u0001\"],\"fault\":\"raw control character at "
                "byte 2\"}");
}
END_TEST

static void expect_text(const char *line, const char *expected)
{
    struct buffer out = {0};
    ck_assert(stratum_message_write(&out, span_text(line), STRATUM_METHOD_NONE, NULL));
    ck_assert_msg(span_equal_text(span_make(out.data, out.len), expected), "%.*s", (int)out.len,
                  out.data);
    buffer_close(&out);
}

/* Parsers round them; what is written is what was said. And no string can pass for one. */
START_TEST(numbers_keep_their_digits)
{
    expect_text("[18446744073709551615,-9223372036854775809,1.10,1e3,-0,1E999,12]",
                "{\"kind\":\"other\",\"value\":[18446744073709551615,-9223372036854775809,1.10,1e3,"
                "-0,1E999,12],\"fault\":\"number too large for a double at byte 55\"}");
    expect_text("{\"id\":15604478400006665393,\"method\":\"mining.set_difficulty\",\"params\":"
                "[0.50]}",
                "{\"kind\":\"request\",\"id\":15604478400006665393,\"id_type\":\"other\","
                "\"id_text\":\"15604478400006665393\",\"method\":\"mining.set_difficulty\","
                "\"params\":[0.50],\"fields\":{\"difficulty\":0.50}}");
    expect_text("[{\"id\":18446744073709551615}]",
                "{\"kind\":\"other\",\"batch\":[{\"kind\":\"other\",\"id\":18446744073709551615,"
                "\"id_type\":\"other\",\"id_text\":\"18446744073709551615\"}]}");
    expect_text("[\"\xef\xa3\xbf#5\",\"\\uF8fF#5\",{\"\xef\xa3\xbf\":\"\\\"\"}]",
                "{\"kind\":\"other\",\"batch\":[{\"kind\":\"other\",\"value\":\"\xef\xa3\xbf#5\"},{"
                "\"kind\":\"other\",\"value\":\"\xef\xa3\xbf#5\"},{\"kind\":\"other\"}]}");
    expect_text("[\"\xef\xa3\xbf#5\",\"\\uf8ff#5\",\"\xef\xa3\xbf\"]",
                "{\"kind\":\"other\",\"value\":[\"\xef\xa3\xbf#5\",\"\xef\xa3\xbf#5\","
                "\"\xef\xa3\xbf\"]}");
}
END_TEST

START_TEST(large_integers_keep_their_digits_in_id_text)
{
    json_t *view = view_of("{\"id\":18446744073709551616,\"result\":true}", 0);
    ck_assert_str_eq(json_string_value(json_object_get(view, "id_text")), "18446744073709551616");
    ck_assert_str_eq(json_string_value(json_object_get(view, "id_type")), "other");
    ck_assert_double_eq(json_real_value(json_object_get(view, "id")), 18446744073709551616.0);
    json_decref(view);
}
END_TEST

START_TEST(NULs_in_strings_are_kept)
{
    json_t *view = view_of("{\"method\":\"x\",\"params\":[\"a\\u0000b\"]}", 0);
    const json_t *text = json_array_get(json_object_get(view, "params"), 0);
    ck_assert_uint_eq(json_string_length(text), 3);
    json_decref(view);
}
END_TEST

/* Numbers stand in trees as texts with a mark, which nobody else can set: a text would be JSON. */
START_TEST(no_text_passes_for_a_number)
{
    for (unsigned cases = 0; cases < 16; cases++) {
        char line[] = "{\"id\":\"\\uf8ff#1,\\\"evil\\\":2\"}";
        for (unsigned i = 0; i < 4; i++) {
            char *digit = strstr(line, "\\u") + 2 + i;
            if (cases >> i & 1 && *digit != '8')
                *digit = (char)(*digit - 'a' + 'A');
        }
        expect_view(line, 0,
                    "{\"kind\":\"other\",\"id\":\"\xef\xa3\xbf#1,\\\"evil\\\":2\",\"id_type\":"
                    "\"string\"}");
    }
}
END_TEST

/* ---- fields of params ---- */

static void expect_fields(const char *method, const char *params, const char *expected)
{
    enum stratum_method known = stratum_method_find(method, strlen(method));
    json_t *tree = json(params);
    json_t *fields = stratum_message_params(known, tree);
    ck_assert_msg(fields != NULL, "%s %s", method, params);
    expect_equal(fields, json(expected));
    json_decref(tree);
}

START_TEST(fields_of_what_miners_send)
{
    expect_fields("mining.configure",
                  "[[\"version-rolling\"],{\"version-rolling.mask\":\"1fffe000\"}]",
                  "{\"extensions\":[\"version-rolling\"],\"options\":{\"version-rolling.mask\":"
                  "\"1fffe000\"}}");
    expect_fields("mining.subscribe", "[]", "{}");
    expect_fields("mining.subscribe", "[\"cgminer/4.10\",\"08000002\"]",
                  "{\"user_agent\":\"cgminer/4.10\",\"session_id\":\"08000002\"}");
    expect_fields("mining.submit", "[\"w\",\"j\",\"00\",\"67845470\",\"4204043a\",\"1ff92000\"]",
                  "{\"worker\":\"w\",\"job_id\":\"j\",\"extranonce2\":\"00\",\"ntime\":"
                  "\"67845470\",\"nonce\":\"4204043a\",\"version_bits\":\"1ff92000\"}");
    expect_fields("mining.suggest_difficulty", "[512]", "{\"difficulty\":512}");
    expect_fields("mining.suggest_target", "[\"00ff\"]", "{\"target\":\"00ff\"}");
    expect_fields("mining.multi_version", "[4]", "{\"version\":4}");
    expect_fields("mining.get_transactions", "[\"j\"]", "{\"job_id\":\"j\"}");
    expect_fields("mining.capabilities", "[{\"notify\":[]}]", "{\"capabilities\":{\"notify\":[]}}");
}
END_TEST

START_TEST(fields_of_a_notify)
{
    expect_fields("mining.notify", "[\"j\",\"p\",\"c1\",\"c2\",[],\"v\",\"b\",\"t\",true]",
                  "{\"job_id\":\"j\",\"previous_block\":\"p\",\"coinbase1\":\"c1\",\"coinbase2\":"
                  "\"c2\",\"branches\":[],\"version\":\"v\",\"nbits\":\"b\",\"ntime\":\"t\","
                  "\"clean_jobs\":true}");
    expect_fields("mining.notify",
                  "[\"j\",\"p\",\"c1\",\"c2\",[],\"v\",\"b\",\"t\",true,\"x\",false]",
                  "{\"job_id\":\"j\",\"previous_block\":\"p\",\"coinbase1\":\"c1\",\"coinbase2\":"
                  "\"c2\",\"branches\":[],\"version\":\"v\",\"nbits\":\"b\",\"ntime\":\"t\","
                  "\"clean_jobs\":false,\"more\":[true,\"x\"]}");
}
END_TEST

START_TEST(fields_of_what_pools_send)
{
    expect_fields("mining.set_difficulty", "[0.5]", "{\"difficulty\":0.5}");
    expect_fields("mining.set_target", "[\"00ff\"]", "{\"target\":\"00ff\"}");
    expect_fields("mining.set_extranonce", "[\"ab\",4]",
                  "{\"extranonce1\":\"ab\",\"extranonce2_size\":4}");
    expect_fields("mining.set_version_mask", "[\"1fffe000\"]", "{\"version_mask\":\"1fffe000\"}");
    expect_fields("mining.set_goal", "[\"g\",{}]", "{\"goal\":\"g\",\"options\":{}}");
    expect_fields("client.reconnect", "[\"h\",3333,5]",
                  "{\"host\":\"h\",\"port\":3333,\"wait\":5}");
    expect_fields("client.reconnect", "[\"h\",\"3333\"]", "{\"host\":\"h\",\"port\":\"3333\"}");
    expect_fields("client.show_message", "[\"hi\"]", "{\"message\":\"hi\"}");
    expect_fields("client.get_version", "[]", "{}");
    expect_fields("mining.ping", "[]", "{}");
}
END_TEST

START_TEST(fields_of_other_dialects)
{
    expect_fields("login", "{\"login\":\"4A\",\"pass\":\"x\",\"agent\":\"xmrig\"}",
                  "{\"login\":\"4A\",\"pass\":\"x\",\"agent\":\"xmrig\"}");
    expect_fields("mining.notify", "[\"j\",\"04000000\",\"p\",\"m\",\"r\",\"t\",\"b\",true]",
                  "{\"job_id\":\"j\",\"version\":\"04000000\",\"previous_block\":\"p\","
                  "\"merkle_root\":\"m\",\"reserved\":\"r\",\"ntime\":\"t\",\"nbits\":\"b\","
                  "\"clean_jobs\":true}");
    expect_fields("mining.submit", "[\"w\",\"j\",\"t\",\"n2\",\"fd4005000102\"]",
                  "{\"worker\":\"w\",\"job_id\":\"j\",\"ntime\":\"t\",\"nonce2\":\"n2\","
                  "\"solution\":\"fd4005000102\"}");
    expect_fields("mining.notify", "[\"j\",\"seed\",\"head\",true]",
                  "{\"job_id\":\"j\",\"seed_hash\":\"seed\",\"header_hash\":\"head\","
                  "\"clean_jobs\":true}");
    expect_fields("mining.submit", "[\"w\",\"j\",\"n\"]",
                  "{\"worker\":\"w\",\"job_id\":\"j\",\"nonce\":\"n\"}");
    expect_fields("eth_submitLogin", "[\"0xabc\",\"x\"]",
                  "{\"worker\":\"0xabc\",\"password\":\"x\"}");
    expect_fields("eth_submitWork", "[\"n\",\"h\",\"m\"]",
                  "{\"nonce\":\"n\",\"header_hash\":\"h\",\"mix_digest\":\"m\"}");
    expect_fields("eth_submitHashrate", "[\"0x5\",\"0x1\"]",
                  "{\"hashrate\":\"0x5\",\"miner_id\":\"0x1\"}");
}
END_TEST

/* Of coins that are not known here: no name is better than a wrong one. */
START_TEST(what_fits_no_form_has_positions)
{
    expect_fields("mining.notify", "[\"j\",[1,2,3,4],1700000000]",
                  "{\"more\":[\"j\",[1,2,3,4],1700000000]}");
    expect_fields("mining.notify", "[\"j\",\"head\",\"seed\"]",
                  "{\"more\":[\"j\",\"head\",\"seed\"]}");
    expect_fields("mining.notify", "[\"j\",\"head\",\"seed\",\"target\",true,7,\"1d00ffff\"]",
                  "{\"more\":[\"j\",\"head\",\"seed\",\"target\",true,7,\"1d00ffff\"]}");
    expect_fields("mining.notify", "[\"j\",\"p\",\"c1\",\"c2\",[],\"v\"]",
                  "{\"more\":[\"j\",\"p\",\"c1\",\"c2\",[],\"v\"]}");
    expect_fields("mining.submit", "[\"w\",\"j\",\"0x0badcafe\",\"0xhead\",\"0x0123456789\"]",
                  "{\"more\":[\"w\",\"j\",\"0x0badcafe\",\"0xhead\",\"0x0123456789\"]}");
    expect_fields("mining.submit", "[\"w\",\"j\"]", "{\"more\":[\"w\",\"j\"]}");
}
END_TEST

START_TEST(fields_without_a_name_are_kept)
{
    expect_fields("mining.authorize", "[\"w\",\"x\",\"y\",[1]]",
                  "{\"worker\":\"w\",\"password\":\"x\",\"more\":[\"y\",[1]]}");
    expect_fields("mining.ping", "[1]", "{\"more\":[1]}");
}
END_TEST

START_TEST(params_of_no_known_form_have_no_fields)
{
    json_t *text = json("\"x\""), *object = json("{\"a\":1}"), *array = json("[1]");
    ck_assert_ptr_null(stratum_message_params(STRATUM_MINING_SUBMIT, text));
    ck_assert_ptr_null(stratum_message_params(STRATUM_MINING_SUBMIT, NULL));
    ck_assert_ptr_null(stratum_message_params(STRATUM_METHOD_UNKNOWN, object));
    ck_assert_ptr_null(stratum_message_params(STRATUM_METHOD_NONE, array));
    ck_assert_ptr_null(stratum_message_params(STRATUM_LOGIN, array));
    ck_assert_ptr_null(stratum_message_result(STRATUM_MINING_SUBMIT, array));
    ck_assert_ptr_null(stratum_message_result(STRATUM_MINING_SUBSCRIBE, NULL));
    ck_assert_ptr_null(stratum_message_result(STRATUM_METHOD_UNKNOWN, object));
    json_decref(text);
    json_decref(object);
    json_decref(array);
}
END_TEST

/* ---- fields of results ---- */

static void expect_result(enum stratum_method method, const char *result, const char *expected)
{
    json_t *tree = json(result);
    json_t *fields = stratum_message_result(method, tree);
    ck_assert_msg(fields != NULL, "%s", result);
    expect_equal(fields, json(expected));
    json_decref(tree);
}

START_TEST(fields_of_results)
{
    expect_result(STRATUM_MINING_SUBSCRIBE, "[[[\"mining.notify\",\"1\"]],\"08000002\",4]",
                  "{\"subscriptions\":[[\"mining.notify\",\"1\"]],\"extranonce1\":\"08000002\","
                  "\"extranonce2_size\":4}");
    expect_result(STRATUM_MINING_SUBSCRIBE, "[null,\"0800\"]",
                  "{\"session_id\":null,\"extranonce1\":\"0800\"}");
    expect_result(STRATUM_MINING_SUBSCRIBE,
                  "[[\"mining.notify\",\"ae68\",\"EthereumStratum/1.0.0\"],\"080c\"]",
                  "{\"subscriptions\":[\"mining.notify\",\"ae68\",\"EthereumStratum/1.0.0\"],"
                  "\"extranonce1\":\"080c\"}");
    expect_result(STRATUM_MINING_SUBSCRIBE, "[true,\"EthereumStratum/1.0.0\"]",
                  "{\"more\":[true,\"EthereumStratum/1.0.0\"]}");
    expect_result(STRATUM_MINING_CONFIGURE, "{\"version-rolling\":true}",
                  "{\"version-rolling\":true}");
    expect_result(STRATUM_LOGIN, "{\"id\":\"1\",\"status\":\"OK\"}",
                  "{\"id\":\"1\",\"status\":\"OK\"}");
    expect_result(STRATUM_ETH_GET_WORK, "[\"h\",\"s\",\"t\"]",
                  "{\"header_hash\":\"h\",\"seed_hash\":\"s\",\"target\":\"t\"}");
    expect_result(STRATUM_CLIENT_GET_VERSION, "\"cgminer/4.10\"", "{\"version\":\"cgminer/4.10\"}");
}
END_TEST

START_TEST(a_response_shows_the_fields_of_what_it_answers)
{
    json_t *view =
        view_of("{\"id\":1,\"result\":[[],\"ab\",4],\"error\":null}", STRATUM_MINING_SUBSCRIBE);
    ck_assert_int_eq(
        json_integer_value(json_object_get(json_object_get(view, "fields"), "extranonce2_size")),
        4);
    json_decref(view);
}
END_TEST

/* ---- refusals ---- */

static void expect_refused(const char *members, const char *expected)
{
    char line[256];
    (void)snprintf(line, sizeof(line), "{\"id\":4,%s}", members);
    json_t *view = view_of(line, STRATUM_MINING_SUBMIT);
    expect_equal(json_incref(json_object_get(view, "refused")), json(expected));
    json_decref(view);
}

START_TEST(refusals_have_one_form)
{
    const char *stale = "{\"code\":21,\"text\":\"Job not found\"}";
    expect_refused("\"result\":null,\"error\":[21,\"Job not found\",null]", stale);
    expect_refused("\"result\":false,\"error\":[21,\"Job not found\"]", stale);
    expect_refused("\"error\":{\"code\":21,\"message\":\"Job not found\"}", stale);
    expect_refused("\"error\":[\"Job not found\",21]", stale);
    expect_refused("\"error\":\"stale\"", "{\"text\":\"stale\"}");
    expect_refused("\"error\":23", "{\"code\":23}");
    expect_refused("\"error\":[23,\"\",[\"trace\"]]", "{\"code\":23}");
    expect_refused("\"result\":false", "{}");
    expect_refused("\"result\":false,\"error\":null,\"reject-reason\":\"high-hash\"",
                   "{\"text\":\"high-hash\"}");
    expect_refused("\"result\":false,\"error\":[22],\"reject-reason\":\"duplicate\"",
                   "{\"code\":22,\"text\":\"duplicate\"}");
}
END_TEST

int main(void)
{
    return UNIT_RUN(
        "stratum_message", views_of_each_kind, a_batch_shows_every_message,
        several_messages_in_a_line_are_shown_like_a_batch, what_is_no_JSON_is_told_with_its_byte,
        numbers_keep_their_digits, no_text_passes_for_a_number,
        what_can_be_read_in_spite_of_a_fault_says_so, large_integers_keep_their_digits_in_id_text,
        NULs_in_strings_are_kept, fields_of_what_miners_send, fields_of_a_notify,
        fields_of_what_pools_send, what_fits_no_form_has_positions, fields_of_other_dialects,
        fields_without_a_name_are_kept, params_of_no_known_form_have_no_fields, fields_of_results,
        a_response_shows_the_fields_of_what_it_answers, refusals_have_one_form);
}
