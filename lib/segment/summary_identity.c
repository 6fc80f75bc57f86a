/*
 * summary_identity.c - what a line tells about its session: the events, and of the messages those
 * in which a miner says who it is, and the answers that refuse it.
 *
 * A line that has not the expected shape changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "lib/record/json_slice.h"
#include "lib/record/login.h"
#include "lib/segment/scan.h"
#include "lib/segment/summary_private.h"
#include "lib/stratum/scan.h"

/* A member that is a string: what stands between its quotes. */
static bool text_member(struct span object, const char *key, struct span *out)
{
    struct span value;
    if (!json_member(object, key, &value) || !json_is_string(value))
        return false;
    *out = span_make(value.data + 1, value.len - 2);
    return true;
}

static void take_text(struct segment_texts *texts, struct segment_row *row,
                      enum segment_row_text which, struct span object, const char *key)
{
    struct span text;
    if (text_member(object, key, &text))
        row->texts[which] = segment_texts_put(texts, text);
}

/* False, and *out is as it was: the member is not there, or no number of 64 bits. */
static bool take_number(uint64_t *out, struct span object, const char *key)
{
    struct span value;
    return json_member(object, key, &value) && json_u64(value, out);
}

/* ------------------------------------------------------------------ workers */

static void drop_worker(struct summary_session *session, uint32_t i)
{
    session->asking -= session->workers[i].asked != 0;
    session->row.worker_count--;
    memmove(&session->workers[i], &session->workers[i + 1],
            (session->row.worker_count - i) * sizeof session->workers[0]);
}

static void add_worker(struct segment_texts *texts, struct summary_session *session,
                       struct span name, uint64_t asked)
{
    uint32_t *count = &session->row.worker_count, text = segment_texts_put(texts, name);
    if (!text)
        return;
    uint32_t same = 0;
    while (same < *count && session->workers[same].name != text)
        same++;
    size_t leaves = session_name_that_leaves(*count, same, SESSION_WORKERS_MAX);
    if (leaves < *count)
        drop_worker(session, (uint32_t)leaves);
    session->workers = memory_resize(session->workers, (*count + 1) * sizeof session->workers[0]);
    session->workers[(*count)++] = (struct summary_worker){text, asked};
    session->asking += asked != 0;
}

/* The newest that were refused are kept, too, so that they are found. */
static void refuse_worker(struct summary_session *session, uint32_t i)
{
    uint32_t name = session->workers[i].name, *refused = session->refused;
    uint32_t same = 0, *count = &session->refused_count;
    drop_worker(session, i);
    while (same < *count && refused[same] != name)
        same++;
    size_t leaves = session_name_that_leaves(*count, same, SESSION_REFUSED_MAX);
    if (leaves < *count) {
        --*count;
        memmove(refused + leaves, refused + leaves + 1, (*count - leaves) * sizeof *refused);
    }
    refused[(*count)++] = name;
}

static void answer_worker(struct summary_session *session, const struct segment_note *note)
{
    for (uint32_t i = 0; i < session->row.worker_count; i++) {
        if (session->workers[i].asked != note->re)
            continue;
        if (note->error) {
            refuse_worker(session, i);
        } else {
            session->workers[i].asked = 0;
            session->asking--;
        }
        return;
    }
}

/* ------------------------------------------------------------------ messages */

static void take_agent(struct segment_texts *texts, struct segment_row *row, struct span value)
{
    if (json_is_string(value))
        row->texts[SEGMENT_ROW_USER_AGENT] =
            segment_texts_put(texts, span_make(value.data + 1, value.len - 2));
}

static void take_message(struct segment_texts *texts, struct summary_session *session,
                         const struct segment_note *note)
{
    struct segment_line line;
    struct stratum_scan scan;
    struct buffer bytes = {0}, sound = {0};
    struct span text;
    if (note->paired) {
        answer_worker(session, note);
        return;
    }
    if (segment_line_parse(&line, note->line.data, note->line.len) != STATUS_OK ||
        !segment_line_scan(&scan, &line, &bytes))
        return;
    if (login_agent(&scan, &text))
        session->row.texts[SEGMENT_ROW_USER_AGENT] =
            segment_texts_put(texts, line.msg.data ? text : login_sound(text, &sound));
    if (login_worker(&scan, &text))
        add_worker(texts, session, line.msg.data ? text : login_sound(text, &sound), note->seq);
    buffer_close(&bytes);
    buffer_close(&sound);
}

/* ------------------------------------------------------------------ events */

static void take_peers(struct segment_texts *texts, struct segment_row *row, struct span line)
{
    take_text(texts, row, SEGMENT_ROW_ROUTE, line, "route");
    take_text(texts, row, SEGMENT_ROW_MINER, line, "miner");
    take_text(texts, row, SEGMENT_ROW_LISTEN, line, "listen");
    take_text(texts, row, SEGMENT_ROW_VIA, line, "via");
    (void)take_number(&row->number, line, "number");
}

static void take_pool(struct segment_texts *texts, struct segment_row *row, struct span line)
{
    struct span address;
    take_text(texts, row, SEGMENT_ROW_POOL, line, "pool");
    take_text(texts, row, SEGMENT_ROW_ADDRESS, line, "address");
    if (text_member(line, "address", &address) && address.len)
        row->flags |= SEGMENT_ROW_CONNECTED;
}

static void take_offsets(struct segment_row *row, struct span line)
{
    (void)take_number(&row->bytes_up, line, "bytes_up");
    (void)take_number(&row->bytes_down, line, "bytes_down");
}

/* The list takes the place of what is known; who awaits an answer goes on doing so. */
static void take_workers(struct segment_texts *texts, struct summary_session *session,
                         struct span list)
{
    struct summary_worker *old = session->workers;
    uint32_t old_count = session->row.worker_count;
    struct span name;
    session->workers = NULL;
    session->row.worker_count = session->asking = 0;
    for (unsigned i = 0; i < SESSION_WORKERS_MAX && json_element(list, i, &name); i++) {
        uint64_t asked = 0;
        if (!json_is_string(name))
            continue;
        name = span_make(name.data + 1, name.len - 2);
        for (uint32_t n = 0; n < old_count; n++) {
            if (span_equal(segment_texts_get(texts, old[n].name), name))
                asked = old[n].asked;
        }
        add_worker(texts, session, name, asked);
    }
    free(old);
}

static void take_state(struct segment_texts *texts, struct summary_session *session,
                       struct span line)
{
    struct segment_row *row = &session->row;
    struct span value, params;
    int64_t opened;
    take_peers(texts, row, line);
    take_pool(texts, row, line);
    take_offsets(row, line);
    if (text_member(line, "opened", &value) && clock_parse(value.data, value.len, &opened))
        row->opened_us = segment_microseconds(opened);
    if (json_member(line, "subscribe", &value)) {
        struct stratum_scan scan;
        stratum_scan_line(&scan, value.data, value.len);
        if (scan.params.data && json_element(scan.params, 0, &params))
            take_agent(texts, row, params);
    }
    if (json_member(line, "authorize", &value))
        take_workers(texts, session, value);
}

static void take_closed(struct segment_texts *texts, struct summary_session *session,
                        struct span line)
{
    struct segment_row *row = &session->row;
    take_text(texts, row, SEGMENT_ROW_CLOSED_BY, line, "by");
    take_text(texts, row, SEGMENT_ROW_REASON, line, "reason");
    take_offsets(row, line);
    row->flags |= SEGMENT_ROW_CLOSED;
    if (take_number(&session->lasted_us, line, "lasted_us"))
        row->flags |= SEGMENT_ROW_LASTED;
}

static void teach_event(struct segment_texts *texts, struct summary_session *session,
                        const struct segment_note *note)
{
    struct segment_row *row = &session->row;
    if (note->event == SEGMENT_EVENT_OPENED) {
        take_peers(texts, row, note->line);
        row->opened_us = segment_microseconds(note->wall_ns);
        row->flags |= SEGMENT_ROW_OPENED;
    } else if (note->event == SEGMENT_EVENT_POOL_CONNECTED) {
        take_pool(texts, row, note->line);
    } else if (note->event == SEGMENT_EVENT_STATE) {
        take_state(texts, session, note->line);
    } else if (note->event == SEGMENT_EVENT_CLOSED) {
        take_closed(texts, session, note->line);
    }
}

/* ------------------------------------------------------------------ which, and all */

bool summary_is_identity(const struct summary_session *session, const struct segment_note *note)
{
    if (note->event)
        return note->line.data != NULL;
    if (note->direction == DIRECTION_POOL_TO_MINER)
        return note->paired && session->asking;
    return note->direction == DIRECTION_MINER_TO_POOL && note->line.data &&
           (note->method == STRATUM_MINING_SUBSCRIBE || note->method == STRATUM_MINING_AUTHORIZE ||
            note->method == STRATUM_LOGIN || note->method == STRATUM_ETH_SUBMIT_LOGIN ||
            note->method == STRATUM_MINING_HELLO);
}

void summary_take_identity(struct segment_texts *texts, struct summary_session *session,
                           const struct segment_note *note)
{
    if (note->event)
        teach_event(texts, session, note);
    else
        take_message(texts, session, note);
}
