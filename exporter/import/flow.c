/*
 * flow.c - the table of connections, and what flags mean to them.
 *
 * A hash table with chains, keyed by both ends (the lower first), and a list by age. What a flag
 * means depends on what was seen before: a second SYN with the same number is a repetition, one
 * with another number a new connection on the same ports. A connection that has ended stays in the
 * table, so that what is repeated does not look like a new one.
 */
#include "exporter/import/flow.h"

#include <stdlib.h>
#include <string.h>

#include "exporter/import/flow_private.h"
#include "lib/base/memory.h"
#include "lib/base/random.h"

#define BUCKETS_FIRST 1024u
#define NEAR_BYTES    (1 << 20) /* of an ended connection: what may still be repeated */

struct import_flows *import_flows_new(const struct import_flow_limits *limits, import_sink *sink,
                                      void *user)
{
    struct import_flows *flows = memory_new(sizeof *flows);
    flows->limits = *limits;
    flows->sink = sink;
    flows->user = user;
    flows->bucket_count = BUCKETS_FIRST;
    flows->buckets = memory_new(BUCKETS_FIRST * sizeof *flows->buckets);
    flows->seed = random_u64();
    TAILQ_INIT(&flows->ages);
    TAILQ_INIT(&flows->queue);
    return flows;
}

void import_flows_free(struct import_flows *flows)
{
    struct import_flow *flow;
    if (!flows)
        return;
    import_queue_free(flows);
    while ((flow = TAILQ_FIRST(&flows->ages))) {
        TAILQ_REMOVE(&flows->ages, flow, age);
        import_flow_free(flow);
    }
    free(flows->buckets);
    free(flows);
}

const struct import_flow_counts *import_flows_counts(const struct import_flows *flows)
{
    return &flows->counts;
}

size_t import_flows_queued(const struct import_flows *flows)
{
    return flows->queue_bytes;
}

/* ------------------------------------------------------------------ the table */

/* Which of the two ends sent this segment: the lower one is the first. */
static unsigned side_of(const struct import_segment *segment)
{
    return memcmp(&segment->from, &segment->to, sizeof segment->from) > 0;
}

static uint32_t hash_of(const struct import_flows *flows, const struct import_endpoint ends[2])
{
    uint64_t hash = hash_bytes(flows->seed, ends, 2 * sizeof ends[0]);
    return (uint32_t)(hash ^ hash >> 32);
}

static struct import_bucket *bucket_of(const struct import_flows *flows, uint32_t hash)
{
    return &flows->buckets[hash & (flows->bucket_count - 1)];
}

static struct import_flow *find(const struct import_flows *flows,
                                const struct import_endpoint ends[2], uint32_t hash)
{
    struct import_flow *flow;
    LIST_FOREACH(flow, bucket_of(flows, hash), bucket)
    {
        if (flow->hash == hash && memcmp(flow->ends, ends, sizeof flow->ends) == 0)
            return flow;
    }
    return NULL;
}

static void grow(struct import_flows *flows)
{
    struct import_flow *flow;
    free(flows->buckets);
    flows->bucket_count *= 2;
    flows->buckets = memory_new(flows->bucket_count * sizeof *flows->buckets);
    TAILQ_FOREACH(flow, &flows->ages, age)
    LIST_INSERT_HEAD(bucket_of(flows, flow->hash), flow, bucket);
}

/* Takes the flow out of the table; its last event frees it. */
static enum status end_flow(struct import_flows *flows, struct import_flow *flow,
                            enum import_gone gone, struct error *err)
{
    const struct import_event event = {.type = IMPORT_GONE, .gone = gone, .wall_ns = flow->last_ns};
    import_queue_give_up(flows, flow);
    LIST_REMOVE(flow, bucket);
    TAILQ_REMOVE(&flows->ages, flow, age);
    flows->count--;
    return import_queue_put(flows, flow, &event, err);
}

static enum status end_oldest(struct import_flows *flows, enum import_gone gone, struct error *err)
{
    struct import_flow *flow = TAILQ_FIRST(&flows->ages);
    return end_flow(flows, flow, flow->dead ? IMPORT_GONE_CLOSED : gone, err);
}

static enum status make_room(struct import_flows *flows, struct error *err)
{
    enum status status = STATUS_OK;
    if (flows->count < flows->limits.flows_max)
        return STATUS_OK;
    flows->counts.crowded += !TAILQ_FIRST(&flows->ages)->dead;
    status = end_oldest(flows, IMPORT_GONE_CROWDED, err);
    return status == STATUS_OK ? import_queue_run(flows, err) : status;
}

static enum status begin_flow(struct import_flows *flows, const struct import_endpoint ends[2],
                              uint32_t hash, int64_t wall_ns, struct import_flow **out,
                              struct error *err)
{
    enum status status = make_room(flows, err);
    if (status != STATUS_OK)
        return status;
    struct import_flow *flow = memory_new(sizeof *flow);
    memcpy(flow->ends, ends, sizeof flow->ends);
    flow->hash = hash;
    flow->ordinal = flows->next_ordinal++;
    flow->first_ns = flow->last_ns = wall_ns;
    flow->initiator = -1;
    TAILQ_INIT(&flow->halves[0].waiting);
    TAILQ_INIT(&flow->halves[1].waiting);
    TAILQ_INSERT_TAIL(&flows->ages, flow, age);
    if (++flows->count > flows->bucket_count)
        grow(flows);
    else
        LIST_INSERT_HEAD(bucket_of(flows, hash), flow, bucket);
    flows->counts.flows++;
    *out = flow;
    return STATUS_OK;
}

/* ------------------------------------------------------------------ is it the same connection? */

static int32_t distance(const struct import_half *half, uint32_t seq)
{
    return (int32_t)(seq - half->next);
}

static bool is_near(const struct import_half *half, uint32_t seq)
{
    int32_t far = distance(half, seq);
    return !half->known || (far > -NEAR_BYTES && far < NEAR_BYTES);
}

/* A SYN repeats the one that was seen, or came late: its number is just below what was said. */
static bool repeats_syn(const struct import_flow *flow, unsigned side, uint32_t seq)
{
    const struct import_half *half = &flow->halves[side];
    return !half->known || (!flow->dead && is_near(half, seq + 1));
}

/* Whether the segment belongs to a new connection on the same ports. */
static bool begins_anew(const struct import_flow *flow, unsigned side,
                        const struct import_segment *segment)
{
    if (segment->flags & IMPORT_RST)
        return false;
    if (segment->flags & IMPORT_SYN)
        return flow->dead
                   ? !(segment->flags & IMPORT_ACK) || !is_near(&flow->halves[side], segment->seq)
                   : !repeats_syn(flow, side, segment->seq);
    return flow->dead && segment->len && !is_near(&flow->halves[side], segment->seq);
}

/* ------------------------------------------------------------------ segments */

static enum status take_syn(struct import_flows *flows, struct import_flow *flow, unsigned side,
                            const struct import_segment *segment, struct error *err)
{
    struct import_half *half = &flow->halves[side];
    bool answer = (segment->flags & IMPORT_ACK) != 0;
    struct import_event event = {.type = answer ? IMPORT_CONNECTED : IMPORT_OPENED,
                                 .side = side,
                                 .wall_ns = segment->wall_ns,
                                 .comments = segment->comment};
    if (half->known)
        return STATUS_OK;
    half->known = true;
    half->next = segment->seq + 1;
    if (flow->initiator < 0)
        flow->initiator = (int)(answer ? !side : side);
    return import_queue_put(flows, flow, &event, err);
}

static enum status take_reset(struct import_flows *flows, struct import_flow *flow, unsigned side,
                              const struct import_segment *segment, struct error *err)
{
    struct import_event event = {.type = IMPORT_RESET,
                                 .side = side,
                                 .wall_ns = segment->wall_ns,
                                 .comments = segment->comment};
    if (flow->dead)
        return STATUS_OK;
    import_queue_give_up(flows, flow);
    flow->dead = flow->halves[0].ended = flow->halves[1].ended = true;
    return import_queue_put(flows, flow, &event, err);
}

static enum status take_bytes(struct import_flows *flows, struct import_flow *flow, unsigned side,
                              const struct import_segment *segment, struct error *err)
{
    struct import_half *half = &flow->halves[side];
    bool probe = segment->len == 1 && segment->data[0] == 0; /* keep-alives repeat a byte so */
    if (!half->known && probe)
        return STATUS_OK;
    if (!half->known) {
        half->known = true;
        half->next = segment->seq;
    }
    enum status status = import_queue_data(flows, flow, side, segment, err);
    flow->dead = flow->dead || (flow->halves[0].ended && flow->halves[1].ended);
    return status;
}

static enum status take_flags(struct import_flows *flows, struct import_flow *flow, unsigned side,
                              const struct import_segment *segment, struct error *err)
{
    struct import_segment rest = *segment;
    enum status status = STATUS_OK;
    if (segment->flags & IMPORT_SYN) {
        status = take_syn(flows, flow, side, segment, err);
        rest.seq++; /* a SYN may have bytes (RFC 7413) */
        rest.comment.len = 0;
    }
    if (segment->flags & IMPORT_ACK)
        import_queue_acked(&flow->halves[!side], segment->ack, segment->wall_ns);
    if (status != STATUS_OK)
        return status;
    if (segment->flags & IMPORT_RST)
        return take_reset(flows, flow, side, segment, err);
    if (rest.len || rest.missing || rest.flags & IMPORT_FIN)
        return take_bytes(flows, flow, side, &rest, err);
    const struct import_event note = {
        .type = IMPORT_NOTED, .side = side, .wall_ns = rest.wall_ns, .comments = rest.comment};
    return rest.comment.len ? import_queue_put(flows, flow, &note, err) : STATUS_OK;
}

/* A connection is begun by a SYN, or by bytes; by nothing less. */
static bool may_begin(const struct import_segment *segment)
{
    return !(segment->flags & IMPORT_RST) &&
           (segment->flags & IMPORT_SYN || segment->len || segment->missing);
}

static void touch(struct import_flows *flows, struct import_flow *flow, int64_t wall_ns)
{
    flow->last_ns = wall_ns;
    TAILQ_REMOVE(&flows->ages, flow, age);
    TAILQ_INSERT_TAIL(&flows->ages, flow, age);
}

static enum status end_idle(struct import_flows *flows, struct error *err)
{
    struct import_flow *oldest;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && (oldest = TAILQ_FIRST(&flows->ages)) &&
           flows->now_ns - oldest->last_ns > IMPORT_IDLE_NS)
        status = end_oldest(flows, IMPORT_GONE_IDLE, err);
    return status;
}

/* Finds the segment's flow, or begins one. NULL: there is none, and it begins none. */
static enum status flow_of(struct import_flows *flows, const struct import_segment *segment,
                           unsigned side, struct import_flow **out, struct error *err)
{
    struct import_endpoint ends[2];
    ends[side] = segment->from;
    ends[!side] = segment->to;
    uint32_t hash = hash_of(flows, ends);
    struct import_flow *flow = find(flows, ends, hash);
    enum status status = STATUS_OK;
    if (flow && begins_anew(flow, side, segment)) {
        status = end_flow(flows, flow, flow->dead ? IMPORT_GONE_CLOSED : IMPORT_GONE_REUSED, err);
        flow = NULL;
    }
    *out = flow;
    if (status != STATUS_OK || flow || !may_begin(segment))
        return status;
    return begin_flow(flows, ends, hash, segment->wall_ns, out, err);
}

enum status import_flows_take(struct import_flows *flows, const struct import_segment *segment,
                              struct error *err)
{
    unsigned side = side_of(segment);
    struct import_flow *flow;
    if (segment->wall_ns > flows->now_ns)
        flows->now_ns = segment->wall_ns;
    enum status status = end_idle(flows, err);
    if (status == STATUS_OK)
        status = flow_of(flows, segment, side, &flow, err);
    if (status != STATUS_OK || !flow)
        return status;
    touch(flows, flow, segment->wall_ns);
    status = take_flags(flows, flow, side, segment, err);
    return status == STATUS_OK ? import_queue_run(flows, err) : status;
}

enum status import_flows_end(struct import_flows *flows, struct error *err)
{
    enum status status = import_queue_end(flows, err);
    while (status == STATUS_OK && !TAILQ_EMPTY(&flows->ages))
        status = end_oldest(flows, IMPORT_GONE_CAPTURE_ENDED, err);
    return status;
}
