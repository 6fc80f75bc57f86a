/* http_pass_test.c - what passes between front and server: heads made anew, and where answers end.
 */
#include <stdio.h>
#include <string.h>

#include "api/http/pass.h"
#include "tests/unit/unit.h"

static const char *clean(const char *path)
{
    static char text[200];
    struct buffer out = {0};
    bool good = http_path_clean(&out, span_text(path));

    snprintf(text, sizeof text, "%.*s", good ? (int)out.len : 9, good ? out.data : "malformed");
    buffer_close(&out);
    return text;
}

START_TEST(paths_are_read_in_one_way)
{
    ck_assert_str_eq(clean("/"), "/");
    ck_assert_str_eq(clean("/api/messages"), "/api/messages");
    ck_assert_str_eq(clean("//api//messages/"), "/api/messages/");
    ck_assert_str_eq(clean("/x/../api/./%6dessages"), "/api/messages");
    ck_assert_str_eq(clean("/../../a"), "/a");
    ck_assert_str_eq(clean("/a/.."), "/");
    ck_assert_str_eq(clean("/a/%2e%2e/%2E/b"), "/b");
    ck_assert_str_eq(clean("/a%2fb\\c%5cd"), "/a/b/c/d");
    ck_assert_str_eq(clean("/...a/%zz%"), "/...a/%zz%");
    ck_assert_str_eq(clean("/a%00b"), "malformed");
}
END_TEST

START_TEST(a_head_is_made_anew)
{
    static const char good[] = "POST /a\\%62/../c?q=\"a%20b\"&x={1} HTTP/1.1\r\nHost: h\r\n"
                               "X-Other: 1\r\nConnection: xUpgrade\r\nUpgrade: websocket\r\n"
                               "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\n12345";
    struct http_head head;
    struct buffer path = {0}, out = {0};
    int code;

    ck_assert_int_eq(http_head_parse(&head, span_text(good), &code), STATUS_OK);
    ck_assert(!head.websocket);
    ck_assert(http_path_clean(&path, head.path));
    http_pass_head(&out, &head, span_make(path.data, path.len));
    buffer_append_char(&out, '\0');
    ck_assert_str_eq(out.data, "POST /a/c?q=%22a%20b%22&x=%7b1%7d HTTP/1.1\r\nHost: h\r\n"
                               "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
    buffer_close(&path);
    buffer_close(&out);
}
END_TEST

START_TEST(a_head_has_64_lines_at_most)
{
    struct buffer text = {0};
    struct http_head head;
    int code;

    buffer_append_text(&text, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 1; i < HTTP_HEADERS_MAX; i++)
        buffer_append_text(&text, "X: y\r\n");
    buffer_append_text(&text, "\r\n");
    ck_assert_int_eq(http_head_parse(&head, span_make(text.data, text.len), &code), STATUS_OK);
    text.len -= 2;
    buffer_append_text(&text, "Content-Length: 7\r\n\r\n");
    ck_assert_int_eq(http_head_parse(&head, span_make(text.data, text.len), &code),
                     STATUS_UNSUPPORTED);
    ck_assert_int_eq(code, 431);
    buffer_close(&text);
}
END_TEST

START_TEST(lists_of_words_are_taken_word_by_word)
{
    static const struct {
        const char *connection;
        bool upgrade;
    } cases[] = {{"Upgrade", true},      {"keep-alive, upgrade", true},
                 {" upgrade ,x", true},  {"xUpgrade", false},
                 {"Upgradex", false},    {"up grade", false},
                 {"x-upgrade,y", false}, {"", false},
                 {",,upgrade,", true}};
    struct http_head head;
    char text[200];
    int code;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(text, sizeof text,
                 "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection:%s\r\n\r\n",
                 cases[i].connection);
        ck_assert_int_eq(http_head_parse(&head, span_text(text), &code), STATUS_OK);
        ck_assert_msg(head.websocket == cases[i].upgrade, "%s", cases[i].connection);
    }
}
END_TEST

/* How many bytes of an answer belong to it, given in pieces of `piece` bytes; -1: malformed, -2: it
 * has not ended. */
static int ends_at(const char *text, size_t piece, bool to_head)
{
    struct http_answer answer;
    struct http_body body;
    size_t len = strlen(text), taken;

    if (http_answer_parse(&answer, span_make(text, len), to_head) != STATUS_OK)
        return -1;
    http_body_begin(&body, &answer);
    for (size_t at = answer.len; at <= len; at += taken) {
        size_t left = len - at < piece ? len - at : piece;

        if (body.state == HTTP_BODY_ENDED)
            return (int)at;
        if (left == 0)
            break;
        if (!http_body_take(&body, text + at, left, &taken))
            return -1;
    }
    return -2;
}

#define OK "HTTP/1.1 200 OK\r\n"

START_TEST(answers_end_where_they_say)
{
    static const struct {
        const char *text;
        int end; /* from the end of the text, or a fault */
        bool to_head;
    } cases[] = {
        {OK "Content-Length: 3\r\n\r\nabcX", 1, false},
        {OK "Content-Length: 3\r\n\r\nab", -2, false},
        {OK "Content-Length: 3\r\n\r\nX", 1, true},
        {OK "Content-Length: 0\r\n\r\n", 0, false},
        {"HTTP/1.1 204 No Content\r\n\r\n", 0, false},
        {OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nX", 1,
         false},
        {OK "Transfer-Encoding: chunked\r\n\r\n0\r\nT: u\r\n\r\nXY", 2, false},
        {OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", -1, false},
        {OK "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", -1, false},
        {OK "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", -1, false},
        {OK "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", -1, false},
        {OK "Transfer-Encoding: gzip\r\n\r\nabc", -1, false},
        {OK "Content-Length: -3\r\n\r\nabc", -1, false},
        {OK "\r\nto the end", -2, false},
        {"HTTP/1.1 20x OK\r\n\r\n", -1, false},
        {"HTTP/1.0 200 OK\r\n\r\n", -1, false},
        {"garbage\r\n\r\n", -1, false},
        {"\r\n\r\n", -1, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int len = (int)strlen(cases[i].text);
        int wanted = cases[i].end < 0 ? cases[i].end : len - cases[i].end;

        for (size_t piece = 1; piece < 60; piece++)
            ck_assert_msg(ends_at(cases[i].text, piece, cases[i].to_head) == wanted, "%s",
                          cases[i].text);
    }
}
END_TEST

START_TEST(the_client_is_told_what_becomes_of_the_connection)
{
    static const char head[] = OK "Connection: keep-alive\r\nX: y\r\nKeep-Alive: 5\r\n\r\n";
    struct buffer out = {0};

    http_answer_write(&out, span_text(head), false);
    buffer_append_char(&out, '\0');
    ck_assert_str_eq(out.data, OK "X: y\r\nConnection: close\r\n\r\n");
    buffer_clear(&out);
    http_answer_write(&out, span_text(head), true);
    buffer_append_char(&out, '\0');
    ck_assert_str_eq(out.data, OK "X: y\r\n\r\n");
    buffer_close(&out);
}
END_TEST

int main(void)
{
    return UNIT_RUN("api pass", paths_are_read_in_one_way, a_head_is_made_anew,
                    a_head_has_64_lines_at_most, lists_of_words_are_taken_word_by_word,
                    answers_end_where_they_say, the_client_is_told_what_becomes_of_the_connection);
}
