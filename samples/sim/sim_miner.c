/*
 * How it works: the handshake walks through the style's steps; a step that waits stops the walk
 * until its answer is here. Everything asked goes into a list of pending requests, from which an
 * answer takes the oldest with its id. What the pool sends by itself changes the state that the
 * next job takes over. Mining itself is in sim_miner_work.c, what it
 * says in sim_miner_say.c.
 *
 * How it can fail: a refused login makes the wish to hang up; lines that make no sense are counted.
 */
#include "samples/sim/sim_miner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_miner_init(struct sim_miner *miner, const struct sim_miner_settings *settings)
{
    *miner = (struct sim_miner){
        .settings = *settings,
        .style = sim_style_facts(settings->style),
        .random = sim_random_derive(settings->seed, settings->number),
    };
    miner->next_id = miner->style->first_id;
    if (settings->user_agent[0] == '\0')
        snprintf(miner->settings.user_agent, sizeof(miner->settings.user_agent), "%s",
                 miner->style->user_agent);
}

void sim_miner_close(struct sim_miner *miner)
{
    miner->totals.unanswered += miner->pending_count;
    miner->pending_count = 0;
    sim_miner_drop_job(miner);
}

/* ---- what it says ---- */

static bool step_wanted(const struct sim_miner *miner, enum sim_step step)
{
    switch (step) {
    case SIM_STEP_CONFIGURE:
        return miner->settings.version_rolling && miner->style->rolls_version;
    case SIM_STEP_SUGGEST_TARGET:
    case SIM_STEP_SUGGEST_DIFFICULTY:
        return miner->settings.suggest > 0;
    case SIM_STEP_EXTRANONCE:
        return miner->settings.extranonce_subscribe;
    case SIM_STEP_SUBSCRIBE:
    case SIM_STEP_AUTHORIZE:
        return true;
    case SIM_STEP_SUBMIT:
    case SIM_STEP_END:
        break;
    }
    return false;
}

/* Sends step after step, up to and with one whose answer must be waited for. */
static void walk(struct sim_miner *miner, struct buffer *out)
{
    const struct sim_words words = {.worker = miner->settings.worker,
                                    .password = miner->settings.password,
                                    .user_agent = miner->settings.user_agent,
                                    .session = miner->session[0] == '\0' ? NULL : miner->session,
                                    .suggest = miner->settings.suggest};

    while (miner->step->step != SIM_STEP_END) {
        const struct sim_style_step *step = miner->step++;

        if (!step_wanted(miner, step->step))
            continue;
        sim_miner_say(miner, step->step, &words, out);
        if (step->wait)
            return;
    }
}

void sim_miner_connected(struct sim_miner *miner, struct buffer *out)
{
    miner->connected = true;
    miner->totals.connects++;
    miner->wish = SIM_WISH_NONE;
    miner->difficulty = 1;
    miner->version_mask = 0;
    if (miner->style->ids_per_connection)
        miner->next_id = miner->style->first_id;
    miner->step = miner->style->steps;
    walk(miner, out);
}

void sim_miner_disconnected(struct sim_miner *miner)
{
    if (!miner->connected)
        return;
    miner->connected = miner->ready = miner->subscribed = false;
    miner->totals.disconnects++;
    miner->totals.unanswered += miner->pending_count;
    miner->pending_count = 0;
    sim_miner_drop_job(miner);
    miner->stale_job[0] = '\0';
}

/* ---- answers ---- */

static enum sim_reject verdict_of(const json_t *message, const char **text)
{
    const json_t *error = json_object_get(message, "error");
    const json_t *code =
        json_is_array(error) ? json_array_get(error, 0) : json_object_get(error, "code");
    const char *reason = json_string_value(
        json_is_array(error) ? json_array_get(error, 1) : json_object_get(error, "message"));

    *text = reason == NULL ? "" : reason;
    if (json_is_true(json_object_get(message, "result")))
        return SIM_ACCEPTED;
    return sim_reject_of_code(json_integer_value(code));
}

static void submit_answered(struct sim_miner *miner, const json_t *message)
{
    const char *text = "";
    enum sim_reject verdict = verdict_of(message, &text);

    miner->totals.answers[verdict]++;
    if (verdict == SIM_ACCEPTED)
        sim_miner_note(miner, "share accepted");
    else
        sim_miner_note(miner, "share rejected: %s (%s)", sim_reject_name(verdict), text);
}

static void subscribe_answered(struct sim_miner *miner, const json_t *message)
{
    const json_t *result = json_object_get(message, "result");
    const json_t *subscriptions = json_array_get(result, 0);
    const char *session = json_string_value(json_array_get(json_array_get(subscriptions, 0), 1));
    struct error err = {""};

    if (stratum_subscription_parse(&miner->extranonce, result, &err) != STATUS_OK) {
        sim_miner_note(miner, "%s", err.text);
        miner->wish = SIM_WISH_HANG_UP;
        return;
    }
    miner->subscribed = true;
    miner->job_extranonce = miner->extranonce; /* of a job that came before this answer */
    miner->grinding = false;
    snprintf(miner->session, sizeof(miner->session), "%s", session == NULL ? "" : session);
}

static void authorize_answered(struct sim_miner *miner, const json_t *message)
{
    if (!json_is_true(json_object_get(message, "result"))) {
        sim_miner_note(miner, "login refused");
        miner->wish = SIM_WISH_HANG_UP;
        return;
    }
    miner->ready = true;
    miner->totals.handshakes++;
    sim_miner_note(miner, "logged in as %s", miner->settings.worker);
}

static void configure_answered(struct sim_miner *miner, const json_t *message)
{
    if (stratum_configure_parse(&miner->version_mask, json_object_get(message, "result"), NULL) !=
        STATUS_OK)
        miner->version_mask = 0;
}

static void take_answer(struct sim_miner *miner, enum sim_step step, const json_t *message)
{
    switch (step) {
    case SIM_STEP_SUBMIT:
        submit_answered(miner, message);
        break;
    case SIM_STEP_SUBSCRIBE:
        subscribe_answered(miner, message);
        break;
    case SIM_STEP_AUTHORIZE:
        authorize_answered(miner, message);
        break;
    case SIM_STEP_CONFIGURE:
        configure_answered(miner, message);
        break;
    case SIM_STEP_EXTRANONCE:
    case SIM_STEP_SUGGEST_TARGET:
    case SIM_STEP_SUGGEST_DIFFICULTY:
    case SIM_STEP_END:
        break;
    }
}

/* The step sent last waits when it is marked so and its answer is still pending. */
static bool handshake_waits(const struct sim_miner *miner)
{
    for (size_t i = 0; i < miner->pending_count; i++) {
        for (const struct sim_style_step *at = miner->style->steps; at < miner->step; at++) {
            if (at->wait && at->step == miner->pending[i].step)
                return true;
        }
    }
    return false;
}

static void on_answer(struct sim_miner *miner, const json_t *message, struct buffer *out)
{
    char *id = json_dumps(json_object_get(message, "id"), JSON_ENCODE_ANY | JSON_COMPACT);
    bool nobody = id == NULL || strcmp(id, "null") == 0; /* what was asked with id null */
    enum sim_step step;
    size_t i = 0;

    while (i < miner->pending_count && (nobody || strcmp(miner->pending[i].id, id) != 0))
        i++;
    free(id);
    if (i == miner->pending_count) {
        miner->totals.bad_lines += !nobody;
        return;
    }
    step = miner->pending[i].step;
    memmove(&miner->pending[i], &miner->pending[i + 1],
            (miner->pending_count - i - 1) * sizeof(miner->pending[0]));
    miner->pending_count--;
    take_answer(miner, step, message);
    if (miner->wish == SIM_WISH_NONE && !handshake_waits(miner))
        walk(miner, out);
}

/* ---- what the pool sends by itself ---- */

struct incoming {
    const json_t *params;
    const char *id; /* JSON text */
    struct buffer *out;
};

static void on_notify(struct sim_miner *miner, const struct incoming *incoming)
{
    sim_miner_take_job(miner, incoming->params);
}

static void on_set_difficulty(struct sim_miner *miner, const struct incoming *incoming)
{
    if (stratum_difficulty_parse(&miner->difficulty, incoming->params, NULL) != STATUS_OK)
        miner->totals.bad_lines++;
    else
        sim_miner_note(miner, "difficulty %.10g from the next job on", miner->difficulty);
}

static void on_set_extranonce(struct sim_miner *miner, const struct incoming *incoming)
{
    struct stratum_extranonce extranonce;

    if (stratum_extranonce_parse(&extranonce, incoming->params, NULL) != STATUS_OK) {
        miner->totals.bad_lines++;
        return;
    }
    miner->extranonce = extranonce;
    sim_miner_note(miner, "another extranonce from the next job on");
}

static void on_set_version_mask(struct sim_miner *miner, const struct incoming *incoming)
{
    if (stratum_mask_parse(&miner->version_mask, incoming->params, NULL) != STATUS_OK)
        miner->totals.bad_lines++;
    miner->grinding = false;
}

static void on_reconnect(struct sim_miner *miner, const struct incoming *incoming)
{
    const char *host = json_string_value(json_array_get(incoming->params, 0));
    const json_t *port = json_array_get(incoming->params, 1);
    int64_t number = json_is_string(port) ? strtoll(json_string_value(port), NULL, 10)
                                          : json_integer_value(port);

    miner->wish = SIM_WISH_RECONNECT;
    miner->reconnect_port = number > 0 && number <= UINT16_MAX ? (uint16_t)number : 0;
    miner->reconnect_wait_s = json_integer_value(json_array_get(incoming->params, 2));
    snprintf(miner->reconnect_host, sizeof(miner->reconnect_host), "%s",
             host == NULL || miner->reconnect_port == 0 ? "" : host);
    sim_miner_note(miner, "the pool asks to reconnect");
}

static void on_get_version(struct sim_miner *miner, const struct incoming *incoming)
{
    sim_style_append_version(incoming->out, miner->settings.style, incoming->id,
                             miner->settings.user_agent);
}

static void on_show_message(struct sim_miner *miner, const struct incoming *incoming)
{
    const char *text = json_string_value(json_array_get(incoming->params, 0));

    sim_miner_note(miner, "the pool says: %s", text == NULL ? "" : text);
    sim_style_append_shown(incoming->out, miner->settings.style, incoming->id);
}

static void on_ping(struct sim_miner *miner, const struct incoming *incoming)
{
    sim_style_append_pong(incoming->out, miner->settings.style, incoming->id);
}

static const struct {
    const char *method;
    void (*handle)(struct sim_miner *miner, const struct incoming *incoming);
} handlers[] = {
    {"mining.notify", on_notify},
    {"mining.set_difficulty", on_set_difficulty},
    {"mining.set_extranonce", on_set_extranonce},
    {"mining.set_version_mask", on_set_version_mask},
    {"client.reconnect", on_reconnect},
    {"client.get_version", on_get_version},
    {"client.show_message", on_show_message},
    {"mining.ping", on_ping},
};

static void on_method(struct sim_miner *miner, const char *method, const json_t *message,
                      struct buffer *out)
{
    char *id = json_dumps(json_object_get(message, "id"), JSON_ENCODE_ANY | JSON_COMPACT);
    struct incoming incoming = {
        .params = json_object_get(message, "params"), .id = id == NULL ? "null" : id, .out = out};
    size_t before = out->len;

    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (strcmp(handlers[i].method, method) == 0)
            handlers[i].handle(miner, &incoming);
    }
    if (out->len > before)
        buffer_append_char(out, '\n');
    free(id);
}

static void on_message(struct sim_miner *miner, const json_t *message, struct buffer *out)
{
    const char *method = json_string_value(json_object_get(message, "method"));

    if (method != NULL)
        on_method(miner, method, message, out);
    else
        on_answer(miner, message, out);
}

void sim_miner_line(struct sim_miner *miner, const char *line, size_t len, struct buffer *out)
{
    json_t *message = json_loadb(line, len, 0, NULL);

    if (json_is_object(message))
        on_message(miner, message, out);
    else if (!json_is_array(message))
        miner->totals.bad_lines++;
    for (size_t i = 0; json_is_array(message) && i < json_array_size(message); i++)
        on_message(miner, json_array_get(message, i), out);
    json_decref(message);
}
