/*
 * export.h - what was recorded, as a stream of bytes that other tools read: pcapng and pcap for
 * Wireshark and all of libpcap's kin, NDJSON (plain, or one Zstandard frame), CSV.
 *
 *   struct export_options options = {.place = {data_dir, ring_path}, .format = EXPORT_PCAPNG};
 *   struct export_sink sink = {write_somewhere, user};
 *   struct export *job;
 *   enum status status = export_open(&job, &options, &sink, &err);
 *   while (status == STATUS_OK)
 *       status = export_step(job, &err);         STATUS_END: all is out (or, following, for now)
 *   if (status == STATUS_END)
 *       status = export_finish(job, &err);       statistics, end of the zstd frame
 *   export_close(job);
 *
 * Packets. A session is one TCP conversation between miner and pool (EXPORT_SIDES_POOL): what the
 * pool saw, with the miner's address in place of ours; lines that were injected and answers that
 * were withheld are part of it. EXPORT_SIDES_BOTH writes the two connections that there were:
 * miner - HashScope on the interface `miner`, HashScope - pool on the interface `pool`; what was
 * injected or withheld is on the pool's alone. IPv4 and IPv6 mix; where miner and pool of one
 * conversation differ in that, the IPv4 address is written as ::ffff:a.b.c.d. An address that is
 * not known is one of 192.0.2.0/24 (RFC 5737); a pool that never answered is the address that the
 * miner connected to.
 *
 * What of a packet is synthesised: SYN, SYN-ACK and ACK (maximum segment size, window scale 14),
 * the header of each segment, and FIN or RST where the session's end is recorded. A message is one
 * segment, the last of several when it is longer than `mtu` allows, with PSH; each acknowledges
 * all that was seen of the other direction. IP's identification is 0, as RFC 6864 allows with DF
 * set. Initial sequence numbers are hashes of both addresses and the time when the session was
 * opened. So the same recording and the same options give the same bytes.
 *
 * Numbers. The first byte of a stream that is exported has the sequence number initial + 1 + its
 * offset in the recorded stream (modulo 2^32). Bytes that are missing (a `state` or `closed` line
 * with a higher offset) are passed over, and Wireshark shows them as not captured. When messages
 * are filtered (`filters_messages` below), streams are numbered as if nothing else had been said.
 * A gap counts as packets dropped on the next one (epb_dropcount).
 *
 * Time. A packet has the time of its line. The handshake has that of `opened`, or, when the session
 * began before what is exported or is first seen in a filtered message, that of its first packet.
 *
 * Comments. See comment.h: they hold all that the recorder knew and the bytes do not tell, so that
 * a pcapng can be read back without loss.
 *
 * Lines. NDJSON is the lines as FORMAT.md has them. What was overwritten before it could be read is
 * told as a gap line. CSV: text.h.
 *
 * Memory: two queries (query.h), about 1 MiB, and 200 to 1,000 bytes a session that is open.
 *
 * Ownership: options are copied, but not what they point to; sink.user is the caller's. Threads:
 * one at a time per export. Stopping: between any two steps, with export_finish or without.
 */
#ifndef HASHSCOPE_EXPORT_EXPORT_H
#define HASHSCOPE_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/query/query.h"

enum export_format {
    EXPORT_PCAPNG,
    EXPORT_PCAP, /* with nanoseconds: magic 0xa1b23c4d */
    EXPORT_NDJSON,
    EXPORT_NDJSON_ZST, /* one frame */
    EXPORT_CSV,
};
/* "pcapng", "pcap", "ndjson", "ndjson.zst", "csv". */
const char *export_format_name(enum export_format format);
bool export_format_parse(const char *text, enum export_format *out);
bool export_format_is_packets(enum export_format format);

enum export_sides { EXPORT_SIDES_POOL, EXPORT_SIDES_BOTH };

enum export_link {
    EXPORT_LINK_RAW,      /* LINKTYPE_RAW, 101: IPv4 and IPv6 without anything in front */
    EXPORT_LINK_ETHERNET, /* LINKTYPE_ETHERNET, 1: with hardware addresses made of the IP ones */
};

#define EXPORT_MTU_MAX 65535 /* IP's own limit: 65,495 bytes of payload in a segment */
#define EXPORT_MTU_MIN 576

/* Where the bytes go, in pieces of up to some 256 KiB and a message. Whatever it returns but
 * STATUS_OK ends the step with that status. */
struct export_sink {
    enum status (*write)(void *user, const void *data, size_t len, struct error *err);
    void *user;
};

struct export_options {
    struct query_place place;
    struct query_filter filter; /* of packets: `what` must be 0 */
    enum export_format format;
    enum export_sides sides;
    enum export_link link;
    unsigned mtu;              /* of a packet without its link header; 0: EXPORT_MTU_MAX */
    const char *packet_filter; /* in libpcap's language, on the packets made; NULL: all */
    bool follow;               /* STATUS_END of a step means "for now": ask again later */
    bool tail;                 /* with follow: begin with what comes from now on */
    bool reproducible;         /* nothing about this machine in the file */
    bool mask_passwords;       /* those of mining.authorize and the like become as many x */
    /* What the filter cannot say; NULL: all rows. Called for messages, in their order. */
    bool (*wants)(void *user, const struct query_row *row);
    void (*damage)(void *user, const struct query_damage *damage); /* may be NULL */
    /* Asked while files are read, also where nothing fits for long (query.h); true: opening, or a
     * step, ends with STATUS_CLOSED. NULL: never. */
    bool (*stop)(void *user);
    void *user; /* of these three */
};

/* Whether the options let only some of a session's messages pass. */
bool export_filters_messages(const struct export_options *options);

struct export_progress {
    uint64_t rows;     /* messages; of lines, all */
    uint64_t packets;  /* written */
    uint64_t sessions; /* begun */
    uint64_t bytes;    /* given to the sink */
    uint64_t missed;   /* numbers lost: gaps, and what was overwritten */
    uint64_t damaged;  /* places */
    int permille;      /* of the numbers; -1: not known */
};

struct export;

/* STATUS_INVALID: the filter or packet_filter makes no sense (the message says where), or the
 * options contradict each other; else as query_open. Nothing is written yet. */
enum status export_open(struct export **out, const struct export_options *options,
                        const struct export_sink *sink, struct error *err) MUST_CHECK;
/* Takes some hundred rows. STATUS_OK: there is more. STATUS_END: see above; what was made is with
 * the sink. */
enum status export_step(struct export *job, struct error *err) MUST_CHECK;
/* The end of the file; no step may follow. */
enum status export_finish(struct export *job, struct error *err) MUST_CHECK;
struct export_progress export_progress(const struct export *job);
void export_close(struct export *job); /* NULL: nothing */

#endif
