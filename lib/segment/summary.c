/*
 * summary.c - the sessions of a file, counted line by line.
 *
 * Sessions stand in an array in the order of their first lines; a table of open addressing finds
 * them. Whether an answer is one to a submit is told by a ring of bits, one for each of the last
 * million numbers, set where a submit has that number. Texts that nobody names any more (workers
 * that were refused) are swept out when the heap has doubled.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/segment/summary_private.h"
#include "lib/stratum/scan.h"

#define CAPACITY_FIRST 64
#define SUBMIT_WINDOW  (UINT64_C(1) << 20) /* numbers */
#define HEAP_SWEPT     (1u << 20)          /* below, nobody cares */

struct segment_summaries {
    struct summary_session *sessions;
    size_t count, room;
    uint32_t *table; /* 1 + index; 0: free */
    size_t capacity;
    uint64_t seeds[2];
    struct segment_texts texts;
    size_t swept;        /* bytes of the heap after the last sweep */
    bool crowded;        /* there were more sessions than a footer holds */
    uint64_t first, top; /* first and highest number of all lines; 0: none */
    uint64_t submits[SUBMIT_WINDOW / 64];
};

struct segment_summaries *segment_summaries_new(void)
{
    struct segment_summaries *summaries = memory_new(sizeof *summaries);
    summaries->capacity = CAPACITY_FIRST;
    summaries->table = memory_new(CAPACITY_FIRST * sizeof *summaries->table);
    summaries->seeds[0] = random_u64();
    summaries->seeds[1] = random_u64();
    segment_texts_init(&summaries->texts);
    return summaries;
}

static void free_parts(struct segment_summaries *summaries)
{
    for (size_t i = 0; i < summaries->count; i++) {
        free(summaries->sessions[i].workers);
        free(summaries->sessions[i].runs);
    }
    free(summaries->sessions);
    free(summaries->table);
    segment_texts_close(&summaries->texts);
}

void segment_summaries_free(struct segment_summaries *summaries)
{
    if (!summaries)
        return;
    free_parts(summaries);
    free(summaries);
}

void segment_summaries_clear(struct segment_summaries *summaries)
{
    free_parts(summaries);
    summaries->sessions = NULL;
    summaries->count = summaries->room = summaries->swept = 0;
    summaries->capacity = CAPACITY_FIRST;
    summaries->table = memory_new(CAPACITY_FIRST * sizeof *summaries->table);
    segment_texts_init(&summaries->texts);
    summaries->crowded = false;
    summaries->first = summaries->top = 0;
    memset(summaries->submits, 0, sizeof summaries->submits);
}

size_t segment_summaries_count(const struct segment_summaries *summaries)
{
    return summaries->count;
}

bool segment_summaries_complete(const struct segment_summaries *summaries)
{
    return !summaries->crowded && !summaries->texts.full;
}

/* ------------------------------------------------------------------ the table */

static size_t home_of(const struct segment_summaries *summaries, const struct uuid *session)
{
    uint64_t a = load_le64(session->bytes) ^ summaries->seeds[0];
    uint64_t b = load_le64(session->bytes + 8) ^ summaries->seeds[1];
    a *= UINT64_C(0x9E3779B97F4A7C15);
    b *= UINT64_C(0xC2B2AE3D27D4EB4F);
    a ^= a >> 29 ^ b ^ b >> 31;
    return (a ^ a >> 32) & (summaries->capacity - 1);
}

static size_t place_of(const struct segment_summaries *summaries, const struct uuid *session)
{
    size_t at = home_of(summaries, session);
    while (summaries->table[at] &&
           memcmp(&summaries->sessions[summaries->table[at] - 1].row.session, session,
                  sizeof *session) != 0)
        at = (at + 1) & (summaries->capacity - 1);
    return at;
}

static void grow_table(struct segment_summaries *summaries)
{
    free(summaries->table);
    summaries->capacity *= 2;
    summaries->table = memory_new(summaries->capacity * sizeof *summaries->table);
    for (size_t i = 0; i < summaries->count; i++) {
        const struct uuid *session = &summaries->sessions[i].row.session;
        summaries->table[place_of(summaries, session)] = (uint32_t)i + 1;
    }
}

static struct summary_session *add_session(struct segment_summaries *summaries, size_t place,
                                           const struct uuid *session, uint32_t frame)
{
    if (summaries->count == SEGMENT_SESSIONS_MAX) {
        summaries->crowded = true;
        return NULL;
    }
    if (summaries->count == summaries->room) {
        summaries->room = summaries->room ? summaries->room * 2 : CAPACITY_FIRST;
        summaries->sessions =
            memory_resize(summaries->sessions, summaries->room * sizeof *summaries->sessions);
    }
    struct summary_session *fresh = &summaries->sessions[summaries->count++];
    *fresh = (struct summary_session){.run_begin = frame, .run_end = frame};
    fresh->row.session = *session;
    fresh->row.opened_us = SEGMENT_TIME_UNKNOWN;
    fresh->row.first_us = INT64_MAX;
    fresh->row.last_us = INT64_MIN;
    summaries->table[place] = (uint32_t)summaries->count;
    if (summaries->count * 2 >= summaries->capacity)
        grow_table(summaries);
    return fresh;
}

static struct summary_session *session_of(struct segment_summaries *summaries,
                                          const struct uuid *session, uint32_t frame)
{
    size_t at = place_of(summaries, session);
    if (summaries->table[at])
        return &summaries->sessions[summaries->table[at] - 1];
    return add_session(summaries, at, session, frame);
}

/* ------------------------------------------------------------------ submits and answers */

static uint64_t *word_of(struct segment_summaries *summaries, uint64_t seq)
{
    return &summaries->submits[seq % SUBMIT_WINDOW / 64];
}

static bool is_submit(const struct segment_note *note)
{
    return !note->event && session_is_submit(note->direction, note->method);
}

/* Moves the window on to this number, and notes whether a submit has it. */
static void take_number(struct segment_summaries *summaries, const struct segment_note *note)
{
    uint64_t seq = note->seq;
    if (!summaries->first)
        summaries->first = summaries->top = seq;
    if (seq > summaries->top) {
        if (seq - summaries->top >= SUBMIT_WINDOW) {
            memset(summaries->submits, 0, sizeof summaries->submits);
        } else {
            for (uint64_t n = summaries->top + 1; n <= seq; n++)
                *word_of(summaries, n) &= ~(UINT64_C(1) << n % 64);
        }
        summaries->top = seq;
    }
    if (summaries->top - seq < SUBMIT_WINDOW && is_submit(note))
        *word_of(summaries, seq) |= UINT64_C(1) << seq % 64;
}

static bool was_submit(struct segment_summaries *summaries, uint64_t seq)
{
    return seq <= summaries->top && summaries->top - seq < SUBMIT_WINDOW &&
           (*word_of(summaries, seq) >> seq % 64 & 1);
}

static void count_answer(struct segment_summaries *summaries, struct segment_row *row,
                         const struct segment_note *note)
{
    enum session_request request = SESSION_REQUEST_NONE;
    if (note->paired && was_submit(summaries, note->re))
        request = SESSION_REQUEST_SUBMIT;
    else if (note->paired)
        request = note->re < summaries->first ? SESSION_REQUEST_EARLIER : SESSION_REQUEST_OTHER;
    bool earlier = request == SESSION_REQUEST_EARLIER;
    switch (session_judge(note->direction, request, note->error)) {
    case SESSION_ANSWER_ACCEPT:
        ++*(earlier ? &row->earlier_accepted : &row->accepted);
        break;
    case SESSION_ANSWER_REJECT:
        ++*(earlier ? &row->earlier_rejected : &row->rejected);
        break;
    case SESSION_ANSWER_ERROR:
        row->other_errors++;
        break;
    case SESSION_ANSWER_OTHER:
        break;
    }
}

/* ------------------------------------------------------------------ a line */

static void end_run(struct summary_session *session)
{
    if (session->runs_len + 10 > session->runs_room) {
        session->runs_room = session->runs_room ? session->runs_room * 2 : 16;
        session->runs = memory_resize(session->runs, session->runs_room);
    }
    unsigned char *at = session->runs + session->runs_len;
    at += segment_varint_store(at, session->run_begin - session->runs_until);
    at += segment_varint_store(at, session->run_end - session->run_begin);
    session->runs_len = (uint32_t)(at - session->runs);
    session->runs_until = session->run_end;
}

static void note_frame(struct summary_session *session, uint32_t frame)
{
    if (frame < session->run_end)
        return;
    if (frame > session->run_end) {
        if (session->run_end > session->run_begin)
            end_run(session);
        session->run_begin = frame;
    }
    session->run_end = frame + 1;
}

static void note_time(struct segment_row *row, int64_t wall_ns)
{
    int64_t us = segment_microseconds(wall_ns);
    if (us < row->first_us)
        row->first_us = us;
    if (us > row->last_us)
        row->last_us = us;
}

static void count_message(struct segment_summaries *summaries, struct segment_row *row,
                          const struct segment_note *note)
{
    row->messages[note->direction]++;
    if (note->direction == DIRECTION_MINER_TO_POOL)
        row->bytes_up += note->bytes;
    else if (note->direction != DIRECTION_HASHSCOPE_TO_POOL)
        row->bytes_down += note->bytes;
    row->submits += is_submit(note);
    if (note->unasked && row->flags >> SEGMENT_ROW_UNASKED_SHIFT < SEGMENT_ROW_UNASKED_MAX)
        row->flags += 1u << SEGMENT_ROW_UNASKED_SHIFT;
    if (note->paired || note->error)
        count_answer(summaries, row, note);
}

/* Copies the texts that are still named into a new heap. */
static void sweep(struct segment_summaries *summaries)
{
    struct segment_texts old = summaries->texts, *texts = &summaries->texts;
    segment_texts_init(texts);
    for (size_t i = 0; i < summaries->count; i++) {
        struct summary_session *session = &summaries->sessions[i];
        for (int n = 0; n < SEGMENT_ROW_TEXTS; n++)
            session->row.texts[n] =
                segment_texts_put(texts, segment_texts_get(&old, session->row.texts[n]));
        for (uint32_t n = 0; n < session->row.worker_count; n++)
            session->workers[n].name =
                segment_texts_put(texts, segment_texts_get(&old, session->workers[n].name));
        for (uint32_t n = 0; n < session->refused_count; n++)
            session->refused[n] =
                segment_texts_put(texts, segment_texts_get(&old, session->refused[n]));
    }
    texts->full |= old.full;
    segment_texts_close(&old);
    summaries->swept = texts->heap.len;
}

void segment_summaries_add(struct segment_summaries *summaries, uint32_t frame,
                           const struct segment_note *note)
{
    static const struct uuid none;
    if (note->seq)
        take_number(summaries, note);
    if (memcmp(&note->session, &none, sizeof none) == 0)
        return;
    struct summary_session *session = session_of(summaries, &note->session, frame);
    if (!session)
        return;
    struct segment_row *row = &session->row;
    note_frame(session, frame);
    note_time(row, note->wall_ns);
    if (note->seq) {
        row->first_seq = row->first_seq ? row->first_seq : note->seq;
        row->last_seq = note->seq;
    }
    if (!note->event)
        count_message(summaries, row, note);
    if (!summary_is_identity(session, note))
        return;
    summary_take_identity(&summaries->texts, session, note);
    if (summaries->texts.heap.len > HEAP_SWEPT && summaries->texts.heap.len > 2 * summaries->swept)
        sweep(summaries);
}

/* ------------------------------------------------------------------ the section */

static void put_workers(struct buffer *heap, struct segment_row *row,
                        const struct summary_session *session)
{
    unsigned char offset[4];
    row->workers = row->worker_count || session->refused_count ? (uint32_t)heap->len : 0;
    for (uint32_t i = 0; i < session->row.worker_count; i++) {
        store_le32(offset, session->workers[i].name);
        buffer_append(heap, offset, sizeof offset);
    }
    for (uint32_t i = 0; i < session->refused_count; i++) {
        store_le32(offset, session->refused[i]);
        buffer_append(heap, offset, sizeof offset);
    }
    row->worker_count |= session->refused_count << SEGMENT_ROW_REFUSED_SHIFT;
}

static void put_lasted(struct buffer *heap, const struct summary_session *session)
{
    unsigned char lasted[SEGMENT_ROW_LASTED_BYTES];
    if (!(session->row.flags & SEGMENT_ROW_LASTED))
        return;
    store_le64(lasted, session->lasted_us);
    buffer_append(heap, lasted, sizeof lasted);
}

static void put_runs(struct buffer *heap, struct segment_row *row, struct summary_session last)
{
    unsigned char tail[16];
    row->runs = (uint32_t)heap->len;
    buffer_append(heap, last.runs, last.runs_len);
    last.runs = tail; /* a copy: the run may go on */
    last.runs_room = sizeof tail;
    row->runs_bytes = last.runs_len;
    last.runs_len = 0;
    end_run(&last);
    buffer_append(heap, tail, last.runs_len);
    row->runs_bytes += last.runs_len;
}

void segment_summaries_encode(const struct segment_summaries *summaries, struct buffer *out)
{
    struct buffer heap = {0};
    size_t rows = summaries->count, size = rows * SEGMENT_ROW_BYTES;
    unsigned char *table = (unsigned char *)buffer_reserve(out, size + 1);
    buffer_append(&heap, summaries->texts.heap.data, summaries->texts.heap.len);
    for (size_t i = 0; i < rows; i++) {
        struct segment_row row = summaries->sessions[i].row;
        put_workers(&heap, &row, &summaries->sessions[i]);
        put_lasted(&heap, &summaries->sessions[i]);
        put_runs(&heap, &row, summaries->sessions[i]);
        segment_row_store(table, rows, i, &row);
    }
    out->len += size;
    buffer_append(out, heap.data, heap.len);
    buffer_close(&heap);
}
