/*
 * How it works: one small reader per type of field takes a value from the tree, checks it and says
 * what is wrong with it; a parser is a list of such calls. `struct source` carries what the readers
 * need for their messages.
 *
 * How it can fail: a field is missing, of the wrong type, too long or no hex. Memory is taken only
 * when all lengths are known and within bounds.
 */
#include "lib/stratum/job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/memory.h"

/* An array being read, and where errors go. */
struct source {
    const char *message; /* "mining.notify" */
    const char *member;  /* "params" or "result" */
    const json_t *array;
    struct error *err;
};

/* ---- readers of one field ---- */

static enum status fault(const struct source *source, size_t index, const char *name,
                         const char *expected)
{
    return error_set(source->err, STATUS_INVALID, "%s: %s (%s[%zu]): %s expected", source->message,
                     name, source->member, index, expected);
}

static enum status open_source(const struct source *source, size_t least)
{
    if (!json_is_array(source->array))
        return error_set(source->err, STATUS_INVALID, "%s: %s: an array expected", source->message,
                         source->member);
    size_t size = json_array_size(source->array);
    if (size < least)
        return error_set(source->err, STATUS_INVALID, "%s: %s: %zu fields, at least %zu expected",
                         source->message, source->member, size, least);
    return STATUS_OK;
}

/* A string without NUL inside; borrowed. */
static enum status read_text(const struct source *source, size_t index, const char *name,
                             const char **text)
{
    const json_t *value = json_array_get(source->array, index);
    *text = json_string_value(value);
    if (*text == NULL || strlen(*text) != json_string_length(value))
        return fault(source, index, name, "a string");
    return STATUS_OK;
}

/* Hex of any length up to `max` bytes; *len is that of the bytes. */
static enum status check_hex(const struct source *source, size_t index, const char *name,
                             size_t max, size_t *len)
{
    const json_t *value = json_array_get(source->array, index);
    size_t digits = json_string_length(value);
    if (!json_is_string(value) || digits % 2 != 0)
        return fault(source, index, name, "hex of whole bytes");
    if (digits / 2 > max)
        return error_set(source->err, STATUS_INVALID, "%s: %s (%s[%zu]): %zu bytes, at most %zu",
                         source->message, name, source->member, index, digits / 2, max);
    *len = digits / 2;
    return STATUS_OK;
}

static enum status decode_hex(const struct source *source, size_t index, const char *name,
                              uint8_t *out, size_t len)
{
    const json_t *value = json_array_get(source->array, index);
    if (!hex_decode(out, json_string_value(value), 2 * len))
        return fault(source, index, name, "nothing but hex digits");
    return STATUS_OK;
}

static enum status read_bytes(const struct source *source, size_t index, const char *name,
                              uint8_t *out, size_t max, size_t *len)
{
    enum status status = check_hex(source, index, name, max, len);
    return status == STATUS_OK ? decode_hex(source, index, name, out, *len) : status;
}

/* Hex of exactly 32 bytes. */
static enum status read_hash(const struct source *source, size_t index, const char *name,
                             uint8_t out[32])
{
    const json_t *value = json_array_get(source->array, index);
    size_t digits = json_string_length(value);
    if (!json_is_string(value))
        return fault(source, index, name, "64 hex digits");
    if (digits != 64)
        return error_set(source->err, STATUS_INVALID,
                         "%s: %s (%s[%zu]): %zu characters, 64 hex digits expected",
                         source->message, name, source->member, index, digits);
    return decode_hex(source, index, name, out, 32);
}

/* `least` to eight hex digits, big-endian. */
static bool parse_u32(const json_t *value, size_t least, uint32_t *out)
{
    const char *text = json_string_value(value);
    size_t digits = json_string_length(value);
    char padded[8];
    uint8_t bytes[4];
    if (text == NULL || digits < least || digits > sizeof(padded))
        return false;
    memset(padded, '0', sizeof(padded));
    memcpy(padded + sizeof(padded) - digits, text, digits);
    if (!hex_decode(bytes, padded, sizeof(padded)))
        return false;
    *out = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    return true;
}

static enum status read_u32(const struct source *source, size_t index, const char *name,
                            uint32_t *out)
{
    if (!parse_u32(json_array_get(source->array, index), 8, out))
        return fault(source, index, name, "8 hex digits");
    return STATUS_OK;
}

static enum status read_mask(const struct source *source, size_t index, const char *name,
                             uint32_t *out)
{
    if (!parse_u32(json_array_get(source->array, index), 1, out))
        return fault(source, index, name, "1 to 8 hex digits");
    return STATUS_OK;
}

static enum status read_size(const struct source *source, size_t index, const char *name,
                             size_t max, size_t *out)
{
    const json_t *value = json_array_get(source->array, index);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || (json_int_t)max < number)
        return error_set(source->err, STATUS_INVALID,
                         "%s: %s (%s[%zu]): a number from 0 to %zu expected", source->message, name,
                         source->member, index, max);
    *out = (size_t)number;
    return STATUS_OK;
}

/* Runs a reader unless an earlier one failed. */
#define THEN(status, call) ((status) == STATUS_OK ? (call) : (status))

/* ---- mining.notify ---- */

enum notify_field {
    NOTIFY_ID,
    NOTIFY_PREVIOUS,
    NOTIFY_COINBASE1,
    NOTIFY_COINBASE2,
    NOTIFY_BRANCHES,
    NOTIFY_VERSION,
    NOTIFY_NBITS,
    NOTIFY_NTIME,
    NOTIFY_CLEAN, /* or further back */
};

/* Stratum sends the previous block's hash as eight words, each with its bytes turned round. */
static void reverse_words(uint8_t hash[32])
{
    for (int word = 0; word < 32; word += 4) {
        uint8_t bytes[4];
        memcpy(bytes, hash + word, 4);
        for (int i = 0; i < 4; i++)
            hash[word + i] = bytes[3 - i];
    }
}

static enum status read_fixed(const struct source *source, struct stratum_job *job)
{
    enum status status = read_hash(source, NOTIFY_PREVIOUS, "previous block", job->previous);
    status = THEN(status, read_u32(source, NOTIFY_VERSION, "version", &job->version));
    status = THEN(status, read_u32(source, NOTIFY_NBITS, "nbits", &job->nbits));
    status = THEN(status, read_u32(source, NOTIFY_NTIME, "ntime", &job->ntime));
    if (status == STATUS_OK)
        reverse_words(job->previous);
    return status;
}

/* Some pools send fields of their own between ntime and clean_jobs. */
static enum status read_clean(const struct source *source, struct stratum_job *job)
{
    size_t size = json_array_size(source->array);
    for (size_t i = size; i > NOTIFY_CLEAN; i--) {
        const json_t *value = json_array_get(source->array, i - 1);
        if (json_is_boolean(value)) {
            job->clean = json_is_true(value);
            return STATUS_OK;
        }
    }
    return fault(source, NOTIFY_CLEAN, "clean_jobs", "true or false");
}

static enum status check_lengths(const struct source *source, struct stratum_job *job)
{
    const json_t *branches = json_array_get(source->array, NOTIFY_BRANCHES);
    enum status status = check_hex(source, NOTIFY_COINBASE1, "first part of the coinbase",
                                   STRATUM_COINBASE_MAX, &job->coinbase1_len);
    status = THEN(status, check_hex(source, NOTIFY_COINBASE2, "second part of the coinbase",
                                    STRATUM_COINBASE_MAX, &job->coinbase2_len));
    if (status != STATUS_OK)
        return status;
    job->branch_count = json_array_size(branches);
    if (!json_is_array(branches) || job->branch_count > STRATUM_BRANCHES_MAX)
        return fault(source, NOTIFY_BRANCHES, "merkle branches", "an array of up to 64 hashes");
    return STATUS_OK;
}

static enum status read_branches(const struct source *source, struct stratum_job *job)
{
    const struct source branches = {source->message, "params[4]",
                                    json_array_get(source->array, NOTIFY_BRANCHES), source->err};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < job->branch_count && status == STATUS_OK; i++)
        status = read_hash(&branches, i, "merkle branch", job->branches[i]);
    return status;
}

/* One allocation: branches, coinbase1, coinbase2. */
static enum status read_variable(const struct source *source, struct stratum_job *job)
{
    size_t branches_len = job->branch_count * sizeof(*job->branches);
    uint8_t *bytes = memory_new(branches_len + job->coinbase1_len + job->coinbase2_len + 1);
    job->branches = (uint8_t(*)[32])bytes;
    job->coinbase1 = bytes + branches_len;
    job->coinbase2 = job->coinbase1 + job->coinbase1_len;
    enum status status = decode_hex(source, NOTIFY_COINBASE1, "first part of the coinbase",
                                    job->coinbase1, job->coinbase1_len);
    status = THEN(status, decode_hex(source, NOTIFY_COINBASE2, "second part of the coinbase",
                                     job->coinbase2, job->coinbase2_len));
    return THEN(status, read_branches(source, job));
}

enum status stratum_job_parse(struct stratum_job *job, const json_t *params, struct error *err)
{
    const struct source source = {"mining.notify", "params", params, err};
    const char *id = NULL;
    *job = (struct stratum_job){0};
    enum status status = open_source(&source, NOTIFY_CLEAN + 1);
    status = THEN(status, read_text(&source, NOTIFY_ID, "job id", &id));
    status = THEN(status, read_fixed(&source, job));
    status = THEN(status, read_clean(&source, job));
    status = THEN(status, check_lengths(&source, job));
    status = THEN(status, read_variable(&source, job));
    if (status == STATUS_OK)
        job->id = memory_text(id);
    else
        stratum_job_close(job);
    return status;
}

void stratum_job_close(struct stratum_job *job)
{
    free(job->id);
    free(job->branches);
    *job = (struct stratum_job){0};
}

/* ---- mining.submit ---- */

enum status stratum_submit_parse(struct stratum_submit *submit, const json_t *params,
                                 struct error *err)
{
    const struct source source = {"mining.submit", "params", params, err};
    *submit = (struct stratum_submit){0};
    enum status status = open_source(&source, 5);
    status = THEN(status, read_text(&source, 0, "worker", &submit->worker));
    status = THEN(status, read_text(&source, 1, "job id", &submit->job_id));
    status = THEN(status, read_bytes(&source, 2, "extranonce2", submit->extranonce2,
                                     sizeof(submit->extranonce2), &submit->extranonce2_len));
    status = THEN(status, read_u32(&source, 3, "ntime", &submit->ntime));
    status = THEN(status, read_u32(&source, 4, "nonce", &submit->nonce));
    const json_t *bits = json_array_get(params, 5);
    if (bits != NULL && !json_is_null(bits)) {
        status = THEN(status, read_mask(&source, 5, "version bits", &submit->version_bits));
        submit->has_version_bits = true;
    }
    return status;
}

/* ---- what a session is told ---- */

static enum status read_extranonce(const struct source *source, size_t index,
                                   struct stratum_extranonce *out)
{
    *out = (struct stratum_extranonce){0};
    enum status status = open_source(source, index + 2);
    status = THEN(status, read_bytes(source, index, "extranonce1", out->extranonce1,
                                     sizeof(out->extranonce1), &out->extranonce1_len));
    return THEN(status, read_size(source, index + 1, "extranonce2 size", STRATUM_EXTRANONCE_MAX,
                                  &out->extranonce2_len));
}

enum status stratum_subscription_parse(struct stratum_extranonce *extranonce, const json_t *result,
                                       struct error *err)
{
    const struct source source = {"mining.subscribe", "result", result, err};
    return read_extranonce(&source, 1, extranonce);
}

enum status stratum_extranonce_parse(struct stratum_extranonce *extranonce, const json_t *params,
                                     struct error *err)
{
    const struct source source = {"mining.set_extranonce", "params", params, err};
    return read_extranonce(&source, 0, extranonce);
}

enum status stratum_difficulty_parse(double *difficulty, const json_t *params, struct error *err)
{
    const struct source source = {"mining.set_difficulty", "params", params, err};
    enum status status = open_source(&source, 1);
    if (status != STATUS_OK)
        return status;
    *difficulty = json_number_value(json_array_get(params, 0));
    if (!isfinite(*difficulty) || *difficulty <= 0)
        return fault(&source, 0, "difficulty", "a number above 0");
    return STATUS_OK;
}

enum status stratum_target_parse(uint8_t target[32], const json_t *params, struct error *err)
{
    const struct source source = {"mining.set_target", "params", params, err};
    uint8_t shown[32] = {0};
    enum status status = open_source(&source, 1);
    status = THEN(status, read_hash(&source, 0, "target", shown));
    for (int i = 0; i < 32 && status == STATUS_OK; i++)
        target[i] = shown[31 - i];
    return status;
}

enum status stratum_mask_parse(uint32_t *mask, const json_t *params, struct error *err)
{
    const struct source source = {"mining.set_version_mask", "params", params, err};
    enum status status = open_source(&source, 1);
    return THEN(status, read_mask(&source, 0, "version mask", mask));
}

enum status stratum_configure_parse(uint32_t *mask, const json_t *result, struct error *err)
{
    *mask = 0;
    if (!json_is_object(result))
        return error_set(err, STATUS_INVALID, "mining.configure: result: an object expected");
    if (!json_is_true(json_object_get(result, "version-rolling")))
        return STATUS_OK;
    if (!parse_u32(json_object_get(result, "version-rolling.mask"), 1, mask))
        return error_set(err, STATUS_INVALID,
                         "mining.configure: version-rolling.mask: 1 to 8 hex digits expected");
    return STATUS_OK;
}
