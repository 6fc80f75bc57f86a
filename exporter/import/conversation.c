/*
 * conversation.c - a connection without comments: what its flags and bytes mean.
 *
 * The session's number and UUID follow from the capture alone: the UUID has the time of the first
 * packet and a hash of both ends. A callback of the framer cannot fail, so what the writer says is
 * kept in the writer and looked at behind each push.
 */
#include <stdio.h>
#include <string.h>

#include "exporter/import/writer_private.h"

#define ROUTE "import"

struct push {
    struct import_writer *writer;
    struct import_session *session;
    unsigned side;
    int64_t wall_ns;
};

/* ------------------------------------------------------------------ bytes */

static void on_piece(void *context, const struct stratum_piece *piece)
{
    const struct push *push = context;
    struct import_writer *writer = push->writer;
    struct import_session *session = push->session;
    if (writer->status != STATUS_OK)
        return;
    struct record record = import_record(writer, session, RECORD_MESSAGE, push->wall_ns);
    record.seq = import_number(writer, 0);
    record.direction = push->side == UP ? DIRECTION_MINER_TO_POOL : DIRECTION_POOL_TO_MINER;
    const struct record_pairing pairing = {
        .pairs = &session->pairs,
        .from = push->side == UP ? STRATUM_FROM_MINER : STRATUM_FROM_POOL,
        .seq = record.seq,
        .timeout_ns = writer->pair_timeout_ns,
    };
    struct stratum_match match = record_take_piece(&record, piece, &pairing);
    record_take_match(&record, &match);
    writer->status = import_write(writer, session, &record, &writer->why);
    session->recorded[push->side] += record_wire_bytes(&record);
}

static enum status pushed(struct import_writer *writer, struct error *err)
{
    return writer->status == STATUS_OK ? STATUS_OK
                                       : error_set(err, writer->status, "%s", writer->why.text);
}

enum status import_conversation_finish(struct import_writer *writer, struct import_session *session,
                                       unsigned side, int64_t wall_ns, struct error *err)
{
    struct push push = {writer, session, side, wall_ns};
    stratum_framer_finish(&session->framers[side], &writer->limits, on_piece, &push);
    return pushed(writer, err);
}

enum status import_conversation_lose(struct import_writer *writer, struct import_session *session,
                                     unsigned side, uint64_t lost, int64_t wall_ns,
                                     struct error *err)
{
    enum status status = import_conversation_finish(writer, session, side, wall_ns, err);
    session->recorded[side] += lost;
    writer->counts.losses++;
    writer->counts.lost_bytes += lost;
    series_writer_lost(writer->series, &session->info.session);
    return status;
}

enum status import_conversation_push(struct import_writer *writer, struct import_session *session,
                                     unsigned side, struct span data, uint64_t lost,
                                     int64_t wall_ns, struct error *err)
{
    struct push push = {writer, session, side, wall_ns};
    enum status status = STATUS_OK;
    if (lost)
        status = import_conversation_lose(writer, session, side, lost, wall_ns, err);
    if (status != STATUS_OK)
        return status;
    stratum_framer_push(&session->framers[side], &writer->limits, data.data, data.len, on_piece,
                        &push);
    return pushed(writer, err);
}

/* ------------------------------------------------------------------ beginnings */

/* Fixed by the capture, so that the same one gives the same sessions. */
static struct uuid session_uuid(const struct import_flow *flow, unsigned miner)
{
    struct import_endpoint ends[2] = {flow->ends[miner], flow->ends[!miner]};
    struct uuid uuid = uuid_new(flow->first_ns);
    store_le64(uuid.bytes + 8, hash_bytes((uint64_t)flow->first_ns, ends, sizeof ends));
    uuid.bytes[8] = (uint8_t)(0x80u | (uuid.bytes[8] & 0x3fu));
    return uuid;
}

static struct import_session *begin(struct import_writer *writer, struct import_flow *flow,
                                    unsigned miner)
{
    struct import_session *session = import_session_new(writer);
    struct session_info *info = &session->info;
    info->session = session_uuid(flow, miner);
    info->number = ++writer->sessions_seen;
    info->opened_wall_ns = flow->first_ns;
    snprintf(info->route, sizeof info->route, "%s", ROUTE);
    import_endpoint_format(info->miner, &flow->ends[miner]);
    import_endpoint_format(info->listen, &flow->ends[!miner]);
    flow->user = session;
    return session;
}

static void set_pool(struct import_session *session, int64_t wall_ns)
{
    struct session_info *info = &session->info;
    info->state = SESSION_OPEN;
    info->connected_wall_ns = wall_ns;
    memcpy(info->pool, info->listen, sizeof info->listen);
    memcpy(info->address, info->listen, sizeof info->address);
    memcpy(info->local, info->miner, sizeof info->local);
    session->connected = true;
}

static enum status connected(struct import_writer *writer, struct import_session *session,
                             int64_t wall_ns, struct error *err)
{
    if (session->connected)
        return STATUS_OK;
    set_pool(session, wall_ns);
    return session->begun
               ? import_write_event(writer, session, RECORD_POOL_CONNECTED, 0, wall_ns, err)
               : STATUS_OK;
}

static enum status opened(struct import_writer *writer, struct import_session *session,
                          int64_t wall_ns, struct error *err)
{
    return session->begun ? STATUS_OK
                          : import_write_event(writer, session, RECORD_OPENED, 0, wall_ns, err);
}

/* ------------------------------------------------------------------ ends */

static enum status closed(struct import_writer *writer, struct import_session *session,
                          const char *by, const char *reason, int64_t wall_ns, struct error *err)
{
    struct session_info *info = &session->info;
    enum status status = import_conversation_finish(writer, session, UP, wall_ns, err);
    if (status == STATUS_OK)
        status = import_conversation_finish(writer, session, DOWN, wall_ns, err);
    if (status != STATUS_OK || !session->begun || info->state == SESSION_CLOSED)
        return status;
    info->state = SESSION_CLOSED;
    info->closed_wall_ns = wall_ns;
    info->bytes_up = session->recorded[UP];
    info->bytes_down = session->recorded[DOWN];
    snprintf(info->closed_by, sizeof info->closed_by, "%s", by);
    snprintf(info->reason, sizeof info->reason, "%s", reason);
    return import_write_event(writer, session, RECORD_CLOSED, 0, wall_ns, err);
}

static const char *const names[2] = {"miner", "pool"};

static enum status ended(struct import_writer *writer, struct import_session *session,
                         unsigned side, int64_t wall_ns, struct error *err)
{
    if (!session->ended[!side])
        session->first_ended = side;
    session->ended[side] = true;
    if (!session->ended[!side])
        return import_conversation_finish(writer, session, side, wall_ns, err);
    return closed(writer, session, names[session->first_ended], "end", wall_ns, err);
}

/* The last of it. */
static enum status gone(struct import_writer *writer, struct import_flow *flow,
                        struct import_session *session, const struct import_event *event,
                        struct error *err)
{
    static const char *const reasons[] = {
        [IMPORT_GONE_REUSED] = "timeout: its ports were used again",
        [IMPORT_GONE_IDLE] = "timeout: silent for a day",
        [IMPORT_GONE_CROWDED] = "timeout: silent longest of too many",
    };
    enum status status;
    if (event->gone == IMPORT_GONE_CAPTURE_ENDED || event->gone == IMPORT_GONE_CLOSED) {
        status = import_conversation_finish(writer, session, UP, event->wall_ns, err);
        if (status == STATUS_OK)
            status = import_conversation_finish(writer, session, DOWN, event->wall_ns, err);
        writer->counts.unfinished += session->info.state != SESSION_CLOSED;
    } else {
        status = closed(writer, session, "hashscope", reasons[event->gone], event->wall_ns, err);
    }
    import_session_free(writer, session);
    flow->user = NULL;
    return status;
}

/* ------------------------------------------------------------------ all of them */

static enum status data(struct import_writer *writer, struct import_session *session, unsigned side,
                        const struct import_event *event, struct error *err)
{
    enum status status = connected(writer, session, event->wall_ns, err);
    if (status != STATUS_OK)
        return status;
    return import_conversation_push(writer, session, side, event->data, event->lost, event->wall_ns,
                                    err);
}

enum status import_conversation_event(struct import_writer *writer, struct import_flow *flow,
                                      unsigned miner, const struct import_event *event,
                                      struct error *err)
{
    struct import_session *session = flow->user;
    unsigned side = event->side == miner ? UP : DOWN;
    enum status status;
    if (!session)
        session = begin(writer, flow, miner);
    switch (event->type) {
    case IMPORT_OPENED:
        return opened(writer, session, event->wall_ns, err);
    case IMPORT_CONNECTED:
        status = opened(writer, session, event->wall_ns, err);
        return status == STATUS_OK ? connected(writer, session, event->wall_ns, err) : status;
    case IMPORT_DATA:
        return data(writer, session, side, event, err);
    case IMPORT_ENDED:
        return ended(writer, session, side, event->wall_ns, err);
    case IMPORT_RESET:
        return closed(writer, session, names[side], "reset", event->wall_ns, err);
    case IMPORT_NOTED:
        return STATUS_OK;
    case IMPORT_GONE:
        return gone(writer, flow, session, event, err);
    }
    return STATUS_OK;
}
