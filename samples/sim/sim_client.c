/*
 * How it works: what a pool says by itself: difficulties, jobs, and what comes with time (new jobs,
 * vardiff, pings, a new extranonce). Requests are answered in sim_client_requests.c.
 *
 * Nothing here can fail.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "samples/sim/sim_pool.h"

void sim_client_note(const struct sim_client *client, const char *fmt, ...)
{
    const struct sim_pool_settings *settings = &client->pool->settings;
    char text[512];
    va_list args;

    if (settings->note == NULL)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    settings->note(settings->note_user, client->number, text);
}

void sim_client_say(const struct sim_client *client, struct buffer *out, const char *line)
{
    buffer_append_text(out, line);
    buffer_append_text(out, client->pool->settings.crlf ? "\r\n" : "\n");
}

/* Another extranonce1 for this client: unique as long as fewer than 2^32 are given out. */
static void draw_extranonce(struct sim_client *client)
{
    size_t len = client->pool->settings.extranonce1_bytes;
    struct sim_random random =
        sim_random_derive(client->pool->settings.seed, 1000 + client->number);

    sim_random_fill(&random, client->extranonce1, len);
    if (len >= 4)
        store_le32(client->extranonce1 + len - 4, (uint32_t)client->number);
}

void sim_client_init(struct sim_client *client, struct sim_pool *pool, struct sim_now now)
{
    const struct sim_pool_settings *settings = &pool->settings;

    *client = (struct sim_client){
        .pool = pool,
        .number = ++pool->totals.clients,
        .difficulty = settings->difficulty,
        .next_ping_ms = settings->ping_ms == 0 ? INT64_MAX : now.ms + settings->ping_ms,
        .next_extranonce_ms =
            settings->extranonce_ms == 0 ? INT64_MAX : now.ms + settings->extranonce_ms,
        .reconnect_at_ms =
            settings->reconnect_ms == 0 ? INT64_MAX : now.ms + settings->reconnect_ms,
    };
    sim_vardiff_init(&client->vardiff, now.ms);
    draw_extranonce(client);
}

void sim_client_close(struct sim_client *client)
{
    free(client->seen);
    client->seen = NULL;
}

/* ---- what the pool says by itself ---- */

static void append_set_difficulty(struct sim_client *client, struct buffer *line)
{
    buffer_append_text(line, "{\"id\":null,\"method\":\"mining.set_difficulty\",\"params\":[");
    client->difficulty = sim_append_difficulty(line, client->difficulty);
    buffer_append_text(line, "]}");
}

void sim_client_say_buffer(const struct sim_client *client, struct buffer *out, struct buffer *line)
{
    buffer_append_char(line, '\0');
    sim_client_say(client, out, line->data);
    buffer_close(line);
}

static void say_difficulty(struct sim_client *client, struct buffer *out)
{
    struct buffer line = {0};

    append_set_difficulty(client, &line);
    sim_client_say_buffer(client, out, &line);
}

/* Remembers under which terms a job goes out. */
static void note_terms(struct sim_client *client, uint64_t job)
{
    struct sim_terms *terms = &client->terms[job % SIM_JOBS_KEPT];

    client->sent_job = job;
    *terms = (struct sim_terms){.job = job, .difficulty = client->difficulty};
    memcpy(terms->extranonce1, client->extranonce1, sizeof(terms->extranonce1));
}

static void say_job(struct sim_client *client, struct buffer *out)
{
    const struct sim_template *job = sim_pool_newest(client->pool);
    struct buffer line = {0};

    sim_template_append_notify(&line, job);
    note_terms(client, job->number);
    sim_client_say_buffer(client, out, &line);
}

void sim_client_say_difficulty_and_job(struct sim_client *client, struct buffer *out)
{
    struct buffer line = {0};

    if (!client->pool->settings.batch) {
        say_difficulty(client, out);
        say_job(client, out);
        return;
    }
    buffer_append_char(&line, '[');
    append_set_difficulty(client, &line);
    buffer_append_char(&line, ',');
    sim_template_append_notify(&line, sim_pool_newest(client->pool));
    note_terms(client, sim_pool_newest(client->pool)->number);
    buffer_append_char(&line, ']');
    sim_client_say_buffer(client, out, &line);
}

void sim_client_set_difficulty(struct sim_client *client, double difficulty, struct buffer *out)
{
    double before = client->difficulty;

    client->difficulty = difficulty; /* binds from the next job on */
    sim_vardiff_init(&client->vardiff, client->now.ms);
    say_difficulty(client, out);
    sim_client_note(client, "difficulty %.10g, was %.10g", client->difficulty, before);
}

void sim_client_ask(struct sim_client *client, struct buffer *out, const char *method)
{
    struct buffer line = {0};

    buffer_append_format(&line, "{\"id\":%" PRIu64 ",\"method\":\"%s\",\"params\":[]}",
                         ++client->requests, method);
    sim_client_say_buffer(client, out, &line);
}

/* ---- with time ---- */

static void renew_extranonce(struct sim_client *client, struct buffer *out)
{
    const struct sim_pool_settings *settings = &client->pool->settings;
    char text[SIM_EXTRANONCE1_MAX * 2 + 1] = "";
    struct buffer line = {0};

    sim_random_fill(&client->pool->random, client->extranonce1, settings->extranonce1_bytes);
    hex_encode(text, client->extranonce1, settings->extranonce1_bytes);
    buffer_append_format(
        &line, "{\"id\":null,\"method\":\"mining.set_extranonce\",\"params\":[\"%s\",%zu]}", text,
        settings->extranonce2_bytes);
    sim_client_say_buffer(client, out, &line);
    sim_client_note(client, "extranonce1 %s from the next job on", text);
}

static void say_reconnect(struct sim_client *client, struct buffer *out)
{
    const struct sim_pool_settings *settings = &client->pool->settings;
    struct buffer line = {0};

    buffer_append_text(&line, "{\"id\":null,\"method\":\"client.reconnect\",\"params\":[");
    if (settings->reconnect_host != NULL)
        buffer_append_format(&line, "\"%s\",%u,0", settings->reconnect_host,
                             settings->reconnect_port);
    buffer_append_text(&line, "]}");
    sim_client_say_buffer(client, out, &line);
}

static void timed_messages(struct sim_client *client, struct buffer *out)
{
    const struct sim_pool_settings *settings = &client->pool->settings;
    int64_t now_ms = client->now.ms;

    if (now_ms >= client->next_ping_ms) {
        client->next_ping_ms = now_ms + settings->ping_ms;
        sim_client_ask(client, out, "mining.ping");
    }
    if (client->wants_extranonce && now_ms >= client->next_extranonce_ms) {
        client->next_extranonce_ms = now_ms + settings->extranonce_ms;
        renew_extranonce(client, out);
    }
    if (now_ms >= client->reconnect_at_ms) {
        client->reconnect_at_ms = INT64_MAX;
        say_reconnect(client, out);
    }
}

void sim_client_tick(struct sim_client *client, struct sim_now now, struct buffer *out)
{
    double wanted;

    client->now = now;
    if (!client->subscribed || !client->authorized)
        return;
    wanted = sim_vardiff_next(&client->vardiff, &client->pool->settings.vardiff, now.ms,
                              client->difficulty);
    if (wanted < client->difficulty || wanted > client->difficulty)
        sim_client_set_difficulty(client, wanted, out);
    timed_messages(client, out);
    if (client->sent_job != sim_pool_newest(client->pool)->number)
        say_job(client, out);
}
