/*
 * flow_private.h - what flow.c (connections) and queue.c (what waits) share.
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_FLOW_PRIVATE_H
#define HASHSCOPE_EXPORTER_IMPORT_FLOW_PRIVATE_H

#include "exporter/import/flow.h"

LIST_HEAD(import_bucket, import_flow);
TAILQ_HEAD(import_ages, import_flow);

struct import_queued {
    TAILQ_ENTRY(import_queued) order;   /* in flows->queue */
    TAILQ_ENTRY(import_queued) waiting; /* in its half, while it is not ready */
    struct import_flow *flow;
    struct import_event event; /* its data and comments point into bytes */
    uint64_t place;            /* grows along the queue */
    uint32_t seq;              /* of its first byte */
    bool ready;
    bool fin; /* its side ends behind these bytes */
    size_t size;
    char bytes[];
};

struct import_flows {
    struct import_flow_limits limits;
    import_sink *sink;
    void *user;
    struct import_bucket *buckets;
    uint32_t bucket_count, count;
    uint64_t seed;
    struct import_ages ages;
    struct import_queue queue;
    size_t queue_bytes;
    uint64_t next_place, next_ordinal;
    int64_t now_ns; /* the latest time seen */
    struct import_flow_counts counts;
};

/* Gives the event out, or puts it behind what waits. */
enum status import_queue_put(struct import_flows *flows, struct import_flow *flow,
                             const struct import_event *event, struct error *err) MUST_CHECK;
/* A segment with bytes (or a FIN) that may join, repeat, or leave a hole. */
enum status import_queue_data(struct import_flows *flows, struct import_flow *flow, unsigned side,
                              const struct import_segment *segment, struct error *err) MUST_CHECK;
/* Gives out what is ready, gives holes up that are due. */
enum status import_queue_run(struct import_flows *flows, struct error *err) MUST_CHECK;
/* No more bytes will come for this flow. */
void import_queue_give_up(struct import_flows *flows, struct import_flow *flow);
enum status import_queue_end(struct import_flows *flows, struct error *err) MUST_CHECK;
void import_queue_free(struct import_flows *flows);
/* The peer of `side` has acknowledged up to `ack`. */
void import_queue_acked(struct import_half *half, uint32_t ack, int64_t wall_ns);

/* Its last event was given out, or never will be. */
void import_flow_free(struct import_flow *flow);

#endif
