/*
 * detect.h - which connections of a capture are Stratum, and which end is the miner.
 *
 * A capture is read twice: first to judge every connection by what it says, wherever in the capture
 * it says it, then to record those that were chosen. A verdict is kept for each connection by its
 * ordinal; both readings see the same connections in the same order.
 *
 * Stratum is what has a comment of HashScope's; a line that is JSON with a method that Stratum has;
 * or answers alone. The first 64 KiB of each direction are looked at. The miner is the end that
 * sent the SYN; where that was not captured, the one that sends mining.subscribe and its like, not
 * the one that sends mining.notify; else not the one with a port that was asked for, not the one
 * that answers, and at last the one with the higher port.
 *
 * Threads: one.
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_DETECT_H
#define HASHSCOPE_EXPORTER_IMPORT_DETECT_H

#include "exporter/import/comment.h"
#include "exporter/import/flow.h"

#define IMPORT_PORTS_MAX 64

enum import_verdict {
    IMPORT_VERDICT_NONE,    /* not Stratum */
    IMPORT_VERDICT_FIRST,   /* Stratum; ends[0] is the miner */
    IMPORT_VERDICT_SECOND,  /* ends[1] is */
    IMPORT_VERDICT_COMMENTS /* written by HashScope: comments tell everything */
};

struct import_choice {
    bool all;                         /* every connection */
    uint16_t ports[IMPORT_PORTS_MAX]; /* every connection to one of these, and no other */
    unsigned port_count;
};

struct import_detect_counts {
    uint64_t stratum, commented;
    uint64_t silent;    /* connections that said nothing */
    uint64_t encrypted; /* TLS */
    uint64_t http;
    uint64_t other;    /* none of these, nor Stratum */
    uint64_t unjudged; /* beyond what can be remembered */
};

/* An event that a comment tells behind messages with higher numbers: of a session that began before
 * what was exported. To be recorded first. */
struct import_early {
    struct import_comment comment;
    int64_t wall_ns;
};
#define IMPORT_EARLY_MAX (1u << 18)

struct import_detect;
struct import_detect *import_detect_new(const struct import_choice *choice);
/* The sink of the first reading; `user` is the struct import_detect. */
enum status import_detect_event(void *user, struct import_flow *flow,
                                const struct import_event *event, struct error *err);
enum import_verdict import_detect_verdict(const struct import_detect *detect, uint64_t ordinal);
/* In the order of their numbers, each once; when everything was read. */
const struct import_early *import_detect_early(struct import_detect *detect, size_t *count);
const struct import_detect_counts *import_detect_counts(const struct import_detect *detect);
void import_detect_free(struct import_detect *detect);

#endif
