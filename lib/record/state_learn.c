/*
 * state_learn.c - what a message teaches about its session.
 *
 * The record names the method and, for an answer, the number of its request; so only the few
 * messages that matter are looked into, and answers are told apart without their ids. Values are
 * kept as the JSON text that they had. A message that has not the expected shape changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/record/json_slice.h"
#include "lib/record/login.h"
#include "lib/record/session_rules.h"
#include "lib/record/state_table.h"
#include "lib/stratum/scan.h"

#define VALUE_MAX (SESSION_NAME_MAX + 2) /* of names, extranonces and numbers, as JSON */

static bool is_plain(struct span value)
{
    return value.len <= VALUE_MAX && (json_is_string(value) || json_is_number(value));
}

static void keep(struct state_table *states, struct shared_text **place, struct span value)
{
    if (is_plain(value))
        shared_text_replace(&states->texts, place, value);
}

/* Keeps the n-th element of an array. */
static void keep_element(struct state_table *states, struct shared_text **place, struct span array,
                         unsigned index)
{
    struct span value;
    if (json_element(array, index, &value))
        keep(states, place, value);
}

/* ------------------------------------------------------------------ workers */

void state_worker_drop(struct state_table *states, struct state_entry *entry, unsigned index)
{
    struct state_worker *worker = &entry->workers[index];
    shared_text_release(&states->texts, worker->name);
    entry->worker_count--;
    memmove(worker, worker + 1, (entry->worker_count - index) * sizeof *worker);
}

/* `name` with its quotes. */
static void add_worker(struct state_table *states, struct state_entry *entry, uint64_t seq,
                       struct span name)
{
    if (name.len > VALUE_MAX)
        return;
    struct shared_text *text = shared_text_get(&states->texts, name);
    unsigned same = 0;
    if (!text)
        return;
    while (same < entry->worker_count && entry->workers[same].name != text)
        same++;
    size_t leaves = session_name_that_leaves(entry->worker_count, same, SESSION_WORKERS_MAX);
    if (leaves < entry->worker_count)
        state_worker_drop(states, entry, (unsigned)leaves);
    entry->workers =
        memory_resize(entry->workers, (entry->worker_count + 1u) * sizeof *entry->workers);
    entry->workers[entry->worker_count++] = (struct state_worker){text, seq};
}

/* A refused worker is none. True when this was the answer to an authorize. */
static bool answer_worker(struct state_table *states, struct state_entry *entry,
                          const struct record *answer)
{
    for (unsigned i = 0; i < entry->worker_count; i++) {
        if (entry->workers[i].asked != answer->re)
            continue;
        entry->workers[i].asked = 0;
        if (answer->flags & RECORD_ERROR)
            state_worker_drop(states, entry, i);
        return true;
    }
    return false;
}

/* ------------------------------------------------------------------ answers */

static void answer_subscribe(struct state_table *states, struct state_entry *entry,
                             struct span result)
{
    keep_element(states, &entry->extranonce1, result, 1);
    keep_element(states, &entry->extranonce2_size, result, 2);
}

/* BIP 310: {"version-rolling":true,"version-rolling.mask":"1fffe000"} */
static void answer_configure(struct state_table *states, struct state_entry *entry,
                             struct span result)
{
    struct span mask;
    if (json_member(result, "version-rolling.mask", &mask))
        keep(states, &entry->version_mask, mask);
}

static void digest_answer(struct state_table *states, struct state_entry *entry,
                          const struct record *record)
{
    bool subscribed = entry->subscribe_seq && record->re == entry->subscribe_seq;
    bool configured = entry->configure_seq && record->re == entry->configure_seq;
    if (!subscribed && !configured) {
        (void)answer_worker(states, entry, record);
        return;
    }
    struct stratum_scan scan;
    stratum_scan_line(&scan, record->payload.data, record->payload.len);
    if (subscribed) {
        entry->subscribe_seq = 0;
        answer_subscribe(states, entry, scan.result);
    } else {
        entry->configure_seq = 0;
        answer_configure(states, entry, scan.result);
    }
}

/* ------------------------------------------------------------------ requests and notifications */

static struct span params_of(const struct record *record)
{
    struct stratum_scan scan;
    stratum_scan_line(&scan, record->payload.data, record->payload.len);
    return scan.params;
}

/* Of a line that is no valid JSON the name is made to be. */
static void digest_login(struct state_table *states, struct state_entry *entry,
                         const struct record *record)
{
    struct stratum_scan scan;
    struct buffer scratch = {0};
    struct span name;
    stratum_scan_line(&scan, record->payload.data, record->payload.len);
    if (login_worker(&scan, &name)) {
        if (record->fault)
            name = login_sound(name, &scratch);
        add_worker(states, entry, record->seq, span_make(name.data - 1, name.len + 2));
    }
    buffer_close(&scratch);
}

static void digest_miner(struct state_table *states, struct state_entry *entry,
                         const struct record *record)
{
    if (record->method == STRATUM_MINING_SUBSCRIBE) {
        entry->subscribe_seq = record->seq;
        shared_text_replace(&states->texts, &entry->subscribe, record->payload);
    } else if (record->method == STRATUM_MINING_AUTHORIZE) {
        digest_login(states, entry, record);
    } else if (record->method == STRATUM_MINING_CONFIGURE) {
        entry->configure_seq = record->seq;
    }
}

static void digest_pool(struct state_table *states, struct state_entry *entry,
                        const struct record *record)
{
    struct span params;
    if (record->method == STRATUM_MINING_NOTIFY) {
        shared_text_replace(&states->texts, &entry->notify, record->payload);
    } else if (record->method == STRATUM_MINING_SET_DIFFICULTY) {
        keep_element(states, &entry->difficulty, params_of(record), 0);
    } else if (record->method == STRATUM_MINING_SET_TARGET) {
        keep_element(states, &entry->target, params_of(record), 0);
    } else if (record->method == STRATUM_MINING_SET_VERSION_MASK) {
        keep_element(states, &entry->version_mask, params_of(record), 0);
    } else if (record->method == STRATUM_MINING_SET_EXTRANONCE) {
        params = params_of(record);
        keep_element(states, &entry->extranonce1, params, 0);
        keep_element(states, &entry->extranonce2_size, params, 1);
    } else if (record->flags & RECORD_PAIRED) {
        digest_answer(states, entry, record);
    }
}

void state_table_learn_message(struct state_table *states, struct state_entry *entry,
                               const struct record *record)
{
    bool login = record->method == STRATUM_MINING_AUTHORIZE;
    if ((record->fault && !login) || (record->flags & (RECORD_FRAGMENT | RECORD_OPAQUE)))
        return;
    if (record->direction == DIRECTION_MINER_TO_POOL)
        digest_miner(states, entry, record);
    else if (record->direction == DIRECTION_POOL_TO_MINER)
        digest_pool(states, entry, record);
}
