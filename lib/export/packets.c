/*
 * packets.c - lines in, packets out.
 *
 * A message goes to the flows that it was on: of one side, the only one; of both, the miner's, the
 * pool's, or both. What a miner says before the pool has answered waits in the session until the
 * line that says so (bounded; beyond that, and when the pool never answers, it never was on that
 * side). Loss is what the offsets in `state` and `closed` lines have beyond what was seen; it is
 * passed over in front of the next packet of that direction, so nothing is acknowledged before.
 *
 * How it can fail: a message's base64 is damaged: it is left out, and counted as damage.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/export/comment.h"
#include "lib/export/export_private.h"
#include "lib/record/json_slice.h"

#define HELD_MAX    (1u << 20)
#define UNSEEN_MAX  (256u << 20) /* bytes; then the other end acknowledges, as it would */
#define LOOKUPS_MAX 1000

/* ------------------------------------------------------------------ methods */

static struct span remembered_method(const struct export *job, uint64_t seq)
{
    uint64_t entry = job->requests[seq % EXPORT_REQUESTS];
    return entry >> 8 == seq ? span_text(stratum_method_name((enum stratum_method)(entry & 0xff)))
                             : span_make(NULL, 0);
}

static struct span method_of(struct export *job, const struct segment_line *line,
                             struct span message)
{
    struct stratum_scan scan;
    if (line->is_fragment)
        return line->method;
    if (line->paired)
        return remembered_method(job, line->re);
    stratum_scan_line(&scan, message.data, message.len);
    if (scan.method == STRATUM_METHOD_NONE)
        return span_make(NULL, 0);
    if (scan.method != STRATUM_METHOD_UNKNOWN)
        job->requests[line->seq % EXPORT_REQUESTS] = line->seq << 8 | (uint64_t)scan.method;
    return scan.method == STRATUM_METHOD_UNKNOWN ? span_make(NULL, 0)
                                                 : span_text(stratum_method_name(scan.method));
}

/* ------------------------------------------------------------------ segments */

struct message {
    const struct segment_line *line;
    struct export_payload payload;
    struct span method;
    int64_t time_ns;
};

static void acknowledge(struct export *job, struct export_session *session, int flow, int end,
                        int64_t time_ns)
{
    const struct export_packet packet = {.session = session,
                                         .flow = flow,
                                         .end = end,
                                         .tcp_flags = TCP_ACK,
                                         .time_ns = time_ns,
                                         .comment = span_text("synthesised acknowledgement")};
    export_emit(job, &packet);
}

/* The message on one flow; `end` says it. */
static void write_message(struct export *job, struct export_session *session, int flow, int end,
                          const struct message *message)
{
    char comment[COMMENT_MAX];
    struct packet_flow *at = &session->flow[flow];
    size_t total = message->payload.message.len + message->payload.end.len;
    struct export_packet packet = {.session = session,
                                   .flow = flow,
                                   .end = end,
                                   .tcp_flags = TCP_ACK,
                                   .time_ns = message->time_ns,
                                   .payload = message->payload};
    uint64_t lost = export_session_skip(session, flow, end);
    for (unsigned part = 0; packet.offset < total || part == 0; part++) {
        packet.len =
            total - packet.offset < at->payload_max ? total - packet.offset : at->payload_max;
        if (job->options.sides == EXPORT_SIDES_BOTH)
            packet.id = message->line->seq << 16 | (part & 0xffff);
        if (packet.offset + packet.len == total) {
            packet.tcp_flags |= TCP_PSH;
            packet.comment = span_make(
                comment, comment_write_message(comment, message->line, message->method, lost));
        }
        export_emit(job, &packet);
        packet.offset += packet.len;
    }
    if (at->next[end] - at->seen[end] > UNSEEN_MAX)
        acknowledge(job, session, flow, 1 - end, message->time_ns);
}

/* ------------------------------------------------------------------ sessions without their lines
 */

/* From the listing of sessions, as far as it tells. */
static void learn_listed(struct export_session *session, const struct query_session *listed)
{
    (void)!packet_address_parse(&session->miner, listed->miner);
    (void)!packet_address_parse(&session->listen, listed->listen);
    (void)!packet_address_parse(&session->pool, listed->address);
    if (listed->opened_ns != 0)
        session->opened_us = listed->opened_ns / NS_PER_US;
}

static void look_up(struct export *job, struct export_session *session)
{
    struct query_sessions_options options = {.place = job->options.place};
    struct query_sessions *sessions;
    struct query_session listed;
    struct uuid id;
    session->linked = true;
    if (job->lookups >= LOOKUPS_MAX || !uuid_parse(&id, session->id, sizeof session->id))
        return;
    job->lookups++;
    options.filter.sessions = &id;
    options.filter.session_count = 1;
    if (query_sessions_open(&sessions, &options, NULL) != STATUS_OK)
        return;
    if (query_sessions_next(sessions, &listed, NULL) == STATUS_OK)
        learn_listed(session, &listed);
    query_sessions_close(sessions);
}

/* The session of a line that is exported; its first flow is there afterwards. NULL: none. */
static struct export_session *session_of(struct export *job, const struct segment_line *line)
{
    struct export_session *session = export_sessions_get(&job->sessions, line->session);
    if (session == NULL || session->begun[0])
        return session;
    if (session->origin.data == NULL)
        look_up(job, session);
    export_conversation_begin(job, session, 0, line->wall_ns);
    return session;
}

/* ------------------------------------------------------------------ messages */

static void hold(struct export_session *session, const struct message *message)
{
    const struct segment_line *line = message->line;
    if (session->held.len + line->text.len > HELD_MAX)
        return;
    buffer_append(&session->held, line->text.data, line->text.len);
    buffer_append_char(&session->held, '\n');
    session->held_payload += message->payload.message.len + message->payload.end.len;
}

static void write_pool_side(struct export *job, struct export_session *session, int end,
                            const struct message *message)
{
    if (!session->begun[1] && !session->linked) {
        hold(session, message);
        return;
    }
    if (!session->begun[1])
        export_conversation_begin(job, session, 1, message->time_ns);
    write_message(job, session, 1, end, message);
}

static void write_sides(struct export *job, struct export_session *session,
                        const struct message *message)
{
    switch (message->line->direction) {
    case DIRECTION_MINER_TO_POOL:
        write_message(job, session, 0, 0, message);
        write_pool_side(job, session, 0, message);
        break;
    case DIRECTION_POOL_TO_MINER:
        write_pool_side(job, session, 1, message);
        write_message(job, session, 0, 1, message);
        break;
    case DIRECTION_HASHSCOPE_TO_POOL:
        write_pool_side(job, session, 0, message);
        break;
    case DIRECTION_POOL_TO_HASHSCOPE:
        write_pool_side(job, session, 1, message);
        break;
    }
}

static bool is_up(enum direction direction)
{
    return direction == DIRECTION_MINER_TO_POOL || direction == DIRECTION_HASHSCOPE_TO_POOL;
}

/* False: the message's base64 is none. */
static bool take_message(struct export *job, const struct segment_line *line,
                         struct message *message)
{
    const struct query_row row = {.line = *line};
    struct span bytes;
    if (query_row_bytes(&row, &job->decoded, &bytes) != STATUS_OK)
        return false;
    *message = (struct message){.line = line,
                                .payload = {bytes, terminator_bytes(line->terminator)},
                                .method = method_of(job, line, bytes),
                                .time_ns = line->wall_ns};
    if (job->options.mask_passwords)
        message->payload.message = mask_message(&job->masker, line, bytes);
    message->payload.message = segment_line_added(line, message->payload.message);
    return true;
}

void export_packets_message(struct export *job, const struct segment_line *line)
{
    struct export_session *session;
    struct message message;
    if (!take_message(job, line, &message)) {
        job->progress.damaged++;
        return;
    }
    session = session_of(job, line);
    if (session == NULL)
        return;
    if (job->options.sides == EXPORT_SIDES_BOTH)
        write_sides(job, session, &message);
    else
        write_message(job, session, 0, is_up(line->direction) ? 0 : 1, &message);
    if (line->direction != DIRECTION_HASHSCOPE_TO_POOL)
        session->offset[is_up(line->direction) ? OFFSET_UP : OFFSET_DOWN] +=
            message.payload.message.len + message.payload.end.len;
}

/* The pool's side is there: what waited for it goes out. */
static void release_held(struct export *job, struct export_session *session, int64_t time_ns)
{
    struct buffer held = session->held;
    session->held = (struct buffer){NULL, 0, 0};
    session->held_payload = 0;
    for (size_t at = 0; at < held.len;) {
        const char *begin = held.data + at, *end = memchr(begin, '\n', held.len - at);
        struct segment_line line;
        struct message message;
        at += (size_t)(end - begin) + 1;
        if (segment_line_parse(&line, begin, (size_t)(end - begin)) != STATUS_OK ||
            !take_message(job, &line, &message))
            continue;
        message.time_ns = time_ns;
        write_message(job, session, 1, is_up(line.direction) ? 0 : 1, &message);
    }
    buffer_close(&held);
}

/* ------------------------------------------------------------------ events */

static uint64_t number_of(struct span line, const char *name)
{
    struct span value;
    return json_member(line, name, &value) && json_is_number(value) ? strtoull(value.data, NULL, 10)
                                                                    : 0;
}

/* The recorder's offset, where it is said. */
static void note_offset(struct export *job, struct export_session *session, struct span line,
                        enum export_offset which)
{
    uint64_t said = number_of(line, which == OFFSET_UP ? "bytes_up" : "bytes_down");
    uint64_t *offset = &session->offset[which];
    if (said <= *offset)
        return;
    if (session->exact && !job->filters_messages) {
        int end = which == OFFSET_UP ? 0 : 1;
        for (int flow = 0; flow < 2; flow++)
            session->skip[flow][end] += session->begun[flow] ? said - *offset : 0;
    }
    *offset = said;
}

/* What is no session's is said on the next packet. */
static void add_pending(struct export *job, const struct segment_line *line)
{
    if (job->pending.len > COMMENT_MAX)
        return;
    if (job->pending.len > 0)
        buffer_append_char(&job->pending, '\n');
    comment_append_event(&job->pending, line->text, line->wall_ns, 0);
}

static void take_gap(struct export *job, const struct segment_line *line)
{
    uint64_t lost = number_of(line->text, "lost");
    size_t count = job->options.sides == EXPORT_SIDES_BOTH ? 2 : 1;
    job->progress.missed += lost;
    for (size_t i = 0; i < count; i++) {
        job->interfaces[i].dropped += lost;
        job->interfaces[i].dropping += lost;
    }
    add_pending(job, line);
}

static void take_opened(struct export *job, struct export_session *session,
                        const struct segment_line *line)
{
    export_session_learn(session, line->text, line->event);
    session->exact = export_in_range(job, line);
    if (session->exact && !job->filters_messages && !session->begun[0])
        export_conversation_begin(job, session, 0, line->wall_ns);
}

static void take_connected(struct export *job, struct export_session *session,
                           const struct segment_line *line)
{
    bool both = job->options.sides == EXPORT_SIDES_BOTH;
    session->linked = true;
    if (!session->begun[0])
        return;
    if (both && !session->begun[1] && export_in_range(job, line)) {
        if (session->connected.data == NULL)
            export_session_learn(session, line->text, line->event);
        export_conversation_begin(job, session, 1, line->wall_ns);
        release_held(job, session, line->wall_ns);
    }
}

static void take_state(struct export *job, struct export_session *session,
                       const struct segment_line *line)
{
    struct span address;
    export_session_learn(session, line->text, line->event);
    session->linked = session->linked || json_member(line->text, "address", &address);
    note_offset(job, session, line->text, OFFSET_UP);
    note_offset(job, session, line->text, OFFSET_DOWN);
    session->exact = session->exact || export_in_range(job, line);
}

static void take_closed(struct export *job, struct export_session *session,
                        const struct segment_line *line)
{
    bool wanted = export_in_range(job, line);
    if (wanted && !job->filters_messages && session->origin.data != NULL && !session->begun[0])
        export_conversation_begin(job, session, 0, line->wall_ns);
    note_offset(job, session, line->text, OFFSET_UP);
    note_offset(job, session, line->text, OFFSET_DOWN);
    if (wanted)
        export_conversation_end(job, session, line);
    export_sessions_remove(&job->sessions, session);
}

void export_packets_event(struct export *job, const struct segment_line *line)
{
    struct export_session *session = export_sessions_get(&job->sessions, line->session);
    if (session == NULL) {
        if (span_equal_text(line->event, "gap") && export_in_range(job, line))
            take_gap(job, line);
        else if (span_equal_text(line->event, "clock_step") && export_in_range(job, line))
            add_pending(job, line);
    } else if (span_equal_text(line->event, "opened")) {
        take_opened(job, session, line);
    } else if (span_equal_text(line->event, "pool_connected")) {
        take_connected(job, session, line);
    } else if (span_equal_text(line->event, "closed")) {
        take_closed(job, session, line);
    } else {
        take_state(job, session, line);
    }
}
