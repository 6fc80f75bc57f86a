/*
 * How it works: a table of facts per style, and one writer per message that follows the style's
 * spacing. `gap` is what stands behind a colon or comma: a space, or nothing for ESP-Miner.
 *
 * Nothing here can fail.
 */
#include "samples/sim/sim_style.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/json.h"
#include "samples/sim/sim_difficulty.h"

static const struct sim_style_facts facts[SIM_STYLE_COUNT] = {
    [SIM_CGMINER] = {.name = "cgminer",
                     .user_agent = "cgminer/4.11.1",
                     .steps = {{SIM_STEP_CONFIGURE, true},
                               {SIM_STEP_SUBSCRIBE, true},
                               {SIM_STEP_AUTHORIZE, true},
                               {SIM_STEP_SUGGEST_DIFFICULTY, false},
                               {SIM_STEP_END, false}},
                     .rolls_version = true,
                     .first_id = 0},
    [SIM_BFGMINER] = {.name = "bfgminer",
                      .user_agent = "bfgminer/5.5.0",
                      .steps = {{SIM_STEP_SUGGEST_TARGET, false},
                                {SIM_STEP_SUBSCRIBE, true},
                                {SIM_STEP_EXTRANONCE, false},
                                {SIM_STEP_AUTHORIZE, true},
                                {SIM_STEP_END, false}},
                      .first_id = 0},
    [SIM_CPUMINER] = {.name = "cpuminer",
                      .user_agent = "cpuminer/2.5.1",
                      .steps = {{SIM_STEP_SUBSCRIBE, true},
                                {SIM_STEP_AUTHORIZE, true},
                                {SIM_STEP_END, false}},
                      .ids_per_connection = true,
                      .first_id = 1},
    [SIM_ESP_MINER] = {.name = "esp-miner",
                       .user_agent = "bitaxe/BM1370/v2.9.0",
                       .version = "v2.9.0",
                       .steps = {{SIM_STEP_CONFIGURE, false},
                                 {SIM_STEP_SUBSCRIBE, false},
                                 {SIM_STEP_AUTHORIZE, true},
                                 {SIM_STEP_SUGGEST_DIFFICULTY, false},
                                 {SIM_STEP_EXTRANONCE, false},
                                 {SIM_STEP_END, false}},
                       .rolls_version = true,
                       .ids_per_connection = true,
                       .first_id = 1},
};

const struct sim_style_facts *sim_style_facts(enum sim_style style)
{
    return &facts[style];
}

bool sim_style_parse(const char *name, enum sim_style *out)
{
    for (int i = 0; i < SIM_STYLE_COUNT; i++) {
        if (strcmp(facts[i].name, name) == 0) {
            *out = (enum sim_style)i;
            return true;
        }
    }
    return false;
}

static const char *gap_of(enum sim_style style)
{
    return style == SIM_ESP_MINER ? "" : " ";
}

static const char *method_of(enum sim_step step)
{
    switch (step) {
    case SIM_STEP_CONFIGURE:
        return "mining.configure";
    case SIM_STEP_SUGGEST_TARGET:
        return "mining.suggest_target";
    case SIM_STEP_SUBSCRIBE:
        return "mining.subscribe";
    case SIM_STEP_EXTRANONCE:
        return "mining.extranonce.subscribe";
    case SIM_STEP_AUTHORIZE:
        return "mining.authorize";
    case SIM_STEP_SUGGEST_DIFFICULTY:
        return "mining.suggest_difficulty";
    case SIM_STEP_SUBMIT:
        return "mining.submit";
    case SIM_STEP_END:
        break;
    }
    return "";
}

/* Which id the style gives this message. */
static void choose_id(char out[32], enum sim_style style, enum sim_step step, int64_t *id)
{
    if (style == SIM_CPUMINER && step == SIM_STEP_SUBMIT)
        snprintf(out, 32, "4");
    else if (style == SIM_BFGMINER && step == SIM_STEP_SUGGEST_TARGET)
        snprintf(out, 32, "null");
    else if (style == SIM_BFGMINER && step == SIM_STEP_EXTRANONCE)
        snprintf(out, 32, "\"xnsub\"");
    else if (style == SIM_BFGMINER && step == SIM_STEP_AUTHORIZE)
        snprintf(out, 32, "\"auth\"");
    else
        snprintf(out, 32, "%" PRId64, (*id)++);
}

/* The target of a difficulty as 64 hexadecimal digits, highest first: 0xffff * 2^208 / difficulty,
 * with the 53 bits that a double has. */
static void append_target(struct buffer *out, double difficulty)
{
    int exponent = 0;
    double mantissa = frexp(65535.0 / difficulty, &exponent); /* of target / 2^208 */
    char digits[65];
    uint64_t bits = (uint64_t)ldexp(mantissa, 60); /* target = bits * 2^(exponent - 60 + 208) */
    int shift = exponent - 60 + 208;

    memset(digits, '0', 64);
    digits[64] = '\0';
    for (int bit = 0; bit < 60; bit++) {
        int place = bit + shift;

        if (((bits >> bit) & 1) != 0 && place >= 0 && place < 256) {
            char *digit = &digits[63 - place / 4];
            int value = (*digit <= '9' ? *digit - '0' : *digit - 'a' + 10) | 1 << (place % 4);

            *digit = "0123456789abcdef"[value];
        }
    }
    buffer_append_format(out, "\"%s\"", digits);
}

static void append_submit_params(struct buffer *out, enum sim_style style,
                                 const struct sim_words *words)
{
    const char *gap = gap_of(style);

    buffer_append_char(out, '[');
    json_append_text(out, words->worker);
    buffer_append_format(out, ",%s", gap);
    json_append_text(out, words->job);
    buffer_append_format(out, ",%s\"%s\",%s\"%08x\",%s\"%08x\"", gap, words->extranonce2, gap,
                         words->ntime, gap, words->nonce);
    if (style == SIM_ESP_MINER || words->rolling)
        buffer_append_format(out, ",%s\"%08x\"", gap, words->version_bits);
    buffer_append_char(out, ']');
}

static void append_texts(struct buffer *out, const char *gap, const char *first, const char *second)
{
    buffer_append_char(out, '[');
    json_append_text(out, first);
    if (second != NULL) {
        buffer_append_format(out, ",%s", gap);
        json_append_text(out, second);
    }
    buffer_append_char(out, ']');
}

static void append_params(struct buffer *out, enum sim_style style, enum sim_step step,
                          const struct sim_words *words)
{
    const char *gap = gap_of(style);

    switch (step) {
    case SIM_STEP_CONFIGURE:
        buffer_append_format(
            out, "[[\"version-rolling\"],%s{\"version-rolling.mask\":%s\"ffffffff\"}]", gap, gap);
        break;
    case SIM_STEP_SUBSCRIBE:
        append_texts(out, gap, words->user_agent, style == SIM_ESP_MINER ? NULL : words->session);
        break;
    case SIM_STEP_AUTHORIZE:
        append_texts(out, gap, words->worker, words->password);
        break;
    case SIM_STEP_SUGGEST_TARGET:
    case SIM_STEP_SUGGEST_DIFFICULTY:
        buffer_append_char(out, '[');
        if (step == SIM_STEP_SUGGEST_TARGET)
            append_target(out, words->suggest);
        else
            (void)sim_append_difficulty(out, words->suggest);
        buffer_append_char(out, ']');
        break;
    case SIM_STEP_SUBMIT:
        append_submit_params(out, style, words);
        break;
    case SIM_STEP_EXTRANONCE:
    case SIM_STEP_END:
        buffer_append_text(out, "[]");
        break;
    }
}

void sim_style_append(struct buffer *out, enum sim_style style, enum sim_step step,
                      const struct sim_words *words, int64_t *id, char id_text[32])
{
    const char *gap = gap_of(style);
    bool submit = step == SIM_STEP_SUBMIT && style != SIM_ESP_MINER;

    choose_id(id_text, style, step, id);
    if (submit && style == SIM_CPUMINER) {
        buffer_append_text(out, "{\"method\": \"mining.submit\", \"params\": ");
        append_params(out, style, step, words);
        buffer_append_format(out, ", \"id\":%s}", id_text);
    } else if (submit) { /* cgminer, bfgminer: params, id, method */
        buffer_append_text(out, "{\"params\": ");
        append_params(out, style, step, words);
        buffer_append_format(out, ", \"id\": %s, \"method\": \"mining.submit\"}", id_text);
    } else {
        buffer_append_format(out, "{\"id\":%s%s,%s\"method\":%s\"%s\",%s\"params\":%s", gap,
                             id_text, gap, gap, method_of(step), gap, gap);
        append_params(out, style, step, words);
        buffer_append_char(out, '}');
    }
}

void sim_style_append_version(struct buffer *out, enum sim_style style, const char *id,
                              const char *user_agent)
{
    const char *gap = gap_of(style);

    if (facts[style].version != NULL)
        user_agent = facts[style].version;
    if (style == SIM_CPUMINER) { /* the order in which it fills its object */
        buffer_append_format(out, "{\"id\": %s, \"error\": null, \"result\": ", id);
        json_append_text(out, user_agent);
        buffer_append_char(out, '}');
        return;
    }
    buffer_append_format(out, "{\"id\":%s%s,%s\"result\":%s", gap, id, gap, gap);
    json_append_text(out, user_agent);
    buffer_append_format(out, ",%s\"error\":%snull}", gap, gap);
}

void sim_style_append_pong(struct buffer *out, enum sim_style style, const char *id)
{
    if (style == SIM_CGMINER)
        buffer_append_format(out, "{\"id\": %s, \"result\": \"pong\", \"error\": null}", id);
    else if (style == SIM_ESP_MINER)
        buffer_append_format(out, "{\"id\":%s,\"method\":\"pong\",\"params\":[]}", id);
}

void sim_style_append_shown(struct buffer *out, enum sim_style style, const char *id)
{
    if (strcmp(id, "null") == 0)
        return;
    if (style == SIM_BFGMINER)
        buffer_append_format(out, "{\"id\": %s, \"result\": true, \"error\": null}", id);
    else if (style == SIM_CPUMINER)
        buffer_append_format(out, "{\"id\": %s, \"error\": null, \"result\": true}", id);
}
