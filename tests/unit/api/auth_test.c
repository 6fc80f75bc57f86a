/* The rules of api/access/auth.h, of heads and of links, case by case. */
#include <string.h>

#include "api/access/auth.h"
#include "api/access/link.h"
#include "api/http/hosts.h"
#include "tests/unit/unit.h"

#define TOKEN "0123456789abcdef0123456789abcdef"

static struct auth *new_auth(const char *token, const char *hosts, const char *origins, bool tls)
{
    const struct auth_options options = {
        .token = token, .allowed_hosts = hosts, .cors_origins = origins, .tls = tls};
    struct auth *auth = NULL;
    struct error err = {""};

    ck_assert_msg(auth_new(&auth, &options, &err) == STATUS_OK, "%s", err.text);
    return auth;
}

static struct auth_request request_of(const char *method, const char *host)
{
    return (struct auth_request){.method = span_text(method),
                                 .host = span_text(host),
                                 .content_type = span_text("application/json"),
                                 .needs_token = true};
}

START_TEST(hosts_are_checked)
{
    static const char *const good[] = {"127.0.0.1:8000", "[::1]:8000",  "localhost",
                                       "a.localhost",    "10.1.2.3",    "Scope.Example:8000",
                                       "scope.example.", "localhost:1", "[2001:db8::7]"};
    static const char *const bad[] = {"evil.example",
                                      "localhost.evil.example",
                                      "10.1.2.3.evil",
                                      "scope.example.evil.example",
                                      "[::1",
                                      "[::g]",
                                      "localhost:",
                                      "localhost:99999",
                                      "local host",
                                      "xlocalhost",
                                      "scope.example@evil.example"};
    struct auth *auth = new_auth(NULL, "scope.example, other.example:9000", NULL, false);

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct auth_request request = request_of("GET", good[i]);
        ck_assert_msg(auth_check(auth, &request) == AUTH_ALLOWED, "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct auth_request request = request_of("GET", bad[i]);
        ck_assert_msg(auth_check(auth, &request) == AUTH_HOST, "%s", bad[i]);
    }
    struct auth_request request = request_of("GET", "other.example:9001");
    ck_assert_int_eq(auth_check(auth, &request), AUTH_HOST);
    auth_free(auth);
}
END_TEST

START_TEST(what_changes_something_is_ours_and_json)
{
    struct auth *auth = new_auth(NULL, NULL, "https://ui.example", false);
    struct auth_request request = request_of("POST", "localhost:8000");

    ck_assert_int_eq(auth_check(auth, &request), AUTH_ALLOWED);
    request.origin = span_text("http://localhost:8000");
    ck_assert_int_eq(auth_check(auth, &request), AUTH_ALLOWED);
    request.origin = span_text("https://ui.example:443");
    ck_assert_int_eq(auth_check(auth, &request), AUTH_ALLOWED);
    request.origin = span_text("http://localhost:3000");
    ck_assert_int_eq(auth_check(auth, &request), AUTH_ORIGIN);
    request.origin = span_text("null");
    ck_assert_int_eq(auth_check(auth, &request), AUTH_ORIGIN);
    request.method = span_text("GET");
    ck_assert_int_eq(auth_check(auth, &request), AUTH_ALLOWED);
    request.websocket = true;
    ck_assert_int_eq(auth_check(auth, &request), AUTH_ORIGIN);
    request = request_of("DELETE", "localhost:8000");
    request.content_type = span_text("text/plain");
    ck_assert_int_eq(auth_check(auth, &request), AUTH_CONTENT_TYPE);
    request.content_type = span_text("application/jsonx");
    ck_assert_int_eq(auth_check(auth, &request), AUTH_CONTENT_TYPE);
    request.content_type = span_text("Application/JSON; charset=utf-8");
    ck_assert_int_eq(auth_check(auth, &request), AUTH_ALLOWED);
    auth_free(auth);
}
END_TEST

START_TEST(a_plain_page_may_not_act_on_https)
{
    struct auth *secure = new_auth(NULL, NULL, NULL, true),
                *plain = new_auth(NULL, NULL, NULL, false);
    struct auth_request request = request_of("POST", "10.0.0.1");

    request.origin = span_text("http://10.0.0.1");
    ck_assert_int_eq(auth_check(secure, &request), AUTH_ORIGIN);
    ck_assert_int_eq(auth_check(plain, &request), AUTH_ALLOWED);
    request.origin = span_text("https://10.0.0.1"); /* a proxy speaks TLS for us */
    ck_assert_int_eq(auth_check(plain, &request), AUTH_ALLOWED);
    auth_free(secure);
    auth_free(plain);
}
END_TEST

START_TEST(tokens_and_cookies)
{
    struct auth *auth = new_auth(TOKEN, NULL, NULL, false);
    struct auth_request request = request_of("GET", "localhost:8000");
    struct buffer cookie = {0};
    struct span pair;

    ck_assert_int_eq(auth_check(auth, &request), AUTH_TOKEN_MISSING);
    request.authorization = span_text("Bearer " TOKEN);
    ck_assert_int_eq(auth_check(auth, &request), AUTH_ALLOWED);
    request.authorization = span_text("Bearer " TOKEN "0");
    ck_assert_int_eq(auth_check(auth, &request), AUTH_TOKEN_WRONG);
    request.authorization = span_text("Basic " TOKEN);
    ck_assert_int_eq(auth_check(auth, &request), AUTH_TOKEN_WRONG);
    request.authorization = span_text("");
    auth_cookie(auth, request.host, false, &cookie);
    ck_assert_ptr_null(memmem(cookie.data, cookie.len, TOKEN, strlen(TOKEN)));
    pair = span_make(cookie.data + strlen("Set-Cookie: "),
                     (size_t)((char *)memchr(cookie.data, ';', cookie.len) - cookie.data) -
                         strlen("Set-Cookie: "));
    request.cookie = pair;
    ck_assert_int_eq(auth_check(auth, &request), AUTH_ALLOWED);
    request.host = span_text("localhost:8001"); /* another HashScope on this machine */
    ck_assert_int_eq(auth_check(auth, &request), AUTH_TOKEN_MISSING);
    request.host = span_text("localhost:8000");
    pair.len--;
    request.cookie = pair;
    ck_assert_int_eq(auth_check(auth, &request), AUTH_TOKEN_WRONG);
    request.needs_token = false;
    ck_assert_int_eq(auth_check(auth, &request), AUTH_ALLOWED);
    buffer_close(&cookie);
    auth_free(auth);
}
END_TEST

static void expect_cors(const struct auth *auth, const char *origin, const char *expected)
{
    struct buffer out = {0};
    bool allowed = auth_cors(auth, span_text(origin), true, &out);

    ck_assert_int_eq(allowed, expected != NULL);
    buffer_append_char(&out, '\0');
    if (expected != NULL)
        ck_assert_msg(strstr(out.data, expected) != NULL, "%s: %s", origin, out.data);
    buffer_close(&out);
}

START_TEST(cors_as_configured)
{
    struct auth *none = new_auth(TOKEN, NULL, NULL, false);
    struct auth *one = new_auth(TOKEN, NULL, "https://ui.example", false);
    struct auth *any = new_auth(TOKEN, NULL, "*", false);

    expect_cors(none, "https://ui.example", NULL);
    expect_cors(one, "https://ui.example", "Access-Control-Allow-Credentials: true");
    expect_cors(one, "https://evil.example", NULL);
    expect_cors(any, "https://evil.example", "Access-Control-Allow-Origin: *");
    expect_cors(any, "https://evil.example", "Allow-Methods: GET, HEAD\r\n");
    auth_free(none);
    auth_free(one);
    auth_free(any);
}
END_TEST

START_TEST(wrong_lists_are_told)
{
    const struct auth_options hosts = {.allowed_hosts = "a b"}, origins = {.cors_origins = "ui"};
    struct auth *auth = NULL;
    struct error err = {""};

    ck_assert_int_eq(auth_new(&auth, &hosts, &err), STATUS_INVALID);
    ck_assert_int_eq(auth_new(&auth, &origins, &err), STATUS_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "CORS_ORIGINS: ui"));
}
END_TEST

START_TEST(links_stay_on_this_host)
{
    struct auth *auth = new_auth(TOKEN, NULL, NULL, false);
    static const char request[] = "GET //evil.example/?x=1&token=" TOKEN " HTTP/1.1\r\n"
                                  "Host: localhost\r\n\r\n";
    struct http_head head;
    struct buffer out = {0};
    bool wrong = true;
    int code;

    ck_assert_int_eq(http_head_parse(&head, span_text(request), &code), STATUS_OK);
    ck_assert(link_answer(auth, &head, &out, &wrong));
    ck_assert(!wrong);
    buffer_append_char(&out, '\0');
    ck_assert_ptr_nonnull(strstr(out.data, "\r\nLocation: /evil.example/?x=1\r\n"));
    ck_assert_ptr_null(strstr(out.data, TOKEN));
    buffer_close(&out);
    auth_free(auth);
}
END_TEST

int main(void)
{
    return UNIT_RUN("api auth", hosts_are_checked, what_changes_something_is_ours_and_json,
                    a_plain_page_may_not_act_on_https, tokens_and_cookies, cors_as_configured,
                    wrong_lists_are_told, links_stay_on_this_host);
}
