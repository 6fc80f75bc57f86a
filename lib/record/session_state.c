/*
 * session_state.c - the table of sessions and their state lines. The table is open addressing with
 * linear probing; the last half of a UUID is random, so it serves as its own hash.
 */
#include "lib/record/session_state.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/record/line.h"

#define CAPACITY_FIRST 64

void knowledge_init(struct knowledge *knowledge)
{
    *knowledge = (struct knowledge){.capacity = CAPACITY_FIRST, .epoch = 1};
    knowledge->table = memory_new(CAPACITY_FIRST * sizeof(struct knowledge_entry *));
    shared_texts_init(&knowledge->texts);
}

static void entry_free(struct knowledge *knowledge, struct knowledge_entry *entry)
{
    struct shared_text *const texts[] = {
        entry->subscribe,  entry->notify, entry->extranonce1,  entry->extranonce2_size,
        entry->difficulty, entry->target, entry->version_mask,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        shared_text_release(&knowledge->texts, texts[i]);
    while (entry->worker_count)
        knowledge_worker_drop(knowledge, entry, entry->worker_count - 1u);
    free(entry->workers);
    free(entry);
}

void knowledge_close(struct knowledge *knowledge)
{
    for (size_t i = 0; i < knowledge->capacity; i++) {
        if (knowledge->table[i])
            entry_free(knowledge, knowledge->table[i]);
    }
    free(knowledge->table);
    shared_texts_close(&knowledge->texts);
    *knowledge = (struct knowledge){0};
}

/* ------------------------------------------------------------------ the table */

static size_t home_of(const struct knowledge *knowledge, const struct uuid *session)
{
    return load_le64(session->bytes + 8) & (knowledge->capacity - 1);
}

/* Its place, or the free place where it would stand. */
static size_t place_of(const struct knowledge *knowledge, const struct uuid *session)
{
    size_t at = home_of(knowledge, session);
    while (knowledge->table[at] &&
           memcmp(&knowledge->table[at]->session, session, sizeof *session) != 0)
        at = (at + 1) & (knowledge->capacity - 1);
    return at;
}

static void grow(struct knowledge *knowledge)
{
    struct knowledge_entry **old = knowledge->table;
    size_t capacity = knowledge->capacity;
    knowledge->capacity = capacity * 2;
    knowledge->table = memory_new(knowledge->capacity * sizeof(struct knowledge_entry *));
    for (size_t i = 0; i < capacity; i++) {
        if (old[i])
            knowledge->table[place_of(knowledge, &old[i]->session)] = old[i];
    }
    free(old);
}

/* Frees the entry at `at` and moves those behind it up, so that no search ends too early. */
static void remove_at(struct knowledge *knowledge, size_t at)
{
    size_t mask = knowledge->capacity - 1, next = at;
    entry_free(knowledge, knowledge->table[at]);
    knowledge->table[at] = NULL;
    knowledge->count--;
    for (;;) {
        next = (next + 1) & mask;
        struct knowledge_entry *entry = knowledge->table[next];
        if (!entry)
            return;
        size_t home = home_of(knowledge, &entry->session);
        if (((next - home) & mask) < ((next - at) & mask))
            continue;
        knowledge->table[at] = entry;
        knowledge->table[next] = NULL;
        at = next;
    }
}

struct knowledge_entry *knowledge_of(struct knowledge *knowledge, const struct record *record)
{
    static const struct uuid none;
    size_t at = place_of(knowledge, &record->session);
    struct knowledge_entry *entry = knowledge->table[at];
    if (entry)
        return entry;
    if (memcmp(&record->session, &none, sizeof none) == 0)
        return NULL;
    if (knowledge->count * 2 >= knowledge->capacity) {
        grow(knowledge);
        at = place_of(knowledge, &record->session);
    }
    entry = memory_new(sizeof *entry);
    entry->session = record->session;
    entry->slot = record->slot;
    entry->doubtful = record->type != RECORD_OPENED; /* its beginning was not seen */
    knowledge->table[at] = entry;
    knowledge->count++;
    return entry;
}

void knowledge_sweep(struct knowledge *knowledge,
                     bool (*gone)(void *user, const struct knowledge_entry *entry), void *user)
{
    for (size_t i = 0; i < knowledge->capacity; i++) {
        while (knowledge->table[i] && gone(user, knowledge->table[i]))
            remove_at(knowledge, i);
    }
}

/* ------------------------------------------------------------------ learning and doubting */

void knowledge_learn(struct knowledge *knowledge, struct knowledge_entry *entry,
                     const struct record *record)
{
    if (record->type == RECORD_MESSAGE)
        knowledge_digest(knowledge, entry, record);
    else if (record->type == RECORD_CLOSED)
        remove_at(knowledge, place_of(knowledge, &entry->session));
}

void knowledge_new_segment(struct knowledge *knowledge)
{
    knowledge->epoch++;
}

static void doubt(struct knowledge_entry *entry, uint64_t as_of)
{
    if (entry && !entry->doubtful) {
        entry->doubtful = true;
        entry->as_of = as_of;
    }
}

void knowledge_doubt(struct knowledge *knowledge, uint64_t as_of)
{
    knowledge->epoch++;
    for (size_t i = 0; i < knowledge->capacity; i++)
        doubt(knowledge->table[i], as_of);
}

void knowledge_doubt_session(struct knowledge *knowledge, const struct uuid *session,
                             uint64_t as_of)
{
    struct knowledge_entry *entry = knowledge->table[place_of(knowledge, session)];
    doubt(entry, as_of);
    if (entry)
        entry->introduced = 0;
}

bool knowledge_introduce(const struct knowledge *knowledge, struct knowledge_entry *entry,
                         const struct record *record)
{
    bool due = entry->introduced != knowledge->epoch && record->type != RECORD_OPENED;
    entry->introduced = knowledge->epoch;
    return due;
}

/* ------------------------------------------------------------------ the line */

static void add_connection(struct buffer *out, const struct session_info *info)
{
    line_add_text(out, "route", info->route);
    line_add_u64(out, "number", info->number);
    line_add_text(out, "miner", info->miner);
    line_add_text(out, "listen", info->listen);
    line_add_bool(out, "miner_tls", info->miner_tls);
    if (info->via[0])
        line_add_text(out, "via", info->via);
    if (info->pool[0])
        line_add_text(out, "pool", info->pool);
    if (info->address[0]) {
        line_add_text(out, "address", info->address);
        line_add_text(out, "local", info->local);
        line_add_bool(out, "pool_tls", info->pool_tls);
    }
    line_add_time(out, "opened", info->opened_wall_ns);
}

static void add_known(struct buffer *out, const char *key, const struct shared_text *text)
{
    if (text)
        line_add_raw(out, key, shared_text_span(text));
}

static void add_workers(struct buffer *out, const struct knowledge_entry *entry)
{
    if (!entry->worker_count)
        return;
    line_add_raw(out, "authorize", span_make("[", 1));
    for (unsigned i = 0; i < entry->worker_count; i++) {
        struct span name = shared_text_span(entry->workers[i].name);
        if (i)
            buffer_append_char(out, ',');
        buffer_append(out, name.data, name.len);
    }
    buffer_append_char(out, ']');
}

void knowledge_append_state(struct buffer *out, struct clock_formatter *clock,
                            const struct knowledge_entry *entry, const struct record *record,
                            const struct session_info *info)
{
    line_begin(out, clock, record->wall_ns, "at", record->seq);
    line_add_session(out, &entry->session);
    line_add_text(out, "event", "state");
    if (info)
        add_connection(out, info);
    line_add_u64(out, "bytes_up", record->offset_up);
    line_add_u64(out, "bytes_down", record->offset_down);
    if (entry->doubtful)
        line_add_u64(out, "as_of", entry->as_of);
    add_known(out, "extranonce1", entry->extranonce1);
    add_known(out, "extranonce2_size", entry->extranonce2_size);
    add_known(out, "difficulty", entry->difficulty);
    add_known(out, "target", entry->target);
    add_known(out, "version_mask", entry->version_mask);
    add_known(out, "subscribe", entry->subscribe);
    add_workers(out, entry);
    add_known(out, "notify", entry->notify);
    line_end(out);
}
