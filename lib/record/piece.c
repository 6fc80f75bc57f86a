/*
 * piece.c - scanning and pairing a piece. Of a long line in fragments the first one is
 * scanned, since it has method and id. The last fragment of a line that came slowly becomes a
 * record of all of it. A line that breaks off in the middle pairs with nothing.
 */
#include "lib/record/piece.h"

static struct stratum_match pair(const struct record_pairing *pairing,
                                 const struct stratum_scan *scan, int64_t mono_ns)
{
    if (stratum_is_request(scan, pairing->from)) {
        struct stratum_pair_entry entry = {.id = scan->id,
                                           .seq = pairing->seq,
                                           .mono_ns = mono_ns,
                                           .from = (uint8_t)pairing->from};
        stratum_pairs_request(pairing->pairs, &entry);
        return (struct stratum_match){0};
    }
    if (scan->kind != STRATUM_RESPONSE)
        return (struct stratum_match){0};
    return stratum_pairs_response(pairing->pairs, pairing->from, &scan->id, mono_ns,
                                  pairing->timeout_ns);
}

void record_take_scan(struct record *record, const struct stratum_scan *scan)
{
    record->kind = (uint8_t)scan->kind;
    record->method = (uint8_t)scan->method;
    record->fault = (uint8_t)scan->fault;
    record->fault_at = scan->fault_at;
    if (scan->error)
        record->flags |= RECORD_ERROR;
}

void record_take_match(struct record *record, const struct stratum_match *match)
{
    if (!match->found || match->lapsed)
        return;
    record->flags |= RECORD_PAIRED;
    record->re = match->seq;
    record->latency_ns = match->latency_ns;
}

static bool is_part(const struct stratum_piece *piece)
{
    return piece->is_fragment && !piece->whole.data;
}

static uint32_t piece_flags(const struct stratum_piece *piece)
{
    return (piece->opaque ? RECORD_OPAQUE : 0) | (is_part(piece) ? RECORD_FRAGMENT : 0) |
           (is_part(piece) && piece->last_fragment ? RECORD_LAST_FRAGMENT : 0) |
           (is_part(piece) && piece->flushed ? RECORD_EARLY : 0);
}

static void scan_piece(struct stratum_scan *scan, const struct stratum_piece *piece)
{
    if (piece->whole.data)
        stratum_scan_line(scan, piece->whole.data, piece->whole.len);
    else if (!piece->opaque && (!piece->is_fragment || (piece->fragment == 0 && !piece->flushed)))
        stratum_scan_line(scan, piece->data, piece->len);
    else if (piece->is_fragment)
        scan->fault = STRATUM_FAULT_TRUNCATED;
}

struct stratum_match record_take_piece(struct record *record, const struct stratum_piece *piece,
                                       const struct record_pairing *pairing)
{
    struct stratum_scan scan = {.kind = STRATUM_OTHER, .fault = STRATUM_FAULT_OPAQUE};
    struct stratum_match match = {0};
    scan_piece(&scan, piece);
    bool cut_off = scan.fault == STRATUM_FAULT_TRUNCATED && !is_part(piece);
    if (scan.kind != STRATUM_OTHER && !cut_off) /* a whole line of half a message is no message */
        match = pair(pairing, &scan, record->mono_ns);
    record_take_scan(record, &scan);
    record->fragment = is_part(piece) ? piece->fragment : 0;
    record->flags |= piece_flags(piece);
    if (is_part(piece))
        record->flags &= ~RECORD_ERROR;
    record->terminator = (enum terminator)piece->terminator;
    record->payload = piece->whole.data ? piece->whole : span_make(piece->data, piece->len);
    record->before = (uint32_t)(record->payload.len - piece->len);
    return match;
}

uint32_t record_wire_bytes(const struct record *record)
{
    bool ends = !(record->flags & RECORD_FRAGMENT) || (record->flags & RECORD_LAST_FRAGMENT);
    size_t end = ends ? terminator_bytes(record->terminator).len : 0;
    return (uint32_t)(record->payload.len - record->before + end);
}
