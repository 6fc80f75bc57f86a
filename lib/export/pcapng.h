/*
 * pcapng.h - blocks of a pcapng file, and the same packets as records of a pcap file, written into
 * a buffer. Little-endian; times in nanoseconds (if_tsresol 9).
 *
 * Source: draft-ietf-opsawg-pcapng (block types and options by its sections 4 and 3.5),
 * draft-ietf-opsawg-pcap.
 *
 * Pure. Threads: any, one at a time per buffer.
 */
#ifndef HASHSCOPE_EXPORT_PCAPNG_H
#define HASHSCOPE_EXPORT_PCAPNG_H

#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/export/packet.h"

#define PCAPNG_SNAP_LENGTH   262144 /* more than any packet, and what tools take for "all" */
#define PCAPNG_LINK_RAW      101
#define PCAPNG_LINK_ETHERNET 1

/* Texts may be NULL: left out. */
struct pcapng_section {
    const char *hardware, *os, *application, *comment;
};
void pcapng_append_section(struct buffer *out, const struct pcapng_section *section);

struct pcapng_interface {
    uint16_t link;
    const char *name, *description, *filter, *os;
};
void pcapng_append_interface(struct buffer *out, const struct pcapng_interface *interface);

/* One name of one address. */
void pcapng_append_name(struct buffer *out, const struct packet_address *address, struct span name);

struct pcapng_statistics {
    uint32_t interface;
    int64_t first_ns, last_ns; /* of its packets; 0: none */
    uint64_t received, dropped, accepted;
    bool filtered; /* `accepted` says how many a filter let pass */
};
void pcapng_append_statistics(struct buffer *out, const struct pcapng_statistics *statistics);

/* A packet: room is made for the head, the caller writes the packet's bytes behind it, then the
 * rest is closed around them. Nothing counts until then. */
struct pcapng_packet {
    uint32_t interface;
    int64_t time_ns;
    uint32_t len;
    unsigned flags;          /* PCAPNG_INBOUND, PCAPNG_OUTBOUND */
    uint64_t dropped;        /* since the packet before on this interface */
    uint64_t id;             /* 0: none */
    struct span comments[2]; /* empty: none */
};
#define PCAPNG_INBOUND     1u
#define PCAPNG_OUTBOUND    2u
#define PCAPNG_PACKET_HEAD 28

/* Where the packet's bytes go; `len` of them and the comments fit. */
uint8_t *pcapng_packet_begin(struct buffer *out, size_t len, size_t comments_len);
void pcapng_packet_end(struct buffer *out, const struct pcapng_packet *packet);

/* The same for pcap with nanoseconds. */
#define PCAP_PACKET_HEAD 16
void pcap_append_header(struct buffer *out, uint32_t link);
uint8_t *pcap_packet_begin(struct buffer *out, size_t len);
void pcap_packet_end(struct buffer *out, int64_t time_ns, uint32_t len);

#endif
