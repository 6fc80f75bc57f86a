/*
 * state_table.c - the table of sessions and their state lines. The table is open addressing with
 * linear probing; the last half of a UUID is random, so it serves as its own hash.
 */
#include "lib/record/state_table.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/record/line.h"

#define CAPACITY_FIRST 64

void state_table_init(struct state_table *states)
{
    *states = (struct state_table){.capacity = CAPACITY_FIRST, .epoch = 1};
    states->table = memory_new(CAPACITY_FIRST * sizeof(struct state_entry *));
    shared_texts_init(&states->texts);
}

static void entry_free(struct state_table *states, struct state_entry *entry)
{
    struct shared_text *const texts[] = {
        entry->subscribe,  entry->notify, entry->extranonce1,  entry->extranonce2_size,
        entry->difficulty, entry->target, entry->version_mask,
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        shared_text_release(&states->texts, texts[i]);
    while (entry->worker_count)
        state_worker_drop(states, entry, entry->worker_count - 1u);
    free(entry->workers);
    free(entry);
}

void state_table_close(struct state_table *states)
{
    for (size_t i = 0; i < states->capacity; i++) {
        if (states->table[i])
            entry_free(states, states->table[i]);
    }
    free(states->table);
    shared_texts_close(&states->texts);
    *states = (struct state_table){0};
}

/* ------------------------------------------------------------------ the table */

static size_t home_of(const struct state_table *states, const struct uuid *session)
{
    return load_le64(session->bytes + 8) & (states->capacity - 1);
}

/* Its place, or the free place where it would stand. */
static size_t place_of(const struct state_table *states, const struct uuid *session)
{
    size_t at = home_of(states, session);
    while (states->table[at] && memcmp(&states->table[at]->session, session, sizeof *session) != 0)
        at = (at + 1) & (states->capacity - 1);
    return at;
}

static void grow(struct state_table *states)
{
    struct state_entry **old = states->table;
    size_t capacity = states->capacity;
    states->capacity = capacity * 2;
    states->table = memory_new(states->capacity * sizeof(struct state_entry *));
    for (size_t i = 0; i < capacity; i++) {
        if (old[i])
            states->table[place_of(states, &old[i]->session)] = old[i];
    }
    free(old);
}

/* Frees the entry at `at` and moves those behind it up, so that no search ends too early. */
static void remove_at(struct state_table *states, size_t at)
{
    size_t mask = states->capacity - 1, next = at;
    entry_free(states, states->table[at]);
    states->table[at] = NULL;
    states->count--;
    for (;;) {
        next = (next + 1) & mask;
        struct state_entry *entry = states->table[next];
        if (!entry)
            return;
        size_t home = home_of(states, &entry->session);
        if (((next - home) & mask) < ((next - at) & mask))
            continue;
        states->table[at] = entry;
        states->table[next] = NULL;
        at = next;
    }
}

struct state_entry *state_table_of(struct state_table *states, const struct record *record)
{
    static const struct uuid none;
    size_t at = place_of(states, &record->session);
    struct state_entry *entry = states->table[at];
    if (entry)
        return entry;
    if (memcmp(&record->session, &none, sizeof none) == 0)
        return NULL;
    if (states->count * 2 >= states->capacity) {
        grow(states);
        at = place_of(states, &record->session);
    }
    entry = memory_new(sizeof *entry);
    entry->session = record->session;
    entry->slot = record->slot;
    entry->doubtful = record->type != RECORD_OPENED; /* its beginning was not seen */
    states->table[at] = entry;
    states->count++;
    return entry;
}

void state_table_sweep(struct state_table *states,
                       bool (*gone)(void *user, const struct state_entry *entry), void *user)
{
    for (size_t i = 0; i < states->capacity; i++) {
        while (states->table[i] && gone(user, states->table[i]))
            remove_at(states, i);
    }
}

/* ------------------------------------------------------------------ learning and doubting */

void state_table_learn(struct state_table *states, struct state_entry *entry,
                       const struct record *record)
{
    if (record->type == RECORD_MESSAGE)
        state_table_learn_message(states, entry, record);
    else if (record->type == RECORD_CLOSED)
        remove_at(states, place_of(states, &entry->session));
}

void state_table_new_segment(struct state_table *states)
{
    states->epoch++;
}

static void doubt(struct state_entry *entry, uint64_t as_of)
{
    if (entry && !entry->doubtful) {
        entry->doubtful = true;
        entry->as_of = as_of;
    }
}

void state_table_doubt(struct state_table *states, uint64_t as_of)
{
    states->epoch++;
    for (size_t i = 0; i < states->capacity; i++)
        doubt(states->table[i], as_of);
}

void state_table_doubt_session(struct state_table *states, const struct uuid *session,
                               uint64_t as_of)
{
    struct state_entry *entry = states->table[place_of(states, session)];
    doubt(entry, as_of);
    if (entry)
        entry->introduced = 0;
}

bool state_table_introduce(const struct state_table *states, struct state_entry *entry,
                           const struct record *record)
{
    bool due = entry->introduced != states->epoch && record->type != RECORD_OPENED;
    entry->introduced = states->epoch;
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

static void add_workers(struct buffer *out, const struct state_entry *entry)
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

void state_table_append_state(struct buffer *out, struct clock_formatter *clock,
                              const struct state_entry *entry, const struct record *record,
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
