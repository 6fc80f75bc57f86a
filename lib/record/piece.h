/*
 * piece.h - from a piece of a stream (lib/stratum/frame.h) to the record that is kept of it:
 * scanned once, paired with what it answers. Who records live and who imports captures both come
 * through here, so that the same bytes give the same lines.
 *
 * Pure but for the pairs, which the caller owns. Nothing fails: what cannot be understood is
 * recorded as the bytes it is. Threads: one at a time per session.
 */
#ifndef HASHSCOPE_RECORD_PIECE_H
#define HASHSCOPE_RECORD_PIECE_H

#include "lib/record/record.h"
#include "lib/record/session_rules.h"
#include "lib/stratum/frame.h"
#include "lib/stratum/pair.h"

/* How requests and answers of one session find each other. */
struct record_pairing {
    struct stratum_pairs *pairs;
    enum stratum_from from; /* who sent this piece: the miner or the pool */
    uint64_t seq;           /* the number that its record gets */
    int64_t timeout_ns;     /* PAIR_TIMEOUT_SEC */
};

/* What a scan says of a message. */
void record_take_scan(struct record *record, const struct stratum_scan *scan);
/* The request it answers; one that had lapsed is not told. */
void record_take_match(struct record *record, const struct stratum_match *match);

/* Fills in kind, method, fault, flags, fragment, before, terminator and payload (borrowed);
 * a request is noted in the pairs, an answer takes its request out of them. `record` has its times
 * already. Returns the match; it is the caller's to put into the record. */
struct stratum_match record_take_piece(struct record *record, const struct stratum_piece *piece,
                                       const struct record_pairing *pairing);

/* An answer of the pool, recorded as JSON, that pairs with nothing (FORMAT.md, section 11). */
static inline bool record_is_unasked(const struct record *record)
{
    return record->type == RECORD_MESSAGE && record->fault == STRATUM_FAULT_NONE &&
           !(record->flags & RECORD_FRAGMENT) &&
           session_is_unasked(record->direction, record->kind, record->flags & RECORD_PAIRED);
}

/* Bytes that the record adds to its stream, its end included; pieces but the last have no end. */
uint32_t record_wire_bytes(const struct record *record);

#endif
