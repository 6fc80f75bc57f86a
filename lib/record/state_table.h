/*
 * state_table.h - what the archive writer knows of each open session, so that it can write a
 * `state` line where a segment begins in the middle of a session. For whoever writes segments.
 *
 * An entry is small (about 300 bytes with its texts), since 10,000 idle sessions have one each;
 * what a pool says to many is kept once. Of the messages only those few are read that set up a
 * session, and the last job: subscribe and its answer, authorize, configure, set_difficulty,
 * set_target, set_extranonce, set_version_mask, notify. Lines with faults, fragments and injected
 * lines teach nothing; a text longer than SHARED_TEXT_MAX is forgotten rather than kept.
 *
 * Threads: one at a time.
 */
#ifndef HASHSCOPE_RECORD_STATE_TABLE_H
#define HASHSCOPE_RECORD_STATE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/clock.h"
#include "lib/record/record.h"
#include "lib/record/shared_text.h"

struct state_worker {
    struct shared_text *name; /* as JSON, with its quotes */
    uint64_t asked;           /* seq of the authorize that is not answered yet; 0: it is */
};

struct state_entry {
    struct uuid session;
    uint32_t slot;
    uint32_t introduced; /* the epoch in which its state was written last */
    uint64_t as_of;      /* messages behind this number may be missing below */
    bool doubtful;       /* as_of counts */
    uint8_t worker_count;
    uint64_t subscribe_seq; /* requests whose answers are awaited; 0: none */
    uint64_t configure_seq;
    struct shared_text *subscribe; /* the miner's request */
    struct shared_text *notify;    /* the pool's last one */
    struct shared_text *extranonce1, *extranonce2_size, *difficulty, *target, *version_mask;
    struct state_worker *workers;
};

struct state_table {
    struct state_entry **table; /* open addressing, by session */
    size_t capacity, count;
    uint32_t epoch; /* grows with each segment and each gap */
    struct shared_texts texts;
};

void state_table_init(struct state_table *states);
void state_table_close(struct state_table *states);

/* The entry of the record's session, made when there is none; NULL for records without session. */
struct state_entry *state_table_of(struct state_table *states, const struct record *record);
/* Takes in what the record says. A closed record ends the entry. */
void state_table_learn(struct state_table *states, struct state_entry *entry,
                       const struct record *record);

/* A new segment: every session is introduced again before its next line. */
void state_table_new_segment(struct state_table *states);
/* Records behind `as_of` were lost, or (after a disk error) some behind it were read already: all
 * that is known is doubtful, and every session is introduced again. */
void state_table_doubt(struct state_table *states, uint64_t as_of);
/* Bytes of this session alone were lost: the same for it. */
void state_table_doubt_session(struct state_table *states, const struct uuid *session,
                               uint64_t as_of);

/* Whether a state line must stand before this record; then marks the session as introduced. */
bool state_table_introduce(const struct state_table *states, struct state_entry *entry,
                           const struct record *record);
/* Writes it. `info` NULL: nothing is known of the connection itself. */
void state_table_append_state(struct buffer *out, struct clock_formatter *clock,
                              const struct state_entry *entry, const struct record *record,
                              const struct session_info *info);

/* Drops the entries for which `gone` is true (their closed record was lost). */
void state_table_sweep(struct state_table *states,
                       bool (*gone)(void *user, const struct state_entry *entry), void *user);

/* state_learn.c: one message. */
void state_table_learn_message(struct state_table *states, struct state_entry *entry,
                               const struct record *record);
void state_worker_drop(struct state_table *states, struct state_entry *entry, unsigned index);

#endif
