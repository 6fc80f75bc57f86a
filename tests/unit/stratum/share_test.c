/* Share arithmetic: block 1, every recorded share of tests/data, targets both ways, grinding. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/stratum/share.h"
#include "tests/unit/unit.h"

#define VECTORS "tests/data/share-vectors.json"

static void from_hex(uint8_t *out, const char *text)
{
    ck_assert(hex_decode(out, text, strlen(text)));
}

/* As people write numbers: most significant byte first. */
static void number_from_text(uint8_t out[32], const char *text)
{
    uint8_t shown[32];
    ck_assert_uint_eq(strlen(text), 64);
    from_hex(shown, text);
    for (int i = 0; i < 32; i++)
        out[i] = shown[31 - i];
}

static void expect_hash(const uint8_t hash[32], const char *expected)
{
    char text[SHARE_HASH_TEXT + 1];
    share_hash_text(text, hash);
    ck_assert_str_eq(text, expected);
}

/* ---- block 1 of the main network ---- */

#define BLOCK1_HASH "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048"
#define BLOCK1_ROOT "0e3e2357e806b6cdb1f70b54c3a3a17b6714ee1f0e68bebb44a74b1efd512098"
/* Hash of block 0 as a notify carries it: its eight words, each with its bytes turned round. */
#define GENESIS_STRATUM "0a8ce26f72b3f1b646a2a6c14ff763ae65831e939c085ae10019d66800000000"

static struct stratum_job block1_job(void)
{
    struct stratum_job job;
    struct error error;
    json_t *params = json_pack("[s, s, s, s, [], s, s, s, b]", "1", GENESIS_STRATUM, "01", "",
                               "00000001", "1d00ffff", "4966bc61", 1);
    ck_assert_int_eq(stratum_job_parse(&job, params, &error), STATUS_OK);
    json_decref(params);
    return job;
}

static void block1_header(uint8_t header[SHARE_HEADER_LEN])
{
    uint8_t root[32];
    struct stratum_job job = block1_job();
    number_from_text(root, BLOCK1_ROOT);
    share_header(header, &job, root, job.version, job.ntime, 0x9962e301);
    stratum_job_close(&job);
}

START_TEST(block_1_has_its_hash_and_difficulty)
{
    uint8_t header[SHARE_HEADER_LEN], hash[32];
    block1_header(header);
    share_hash_header(header, hash);
    expect_hash(hash, BLOCK1_HASH);
    ck_assert_double_eq_tol(share_difficulty(hash), 1.94520386, 5e-9);
}
END_TEST

START_TEST(a_grinder_finds_block_1)
{
    uint8_t header[SHARE_HEADER_LEN], hash[32], target[32];
    struct share_grinder grinder;
    uint32_t nonce = 0x9962e301 - 1000;
    block1_header(header);
    ck_assert(share_target_from_nbits(target, 0x1d00ffff));
    share_grinder_init(&grinder, header);
    ck_assert(!share_grinder_search(&grinder, &nonce, 1000, target, hash));
    ck_assert_uint_eq(nonce, 0x9962e301);
    ck_assert(share_grinder_search(&grinder, &nonce, 1000, target, hash));
    ck_assert_uint_eq(nonce, 0x9962e301);
    expect_hash(hash, BLOCK1_HASH);
}
END_TEST

START_TEST(a_grinder_follows_ntime_and_wraps_the_nonce)
{
    uint8_t header[SHARE_HEADER_LEN], expected[32], hash[32], none[32] = {0};
    struct share_grinder grinder;
    uint32_t nonce = 0xffffffff;
    block1_header(header);
    share_grinder_init(&grinder, header);
    share_grinder_set_ntime(&grinder, 0x12345678);
    store_le32(header + 68, 0x12345678);
    store_le32(header + 76, 0xdeadbeef);
    share_hash_header(header, expected);
    share_grinder_hash(&grinder, 0xdeadbeef, hash);
    ck_assert_mem_eq(hash, expected, 32);
    ck_assert(!share_grinder_search(&grinder, &nonce, 3, none, hash));
    ck_assert_uint_eq(nonce, 2);
}
END_TEST

/* ---- recorded shares ---- */

static double optional_number(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);
    return value != NULL ? json_number_value(value) : otherwise;
}

static void expect_share(const struct share_result *result, const json_t *expect)
{
    const char *hash = json_string_value(json_object_get(expect, "hash"));
    const char *root = json_string_value(json_object_get(expect, "merkle_root"));
    const json_t *solves = json_object_get(expect, "solves_nbits");
    double tolerance = optional_number(expect, "rel_tol", 1e-14);
    double difficulty = optional_number(expect, "difficulty", result->difficulty);
    if (hash != NULL)
        expect_hash(result->hash, hash);
    if (root != NULL)
        expect_hash(result->merkle_root, root);
    ck_assert_int_eq(result->solves_block, solves != NULL && json_is_true(solves));
    ck_assert_double_eq_tol(result->difficulty / difficulty, 1.0, tolerance);
    ck_assert_double_ge(result->difficulty, optional_number(expect, "min_difficulty", 0));
    if (json_object_get(expect, "difficulty_floor") != NULL)
        ck_assert_double_eq(floor(result->difficulty),
                            optional_number(expect, "difficulty_floor", 0));
}

/* `size` of extranonce2; 0: not known. */
static void evaluate_sized(struct share_result *result, const json_t *vector, size_t size)
{
    struct stratum_job job;
    struct stratum_submit submit;
    struct stratum_extranonce extranonce = {.extranonce2_len = size};
    struct error error = {""};
    uint32_t mask = 0;
    const char *mask_text = json_string_value(json_object_get(vector, "version_mask"));
    const char *extranonce1 = json_string_value(json_object_get(vector, "extranonce1"));
    extranonce.extranonce1_len = strlen(extranonce1) / 2;
    from_hex(extranonce.extranonce1, extranonce1);
    ck_assert_msg(stratum_job_parse(&job, json_object_get(vector, "notify"), &error) == STATUS_OK,
                  "%s", error.text);
    ck_assert_msg(stratum_submit_parse(&submit, json_object_get(vector, "submit"), &error) ==
                      STATUS_OK,
                  "%s", error.text);
    ck_assert_str_eq(job.id, submit.job_id);
    if (mask_text[0] != '\0')
        mask = (uint32_t)strtoul(mask_text, NULL, 16);
    share_evaluate(result, &job, &extranonce, &submit, mask);
    stratum_job_close(&job);
}

static void evaluate_vector(struct share_result *result, const json_t *vector)
{
    evaluate_sized(result, vector, 0);
}

START_TEST(every_recorded_share_has_its_hash_root_and_difficulty)
{
    json_error_t where;
    json_t *file = json_load_file(VECTORS, 0, &where);
    ck_assert_msg(file != NULL, "%s: %s", VECTORS, where.text);
    const json_t *vectors = json_object_get(file, "vectors");
    ck_assert_uint_ge(json_array_size(vectors), 7);
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        struct share_result result;
        const json_t *vector = json_array_get(vectors, i);
        evaluate_vector(&result, vector);
        ck_assert(!result.bits_outside);
        expect_share(&result, json_object_get(vector, "expect"));
    }
    json_decref(file);
}
END_TEST

START_TEST(bits_outside_the_mask_do_not_count_and_are_told)
{
    struct share_result with, without;
    json_error_t where;
    json_t *file = json_load_file(VECTORS, 0, &where);
    ck_assert_ptr_nonnull(file);
    json_t *vector = json_array_get(json_object_get(file, "vectors"), 0);
    evaluate_vector(&without, vector);
    json_array_set_new(json_object_get(vector, "submit"), 5, json_string("e2666001"));
    evaluate_vector(&with, vector);
    ck_assert(with.bits_outside);
    ck_assert_mem_eq(with.header, without.header, SHARE_HEADER_LEN);
    json_decref(file);
}
END_TEST

/* The pool would build another coinbase, or refuse it. */
START_TEST(an_extranonce2_of_another_size_has_no_difficulty)
{
    struct share_result result;
    json_error_t where;
    json_t *file = json_load_file(VECTORS, 0, &where);
    ck_assert_ptr_nonnull(file);
    const json_t *vectors = json_object_get(file, "vectors");
    for (size_t i = 0; i < json_array_size(vectors); i++) {
        const json_t *vector = json_array_get(vectors, i);
        const json_t *submit = json_object_get(vector, "submit");
        size_t size = strlen(json_string_value(json_array_get(submit, 2))) / 2;
        evaluate_sized(&result, vector, size);
        ck_assert(!result.wrong_size);
        expect_share(&result, json_object_get(vector, "expect"));
        evaluate_sized(&result, vector, size + 1);
        ck_assert(result.wrong_size && !result.solves_block);
        ck_assert_double_eq(result.difficulty, 0);
    }
    json_decref(file);
}
END_TEST

/* BIP 310: the pool's bits outside the mask, the miner's inside. */
START_TEST(versions_roll_inside_the_mask_only)
{
    ck_assert_uint_eq(share_rolled_version(0x20000000, 0x1fffe000, 0x02666000), 0x22666000);
    ck_assert_uint_eq(share_rolled_version(0x20000000, 0x1fffe000, 0xffffffff), 0x3fffe000);
    ck_assert_uint_eq(share_rolled_version(0x3fffe000, 0x1fffe000, 0), 0x20000000);
    ck_assert_uint_eq(share_rolled_version(0x20000004, 0, 0xffffffff), 0x20000004);
}
END_TEST

/* ---- targets ---- */

static void expect_nbits(uint32_t nbits, const char *target_text)
{
    uint8_t target[32], expected[32];
    ck_assert(share_target_from_nbits(target, nbits));
    number_from_text(expected, target_text);
    ck_assert_mem_eq(target, expected, 32);
}

START_TEST(compact_targets_open_up)
{
    uint8_t target[32];
    expect_nbits(0x1d00ffff, "00000000ffff0000000000000000000000000000000000000000000000000000");
    expect_nbits(0x1b0404cb, "00000000000404cb000000000000000000000000000000000000000000000000");
    expect_nbits(0x207fffff, "7fffff0000000000000000000000000000000000000000000000000000000000");
    expect_nbits(0x220000ff, "ff00000000000000000000000000000000000000000000000000000000000000");
    expect_nbits(0x03123456, "0000000000000000000000000000000000000000000000000000000000123456");
    expect_nbits(0x02123456, "0000000000000000000000000000000000000000000000000000000000001234");
    expect_nbits(0x01123456, "0000000000000000000000000000000000000000000000000000000000000012");
    ck_assert(!share_target_from_nbits(target, 0x00123456)); /* zero */
    ck_assert(!share_target_from_nbits(target, 0x1d000000)); /* zero */
    ck_assert(!share_target_from_nbits(target, 0x1d800001)); /* negative */
    ck_assert(!share_target_from_nbits(target, 0x22000100)); /* above 256 bits */
    ck_assert(!share_target_from_nbits(target, 0x23000001));
    ck_assert(!share_target_from_nbits(target, 0xff7fffff));
}
END_TEST

START_TEST(difficulty_of_a_target)
{
    uint8_t number[32];
    ck_assert(share_target_from_nbits(number, 0x1d00ffff));
    ck_assert_double_eq(share_difficulty(number), 1.0);
    ck_assert(share_target_from_nbits(number, 0x1b0404cb)); /* the wiki's example */
    ck_assert_double_eq_tol(share_difficulty(number), 16307.420938523983, 1e-11);
    memset(number, 0, sizeof(number));
    ck_assert(isinf(share_difficulty(number)));
    number[0] = 1; /* 0xffff * 2^208 is a double */
    ck_assert_double_eq(share_difficulty(number), ldexp(65535, 208));
    memset(number, 0xff, sizeof(number));
    ck_assert_double_eq(share_difficulty(number), ldexp(65535, 208 - 256));
}
END_TEST

static void expect_target(double difficulty, const char *target_text)
{
    uint8_t target[32];
    char text[SHARE_HASH_TEXT + 1];
    ck_assert(share_target_from_difficulty(target, difficulty));
    share_hash_text(text, target);
    ck_assert_str_eq(text, target_text);
}

/* Expected values from whole-number arithmetic: 0xffff << 208 divided by the double's exact value.
 */
START_TEST(target_of_a_difficulty_is_exact)
{
    uint8_t target[32];
    expect_target(1, "00000000ffff0000000000000000000000000000000000000000000000000000");
    expect_target(3, "0000000055550000000000000000000000000000000000000000000000000000");
    expect_target(8192, "000000000007fff8000000000000000000000000000000000000000000000000");
    expect_target(0.00379447, "000001078992c0dbd28a3141b02d1cc50bae10719a6ea1020ef006c1ba88fdb0");
    expect_target(176372654042012.44,
                  "00000000000000000001988bff3686b060ae01228cf2470325da8fa1c5d175c9");
    expect_target(1e-9, "3b9a8e6535fffef481b5fe088151b0791619e09d7e3f36fccfbaa4c14955fdb7");
    expect_target(1e-300, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
    expect_target(1e-12, "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
    for (int exponent = -60; exponent < -32; exponent++) /* as far as the limbs reach, and beyond */
        expect_target(ldexp(1, exponent),
                      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
    expect_target(ldexp(1, -32),
                  "ffff000000000000000000000000000000000000000000000000000000000000");
    expect_target(1e300, "0000000000000000000000000000000000000000000000000000000000000000");
    ck_assert(!share_target_from_difficulty(target, 0));
    ck_assert(!share_target_from_difficulty(target, -1));
    ck_assert(!share_target_from_difficulty(target, NAN));
    ck_assert(!share_target_from_difficulty(target, HUGE_VAL));
}
END_TEST

START_TEST(difficulty_and_target_are_inverse)
{
    double difficulty = 1e-8;
    while (difficulty < 1e25) {
        uint8_t target[32];
        ck_assert(share_target_from_difficulty(target, difficulty));
        ck_assert_double_eq_tol(share_difficulty(target) / difficulty, 1.0, 4e-16);
        difficulty *= 1.37;
    }
}
END_TEST

START_TEST(a_hash_meets_its_own_target_and_no_smaller_one)
{
    uint8_t hash[32], target[32];
    number_from_text(hash, BLOCK1_HASH);
    number_from_text(target, BLOCK1_HASH);
    ck_assert(share_meets(hash, target));
    target[0]--;
    ck_assert(!share_meets(hash, target));
    target[0] = 0;
    target[31] = 1;
    ck_assert(share_meets(hash, target));
    ck_assert(share_target_from_difficulty(target, 1.945));
    ck_assert(share_meets(hash, target));
    ck_assert(share_target_from_difficulty(target, 1.946));
    ck_assert(!share_meets(hash, target));
}
END_TEST

/* ---- bytes ---- */

START_TEST(the_coinbase_is_hashed_as_one_text)
{
    uint8_t parts[] = "first-one-two-second", whole[32], hash[32];
    struct stratum_job job = {.coinbase1 = parts, .coinbase1_len = 6};
    job.coinbase2 = parts + 14;
    job.coinbase2_len = 6;
    share_sha256d(parts, 20, whole);
    share_coinbase_hash(hash, &job, parts + 6, 4, parts + 10, 4);
    ck_assert_mem_eq(hash, whole, 32);
}
END_TEST

/* Two leaves, as in block 170: the first transaction from one person to another. */
START_TEST(a_merkle_root_of_two_transactions)
{
    uint8_t coinbase[32], branch[1][32], root[32];
    number_from_text(coinbase, "b1fea52486ce0c62bb442b530a3f0132b826c74e473d1f2c220bfa78111c5082");
    number_from_text(branch[0], "f4184fc596403b9d638783cf57adfe4c75c605f6356fbc91338530e9831e9e16");
    share_merkle_root(root, coinbase, (const uint8_t(*)[32])branch, 1);
    expect_hash(root, "7dac2c5666815c17a3b36427de37bb9d2e2c5ccec3f8633eb91a4205cb4c10ff");
    share_merkle_root(root, coinbase, NULL, 0);
    ck_assert_mem_eq(root, coinbase, 32);
}
END_TEST

int main(void)
{
    return UNIT_RUN(
        "stratum_share", block_1_has_its_hash_and_difficulty, a_grinder_finds_block_1,
        a_grinder_follows_ntime_and_wraps_the_nonce,
        every_recorded_share_has_its_hash_root_and_difficulty,
        bits_outside_the_mask_do_not_count_and_are_told,
        an_extranonce2_of_another_size_has_no_difficulty,
        an_extranonce2_of_another_size_has_no_difficulty, versions_roll_inside_the_mask_only,
        compact_targets_open_up, difficulty_of_a_target, target_of_a_difficulty_is_exact,
        difficulty_and_target_are_inverse, a_hash_meets_its_own_target_and_no_smaller_one,
        the_coinbase_is_hashed_as_one_text, a_merkle_root_of_two_transactions);
}
