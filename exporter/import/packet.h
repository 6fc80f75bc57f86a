/*
 * packet.h - from a captured frame to the TCP segment in it, through all that stands
 * between: link layers (Ethernet, cooked, PPP, 802.11 ...), tags and labels (VLAN, MPLS, PPPoE),
 * tunnels (IP in IP, GRE, ERSPAN, VXLAN, Geneve, TZSP), IPv4, IPv6 with extension headers.
 *
 * Pure; the segment borrows from the packet. Checksums are not looked at: cards compute them after
 * the capture. Lengths of headers are checked against what was captured, whatever they claim. Where
 * a file says that a frame was captured whole, and IP that it was longer, it was cut. At most 16
 * layers are taken off.
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_PACKET_H
#define HASHSCOPE_EXPORTER_IMPORT_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "exporter/import/capture.h"

struct import_endpoint {
    uint8_t address[16]; /* IPv4: the first four, the rest 0 */
    uint16_t port;
    uint8_t ipv6;
    uint8_t pad;
};
#define IMPORT_ENDPOINT_TEXT 64
/* "203.0.113.9:3333" or "[2001:db8::1]:3333". */
void import_endpoint_format(char out[IMPORT_ENDPOINT_TEXT], const struct import_endpoint *endpoint);

#define IMPORT_FIN 0x01u
#define IMPORT_SYN 0x02u
#define IMPORT_RST 0x04u
#define IMPORT_PSH 0x08u
#define IMPORT_ACK 0x10u

/* What kind of number a packet's reading ended at. */
enum import_naming {
    IMPORT_UNNAMED,
    IMPORT_LINK_TYPE,
    IMPORT_ETHER_TYPE,
    IMPORT_PPP_PROTOCOL,
    IMPORT_LLC_SAP,
    IMPORT_IP_PROTOCOL,
};

struct import_segment {
    int64_t wall_ns;
    struct import_endpoint from, to;
    uint32_t seq, ack;
    uint8_t flags;
    const unsigned char *data;
    uint32_t len;              /* of data */
    uint32_t missing;          /* bytes behind it that were sent, but not captured */
    uint64_t jump;             /* bytes missing in front, as the comment says; 0: it does not */
    struct span comment;       /* HashScope's own, if the packet has one; {NULL, 0} */
    bool more;                 /* the frame has another part */
    enum import_naming naming; /* where it is no TCP: at what reading ended */
    uint32_t number;
};

enum import_kind {
    IMPORT_TCP,
    IMPORT_NOT_IP,
    IMPORT_NOT_TCP,
    IMPORT_FRAGMENT,     /* of an IP packet; they are not put together */
    IMPORT_CUT,          /* headers were not captured as a whole */
    IMPORT_MALFORMED,    /* lengths that cannot be */
    IMPORT_UNKNOWN_LINK, /* a link type that is not known here */
    IMPORT_PROTECTED,    /* 802.11, encrypted */
    IMPORT_NESTED,       /* more layers than are taken off */
};
#define IMPORT_KINDS 9

/* The part of an aggregate (802.11, A-MSDU; other frames have one), beginning with 0. `out->more`:
 * there is another. */
enum import_kind import_packet_read(struct import_segment *out, const struct import_packet *packet,
                                    unsigned part);

#endif
