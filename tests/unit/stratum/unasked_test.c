/* Why an answer pairs with nothing: ids of another type, repeated, late and unknown ones. */
#include "lib/stratum/unasked.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct stratum_id id_of(const char *json)
{
    struct stratum_scan scan;
    char line[100];
    int len = snprintf(line, sizeof line, "{\"id\":%s,\"result\":true}", json);
    stratum_scan_line(&scan, line, (size_t)len);
    return scan.id;
}

static void ask(struct stratum_asked *asked, const char *json)
{
    struct stratum_id id = id_of(json);
    stratum_asked_request(asked, &id);
}

static void answer(struct stratum_asked *asked, const char *json)
{
    struct stratum_id id = id_of(json);
    stratum_asked_answered(asked, &id);
}

static const char *why(const struct stratum_asked *asked, const char *json)
{
    struct stratum_id id = id_of(json);
    return stratum_unasked_name(stratum_asked_why(asked, &id));
}

START_TEST(each_reason_is_told_apart)
{
    struct stratum_asked asked = {.count = 0};
    ask(&asked, "1");
    ask(&asked, "2");
    ask(&asked, "\"7\"");
    answer(&asked, "2");
    ck_assert_str_eq(why(&asked, "\"1\""), "other_type");
    ck_assert_str_eq(why(&asked, "1.0"), "other_type");
    ck_assert_str_eq(why(&asked, "7"), "other_type");
    ck_assert_str_eq(why(&asked, "2"), "repeated");
    ck_assert_str_eq(why(&asked, "1"), "late");
    ck_assert_str_eq(why(&asked, "3"), "unknown");
    ck_assert_str_eq(why(&asked, "\"one\""), "unknown");
    ck_assert_str_eq(why(&asked, "null"), "unknown");
}
END_TEST

START_TEST(of_requests_with_one_id_the_oldest_is_answered_first)
{
    struct stratum_asked asked = {.count = 0};
    ask(&asked, "4");
    ask(&asked, "4");
    answer(&asked, "4");
    ck_assert_str_eq(why(&asked, "4"), "late");
    answer(&asked, "4");
    ck_assert_str_eq(why(&asked, "4"), "repeated");
}
END_TEST

START_TEST(the_newest_requests_are_remembered_however_many_there_were)
{
    struct stratum_asked asked = {.count = 0};
    char number[12];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(number, sizeof number, "%u", i);
        ask(&asked, number);
    }
    ck_assert_str_eq(why(&asked, "\"999\""), "other_type");
    ck_assert_str_eq(why(&asked, "968"), "late");
    ck_assert_str_eq(why(&asked, "967"), "unknown");
}
END_TEST

int main(void)
{
    return UNIT_RUN("stratum_unasked", each_reason_is_told_apart,
                    of_requests_with_one_id_the_oldest_is_answered_first,
                    the_newest_requests_are_remembered_however_many_there_were);
}
