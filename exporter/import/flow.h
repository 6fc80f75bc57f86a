/*
 * flow.h - from TCP segments, in whatever order a capture has them, to what each connection
 * said: its events one after the other, the bytes of each direction in their order, each once.
 *
 *   segments ──▶ flow (a connection, two directions) ──▶ queue ──▶ sink
 *
 * A segment that joins is given to the sink at once. One that does not waits for the missing bytes,
 * and with it, in one queue, everything that any connection says after it, so that the order of
 * events in the capture is kept. A hole is filled by a segment that comes late; it is given up when
 * the receiver has acknowledged bytes behind it (so they arrived, and the capture missed them) and
 * IMPORT_GRACE_NS have passed, after IMPORT_WAIT_NS, when the queue holds limits.queue_max bytes,
 * or at the end. Then the first bytes behind it say how many are missing. Bytes that came late have
 * the time of the segment that made them readable, those behind a hole their own.
 *
 * A connection begins with a SYN or, when that was not captured, with the first segment that has
 * bytes; it ends with a RST or two FINs, when its ports are used again, when it was silent for
 * IMPORT_IDLE_NS, or when there are more than limits.flows_max, the one that was silent longest
 * first. Times are those of the capture; nothing looks at a clock.
 *
 * Memory: about 250 bytes a connection, and the queue. Ownership: a flow lives until its
 * IMPORT_GONE was delivered; flow->user is the sink's. An event's data live during the call.
 * Threads: one.
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_FLOW_H
#define HASHSCOPE_EXPORTER_IMPORT_FLOW_H

#include <sys/queue.h>

#include "exporter/import/packet.h"

#define IMPORT_GRACE_NS (20 * INT64_C(1000000))
#define IMPORT_WAIT_NS  (10 * INT64_C(1000000000))
#define IMPORT_IDLE_NS  (24 * 3600 * INT64_C(1000000000))

enum import_event_type {
    IMPORT_OPENED,    /* a SYN; the first event then */
    IMPORT_CONNECTED, /* its SYN-ACK */
    IMPORT_DATA,      /* bytes, and how many are missing in front of them */
    IMPORT_ENDED,     /* this side's FIN: it says nothing more */
    IMPORT_RESET,     /* this side's RST: neither says anything more */
    IMPORT_NOTED,     /* a packet without bytes, but with a comment of HashScope's */
    IMPORT_GONE,      /* the last event */
};

enum import_gone {
    IMPORT_GONE_CLOSED,
    IMPORT_GONE_REUSED,
    IMPORT_GONE_IDLE,
    IMPORT_GONE_CROWDED,
    IMPORT_GONE_CAPTURE_ENDED
};

struct import_event {
    enum import_event_type type;
    enum import_gone gone; /* of IMPORT_GONE */
    unsigned side;         /* who sent it: index into flow->ends */
    int64_t wall_ns;
    struct span data;
    uint64_t lost;        /* bytes missing in front of data */
    struct span comments; /* HashScope's, each ended by LF */
};

struct import_queued; /* a segment that waits, or stands behind one that does */
TAILQ_HEAD(import_queue, import_queued);

/* One direction: what one end sends. */
struct import_half {
    struct import_queue waiting;  /* for bytes before them, in the order of their numbers */
    struct import_queued *joined; /* the last that joined and is still queued; NULL: none */
    int64_t acked_ns;             /* when the other end first acknowledged bytes that are missing */
    uint32_t next;                /* the number of the next byte */
    uint32_t waiting_count;
    bool known; /* next is */
    bool ended; /* FIN or RST */
};

struct import_flow {
    LIST_ENTRY(import_flow) bucket;
    TAILQ_ENTRY(import_flow) age; /* the longest silent first */
    struct import_endpoint ends[2];
    struct import_half halves[2];
    uint64_t ordinal; /* 0, 1, 2 … in the order of their beginnings */
    int64_t first_ns, last_ns;
    void *user;
    uint32_t hash;
    uint32_t queued; /* events of it in the queue */
    int initiator;   /* index of the end that sent the SYN; -1: not seen */
    bool dead;       /* it has ended; kept for what comes late */
};

struct import_flow_counts {
    uint64_t flows, crowded; /* of these, closed to make room */
    uint64_t duplicates;     /* segments that brought nothing new */
    uint64_t out_of_order;   /* segments that had to wait */
    uint64_t losses, lost_bytes;
    uint64_t cut_segments, cut_bytes; /* that were sent, but not captured as a whole */
    uint64_t strays;                  /* segments with numbers far from any that could be */
};

struct import_flow_limits {
    uint32_t flows_max;
    size_t queue_max;
};

/* Called for each event of each flow. A status other than OK ends everything. */
typedef enum status import_sink(void *user, struct import_flow *flow,
                                const struct import_event *event, struct error *err);

struct import_flows;
struct import_flows *import_flows_new(const struct import_flow_limits *limits, import_sink *sink,
                                      void *user);
enum status import_flows_take(struct import_flows *flows, const struct import_segment *segment,
                              struct error *err) MUST_CHECK;
/* The capture has ended: what waits is given up, every flow ends. */
enum status import_flows_end(struct import_flows *flows, struct error *err) MUST_CHECK;
const struct import_flow_counts *import_flows_counts(const struct import_flows *flows);
/* Bytes that the queue holds now. */
size_t import_flows_queued(const struct import_flows *flows);
void import_flows_free(struct import_flows *flows);

#endif
