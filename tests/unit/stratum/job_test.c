/* Jobs and submits: what is read, which fault is named for which field, and the bounds. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/stratum/job.h"
#include "tests/unit/unit.h"

#define HASH     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BAD_HASH "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static json_t *json(const char *text)
{
    json_error_t where;
    json_t *tree = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &where);
    ck_assert_msg(tree != NULL, "%s: %s", text, where.text);
    return tree;
}

static json_t *notify(void)
{
    return json("[\"job-1\",\"" HASH "\",\"0A0b\",\"ff\",[\"" HASH "\",\"" HASH "\"],\"20000004\","
                "\"17028c61\",\"67845470\",true]");
}

/* ---- mining.notify ---- */

START_TEST(a_notify_is_read_into_bytes)
{
    struct stratum_job job;
    struct error error;
    json_t *params = notify();
    static const uint8_t turned[8] = {3, 2, 1, 0, 7, 6, 5, 4};
    ck_assert_int_eq(stratum_job_parse(&job, params, &error), STATUS_OK);
    ck_assert_str_eq(job.id, "job-1");
    ck_assert_mem_eq(job.previous, turned, 8); /* each word turned round */
    ck_assert_uint_eq(job.previous[31], 0x1c);
    ck_assert_uint_eq(job.coinbase1_len, 2);
    ck_assert_mem_eq(job.coinbase1, "\x0a\x0b", 2);
    ck_assert_uint_eq(job.coinbase2_len, 1);
    ck_assert_uint_eq(job.coinbase2[0], 0xff);
    ck_assert_uint_eq(job.branch_count, 2);
    ck_assert_uint_eq(job.branches[1][0], 0); /* branches stay as they are */
    ck_assert_uint_eq(job.branches[1][31], 0x1f);
    ck_assert_uint_eq(job.version, 0x20000004);
    ck_assert_uint_eq(job.nbits, 0x17028c61);
    ck_assert_uint_eq(job.ntime, 0x67845470);
    ck_assert(job.clean);
    json_decref(params);
    stratum_job_close(&job);
    stratum_job_close(&job);
}
END_TEST

START_TEST(fields_before_clean_jobs_are_skipped)
{
    struct stratum_job job;
    struct error error;
    json_t *params = notify();
    json_array_insert_new(params, 8, json_true());
    json_array_insert_new(params, 9, json_string("height"));
    json_array_set_new(params, 10, json_false());
    ck_assert_int_eq(stratum_job_parse(&job, params, &error), STATUS_OK);
    ck_assert(!job.clean);
    json_decref(params);
    stratum_job_close(&job);
}
END_TEST

START_TEST(an_empty_block_has_no_branches)
{
    struct stratum_job job;
    struct error error;
    json_t *params = notify();
    json_array_set_new(params, 4, json_array());
    ck_assert_int_eq(stratum_job_parse(&job, params, &error), STATUS_OK);
    ck_assert_uint_eq(job.branch_count, 0);
    json_decref(params);
    stratum_job_close(&job);
}
END_TEST

static void expect_notify_fault(size_t index, json_t *value, const char *text)
{
    struct stratum_job job;
    struct error error;
    json_t *params = notify();
    json_array_set_new(params, index, value);
    ck_assert_int_eq(stratum_job_parse(&job, params, &error), STATUS_INVALID);
    ck_assert_str_eq(error.text, text);
    ck_assert_ptr_null(job.branches);
    ck_assert_ptr_null(job.id);
    json_decref(params);
}

START_TEST(every_fault_of_a_notify_names_its_field)
{
    const char *previous = "mining.notify: previous block (params[1]): ";
    char text[128];
    expect_notify_fault(0, json_integer(5), "mining.notify: job id (params[0]): a string expected");
    expect_notify_fault(0, json_stringn("a\0b", 3),
                        "mining.notify: job id (params[0]): a string expected");
    (void)snprintf(text, sizeof(text), "%s64 hex digits expected", previous);
    expect_notify_fault(1, json_null(), text);
    (void)snprintf(text, sizeof(text), "%s63 characters, 64 hex digits expected", previous);
    expect_notify_fault(1, json_string(&HASH[1]), text);
    (void)snprintf(text, sizeof(text), "%snothing but hex digits expected", previous);
    expect_notify_fault(1, json_string(BAD_HASH), text);
    expect_notify_fault(2, json_string("abc"),
                        "mining.notify: first part of the coinbase (params[2]): hex of whole bytes "
                        "expected");
    expect_notify_fault(2, json_string("zz"),
                        "mining.notify: first part of the coinbase (params[2]): nothing but hex "
                        "digits expected");
    expect_notify_fault(
        3, json_true(),
        "mining.notify: second part of the coinbase (params[3]): hex of whole bytes "
        "expected");
    expect_notify_fault(4, json_string(HASH),
                        "mining.notify: merkle branches (params[4]): an array of up to 64 hashes "
                        "expected");
    expect_notify_fault(4, json("[\"" HASH "\",\"00\"]"),
                        "mining.notify: merkle branch (params[4][1]): 2 characters, 64 hex digits "
                        "expected");
    expect_notify_fault(5, json_string("2000000"),
                        "mining.notify: version (params[5]): 8 hex digits expected");
    expect_notify_fault(6, json_string("1702 c61"),
                        "mining.notify: nbits (params[6]): 8 hex digits expected");
    expect_notify_fault(7, json_integer(1),
                        "mining.notify: ntime (params[7]): 8 hex digits expected");
    expect_notify_fault(8, json_integer(1),
                        "mining.notify: clean_jobs (params[8]): true or false expected");
}
END_TEST

START_TEST(a_notify_needs_nine_fields)
{
    struct stratum_job job;
    struct error error;
    json_t *params = notify();
    json_array_remove(params, 8);
    ck_assert_int_eq(stratum_job_parse(&job, params, &error), STATUS_INVALID);
    ck_assert_str_eq(error.text, "mining.notify: params: 8 fields, at least 9 expected");
    ck_assert_int_eq(stratum_job_parse(&job, NULL, &error), STATUS_INVALID);
    ck_assert_str_eq(error.text, "mining.notify: params: an array expected");
    ck_assert_int_eq(stratum_job_parse(&job, NULL, NULL), STATUS_INVALID);
    json_decref(params);
}
END_TEST

static enum status parse_with_branches(size_t count)
{
    struct stratum_job job;
    json_t *params = notify(), *branches = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(branches, json_string(HASH));
    json_array_set_new(params, 4, branches);
    enum status status = stratum_job_parse(&job, params, NULL);
    json_decref(params);
    stratum_job_close(&job);
    return status;
}

static enum status parse_with_coinbase(size_t bytes)
{
    struct stratum_job job;
    struct buffer hex = {0};
    json_t *params = notify();
    memset(buffer_reserve(&hex, 2 * bytes), 'a', 2 * bytes);
    json_array_set_new(params, 2, json_stringn(hex.data, 2 * bytes));
    enum status status = stratum_job_parse(&job, params, NULL);
    if (status == STATUS_OK)
        ck_assert_uint_eq(job.coinbase1[bytes - 1], 0xaa);
    json_decref(params);
    stratum_job_close(&job);
    buffer_close(&hex);
    return status;
}

START_TEST(bounds_of_a_notify)
{
    ck_assert_int_eq(parse_with_branches(STRATUM_BRANCHES_MAX), STATUS_OK);
    ck_assert_int_eq(parse_with_branches(STRATUM_BRANCHES_MAX + 1), STATUS_INVALID);
    ck_assert_int_eq(parse_with_coinbase(2000000), STATUS_OK);
    ck_assert_int_eq(parse_with_coinbase(STRATUM_COINBASE_MAX), STATUS_OK);
    ck_assert_int_eq(parse_with_coinbase(STRATUM_COINBASE_MAX + 1), STATUS_INVALID);
}
END_TEST

/* ---- mining.submit ---- */

START_TEST(a_submit_with_and_without_version_bits)
{
    struct stratum_submit submit;
    json_t *params = json("[\"w.1\",\"j\",\"0001\",\"67845470\",\"4204043a\",\"1ff92000\"]");
    ck_assert_int_eq(stratum_submit_parse(&submit, params, NULL), STATUS_OK);
    ck_assert_str_eq(submit.worker, "w.1");
    ck_assert_str_eq(submit.job_id, "j");
    ck_assert_uint_eq(submit.extranonce2_len, 2);
    ck_assert_mem_eq(submit.extranonce2, "\0\1", 2);
    ck_assert_uint_eq(submit.ntime, 0x67845470);
    ck_assert_uint_eq(submit.nonce, 0x4204043a);
    ck_assert(submit.has_version_bits);
    ck_assert_uint_eq(submit.version_bits, 0x1ff92000);
    json_array_set_new(params, 5, json_null());
    ck_assert_int_eq(stratum_submit_parse(&submit, params, NULL), STATUS_OK);
    ck_assert(!submit.has_version_bits);
    json_array_remove(params, 5);
    ck_assert_int_eq(stratum_submit_parse(&submit, params, NULL), STATUS_OK);
    ck_assert(!submit.has_version_bits);
    ck_assert_uint_eq(submit.version_bits, 0);
    json_decref(params);
}
END_TEST

static void expect_submit_fault(const char *params_text, const char *text)
{
    struct stratum_submit submit;
    struct error error;
    json_t *params = json(params_text);
    ck_assert_int_eq(stratum_submit_parse(&submit, params, &error), STATUS_INVALID);
    ck_assert_str_eq(error.text, text);
    json_decref(params);
}

START_TEST(every_fault_of_a_submit_names_its_field)
{
    expect_submit_fault("[null,\"j\",\"00\",\"67845470\",\"4204043a\"]",
                        "mining.submit: worker (params[0]): a string expected");
    expect_submit_fault("[\"w\",7,\"00\",\"67845470\",\"4204043a\"]",
                        "mining.submit: job id (params[1]): a string expected");
    expect_submit_fault("[\"w\",\"j\",\"" HASH "00\",\"67845470\",\"4204043a\"]",
                        "mining.submit: extranonce2 (params[2]): 33 bytes, at most 32");
    expect_submit_fault("[\"w\",\"j\",\"0x\",\"67845470\",\"4204043a\"]",
                        "mining.submit: extranonce2 (params[2]): nothing but hex digits expected");
    expect_submit_fault("[\"w\",\"j\",\"00\",\"678454700\",\"4204043a\"]",
                        "mining.submit: ntime (params[3]): 8 hex digits expected");
    expect_submit_fault("[\"w\",\"j\",\"00\",\"67845470\",\"+204043a\"]",
                        "mining.submit: nonce (params[4]): 8 hex digits expected");
    expect_submit_fault("[\"w\",\"j\",\"00\",\"67845470\",\"4204043a\",\"\"]",
                        "mining.submit: version bits (params[5]): 1 to 8 hex digits expected");
    expect_submit_fault("[\"w\",\"j\",\"00\",\"67845470\"]",
                        "mining.submit: params: 4 fields, at least 5 expected");
    expect_submit_fault("{\"id\":\"x\"}", "mining.submit: params: an array expected");
}
END_TEST

/* ---- what a session is told ---- */

START_TEST(extranonces_from_subscribe_and_set_extranonce)
{
    struct stratum_extranonce extranonce;
    struct error error;
    json_t *result = json("[[[\"mining.notify\",\"1\"]],\"08000002\",4]");
    ck_assert_int_eq(stratum_subscription_parse(&extranonce, result, &error), STATUS_OK);
    ck_assert_uint_eq(extranonce.extranonce1_len, 4);
    ck_assert_mem_eq(extranonce.extranonce1, "\x08\0\0\x02", 4);
    ck_assert_uint_eq(extranonce.extranonce2_len, 4);
    json_array_remove(result, 0);
    ck_assert_int_eq(stratum_extranonce_parse(&extranonce, result, &error), STATUS_OK);
    ck_assert_uint_eq(extranonce.extranonce2_len, 4);
    json_array_set_new(result, 0, json_string(HASH));
    ck_assert_int_eq(stratum_extranonce_parse(&extranonce, result, &error), STATUS_OK);
    ck_assert_uint_eq(extranonce.extranonce1_len, 32);
    json_array_set_new(result, 0, json_string(HASH "00"));
    ck_assert_int_eq(stratum_extranonce_parse(&extranonce, result, &error), STATUS_INVALID);
    ck_assert_str_eq(error.text,
                     "mining.set_extranonce: extranonce1 (params[0]): 33 bytes, at most 32");
    json_decref(result);
}
END_TEST

START_TEST(extranonce2_sizes_are_bounded)
{
    static const char *const faulty[] = {"[0,\"00\",33]", "[0,\"00\",-1]", "[0,\"00\",4.0]",
                                         "[0,\"00\",\"4\"]"};
    struct stratum_extranonce extranonce;
    struct error error;
    for (size_t i = 0; i < sizeof(faulty) / sizeof(faulty[0]); i++) {
        json_t *result = json(faulty[i]);
        ck_assert_int_eq(stratum_subscription_parse(&extranonce, result, &error), STATUS_INVALID);
        ck_assert_str_eq(error.text,
                         "mining.subscribe: extranonce2 size (result[2]): a number from "
                         "0 to 32 expected");
        json_decref(result);
    }
}
END_TEST

static enum status difficulty_of(const char *text, double *difficulty)
{
    json_t *params = json(text);
    enum status status = stratum_difficulty_parse(difficulty, params, NULL);
    json_decref(params);
    return status;
}

START_TEST(difficulties_are_numbers_above_zero)
{
    double difficulty;
    ck_assert_int_eq(difficulty_of("[0.00379447]", &difficulty), STATUS_OK);
    ck_assert_double_eq(difficulty, 0.00379447);
    ck_assert_int_eq(difficulty_of("[8192, 1]", &difficulty), STATUS_OK);
    ck_assert_double_eq(difficulty, 8192);
    ck_assert_int_eq(difficulty_of("[0]", &difficulty), STATUS_INVALID);
    ck_assert_int_eq(difficulty_of("[-1]", &difficulty), STATUS_INVALID);
    ck_assert_int_eq(difficulty_of("[\"5\"]", &difficulty), STATUS_INVALID);
    ck_assert_int_eq(difficulty_of("[]", &difficulty), STATUS_INVALID);
    ck_assert_int_eq(difficulty_of("5", &difficulty), STATUS_INVALID);
}
END_TEST

START_TEST(a_target_is_turned_round)
{
    uint8_t target[32];
    json_t *params = json("[\"" HASH "\"]");
    ck_assert_int_eq(stratum_target_parse(target, params, NULL), STATUS_OK);
    for (int i = 0; i < 32; i++)
        ck_assert_int_eq(target[i], 31 - i);
    json_array_set_new(params, 0, json_string("00ff"));
    ck_assert_int_eq(stratum_target_parse(target, params, NULL), STATUS_INVALID);
    json_decref(params);
}
END_TEST

static enum status configured_mask(const char *text, uint32_t *mask)
{
    json_t *result = json(text);
    enum status status = stratum_configure_parse(mask, result, NULL);
    json_decref(result);
    return status;
}

START_TEST(version_masks_from_configure_and_set_version_mask)
{
    uint32_t mask = 7;
    json_t *params = json("[\"1fffe000\"]");
    ck_assert_int_eq(stratum_mask_parse(&mask, params, NULL), STATUS_OK);
    ck_assert_uint_eq(mask, 0x1fffe000);
    json_array_set_new(params, 0, json_string("1FFFE0001"));
    ck_assert_int_eq(stratum_mask_parse(&mask, params, NULL), STATUS_INVALID);
    json_decref(params);
    ck_assert_int_eq(configured_mask("{\"version-rolling\":true,\"version-rolling.mask\":"
                                     "\"e000\",\"minimum-difficulty\":true}",
                                     &mask),
                     STATUS_OK);
    ck_assert_uint_eq(mask, 0xe000);
    ck_assert_int_eq(configured_mask("{\"version-rolling\":false}", &mask), STATUS_OK);
    ck_assert_uint_eq(mask, 0);
    ck_assert_int_eq(configured_mask("{\"version-rolling\":\"denied\"}", &mask), STATUS_OK);
    ck_assert_uint_eq(mask, 0);
    ck_assert_int_eq(configured_mask("{\"version-rolling\":true}", &mask), STATUS_INVALID);
    ck_assert_int_eq(configured_mask("false", &mask), STATUS_INVALID);
}
END_TEST

int main(void)
{
    return UNIT_RUN(
        "stratum_job", a_notify_is_read_into_bytes, fields_before_clean_jobs_are_skipped,
        an_empty_block_has_no_branches, every_fault_of_a_notify_names_its_field,
        a_notify_needs_nine_fields, bounds_of_a_notify, a_submit_with_and_without_version_bits,
        every_fault_of_a_submit_names_its_field, extranonces_from_subscribe_and_set_extranonce,
        extranonce2_sizes_are_bounded, difficulties_are_numbers_above_zero,
        a_target_is_turned_round, version_masks_from_configure_and_set_version_mask);
}
