/*
 * commented.c - a connection that HashScope exported: comments say what was recorded.
 *
 * Bytes are carried along until the packet whose comment ends the message. Events may stand ahead
 * of their number (pool_connected is on the SYN-ACK, whenever the pool answered): they wait, in
 * order, until a message with a higher number comes. Bytes that no comment claims, because packets
 * were cut out of the file, are framed like anybody's.
 */
#include <stdlib.h>
#include <string.h>

#include "exporter/import/writer_private.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"

#define CARRY_MAX   (RECORD_LINE_MAX + 2u) /* of a message that its packets have so far */
#define PENDING_MAX 4096u

/* What a flow has besides its session. */
struct commented_flow {
    struct uuid session; /* the last that a comment named */
    bool has_session;
    struct buffer carry[2]; /* by end of the flow */
    uint64_t lost[2];       /* bytes missing in front of them */
    int sides[2];           /* which direction that end speaks; -1: not known */
};

/* ------------------------------------------------------------------ sessions */

static struct import_session *find(const struct import_writer *writer, const struct uuid *id)
{
    struct import_session *session;
    LIST_FOREACH(session, &writer->buckets[load_le32(id->bytes + 12) % SESSION_BUCKETS], link)
    {
        if (uuid_equal(&session->info.session, id))
            return session;
    }
    return NULL;
}

static enum status session_of(struct import_writer *writer, const struct uuid *id, int64_t wall_ns,
                              struct import_session **out, struct error *err)
{
    *out = find(writer, id);
    if (*out)
        return STATUS_OK;
    if (writer->session_count == IMPORT_SESSIONS_MAX)
        return error_set(err, STATUS_FULL, "more than %u sessions are open at once",
                         IMPORT_SESSIONS_MAX);
    struct import_session *session = import_session_new(writer);
    LIST_REMOVE(session, link);
    LIST_INSERT_HEAD(&writer->buckets[load_le32(id->bytes + 12) % SESSION_BUCKETS], session, link);
    session->commented = true;
    writer->session_count++;
    session->info.session = *id;
    session->info.opened_wall_ns = wall_ns;
    *out = session;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ events */

static void take_text(char *to, const char *from, size_t size)
{
    if (from[0])
        memcpy(to, from, size);
}

/* Adds what this event tells to what is known. */
static void take_info(struct session_info *info, const struct session_info *from)
{
    take_text(info->route, from->route, sizeof info->route);
    take_text(info->miner, from->miner, sizeof info->miner);
    take_text(info->listen, from->listen, sizeof info->listen);
    take_text(info->via, from->via, sizeof info->via);
    take_text(info->pool, from->pool, sizeof info->pool);
    take_text(info->address, from->address, sizeof info->address);
    take_text(info->local, from->local, sizeof info->local);
    take_text(info->closed_by, from->closed_by, sizeof info->closed_by);
    take_text(info->reason, from->reason, sizeof info->reason);
    info->number = from->number ? from->number : info->number;
    info->miner_tls |= from->miner_tls;
    info->pool_tls |= from->pool_tls;
    if (from->opened_wall_ns)
        info->opened_wall_ns = from->opened_wall_ns;
}

/* Captures have no monotonic clock: how long it lasted is known where the comment says it. */
static void take_lasted(const struct import_writer *writer, struct session_info *info,
                        const struct import_pending *pending)
{
    int64_t now_ns = writer->mono_ns > pending->wall_ns ? writer->mono_ns : pending->wall_ns;
    if (pending->comment.has_lasted && pending->comment.lasted_us < INT64_MAX / NS_PER_US)
        info->opened_mono_ns =
            clock_later(now_ns, -(int64_t)pending->comment.lasted_us * NS_PER_US);
}

static enum status session_event(struct import_writer *writer, const struct import_pending *pending,
                                 enum record_type type, struct error *err)
{
    const struct import_comment *comment = &pending->comment;
    struct import_session *session;
    enum status status = session_of(writer, &comment->session, pending->wall_ns, &session, err);
    if (status != STATUS_OK)
        return status;
    struct session_info *info = &session->info;
    session->told |= 1u << comment->note;
    take_info(info, &comment->info);
    if (type == RECORD_OPENED)
        info->opened_wall_ns = pending->wall_ns;
    info->state = type == RECORD_OPENED   ? SESSION_CONNECTING
                  : type == RECORD_CLOSED ? SESSION_CLOSED
                                          : SESSION_OPEN;
    if (type == RECORD_CLOSED) {
        status = import_conversation_finish(writer, session, UP, pending->wall_ns, err);
        if (status == STATUS_OK)
            status = import_conversation_finish(writer, session, DOWN, pending->wall_ns, err);
        info->bytes_up = comment->info.bytes_up;
        info->bytes_down = comment->info.bytes_down;
        take_lasted(writer, info, pending);
    }
    if (status == STATUS_OK)
        status = import_write_event(writer, session, type, comment->seq, pending->wall_ns, err);
    if (type == RECORD_CLOSED)
        import_session_free(writer, session);
    return status;
}

/* A session that began earlier: its state line comes with its first line. */
static enum status take_state(struct import_writer *writer, const struct import_comment *comment,
                              int64_t wall_ns, struct error *err)
{
    struct import_session *session;
    enum status status = session_of(writer, &comment->session, wall_ns, &session, err);
    if (status != STATUS_OK || session->begun)
        return status;
    take_info(&session->info, &comment->info);
    session->info.state = session->info.address[0] ? SESSION_OPEN : SESSION_CONNECTING;
    session->recorded[UP] = comment->info.bytes_up;
    session->recorded[DOWN] = comment->info.bytes_down;
    return STATUS_OK;
}

/* Events of the recorder itself. */
static enum status lone_event(struct import_writer *writer, const struct import_pending *pending,
                              struct error *err)
{
    const struct import_comment *comment = &pending->comment;
    struct import_session none = {.info.number = 0};
    bool gap = comment->note == IMPORT_NOTE_GAP;
    int64_t step = 0;
    if (!comment->numbered) {
        struct record next = import_record(writer, &none, RECORD_MESSAGE, pending->wall_ns);
        next.seq = writer->renumber || comment->seq <= writer->last_seq ? writer->last_seq + 1
                                                                        : comment->seq;
        return series_writer_gap(writer->series, &next, &comment->gap, err);
    }
    struct record record =
        import_record(writer, &none, gap ? RECORD_GAP : RECORD_CLOCK_STEP, pending->wall_ns);
    if (__builtin_mul_overflow(comment->step_us, NS_PER_US, &step))
        step = 0;
    record.seq = import_number(writer, comment->seq);
    record.payload = gap ? span_make((const char *)&comment->gap, sizeof comment->gap)
                         : span_make((const char *)&step, sizeof step);
    return import_write(writer, NULL, &record, err);
}

static enum status write_pending(struct import_writer *writer, const struct import_pending *pending,
                                 struct error *err)
{
    switch (pending->comment.note) {
    case IMPORT_NOTE_OPENED:
        return session_event(writer, pending, RECORD_OPENED, err);
    case IMPORT_NOTE_POOL_CONNECTED:
        return session_event(writer, pending, RECORD_POOL_CONNECTED, err);
    case IMPORT_NOTE_CLOSED:
        return session_event(writer, pending, RECORD_CLOSED, err);
    case IMPORT_NOTE_GAP:
    case IMPORT_NOTE_CLOCK_STEP:
        return lone_event(writer, pending, err);
    case IMPORT_NOTE_NONE:
    case IMPORT_NOTE_MESSAGE:
    case IMPORT_NOTE_STATE:
        break;
    }
    return STATUS_OK;
}

/* Writes the events up to `seq`, those of that number itself only when they stand in front of it.
 */
static enum status write_up_to(struct import_writer *writer, uint64_t seq, struct error *err)
{
    struct import_pending *first = TAILQ_FIRST(&writer->pending), *next;
    enum status status = STATUS_OK;
    for (; status == STATUS_OK && first; first = next) {
        bool stands_in_front = first->comment.seq == seq && !first->comment.numbered;
        if (writer->pending_count <= PENDING_MAX && first->comment.seq >= seq && !stands_in_front)
            break;
        next = TAILQ_NEXT(first, link);
        TAILQ_REMOVE(&writer->pending, first, link);
        writer->pending_count--;
        status = write_pending(writer, first, err);
        free(first);
    }
    return status;
}

static bool stands_before(const struct import_comment *a, const struct import_comment *b)
{
    return a->seq < b->seq || (a->seq == b->seq && a->numbered <= b->numbered);
}

/* Both sides of a session tell its events; those of one that began earlier were known at the start.
 */
static bool is_told(const struct import_writer *writer, const struct import_comment *comment)
{
    const struct import_session *session =
        comment->has_session ? find(writer, &comment->session) : NULL;
    if (comment->note == IMPORT_NOTE_CLOSED)
        return !session && comment->seq <= writer->last_seq;
    return session && (session->told & 1u << comment->note);
}

static enum status add_pending(struct import_writer *writer, const struct import_comment *comment,
                               int64_t wall_ns, struct error *err)
{
    struct import_pending *pending, *before = TAILQ_LAST(&writer->pending, import_pendings);
    while (before && !stands_before(&before->comment, comment))
        before = TAILQ_PREV(before, import_pendings, link);
    if (is_told(writer, comment) ||
        (before && before->comment.seq == comment->seq && before->comment.numbered &&
         uuid_equal(&before->comment.session, &comment->session)))
        return STATUS_OK;
    pending = memory_new(sizeof *pending);
    pending->comment = *comment;
    pending->wall_ns = comment->wall_ns ? comment->wall_ns : wall_ns;
    if (before)
        TAILQ_INSERT_AFTER(&writer->pending, before, pending, link);
    else
        TAILQ_INSERT_HEAD(&writer->pending, pending, link);
    writer->pending_count++;
    return write_up_to(writer, 0, err);
}

/* ------------------------------------------------------------------ messages */

static unsigned char terminator_of(const struct import_comment *comment, struct span bytes)
{
    bool crlf = bytes.len >= 2 && memcmp(bytes.data + bytes.len - 2, "\r\n", 2) == 0;
    bool feed = bytes.len >= 1 && bytes.data[bytes.len - 1] == '\n';
    if (comment->ends_none || (comment->is_fragment && !comment->last))
        return STRATUM_TERMINATOR_NONE;
    if (comment->ends_crlf)
        return crlf ? STRATUM_TERMINATOR_CRLF : STRATUM_TERMINATOR_NONE;
    return feed ? STRATUM_TERMINATOR_LF : STRATUM_TERMINATOR_NONE;
}

static enum stratum_from from_of(enum direction direction)
{
    switch (direction) {
    case DIRECTION_MINER_TO_POOL:
        return STRATUM_FROM_MINER;
    case DIRECTION_HASHSCOPE_TO_POOL:
        return STRATUM_FROM_HASHSCOPE;
    case DIRECTION_POOL_TO_MINER:
    case DIRECTION_POOL_TO_HASHSCOPE:
        break;
    }
    return STRATUM_FROM_POOL;
}

/* What the comment says of the pairing is right as long as its numbers are kept. */
static void take_match(const struct import_writer *writer, const struct import_comment *comment,
                       const struct stratum_match *match, struct record *record)
{
    if (!comment->paired)
        return;
    if (writer->renumber)
        record_take_match(record, match);
    else
        record->re = comment->re;
    if (!writer->renumber)
        record->flags |= RECORD_PAIRED;
    if (comment->has_latency && comment->latency_us < INT64_MAX / NS_PER_US)
        record->latency_ns = (int64_t)comment->latency_us * NS_PER_US;
}

static enum status write_message(struct import_writer *writer, struct import_session *session,
                                 const struct import_comment *comment, struct span bytes,
                                 int64_t wall_ns, struct error *err)
{
    struct stratum_piece piece = {
        .data = bytes.data,
        .len = bytes.len,
        .terminator = terminator_of(comment, bytes),
        .opaque = comment->opaque && !comment->is_fragment,
        .is_fragment = comment->is_fragment,
        .fragment = comment->fragment,
        .last_fragment = comment->last,
    };
    piece.len -= piece.terminator;
    import_take_whole(session, comment, &piece);
    struct record record = import_record(writer, session, RECORD_MESSAGE, wall_ns);
    record.seq = import_number(writer, comment->seq);
    record.direction = comment->direction;
    const struct record_pairing pairing = {&session->pairs, from_of(comment->direction), record.seq,
                                           writer->pair_timeout_ns};
    struct stratum_match match = record_take_piece(&record, &piece, &pairing);
    take_match(writer, comment, &match, &record);
    if (comment->has_forward && comment->forward_us < UINT32_MAX / NS_PER_US) {
        record.flags |= RECORD_FORWARD_KNOWN;
        record.forward_ns = (uint32_t)(comment->forward_us * NS_PER_US);
    }
    if (comment->direction != DIRECTION_HASHSCOPE_TO_POOL)
        session->recorded[comment->direction == DIRECTION_MINER_TO_POOL ? UP : DOWN] += bytes.len;
    return import_write(writer, session, &record, err);
}

/* A whole message: `bytes` are all of its packets'. */
static enum status take_message(struct import_writer *writer, struct commented_flow *commented,
                                const struct import_comment *comment,
                                const struct import_event *event, struct span bytes,
                                struct error *err)
{
    struct import_session *session;
    unsigned side = import_side_of(comment->direction);
    int64_t wall_ns = comment->wall_ns ? comment->wall_ns : event->wall_ns;
    uint64_t lost = commented->lost[event->side];
    enum status status = write_up_to(writer, comment->seq, err);
    if (status == STATUS_OK)
        status = session_of(writer, &comment->session, wall_ns, &session, err);
    if (status != STATUS_OK)
        return status;
    commented->lost[event->side] = 0;
    commented->sides[event->side] = (int)side;
    if (comment->seq <= session->last_seq) {
        writer->counts.copies++;
        return STATUS_OK;
    }
    session->last_seq = comment->seq;
    if (lost == 0)
        lost = comment->lost_bytes;
    if (lost)
        status = import_conversation_lose(writer, session, side, lost, wall_ns, err);
    else
        status = import_conversation_finish(writer, session, side, wall_ns, err);
    return status == STATUS_OK ? write_message(writer, session, comment, bytes, wall_ns, err)
                               : status;
}

/* Bytes that no comment claims. */
static enum status release_carry(struct import_writer *writer, struct commented_flow *commented,
                                 unsigned end, int64_t wall_ns, struct error *err)
{
    struct buffer *carry = &commented->carry[end];
    struct import_session *session =
        commented->has_session ? find(writer, &commented->session) : NULL;
    enum status status = STATUS_OK;
    if (carry->len && session && commented->sides[end] >= 0) {
        status = import_conversation_push(writer, session, (unsigned)commented->sides[end],
                                          span_make(carry->data, carry->len), commented->lost[end],
                                          wall_ns, err);
        commented->lost[end] = 0;
    }
    buffer_close(carry);
    return status;
}

static enum status take_data(struct import_writer *writer, struct commented_flow *commented,
                             const struct import_comment *comment, const struct import_event *event,
                             struct error *err)
{
    struct buffer *carry = &commented->carry[event->side];
    enum status status = STATUS_OK;
    if (event->lost)
        status = release_carry(writer, commented, event->side, event->wall_ns, err);
    commented->lost[event->side] += event->lost;
    if (status != STATUS_OK)
        return status;
    if (comment->note == IMPORT_NOTE_MESSAGE && carry->len == 0)
        return take_message(writer, commented, comment, event, event->data, err);
    buffer_append(carry, event->data.data, event->data.len);
    if (comment->note == IMPORT_NOTE_MESSAGE) {
        status = take_message(writer, commented, comment, event, span_make(carry->data, carry->len),
                              err);
        buffer_clear(carry);
        if (carry->capacity > 65536)
            buffer_close(carry);
    } else if (carry->len > CARRY_MAX) {
        status = release_carry(writer, commented, event->side, event->wall_ns, err);
    }
    return status;
}

/* ------------------------------------------------------------------ all of them */

/* Reads the packet's comments: events are taken at once, the message's is left in `message`. */
static enum status take_comments(struct import_writer *writer, struct commented_flow *commented,
                                 const struct import_event *event, struct import_comment *message,
                                 struct error *err)
{
    struct span rest = event->comments;
    struct import_comment comment;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && import_comment_next(&rest, &comment)) {
        if (comment.has_session && comment.note != IMPORT_NOTE_NONE) {
            commented->session = comment.session;
            commented->has_session = true;
        }
        if (comment.note == IMPORT_NOTE_MESSAGE)
            *message = comment;
        else if (comment.note == IMPORT_NOTE_STATE)
            status = take_state(writer, &comment, event->wall_ns, err);
        else if (comment.note != IMPORT_NOTE_NONE)
            status = add_pending(writer, &comment, event->wall_ns, err);
    }
    return status;
}

static enum status flow_gone(struct import_writer *writer, struct import_flow *flow,
                             const struct import_event *event, struct error *err)
{
    struct commented_flow *commented = flow->user;
    enum status status = release_carry(writer, commented, 0, event->wall_ns, err);
    if (status == STATUS_OK)
        status = release_carry(writer, commented, 1, event->wall_ns, err);
    buffer_close(&commented->carry[1]);
    free(commented);
    flow->user = NULL;
    return status;
}

enum status import_commented_event(struct import_writer *writer, struct import_flow *flow,
                                   const struct import_event *event, struct error *err)
{
    struct commented_flow *commented = flow->user;
    struct import_comment message = {.note = IMPORT_NOTE_NONE};
    if (!commented) {
        flow->user = commented = memory_new(sizeof *commented);
        commented->sides[0] = commented->sides[1] = -1;
    }
    enum status status = take_comments(writer, commented, event, &message, err);
    if (status != STATUS_OK)
        return status;
    bool empty = event->data.len == 0 && event->lost == 0 && message.note == IMPORT_NOTE_NONE;
    if (event->type == IMPORT_GONE)
        return flow_gone(writer, flow, event, err);
    if (empty || (event->type != IMPORT_DATA && event->type != IMPORT_NOTED))
        return STATUS_OK;
    return take_data(writer, commented, &message, event, err);
}

enum status import_commented_begin(struct import_writer *writer, const struct import_early *early,
                                   size_t count, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        status = add_pending(writer, &early[i].comment, early[i].wall_ns, err);
    return status;
}

/* A gap in front of a line that does not come is none. */
static void drop_last_gaps(struct import_writer *writer)
{
    struct import_pending *last = TAILQ_LAST(&writer->pending, import_pendings), *before;
    for (; last && !last->comment.numbered; last = before) {
        before = TAILQ_PREV(last, import_pendings, link);
        TAILQ_REMOVE(&writer->pending, last, link);
        free(last);
    }
}

enum status import_commented_end(struct import_writer *writer, struct error *err)
{
    struct import_session *session;
    drop_last_gaps(writer);
    enum status status = write_up_to(writer, UINT64_MAX, err);
    for (uint32_t i = 0; i < SESSION_BUCKETS; i++) {
        LIST_FOREACH(session, &writer->buckets[i], link)
        {
            for (unsigned side = 0; side < 2 && status == STATUS_OK; side++)
                status = import_conversation_finish(writer, session, side, writer->mono_ns, err);
            writer->counts.unfinished++;
        }
    }
    return status;
}
