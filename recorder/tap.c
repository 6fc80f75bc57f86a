/*
 * tap.c - framing, and the record that comes of each piece (lib/record/piece.h).
 *
 * One context on the stack follows a push through the framer's callback. Nothing here fails: what
 * cannot be understood is recorded as the bytes it is.
 */
#include "recorder/tap.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/record/piece.h"

#define CLOCK_STEP_NS (100 * NS_PER_MS)

struct push {
    struct tap *tap;
    struct tap_shared *shared;
    enum tap_side side;
    struct tap_time now;
    const struct tap_withhold *withhold;
    size_t lines; /* that ended so far in this push */
};

void tap_shared_init(struct tap_shared *shared, struct ring_writer *ring, size_t line_buffer_bytes,
                     int64_t pair_timeout_ns)
{
    *shared = (struct tap_shared){
        .ring = ring,
        .counters = ring_writer_counters(ring),
        .budget_left = line_buffer_bytes,
        .budget = line_buffer_bytes,
        .pair_timeout_ns = pair_timeout_ns,
        .clock_offset_ns = clock_wall_ns() - clock_mono_ns(),
    };
    shared->limits = (struct stratum_limits){
        .line_max = RECORD_LINE_MAX,
        .fragment_max = RECORD_FRAGMENT_MAX,
        .budget_left = &shared->budget_left,
    };
}

static void record_clock_step(struct tap_shared *shared, struct tap_time now, int64_t step)
{
    struct record record = {
        .type = RECORD_CLOCK_STEP,
        .wall_ns = now.wall_ns,
        .mono_ns = now.mono_ns,
        .slot = RING_NO_SLOT,
        .payload = {(const char *)&step, sizeof step},
    };
    ring_writer_append(shared->ring, &record);
    ring_count(&shared->counters->clock_steps, 1);
}

static void check_wall_clock(struct tap_shared *shared, int64_t mono_ns)
{
    struct tap_time now = {.mono_ns = mono_ns, .wall_ns = clock_wall_ns()};
    int64_t step = now.wall_ns - mono_ns - shared->clock_offset_ns;
    if (step > CLOCK_STEP_NS || step < -CLOCK_STEP_NS)
        record_clock_step(shared, now, step);
    shared->clock_offset_ns += step;
    shared->clock_checked_ns = mono_ns;
}

struct tap_time tap_at(struct tap_shared *shared, int64_t mono)
{
    if (mono - shared->clock_checked_ns >= NS_PER_MS)
        check_wall_clock(shared, mono);
    return (struct tap_time){.mono_ns = mono, .wall_ns = mono + shared->clock_offset_ns};
}

struct tap_time tap_now(struct tap_shared *shared)
{
    return tap_at(shared, clock_mono_ns());
}

void tap_open(struct tap *tap, const struct uuid *session, uint32_t slot)
{
    *tap = (struct tap){.session = *session, .slot = slot};
}

static struct record record_begin(const struct tap *tap, struct tap_time now, enum record_type type)
{
    return (struct record){
        .type = type,
        .wall_ns = now.wall_ns,
        .mono_ns = now.mono_ns,
        .session = tap->session,
        .slot = tap->slot,
        .offset_up = tap->recorded[TAP_UP],
        .offset_down = tap->recorded[TAP_DOWN],
    };
}

/* ------------------------------------------------------------------ lines */

static bool is_withheld(const struct push *push, const struct stratum_match *match)
{
    if (!match->found || match->from != STRATUM_FROM_HASHSCOPE || !push->withhold)
        return false;
    return !(push->lines == 0 && push->withhold->first_line_passed);
}

static void tell_answer(const struct push *push, const struct stratum_match *match,
                        const struct stratum_piece *piece, uint64_t seq, bool withheld)
{
    struct tap_answer answer = {
        .line = push->lines,
        .request = match->seq,
        .seq = seq,
        .latency_ns = match->latency_ns,
        .text = piece->whole.data ? piece->whole : span_make(piece->data, piece->len),
    };
    push->withhold->on_answer(push->withhold->user, &answer, withheld);
}

/* What a line that came slowly amounts to its last piece says. */
static void count_message(const struct push *push, const struct record *record,
                          const struct stratum_piece *piece)
{
    bool part = piece->is_fragment && (piece->len == 0 || piece->flushed) && !piece->whole.data;
    if (record->fault != STRATUM_FAULT_NONE && !part)
        ring_count(&push->shared->counters->messages_invalid, 1);
}

static struct stratum_match take_piece(struct record *record, const struct push *push,
                                       const struct stratum_piece *piece)
{
    const struct record_pairing pairing = {
        .pairs = &push->tap->pairs,
        .from = push->side == TAP_UP ? STRATUM_FROM_MINER : STRATUM_FROM_POOL,
        .seq = ring_writer_next_seq(push->shared->ring),
        .timeout_ns = push->shared->pair_timeout_ns,
    };
    return record_take_piece(record, piece, &pairing);
}

static void on_piece(void *user, const struct stratum_piece *piece)
{
    struct push *push = user;
    struct tap *tap = push->tap;
    struct record record = record_begin(tap, push->now, RECORD_MESSAGE);
    struct stratum_match match = take_piece(&record, push, piece);
    bool withheld = is_withheld(push, &match);
    record.direction = push->side == TAP_UP ? DIRECTION_MINER_TO_POOL
                       : withheld           ? DIRECTION_POOL_TO_HASHSCOPE
                                            : DIRECTION_POOL_TO_MINER;
    record_take_match(&record, &match);
    uint64_t seq = ring_writer_append(push->shared->ring, &record);
    count_message(push, &record, piece);
    if (record_is_unasked(&record))
        ring_session_unasked(push->shared->ring, tap->slot);
    tap->recorded[push->side] += piece->len + terminator_bytes(record.terminator).len;
    if (match.found && match.from == STRATUM_FROM_HASHSCOPE && push->withhold)
        tell_answer(push, &match, piece, seq, withheld);
    if (record.terminator != TERMINATOR_NONE)
        push->lines++;
}

static struct tap_time time_read(const struct tap *tap, const struct tap_shared *shared,
                                 enum tap_side side)
{
    int64_t mono = tap->read_ns[side];
    return (struct tap_time){.mono_ns = mono, .wall_ns = mono + shared->clock_offset_ns};
}

static void note_waiting(struct tap *tap, enum tap_side side, int64_t mono_ns)
{
    if (!stratum_framer_waits(&tap->framer[side]))
        tap->since_ns[side] = 0;
    else if (!tap->since_ns[side])
        tap->since_ns[side] = mono_ns;
}

/* A miner that ends no line: what it asked is recorded in front of what may be the answer. Its
 * forward delay is not what has gone by since. */
static void flush_miner(struct tap *tap, struct tap_shared *shared)
{
    struct push push = {
        .tap = tap, .shared = shared, .side = TAP_UP, .now = time_read(tap, shared, TAP_UP)};
    uint64_t before = ring_writer_position(shared->ring);
    stratum_framer_flush_objects(&tap->framer[TAP_UP], &shared->limits, on_piece, &push);
    note_waiting(tap, TAP_UP, push.now.mono_ns);
    if (ring_writer_position(shared->ring) != before)
        ring_writer_publish(shared->ring, 0);
}

void tap_push(struct tap *tap, struct tap_shared *shared, enum tap_side side, const char *data,
              size_t len, struct tap_time now, const struct tap_withhold *withhold)
{
    struct push push = {
        .tap = tap, .shared = shared, .side = side, .now = now, .withhold = withhold};
    if (side == TAP_DOWN && tap->since_ns[TAP_UP])
        flush_miner(tap, shared);
    tap->received[side] += len;
    tap->read_ns[side] = now.mono_ns;
    stratum_framer_push(&tap->framer[side], &shared->limits, data, len, on_piece, &push);
    note_waiting(tap, side, now.mono_ns);
}

bool tap_any_waits(const struct tap_shared *shared)
{
    return shared->budget_left < shared->budget;
}

void tap_flush(struct tap *tap, struct tap_shared *shared, enum tap_side side, int64_t mono_ns)
{
    struct push push = {
        .tap = tap, .shared = shared, .side = side, .now = time_read(tap, shared, side)};
    if (!tap->since_ns[side] || mono_ns - tap->since_ns[side] < TAP_WAIT_NS)
        return;
    stratum_framer_flush(&tap->framer[side], &shared->limits, on_piece, &push);
    tap->since_ns[side] = 0;
}

void tap_finish(struct tap *tap, struct tap_shared *shared, enum tap_side side, struct tap_time now)
{
    struct push push = {.tap = tap, .shared = shared, .side = side, .now = now};
    stratum_framer_finish(&tap->framer[side], &shared->limits, on_piece, &push);
    tap->since_ns[side] = 0;
}

/* ------------------------------------------------------------------ ours */

uint64_t tap_injected(struct tap *tap, struct tap_shared *shared, const char *line, size_t len,
                      struct tap_time now)
{
    struct stratum_scan scan;
    struct record record = record_begin(tap, now, RECORD_MESSAGE);
    stratum_scan_line(&scan, line, len);
    record_take_scan(&record, &scan);
    record.direction = DIRECTION_HASHSCOPE_TO_POOL;
    record.terminator = TERMINATOR_LF;
    record.payload = (struct span){line, len};
    uint64_t seq = ring_writer_append(shared->ring, &record);
    struct stratum_pair_entry entry = {
        .id = scan.id, .seq = seq, .mono_ns = now.mono_ns, .from = STRATUM_FROM_HASHSCOPE};
    stratum_pairs_request(&tap->pairs, &entry);
    return seq;
}

void tap_event(const struct tap *tap, struct tap_shared *shared, enum record_type type,
               const struct session_info *info, struct tap_time now)
{
    struct record record = record_begin(tap, now, type);
    record.payload = (struct span){(const char *)info, sizeof *info};
    ring_writer_append(shared->ring, &record);
}

size_t tap_held(const struct tap *tap, enum tap_side side)
{
    return tap->framer[side].partial.len;
}

bool tap_mid_line(const struct tap *tap, enum tap_side side)
{
    return stratum_framer_mid_line(&tap->framer[side]);
}

bool tap_opaque(const struct tap *tap)
{
    return tap->framer[TAP_UP].opaque || tap->framer[TAP_DOWN].opaque;
}

void tap_close(struct tap *tap, struct tap_shared *shared)
{
    stratum_framer_close(&tap->framer[TAP_UP], &shared->limits);
    stratum_framer_close(&tap->framer[TAP_DOWN], &shared->limits);
    shared->pairs_dropped += stratum_pairs_dropped(&tap->pairs);
    stratum_pairs_close(&tap->pairs);
}
