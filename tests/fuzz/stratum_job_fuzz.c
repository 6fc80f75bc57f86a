/*
 * Params of notify and submit, results of subscribe and configure, as hostile JSON: the input is an
 * array [notify params, submit params, subscribe result, extranonce, difficulty, target, mask,
 * configure result]. A share that can be evaluated is evaluated.
 */
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/stratum/share.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void evaluate(const struct stratum_job *job, const json_t *input, uint32_t mask)
{
    struct error error;
    struct stratum_submit submit;
    struct stratum_extranonce extranonce;
    struct share_result result;
    if (stratum_submit_parse(&submit, json_array_get(input, 1), &error) != STATUS_OK)
        return;
    REQUIRE(submit.extranonce2_len <= STRATUM_EXTRANONCE_MAX);
    if (stratum_subscription_parse(&extranonce, json_array_get(input, 2), &error) != STATUS_OK &&
        stratum_extranonce_parse(&extranonce, json_array_get(input, 3), &error) != STATUS_OK)
        return;
    REQUIRE(extranonce.extranonce1_len <= STRATUM_EXTRANONCE_MAX);
    share_evaluate(&result, job, &extranonce, &submit, mask);
    REQUIRE(result.wrong_size ? result.difficulty == 0 : result.difficulty > 0);
}

static void check_targets(const json_t *input)
{
    struct error error;
    double difficulty;
    uint8_t target[32];
    if (stratum_difficulty_parse(&difficulty, json_array_get(input, 4), &error) == STATUS_OK) {
        REQUIRE(isfinite(difficulty) && difficulty > 0);
        REQUIRE(share_target_from_difficulty(target, difficulty));
        /* The target is rounded down, so its difficulty is no lower, unless it hit the ceiling. */
        if (target[31] != 0xff)
            REQUIRE(share_difficulty(target) >= difficulty * (1 - 1e-15));
    }
    if (stratum_target_parse(target, json_array_get(input, 5), &error) == STATUS_OK)
        REQUIRE(share_difficulty(target) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error;
    struct stratum_job job;
    uint32_t mask = 0;
    json_t *input = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    enum status status = stratum_mask_parse(&mask, json_array_get(input, 6), &error);
    if (status != STATUS_OK)
        status = stratum_configure_parse(&mask, json_array_get(input, 7), &error);
    REQUIRE(status == STATUS_OK || error.text[0] != '\0');
    check_targets(input);
    if (stratum_job_parse(&job, json_array_get(input, 0), &error) == STATUS_OK)
        evaluate(&job, input, mask);
    else
        REQUIRE(error.text[0] != '\0');
    stratum_job_close(&job);
    json_decref(input);
    return 0;
}
