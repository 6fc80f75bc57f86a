/*
 * import_packet.c - layer by layer: each step takes its header off the front of what is left, and
 * says what stands behind it.
 *
 * Sources: LINKTYPE_ values of the pcap project's link-layer header list; IEEE 802.1Q and 802.1ad;
 * RFC 791, RFC 8200 (extension headers), RFC 4302 (AH), RFC 9293.
 */
#include "exporter/import_packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define LINK_NULL     0u
#define LINK_ETHERNET 1u
#define LINK_RAW      101u
#define LINK_LOOP     108u
#define LINK_SLL      113u
#define LINK_IPV4     228u
#define LINK_IPV6     229u
#define LINK_SLL2     276u

#define TYPE_IPV4   0x0800u
#define TYPE_IPV6   0x86DDu
#define TYPE_VLAN   0x8100u
#define TYPE_QINQ   0x88A8u
#define TYPE_QINQ_2 0x9100u
#define VLAN_TAGS   4

#define PROTOCOL_TCP      6u
#define EXTENSION_HOPS    0u
#define EXTENSION_ROUTING 43u
#define EXTENSION_PIECE   44u
#define EXTENSION_AH      51u
#define EXTENSION_OPTIONS 60u
#define EXTENSIONS_MOST   16

/* What is left of the frame. */
struct rest {
    const unsigned char *at;
    size_t captured; /* bytes that are there */
    size_t length;   /* bytes that were there on the wire; never below `captured` */
};

static unsigned number16(const unsigned char *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static uint32_t number32(const unsigned char *at)
{
    return (uint32_t)number16(at) << 16 | number16(at + 2);
}

static bool skip(struct rest *rest, size_t bytes)
{
    if (rest->captured < bytes)
        return false;
    rest->at += bytes;
    rest->captured -= bytes;
    rest->length -= bytes;
    return true;
}

/* What an inner length says; less than the frame has is padding behind it. */
static void limit(struct rest *rest, size_t length)
{
    rest->length = length;
    if (rest->captured > length)
        rest->captured = length;
}

void import_endpoint_format(char out[IMPORT_ENDPOINT_TEXT], const struct import_endpoint *endpoint)
{
    char text[INET6_ADDRSTRLEN] = "";
    (void)inet_ntop(endpoint->ipv6 ? AF_INET6 : AF_INET, endpoint->address, text, sizeof text);
    snprintf(out, IMPORT_ENDPOINT_TEXT, endpoint->ipv6 ? "[%s]:%u" : "%s:%u", text,
             (unsigned)endpoint->port);
}

/* ------------------------------------------------------------------ TCP */

static enum import_kind read_tcp(struct import_segment *out, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (rest.captured < 20)
        return rest.length < 20 ? IMPORT_MALFORMED : IMPORT_CUT;
    size_t header_bytes = (size_t)(header[12] >> 4) * 4;
    if (header_bytes < 20 || header_bytes > rest.length)
        return IMPORT_MALFORMED;
    if (!skip(&rest, header_bytes))
        return IMPORT_CUT;
    out->from.port = (uint16_t)number16(header);
    out->to.port = (uint16_t)number16(header + 2);
    out->seq = number32(header + 4);
    out->ack = number32(header + 8);
    out->flags = header[13];
    out->data = rest.at;
    out->len = (uint32_t)rest.captured;
    out->missing = (uint32_t)(rest.length - rest.captured);
    return IMPORT_TCP;
}

/* ------------------------------------------------------------------ IP */

static enum import_kind read_ipv4(struct import_segment *out, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (rest.captured < 20)
        return rest.length < 20 ? IMPORT_MALFORMED : IMPORT_CUT;
    size_t header_bytes = (size_t)(header[0] & 15) * 4, total = number16(header + 2);
    if (header[0] >> 4 != 4 || header_bytes < 20)
        return IMPORT_MALFORMED;
    if (total == 0)
        total = rest.length; /* the card cuts the packet up later, and fills it in then */
    if (total < header_bytes || total > rest.length)
        return IMPORT_MALFORMED;
    if (number16(header + 6) & 0x3fff)
        return IMPORT_FRAGMENT;
    if (header[9] != PROTOCOL_TCP)
        return IMPORT_NOT_TCP;
    limit(&rest, total);
    if (!skip(&rest, header_bytes))
        return IMPORT_CUT;
    memcpy(out->from.address, header + 12, 4);
    memcpy(out->to.address, header + 16, 4);
    return read_tcp(out, rest);
}

/* One extension header; IMPORT_TCP: it is passed, and `next` names what follows. */
static enum import_kind pass_extension(struct rest *rest, unsigned *next)
{
    if (rest->captured < 8)
        return rest->length < 8 ? IMPORT_MALFORMED : IMPORT_CUT;
    const unsigned char *header = rest->at;
    size_t bytes = ((size_t)header[1] + 1) * 8;
    switch (*next) {
    case EXTENSION_HOPS:
    case EXTENSION_ROUTING:
    case EXTENSION_OPTIONS:
        break;
    case EXTENSION_PIECE:
        if (number16(header + 2) & 0xfff9)
            return IMPORT_FRAGMENT;
        bytes = 8; /* a whole packet all the same (RFC 6946) */
        break;
    case EXTENSION_AH:
        bytes = ((size_t)header[1] + 2) * 4;
        break;
    default:
        return IMPORT_NOT_TCP;
    }
    *next = header[0];
    if (bytes > rest->length)
        return IMPORT_MALFORMED;
    return skip(rest, bytes) ? IMPORT_TCP : IMPORT_CUT;
}

static enum import_kind read_ipv6(struct import_segment *out, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (rest.captured < 40)
        return rest.length < 40 ? IMPORT_MALFORMED : IMPORT_CUT;
    size_t total = number16(header + 4);
    unsigned next = header[6];
    if (header[0] >> 4 != 6)
        return IMPORT_MALFORMED;
    (void)skip(&rest, 40);
    if (total > rest.length)
        return IMPORT_MALFORMED;
    if (total > 0) /* 0: a jumbogram, or one that the card cuts up later */
        limit(&rest, total);
    for (int i = 0; next != PROTOCOL_TCP; i++) {
        enum import_kind kind =
            i < EXTENSIONS_MOST ? pass_extension(&rest, &next) : IMPORT_MALFORMED;
        if (kind != IMPORT_TCP)
            return kind;
    }
    memcpy(out->from.address, header + 8, 16);
    memcpy(out->to.address, header + 24, 16);
    out->from.ipv6 = out->to.ipv6 = 1;
    return read_tcp(out, rest);
}

/* ------------------------------------------------------------------ the link */

static enum import_kind read_type(struct import_segment *out, struct rest rest, unsigned type)
{
    for (int i = 0; i < VLAN_TAGS; i++) {
        if (type != TYPE_VLAN && type != TYPE_QINQ && type != TYPE_QINQ_2)
            break;
        const unsigned char *tag = rest.at;
        if (!skip(&rest, 4))
            return IMPORT_CUT;
        type = number16(tag + 2);
    }
    if (type == TYPE_IPV4)
        return read_ipv4(out, rest);
    return type == TYPE_IPV6 ? read_ipv6(out, rest) : IMPORT_NOT_IP;
}

static enum import_kind read_raw(struct import_segment *out, struct rest rest)
{
    if (rest.captured < 1)
        return IMPORT_CUT;
    unsigned version = rest.at[0] >> 4;
    return version == 4   ? read_ipv4(out, rest)
           : version == 6 ? read_ipv6(out, rest)
                          : IMPORT_NOT_IP;
}

/* A header of `bytes` with the EtherType at `at`. */
static enum import_kind read_framed(struct import_segment *out, struct rest rest, size_t bytes,
                                    size_t at)
{
    const unsigned char *header = rest.at;
    if (!skip(&rest, bytes))
        return IMPORT_CUT;
    return read_type(out, rest, number16(header + at));
}

/* Four bytes name an address family, whose numbers differ between systems: what stands behind them
 * says it better. */
static enum import_kind read_loopback(struct import_segment *out, struct rest rest)
{
    return skip(&rest, 4) ? read_raw(out, rest) : IMPORT_CUT;
}

enum import_kind import_packet_read(struct import_segment *out, const struct import_packet *packet)
{
    struct rest rest = {packet->data, packet->captured, packet->length};
    *out = (struct import_segment){.wall_ns = packet->wall_ns};
    if (rest.length < rest.captured)
        rest.length = rest.captured;
    switch (packet->link_type) {
    case LINK_ETHERNET:
        return read_framed(out, rest, 14, 12);
    case LINK_SLL:
        return read_framed(out, rest, 16, 14);
    case LINK_SLL2:
        return read_framed(out, rest, 20, 0);
    case LINK_NULL:
    case LINK_LOOP:
        return read_loopback(out, rest);
    case LINK_RAW:
        return read_raw(out, rest);
    case LINK_IPV4:
        return read_ipv4(out, rest);
    case LINK_IPV6:
        return read_ipv6(out, rest);
    default:
        return IMPORT_UNKNOWN_LINK;
    }
}
