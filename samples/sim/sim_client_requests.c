/*
 * How it works: a line is parsed with jansson and given to the handler of its method; each handler
 * answers with the id as it came, and may have the pool say what follows: difficulty and job after
 * the authorize answer (or before the subscribe answer, when asked to misbehave so).
 *
 * How it can fail: what is not JSON gets an error answer with id null; after BAD_LINES_MAX such
 * lines, or at once when it looks like HTTP, the client is hung up on.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "samples/sim/sim_pool.h"

#define BAD_LINES_MAX 10

struct request {
    struct sim_client *client;
    const json_t *id;     /* NULL: absent */
    const json_t *params; /* may be NULL or no array */
    struct buffer *out;
};

static void answer(const struct request *request, const char *result, const char *error)
{
    struct buffer line = {0};
    char *id = request->id == NULL ? NULL : json_dumps(request->id, JSON_ENCODE_ANY | JSON_COMPACT);

    buffer_append_format(&line, "{\"id\":%s,\"result\":%s,\"error\":%s}", id == NULL ? "null" : id,
                         result, error == NULL ? "null" : error);
    free(id);
    sim_client_say_buffer(request->client, request->out, &line);
}

static void refuse(const struct request *request, enum sim_reject reject, const char *text)
{
    char error[160];

    snprintf(error, sizeof(error), "[%d,\"%s\",null]", sim_reject_code(reject), text);
    answer(request, "null", error);
}

static const char *text_param(const struct request *request, size_t index)
{
    return json_string_value(json_array_get(request->params, index));
}

static void append_extension(struct buffer *result, const struct request *request, const char *name)
{
    struct sim_client *client = request->client;
    const json_t *options = json_array_get(request->params, 1);
    const char *asked = json_string_value(json_object_get(options, "version-rolling.mask"));
    uint32_t allowed = client->pool->settings.version_mask;

    if (strcmp(name, "version-rolling") == 0 && allowed != 0) {
        client->version_mask =
            allowed & (asked == NULL ? UINT32_MAX : (uint32_t)strtoul(asked, NULL, 16));
        buffer_append_format(result, "\"version-rolling\":true,\"version-rolling.mask\":\"%08x\"",
                             client->version_mask);
    } else if (strcmp(name, "subscribe-extranonce") == 0) {
        client->wants_extranonce = true;
        buffer_append_text(result, "\"subscribe-extranonce\":true");
    } else if (strcmp(name, "info") == 0) {
        buffer_append_text(result, "\"info\":true");
    } else if (strcmp(name, "version-rolling") == 0) {
        buffer_append_text(result, "\"version-rolling\":false");
    } else if (strcmp(name, "minimum-difficulty") == 0) {
        buffer_append_text(result, "\"minimum-difficulty\":false");
    }
}

/* BIP 310: the extensions asked for, each with whether it is on. Unknown ones are left out. */
static void handle_configure(const struct request *request)
{
    struct buffer result = {0};
    const json_t *names = json_array_get(request->params, 0);

    buffer_append_char(&result, '{');
    for (size_t i = 0; i < json_array_size(names) && i < 16; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        size_t before = result.len;

        if (name == NULL)
            continue;
        append_extension(&result, request, name);
        if (result.len > before)
            buffer_append_char(&result, ',');
    }
    if (result.data[result.len - 1] == ',')
        result.len--;
    buffer_append(&result, "}", 2);
    answer(request, result.data, NULL);
    buffer_close(&result);
}

static void handle_subscribe(const struct request *request)
{
    struct sim_client *client = request->client;
    const struct sim_pool_settings *settings = &client->pool->settings;
    const char *agent = text_param(request, 0);
    char extranonce1[SIM_EXTRANONCE1_MAX * 2 + 1] = "";
    char result[256];

    snprintf(client->agent, sizeof(client->agent), "%s", agent == NULL ? "" : agent);
    hex_encode(extranonce1, client->extranonce1, settings->extranonce1_bytes);
    snprintf(result, sizeof(result),
             "[[[\"mining.set_difficulty\",\"%" PRIx64 "\"],[\"mining.notify\",\"%" PRIx64 "\"]],"
             "\"%s\",%zu]",
             client->number, client->number, extranonce1, settings->extranonce2_bytes);
    client->subscribed = true;
    if (settings->notify_first)
        sim_client_say_difficulty_and_job(client, request->out);
    answer(request, result, NULL);
    sim_client_note(client, "subscribed: %s, extranonce1 %s", client->agent, extranonce1);
}

static void greet(struct sim_client *client, struct buffer *out)
{
    const struct sim_pool_settings *settings = &client->pool->settings;
    struct buffer line = {0};

    if (client->sent_job != sim_pool_newest(client->pool)->number)
        sim_client_say_difficulty_and_job(client, out);
    if (settings->ask_version)
        sim_client_ask(client, out, "client.get_version");
    if (settings->show_message != NULL) {
        json_t *text = json_string(settings->show_message);
        char *quoted = json_dumps(text, JSON_ENCODE_ANY);

        buffer_append_format(&line,
                             "{\"id\":null,\"method\":\"client.show_message\",\"params\":[%s]}",
                             quoted == NULL ? "\"\"" : quoted);
        free(quoted);
        json_decref(text);
        sim_client_say_buffer(client, out, &line);
    }
}

static void handle_authorize(const struct request *request)
{
    struct sim_client *client = request->client;
    const char *worker = text_param(request, 0);

    if (client->pool->settings.refuse_auth) {
        answer(request, "false", "[24,\"Unauthorized worker\",null]");
        sim_client_note(client, "refused worker %s", worker == NULL ? "" : worker);
        return;
    }
    if (worker == NULL || worker[0] == '\0') {
        answer(request, "false", "[24,\"Worker name missing\",null]");
        return;
    }
    snprintf(client->worker, sizeof(client->worker), "%s", worker);
    client->authorized = true;
    answer(request, "true", NULL);
    sim_client_note(client, "authorized %s", client->worker);
    if (client->subscribed)
        greet(client, request->out);
}

static void handle_submit(const struct request *request)
{
    struct sim_client *client = request->client;
    struct sim_pool *pool = client->pool;
    const char *text = "";
    enum sim_reject verdict = sim_client_judge(client, request->params, &text);

    if (verdict == SIM_ACCEPTED &&
        sim_random_percent(&pool->random, pool->settings.reject_percent)) {
        verdict = SIM_REJECT_OTHER;
        text = "Rejected on request";
    }
    pool->totals.shares[verdict]++;
    if (verdict == SIM_ACCEPTED)
        sim_vardiff_count(&client->vardiff);
    if (sim_random_percent(&pool->random, pool->settings.silent_percent)) {
        pool->totals.unanswered++;
        sim_client_note(client, "share %s, left unanswered", sim_reject_name(verdict));
        return;
    }
    if (verdict == SIM_ACCEPTED)
        answer(request, "true", NULL);
    else
        refuse(request, verdict, text);
    sim_client_note(client, verdict == SIM_ACCEPTED ? "share accepted" : "share rejected: %d %s",
                    sim_reject_code(verdict), text);
}

static void handle_suggest_difficulty(const struct request *request)
{
    struct sim_client *client = request->client;
    const struct sim_vardiff_settings *limits = &client->pool->settings.vardiff;
    double wanted = json_number_value(json_array_get(request->params, 0));

    if (!(wanted > 0)) {
        refuse(request, SIM_REJECT_OTHER, "Invalid difficulty");
        return;
    }
    wanted = wanted < limits->minimum ? limits->minimum : wanted;
    wanted = wanted > limits->maximum ? limits->maximum : wanted;
    answer(request, "true", NULL);
    sim_client_set_difficulty(client, wanted, request->out);
}

static void handle_extranonce_subscribe(const struct request *request)
{
    request->client->wants_extranonce = true;
    answer(request, "true", NULL);
}

static void handle_true(const struct request *request)
{
    answer(request, "true", NULL);
}

static void handle_get_transactions(const struct request *request)
{
    answer(request, "[]", NULL);
}

static void handle_ping(const struct request *request)
{
    answer(request, "\"pong\"", NULL);
}

static void handle_pong(const struct request *request)
{
    sim_client_note(request->client, "pong");
}

static const struct {
    const char *method;
    void (*handle)(const struct request *request);
} handlers[] = {
    {"mining.submit", handle_submit},
    {"mining.configure", handle_configure},
    {"mining.subscribe", handle_subscribe},
    {"mining.authorize", handle_authorize},
    {"mining.suggest_difficulty", handle_suggest_difficulty},
    {"mining.extranonce.subscribe", handle_extranonce_subscribe},
    {"mining.suggest_target", handle_true}, /* heard, not followed: vardiff decides */
    {"mining.multi_version", handle_true},
    {"mining.capabilities", handle_true},
    {"mining.get_transactions", handle_get_transactions},
    {"mining.ping", handle_ping},
    {"pong", handle_pong},
};

static void handle_message(struct sim_client *client, const json_t *message, struct buffer *out)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    struct request request = {.client = client,
                              .id = json_object_get(message, "id"),
                              .params = json_object_get(message, "params"),
                              .out = out};

    if (method == NULL) { /* the answer to something the pool asked, or nothing we know */
        const char *result = json_string_value(json_object_get(message, "result"));

        if (result != NULL)
            sim_client_note(client, "answered %s", result);
        return;
    }
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (strcmp(handlers[i].method, method) == 0) {
            handlers[i].handle(&request);
            return;
        }
    }
    refuse(&request, SIM_REJECT_OTHER, "Unknown method");
}

static bool bad_line(struct sim_client *client, const char *line, size_t len, struct buffer *out)
{
    client->pool->totals.bad_lines++;
    sim_client_note(client, "sent a line of %zu bytes that is no JSON object", len);
    if (len >= 4 && (memcmp(line, "GET ", 4) == 0 || memcmp(line, "POST", 4) == 0))
        return false;
    sim_client_say(client, out,
                   "{\"id\":null,\"result\":null,\"error\":[20,\"Parse error\",null]}");
    return ++client->bad_lines < BAD_LINES_MAX;
}

bool sim_client_line(struct sim_client *client, struct sim_now now, const char *line, size_t len,
                     struct buffer *out)
{
    json_t *message = json_loadb(line, len, 0, NULL);
    bool good = json_is_object(message) || json_is_array(message);

    client->now = now;
    if (json_is_object(message))
        handle_message(client, message, out);
    for (size_t i = 0; json_is_array(message) && i < json_array_size(message); i++)
        handle_message(client, json_array_get(message, i), out);
    json_decref(message);
    return good || bad_line(client, line, len, out);
}
