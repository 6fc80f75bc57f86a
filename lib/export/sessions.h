/*
 * sessions.h - the sessions of an export while they are open: where they stand, and a table to find
 * them by the text of their UUID. For lib/export alone.
 *
 * A session is known from its first line that is read, of any kind, to its `closed`. Its lines
 * (struct export_session.origin, .connected) are kept until its handshakes are written.
 *
 * Ownership: the table owns the sessions. Threads: one.
 */
#ifndef HASHSCOPE_EXPORT_SESSIONS_H
#define HASHSCOPE_EXPORT_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/random.h"
#include "lib/export/packet.h"

enum export_offset { OFFSET_UP, OFFSET_DOWN };

struct export_session {
    char id[UUID_TEXT_LEN];
    bool resolved;       /* its pool's address is known, or never will be */
    bool linked;         /* its pool's side is connected by now */
    bool exact;          /* offset[] are those of the recorder */
    bool counted;        /* in the progress */
    bool begun[2];       /* the handshakes of flow[] are written */
    uint64_t offset[2];  /* enum export_offset: of the next byte received from miner and pool */
    uint64_t skip[2][2]; /* by flow and end: bytes that are missing in front of the next */
    struct packet_flow flow[2]; /* 0: miner and pool, or miner and us; 1: us and pool */
    int64_t opened_us;
    struct packet_address miner, listen, pool, local; /* port 0: not known */
    struct span origin;           /* the line `opened`, or of `state` the keys up to bytes_down; */
    struct span connected;        /* the line `pool_connected`: both are copies, NULL: none */
    struct buffer held;           /* lines that wait for the pool's side to be connected */
    uint64_t held_payload;        /* bytes of the miner in them */
    struct export_session *chain; /* of the table */
};

struct export_sessions {
    struct export_session **slots;
    size_t slot_count, count;
    struct export_session *last; /* looked up */
};

void export_sessions_init(struct export_sessions *table);
void export_sessions_close(struct export_sessions *table);
/* NULL: not there; ids that are no UUID's text never are. */
struct export_session *export_sessions_find(struct export_sessions *table, struct span id);
/* Finds or makes it; NULL when the id is no UUID's text. */
struct export_session *export_sessions_get(struct export_sessions *table, struct span id);
void export_sessions_remove(struct export_sessions *table, struct export_session *session);

/* Takes in what a line of `opened`, `pool_connected` or `state` says of the connections; keeps it.
 */
void export_session_learn(struct export_session *session, struct span line, struct span event);
/* Passes over what is missing in front of the next packet of that end; returns how much. */
uint64_t export_session_skip(struct export_session *session, int flow, int end);
/* Its lines are not needed any more. */
void export_session_forget(struct export_session *session);

#endif
