/*
 * queue.c - bytes that join, bytes that repeat, bytes that have to wait.
 *
 * While nothing waits, events go straight to the sink and nothing is copied. A segment behind a
 * hole is copied into the queue, not ready; from then on every event is queued behind it. The queue
 * is given out from its head as far as it is ready. When a hole is filled, what waited for it moves
 * behind the segment that filled it; when it is given up, it stays where it is (unless that would
 * turn its own bytes around).
 *
 * Sequence numbers are compared modulo 2^32 (RFC 9293, section 3.4).
 */
#include <stdlib.h>
#include <string.h>

#include "exporter/import/flow_private.h"
#include "lib/base/memory.h"

#define WAITING_MOST 4096      /* segments of one direction */
#define STRAY_BYTES  (1 << 30) /* no window is larger (RFC 7323) */

static int32_t ahead(uint32_t seq, uint32_t of)
{
    return (int32_t)(seq - of);
}

/* ------------------------------------------------------------------ giving out */

static enum status deliver(struct import_flows *flows, struct import_flow *flow,
                           const struct import_event *event, struct error *err)
{
    enum status status = flows->sink(flows->user, flow, event, err);
    if (event->type == IMPORT_GONE)
        import_flow_free(flow);
    return status;
}

static void unlink_queued(struct import_flows *flows, struct import_queued *queued)
{
    TAILQ_REMOVE(&flows->queue, queued, order);
    flows->queue_bytes -= queued->size;
    queued->flow->queued--;
    if (queued->flow->halves[queued->event.side].joined == queued)
        queued->flow->halves[queued->event.side].joined = NULL;
}

static enum status give_out(struct import_flows *flows, struct error *err)
{
    struct import_queued *head = TAILQ_FIRST(&flows->queue), *next;
    enum status status = STATUS_OK;
    for (; status == STATUS_OK && head && head->ready; head = next) {
        struct import_event end = {
            .type = IMPORT_ENDED, .side = head->event.side, .wall_ns = head->event.wall_ns};
        bool empty = head->event.type == IMPORT_DATA && !head->event.data.len &&
                     !head->event.lost && !head->event.comments.len;
        next = TAILQ_NEXT(head, order);
        unlink_queued(flows, head);
        if (!empty)
            status = deliver(flows, head->flow, &head->event, err);
        if (head->fin && status == STATUS_OK)
            status = deliver(flows, head->flow, &end, err);
        free(head);
    }
    return status;
}

/* ------------------------------------------------------------------ queueing */

static struct import_queued *append(struct import_flows *flows, struct import_flow *flow,
                                    const struct import_event *event)
{
    size_t size = sizeof(struct import_queued) + event->data.len + event->comments.len;
    struct import_queued *queued = memory_new(size);
    queued->flow = flow;
    queued->event = *event;
    queued->size = size;
    queued->place = flows->next_place++;
    if (event->data.len)
        memcpy(queued->bytes, event->data.data, event->data.len);
    queued->event.data.data = queued->bytes;
    if (event->comments.len)
        memcpy(queued->bytes + event->data.len, event->comments.data, event->comments.len);
    queued->event.comments.data = queued->bytes + event->data.len;
    TAILQ_INSERT_TAIL(&flows->queue, queued, order);
    flows->queue_bytes += size;
    flow->queued++;
    return queued;
}

enum status import_queue_put(struct import_flows *flows, struct import_flow *flow,
                             const struct import_event *event, struct error *err)
{
    if (TAILQ_EMPTY(&flows->queue))
        return deliver(flows, flow, event, err);
    struct import_queued *queued = append(flows, flow, event);
    queued->ready = true;
    if (event->type == IMPORT_DATA)
        flow->halves[event->side].joined = queued;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ what waits */

/* Cuts off the front what was given already; then it joins. */
static void join(struct import_half *half, struct import_queued *queued)
{
    struct span *data = &queued->event.data;
    int32_t old = ahead(half->next, queued->seq);
    size_t cut = old <= 0 ? 0 : (size_t)old < data->len ? (size_t)old : data->len;
    uint32_t end = queued->seq + (uint32_t)data->len;
    TAILQ_REMOVE(&half->waiting, queued, waiting);
    half->waiting_count--;
    data->data += cut;
    data->len -= cut;
    if (ahead(end, half->next) > 0)
        half->next = end;
    if (queued->fin)
        half->ended = true;
    queued->ready = true;
}

static void move_behind(struct import_flows *flows, struct import_queued *queued,
                        struct import_queued *previous)
{
    TAILQ_REMOVE(&flows->queue, queued, order);
    TAILQ_INSERT_AFTER(&flows->queue, previous, queued, order);
    queued->place = previous->place;
    if (queued->event.wall_ns < previous->event.wall_ns)
        queued->event.wall_ns = previous->event.wall_ns;
}

/* What waits and now joins, in its order, behind what has joined before. */
static void join_waiting(struct import_flows *flows, struct import_half *half)
{
    struct import_queued *first;
    while ((first = TAILQ_FIRST(&half->waiting)) && ahead(first->seq, half->next) <= 0) {
        join(half, first);
        if (half->joined && first->place <= half->joined->place)
            move_behind(flows, first, half->joined);
        half->joined = first;
    }
    half->acked_ns = 0;
}

/* The hole in front of what waits stays one. */
static void give_up_hole(struct import_flows *flows, struct import_half *half)
{
    struct import_queued *first = TAILQ_FIRST(&half->waiting);
    if (!first)
        return;
    first->event.lost += first->seq - half->next;
    flows->counts.losses++;
    flows->counts.lost_bytes += first->seq - half->next;
    half->next = first->seq;
    join_waiting(flows, half);
}

void import_queue_give_up(struct import_flows *flows, struct import_flow *flow)
{
    for (unsigned side = 0; side < 2; side++) {
        while (flow->halves[side].waiting_count)
            give_up_hole(flows, &flow->halves[side]);
    }
}

static void insert_waiting(struct import_half *half, struct import_queued *queued)
{
    struct import_queued *before = TAILQ_LAST(&half->waiting, import_queue);
    while (before && ahead(before->seq, queued->seq) > 0)
        before = TAILQ_PREV(before, import_queue, waiting);
    if (before)
        TAILQ_INSERT_AFTER(&half->waiting, before, queued, waiting);
    else
        TAILQ_INSERT_HEAD(&half->waiting, queued, waiting);
    half->waiting_count++;
}

static void wait_for_bytes(struct import_flows *flows, struct import_flow *flow,
                           const struct import_event *event, uint32_t seq, bool fin)
{
    struct import_half *half = &flow->halves[event->side];
    struct import_queued *queued = append(flows, flow, event);
    queued->seq = seq;
    queued->fin = fin;
    insert_waiting(half, queued);
    flows->counts.out_of_order++;
    if (half->waiting_count > WAITING_MOST)
        give_up_hole(flows, half);
}

void import_queue_acked(struct import_half *half, uint32_t ack, int64_t wall_ns)
{
    if (half->waiting_count && !half->acked_ns && ahead(ack, half->next) > 0)
        half->acked_ns = wall_ns > 0 ? wall_ns : 1;
}

/* ------------------------------------------------------------------ segments with bytes */

/* The bytes join: they are given out, and then what waited for them. */
static enum status pass(struct import_flows *flows, struct import_flow *flow,
                        const struct import_event *event, bool fin, struct error *err)
{
    struct import_half *half = &flow->halves[event->side];
    struct import_event end = {
        .type = IMPORT_ENDED, .side = event->side, .wall_ns = event->wall_ns};
    enum status status = STATUS_OK;
    if (event->data.len || event->comments.len)
        status = import_queue_put(flows, flow, event, err);
    half->next += (uint32_t)event->data.len;
    if (fin && status == STATUS_OK) {
        half->ended = true;
        status = import_queue_put(flows, flow, &end, err);
    }
    if (half->waiting_count)
        join_waiting(flows, half);
    return status;
}

/* So many bytes are missing that sequence numbers alone would say that these are old ones. */
static void jump(struct import_flows *flows, struct import_flow *flow, struct import_half *half,
                 const struct import_segment *segment, struct import_event *event)
{
    if (segment->jump < STRAY_BYTES)
        return;
    import_queue_give_up(flows, flow); /* HashScope's exports are in order */
    if (half->next + (uint32_t)segment->jump != segment->seq)
        return;
    event->lost = segment->jump;
    half->next = segment->seq;
    flows->counts.losses++;
    flows->counts.lost_bytes += segment->jump;
}

enum status import_queue_data(struct import_flows *flows, struct import_flow *flow, unsigned side,
                              const struct import_segment *segment, struct error *err)
{
    struct import_half *half = &flow->halves[side];
    bool fin = (segment->flags & IMPORT_FIN) != 0 && !segment->missing;
    struct import_event event = {.type = IMPORT_DATA,
                                 .side = side,
                                 .wall_ns = segment->wall_ns,
                                 .data = {(const char *)segment->data, segment->len},
                                 .comments = segment->comment};
    if (segment->missing) { /* from now on a hole like any other */
        flows->counts.cut_segments++;
        flows->counts.cut_bytes += segment->missing;
    }
    if (segment->jump && !half->ended)
        jump(flows, flow, half, segment, &event);
    int32_t distance = ahead(segment->seq, half->next);
    if (half->ended || distance > STRAY_BYTES) {
        *(half->ended ? &flows->counts.duplicates : &flows->counts.strays) += 1;
        return STATUS_OK;
    }
    if (distance > 0) {
        wait_for_bytes(flows, flow, &event, segment->seq, fin);
        return STATUS_OK;
    }
    size_t old = (size_t) - (int64_t)distance;
    if (old > event.data.len || (old == event.data.len && old > 0 && !fin)) {
        flows->counts.duplicates++;
        return STATUS_OK;
    }
    event.data.data += old;
    event.data.len -= old;
    return pass(flows, flow, &event, fin, err);
}

/* ------------------------------------------------------------------ time and ends */

static bool is_due(const struct import_flows *flows, const struct import_queued *head)
{
    const struct import_half *half = &head->flow->halves[head->event.side];
    return flows->queue_bytes > flows->limits.queue_max ||
           flows->now_ns - head->event.wall_ns > IMPORT_WAIT_NS ||
           (half->acked_ns && flows->now_ns - half->acked_ns > IMPORT_GRACE_NS);
}

/* The hole that the queue's head waits for is given up, when that is due or `now`. */
static bool give_up_first(struct import_flows *flows, bool now)
{
    const struct import_queued *head = TAILQ_FIRST(&flows->queue);
    if (!head || (!now && !is_due(flows, head)))
        return false;
    /* TAILQ_REMOVE took what was given out off the queue, which the analyser does not see */
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    give_up_hole(flows, &head->flow->halves[head->event.side]);
    return true;
}

enum status import_queue_run(struct import_flows *flows, struct error *err)
{
    enum status status = give_out(flows, err);
    while (status == STATUS_OK && give_up_first(flows, false))
        status = give_out(flows, err);
    return status;
}

enum status import_queue_end(struct import_flows *flows, struct error *err)
{
    enum status status = give_out(flows, err);
    while (status == STATUS_OK && give_up_first(flows, true))
        status = give_out(flows, err);
    return status;
}

void import_queue_free(struct import_flows *flows)
{
    struct import_queued *queued, *next;
    for (queued = TAILQ_FIRST(&flows->queue); queued; queued = next) {
        next = TAILQ_NEXT(queued, order);
        if (queued->event.type == IMPORT_GONE)
            import_flow_free(queued->flow);
        free(queued);
    }
}
