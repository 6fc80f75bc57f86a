/*
 * sessions.c - a hash table with chains, doubled when it is full; most look-ups are of the session
 * of the line before. Nothing can fail: a line without addresses leaves them unknown.
 */
#include "lib/export/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/record/json_slice.h"

#define SLOTS_MIN 256

void export_sessions_init(struct export_sessions *table)
{
    *table = (struct export_sessions){.slot_count = SLOTS_MIN};
    table->slots = memory_new(SLOTS_MIN * sizeof(struct export_session *));
}

void export_session_forget(struct export_session *session)
{
    span_free(&session->origin);
    span_free(&session->connected);
}

static void session_free(struct export_session *session)
{
    export_session_forget(session);
    buffer_close(&session->held);
    free(session);
}

void export_sessions_close(struct export_sessions *table)
{
    for (size_t i = 0; i < table->slot_count; i++) {
        for (struct export_session *next, *at = table->slots[i]; at != NULL; at = next) {
            next = at->chain;
            session_free(at);
        }
    }
    free(table->slots);
    *table = (struct export_sessions){.slots = NULL};
}

static struct export_session **slot_of(const struct export_sessions *table, const char *id)
{
    return &table->slots[hash_bytes(0, id, UUID_TEXT_LEN) & (table->slot_count - 1)];
}

static void grow(struct export_sessions *table)
{
    struct export_sessions larger = {.slot_count = 2 * table->slot_count};
    larger.slots = memory_new(larger.slot_count * sizeof(struct export_session *));
    for (size_t i = 0; i < table->slot_count; i++) {
        for (struct export_session *next, *at = table->slots[i]; at != NULL; at = next) {
            struct export_session **slot = slot_of(&larger, at->id);
            next = at->chain;
            at->chain = *slot;
            *slot = at;
        }
    }
    free(table->slots);
    table->slots = larger.slots;
    table->slot_count = larger.slot_count;
}

struct export_session *export_sessions_find(struct export_sessions *table, struct span id)
{
    struct export_session *at = table->last;
    if (id.len != UUID_TEXT_LEN)
        return NULL;
    if (at != NULL && memcmp(at->id, id.data, UUID_TEXT_LEN) == 0)
        return at;
    for (at = *slot_of(table, id.data); at != NULL; at = at->chain) {
        if (memcmp(at->id, id.data, UUID_TEXT_LEN) == 0) {
            table->last = at;
            return at;
        }
    }
    return NULL;
}

/* Until a line says more, it began when its UUID was made. */
static int64_t opened_of(struct span id)
{
    struct uuid uuid;
    int64_t ms = 0;
    if (!uuid_parse(&uuid, id.data, id.len))
        return 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | uuid.bytes[i];
    return ms * 1000;
}

struct export_session *export_sessions_get(struct export_sessions *table, struct span id)
{
    struct export_session *session = export_sessions_find(table, id);
    if (session != NULL || id.len != UUID_TEXT_LEN)
        return session;
    if (table->count >= table->slot_count)
        grow(table);
    struct export_session **slot = slot_of(table, id.data);
    session = memory_new(sizeof *session);
    memcpy(session->id, id.data, UUID_TEXT_LEN);
    session->opened_us = opened_of(id);
    session->chain = *slot;
    *slot = session;
    table->count++;
    table->last = session;
    return session;
}

void export_sessions_remove(struct export_sessions *table, struct export_session *session)
{
    struct export_session **at = slot_of(table, session->id);
    while (*at != session)
        at = &(*at)->chain;
    *at = session->chain;
    table->last = NULL;
    table->count--;
    session_free(session);
}

uint64_t export_session_skip(struct export_session *session, int flow, int end)
{
    uint64_t missing = session->skip[flow][end];
    session->flow[flow].next[end] += (uint32_t)missing;
    session->skip[flow][end] = 0;
    return missing;
}

/* ------------------------------------------------------------------ what lines say */

static bool text_member(struct span line, const char *name, struct span *out)
{
    struct span value;
    if (!json_member(line, name, &value) || !json_is_string(value))
        return false;
    *out = span_make(value.data + 1, value.len - 2);
    return true;
}

static void take_address(struct packet_address *out, struct span line, const char *name)
{
    struct packet_address address;
    struct span text;
    if (text_member(line, name, &text) && packet_address_parse(&address, text))
        *out = address;
}

/* Behind bytes_down a state line says what messages said; it may be long. */
static struct span connection_part(struct span line)
{
    static const char key[] = ",\"bytes_down\":";
    const char *at = memmem(line.data, line.len, key, sizeof key - 1);
    const char *end = line.data + line.len;
    if (at == NULL)
        return line;
    for (at += sizeof key - 1; at < end && *at >= '0' && *at <= '9';)
        at++;
    return span_make(line.data, (size_t)(at - line.data));
}

/* What was cut off is closed. */
static void replace(struct span *text, struct span line, bool cut)
{
    char *copy = memory_text_n(line.data, line.len + (cut ? 1 : 0));
    if (cut)
        copy[line.len] = '}';
    span_free(text);
    *text = span_make(copy, line.len + (cut ? 1 : 0));
}

void export_session_learn(struct export_session *session, struct span line, struct span event)
{
    bool connected = span_equal_text(event, "pool_connected");
    struct span part = connected ? line : connection_part(line), opened;
    int64_t ns = 0;
    if (connected)
        replace(&session->connected, part, false);
    else if (!session->begun[0])
        replace(&session->origin, part, part.len < line.len);
    take_address(&session->miner, part, "miner");
    take_address(&session->listen, part, "listen");
    take_address(&session->pool, part, "address");
    take_address(&session->local, part, "local");
    if (text_member(part, span_equal_text(event, "opened") ? "ts" : "opened", &opened) &&
        clock_parse(opened.data, opened.len, &ns))
        session->opened_us = ns / NS_PER_US;
}
