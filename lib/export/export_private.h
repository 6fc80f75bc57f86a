/*
 * export_private.h - an export in the making. For lib/export alone.
 *
 * export.c drives it: rows come from the query, events from events.c, and go to packets.c or to
 * lines.c, which append to `out`; output.c gives that to the sink.
 */
#ifndef HASHSCOPE_EXPORT_EXPORT_PRIVATE_H
#define HASHSCOPE_EXPORT_EXPORT_PRIVATE_H

#include <pcap/pcap.h>
#include <zstd.h>

#include "lib/base/clock.h"
#include "lib/export/events.h"
#include "lib/export/export.h"
#include "lib/export/mask.h"
#include "lib/export/pcapng.h"
#include "lib/export/sessions.h"
#include "lib/stratum/scan.h"

#define EXPORT_PIECE    (256u << 10)
#define EXPORT_REQUESTS 65536 /* remembered, to name the method of their answers */
#define EXPORT_NAMES    1024  /* of pools, written once each */

struct export_interface {
    int64_t first_ns, last_ns;
    uint64_t received, accepted, dropped;
    uint64_t dropping; /* of these, not yet on a packet */
};

struct export
{
    struct export_options options;
    struct export_sink sink;
    bool filters_messages;
    struct buffer out;
    struct export_progress progress;
    uint64_t first_seq, last_seq; /* of what there is to read; 0: not known */

    struct query *query;
    struct query_row row;
    bool has_row;     /* taken from the query, not yet exported */
    uint64_t settled; /* following: all messages up to here have been read when the query ends */

    /* packets */
    struct export_events events;
    struct export_sessions sessions;
    struct export_interface interfaces[2];
    struct bpf_program program;
    bool has_program, headed;
    struct buffer decoded, pending; /* pending: the comments of the next packet */
    uint64_t *requests;             /* seq and method, by seq */
    uint64_t *names;                /* hashes of address and name */
    size_t name_count;
    unsigned lookups;
    int64_t waiting_since_ns; /* following: for a pool to be known; 0: not */

    struct masker masker;

    /* lines */
    ZSTD_CCtx *compressor;
    struct buffer squeezed;
};

/* output.c: gives `out` to the sink, when it is long enough or at once. */
enum status export_output_advance(struct export *job, struct error *err) MUST_CHECK;
enum status export_output_flush(struct export *job, struct error *err) MUST_CHECK;

/* packets.c: one line each. */
void export_packets_head(struct export *job);
void export_packets_tail(struct export *job);
void export_packets_message(struct export *job, const struct segment_line *line);
void export_packets_event(struct export *job, const struct segment_line *line);

/* conversation.c: the handshake of a flow, and the end of all. */
void export_conversation_begin(struct export *job, struct export_session *session, int flow,
                               int64_t time_ns);
void export_conversation_end(struct export *job, struct export_session *session,
                             const struct segment_line *closed);

/* emit.c: a packet with its payload, `parts` one behind the other. */
struct export_payload {
    struct span message, end;
};
struct export_packet {
    struct export_session *session;
    int flow, end;
    unsigned tcp_flags;
    int64_t time_ns;
    uint64_t id;
    struct span comment;
    struct export_payload payload;
    size_t offset, len; /* what of the payload */
};
void export_emit(struct export *job, const struct export_packet *packet);
int export_interface_of(const struct export *job, int flow);

/* lines.c */
enum status export_lines_open(struct export *job, struct error *err) MUST_CHECK;
enum status export_lines_row(struct export *job, const struct query_row *row,
                             struct error *err) MUST_CHECK;
/* What is in the compressor comes out; `end`: and the frame ends. */
enum status export_lines_flush(struct export *job, bool end, struct error *err) MUST_CHECK;
void export_lines_close(struct export *job);

bool export_in_range(const struct export *job, const struct segment_line *line);

#endif
