/*
 * config_test.c - the grammar of ROUTES.
 */
#include <string.h>

#include "recorder/config.h"
#include "tests/unit/unit.h"

static void good(const char *text, const char *name, const char *host, unsigned port, bool tls)
{
    struct route route;
    struct error err = {""};
    enum status status = route_parse(&route, text, strlen(text), &err);
    ck_assert_msg(status == STATUS_OK, "%s: %s", text, err.text);
    ck_assert_str_eq(route.name, name);
    ck_assert_str_eq(route.listen_host, host);
    ck_assert_uint_eq(route.listen_port, port);
    ck_assert_int_eq(route.listen_tls, tls);
}

START_TEST(routes_that_are_fine)
{
    good("3334=pool.example.com", "port3334", "0.0.0.0", 3334, false);
    good("127.0.0.1:4000=a:1,b:2", "port4000", "127.0.0.1", 4000, false);
    good("east=3335=stratum+ssl://a:443", "east", "0.0.0.0", 3335, false);
    good("tls://0.0.0.0:3336=a", "tls3336", "0.0.0.0", 3336, true);
    good("\t west = 3338 =\ta:1\t, b ", "west", "0.0.0.0", 3338, false);
    good(" [::]:3337 = [2001:db8::1]:3333 , b ", "port3337", "::", 3337, false);
}
END_TEST

START_TEST(targets_are_read_in_order)
{
    struct route route;
    const char *text = "1=one,stratum+ssl://two:2,[::3]:3";
    ck_assert_int_eq(route_parse(&route, text, strlen(text), NULL), STATUS_OK);
    ck_assert_uint_eq(route.target_count, 3);
    ck_assert_str_eq(route.targets[0].host, "one");
    ck_assert_uint_eq(route.targets[0].port, 3333);
    ck_assert(!route.targets[0].tls);
    ck_assert_str_eq(route.targets[1].host, "two");
    ck_assert_uint_eq(route.targets[1].port, 2);
    ck_assert(route.targets[1].tls);
    ck_assert_str_eq(route.targets[2].host, "::3");
}
END_TEST

START_TEST(routes_that_are_not)
{
    static const char *const bad[] = {
        "",           "3333",
        "=pool",      "3333=",
        "65536=a",    "1=a:0x1",
        "1=a:99999",  "a b c=1=",
        "12=34=a",    "n!=1=a",
        "1=a,,b",     "1=http://a",
        "1=user@a:1", "1=a,b,c,d,e,f,g,h,i",
        "1=a b",      "1=a b,c",
        "1=a,b c:2",  "33 33=a",
        "n m=1=a",    "1=a\t:2",
        "1=a : 2",    "1=[::1] :2",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct route route;
        struct error err = {""};
        ck_assert_msg(route_parse(&route, bad[i], strlen(bad[i]), &err) != STATUS_OK, "%s", bad[i]);
        ck_assert_str_ne(err.text, "");
    }
}
END_TEST

int main(void)
{
    return UNIT_RUN("recorder settings", routes_that_are_fine, targets_are_read_in_order,
                    routes_that_are_not);
}
