/*
 * tunnel.c - what IP carries besides TCP: IP, GRE, mirrors of switches (ERSPAN), Ethernet
 * over UDP (VXLAN, Geneve) and the sniffer of MikroTik's routers (TZSP).
 *
 * A UDP packet is a tunnel's when its destination port is one of theirs and its header can be one.
 *
 * Sources: RFC 2003, RFC 4213, RFC 2784 and 2890 (GRE), RFC 2637 (PPTP), draft-foschiano-erspan,
 * RFC 7348 (VXLAN), RFC 8926 (Geneve), RFC 3378 (EtherIP), RFC 4023 (MPLS in IP).
 */
#include "exporter/import/packet_private.h"

#define PROTOCOL_IPV4    4u
#define PROTOCOL_UDP     17u
#define PROTOCOL_IPV6    41u
#define PROTOCOL_GRE     47u
#define PROTOCOL_ETHERIP 97u
#define PROTOCOL_MPLS    137u

#define GRE_CHECKSUM 0x8000u
#define GRE_ROUTING  0x4000u
#define GRE_KEY      0x2000u
#define GRE_SEQUENCE 0x1000u
#define GRE_ACK      0x0080u /* version 1 */
#define GRE_VERSION  0x0007u

#define TYPE_MPLS     0x8847u
#define TYPE_TEB      0x6558u
#define TYPE_ERSPAN   0x88BEu
#define TYPE_ERSPAN_3 0x22EBu

#define PORT_VXLAN       4789u
#define PORT_VXLAN_LINUX 8472u
#define PORT_GENEVE      6081u
#define PORT_TZSP        37008u

static enum import_kind read_ethernet_behind(struct frame *frame, struct rest rest, size_t bytes)
{
    if (!rest_skip(&rest, bytes))
        return import_short(&rest, bytes);
    return import_next(frame, rest, LAYER_TYPE, TYPE_TEB);
}

/* ------------------------------------------------------------------ GRE */

/* Type I has no header of its own, nor a number in GRE's; type II has eight bytes. */
static enum import_kind read_erspan(struct frame *frame, struct rest rest, unsigned flags)
{
    return read_ethernet_behind(frame, rest, flags & GRE_SEQUENCE ? 8 : 0);
}

/* Twelve bytes, the last bit of which says that eight of the platform follow. */
static enum import_kind read_erspan_3(struct frame *frame, struct rest rest)
{
    if (rest.captured < 12)
        return import_short(&rest, 12);
    bool ip = (rest.at[10] >> 2 & 31) == 2; /* frame type */
    size_t bytes = rest.at[11] & 1 ? 20 : 12;
    if (!ip)
        return read_ethernet_behind(frame, rest, bytes);
    return rest_skip(&rest, bytes) ? import_next(frame, rest, LAYER_IP, 0)
                                   : import_short(&rest, bytes);
}

static enum import_kind read_gre(struct frame *frame, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (rest.captured < 4)
        return import_short(&rest, 4);
    unsigned flags = number16(header), type = number16(header + 2), version = flags & GRE_VERSION;
    size_t bytes = 4 + (flags & GRE_CHECKSUM ? 4u : 0u) + (flags & GRE_KEY ? 4u : 0u) +
                   (flags & GRE_SEQUENCE ? 4u : 0u) + (version == 1 && flags & GRE_ACK ? 4u : 0u);
    if (version > 1 || flags & GRE_ROUTING)
        return import_unknown(frame, IMPORT_NOT_TCP, IMPORT_IP_PROTOCOL, PROTOCOL_GRE);
    if (!rest_skip(&rest, bytes))
        return import_short(&rest, bytes);
    if (type == TYPE_ERSPAN)
        return read_erspan(frame, rest, flags);
    return type == TYPE_ERSPAN_3 ? read_erspan_3(frame, rest)
                                 : import_next(frame, rest, LAYER_TYPE, type);
}

/* ------------------------------------------------------------------ UDP */

/* Options of words, counted in the first byte. */
static enum import_kind read_geneve(struct frame *frame, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (rest.captured < 8)
        return import_short(&rest, 8);
    size_t bytes = 8 + (size_t)(header[0] & 0x3f) * 4;
    if (!rest_skip(&rest, bytes))
        return import_short(&rest, bytes);
    return import_next(frame, rest, LAYER_TYPE, number16(header + 2));
}

/* Version, type, what is inside, then fields: a type, a length and so many bytes; of two types, a
 * byte. */
static enum import_kind read_tzsp(struct frame *frame, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (!rest_skip(&rest, 4))
        return import_short(&rest, 4);
    while (rest.captured > 0 && rest.at[0] != 1) {
        size_t bytes = rest.at[0] == 0 ? 1 : rest.captured > 1 ? 2 + (size_t)rest.at[1] : 2;
        if (!rest_skip(&rest, bytes))
            return import_short(&rest, bytes);
    }
    if (!rest_skip(&rest, 1))
        return import_short(&rest, 1);
    if (number16(header + 2) == 0x12)
        return import_next(frame, rest, LAYER_WIRELESS, 0);
    return import_next(frame, rest, LAYER_TYPE, TYPE_TEB);
}

static enum import_kind read_udp(struct frame *frame, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (rest.captured < 16)
        return import_unknown(frame, IMPORT_NOT_TCP, IMPORT_IP_PROTOCOL, PROTOCOL_UDP);
    unsigned port = number16(header + 2), length = number16(header + 4);
    const unsigned char *inside = header + 8;
    bool vxlan = (port == PORT_VXLAN || port == PORT_VXLAN_LINUX) && (inside[0] & 0x08);
    bool geneve = port == PORT_GENEVE && inside[0] >> 6 == 0;
    bool tzsp = port == PORT_TZSP && inside[0] == 1 && inside[1] <= 1 && inside[2] == 0;
    if (!vxlan && !geneve && !tzsp)
        return import_unknown(frame, IMPORT_NOT_TCP, IMPORT_IP_PROTOCOL, PROTOCOL_UDP);
    if (length < 8 || !rest_limit(&rest, length))
        return IMPORT_MALFORMED;
    if (!rest_skip(&rest, 8))
        return import_short(&rest, 8);
    return vxlan    ? read_ethernet_behind(frame, rest, 8)
           : geneve ? read_geneve(frame, rest)
                    : read_tzsp(frame, rest);
}

enum import_kind import_read_tunnel(struct frame *frame, struct rest rest, unsigned protocol)
{
    switch (protocol) {
    case PROTOCOL_IPV4:
    case PROTOCOL_IPV6:
        return import_next(frame, rest, LAYER_IP, 0);
    case PROTOCOL_GRE:
        return read_gre(frame, rest);
    case PROTOCOL_UDP:
        return read_udp(frame, rest);
    case PROTOCOL_ETHERIP:
        return read_ethernet_behind(frame, rest, 2);
    case PROTOCOL_MPLS:
        return import_next(frame, rest, LAYER_TYPE, TYPE_MPLS);
    default:
        return import_unknown(frame, IMPORT_NOT_TCP, IMPORT_IP_PROTOCOL, protocol);
    }
}
