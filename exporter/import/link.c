/*
 * link.c - link layers, and what stands between a link and IP: tags, labels, PPPoE.
 *
 * Sources: LINKTYPE_ values and headers of the pcap project's list; IEEE 802.3, 802.1Q and 802.1ad;
 * RFC 3032 (MPLS), RFC 4385 (pseudowires), RFC 1661 and 1662 (PPP), RFC 2516 (PPPoE).
 */
#include "exporter/import/packet_private.h"

#define TYPE_IPV4   0x0800u
#define TYPE_TEB    0x6558u /* Ethernet in something else */
#define TYPE_VLAN   0x8100u
#define TYPE_IPV6   0x86DDu
#define TYPE_PPP    0x880Bu
#define TYPE_MPLS   0x8847u
#define TYPE_MPLS_2 0x8848u
#define TYPE_PPPOE  0x8864u
#define TYPE_QINQ   0x88A8u
#define TYPE_QINQ_2 0x9100u
#define TYPE_QINQ_3 0x9200u
#define TYPE_LEAST  0x0600u /* below it: a length (802.3) */
#define TAGS_MOST   16

#define PPP_IPV4   0x0021u
#define PPP_IPV6   0x0057u
#define PPP_MPLS   0x0281u
#define PPP_MPLS_2 0x0283u

/* A header of `bytes` with the EtherType at `at`. */
static enum import_kind read_framed(struct frame *frame, struct rest rest, size_t bytes, size_t at)
{
    const unsigned char *header = rest.at;
    if (!rest_skip(&rest, bytes))
        return import_short(&rest, bytes);
    return import_next(frame, rest, LAYER_TYPE, number16(header + at));
}

static enum import_kind read_ethernet(struct frame *frame, struct rest rest)
{
    return read_framed(frame, rest, 14, 12);
}

/* ------------------------------------------------------------------ labels and tags */

/* Behind the last label stands IP, or a pseudowire's frame, maybe with a control word. */
static enum import_kind read_mpls(struct frame *frame, struct rest rest)
{
    bool last = false;
    for (int i = 0; !last; i++) {
        const unsigned char *label = rest.at;
        if (i == TAGS_MOST)
            return IMPORT_NESTED;
        if (!rest_skip(&rest, 4))
            return import_short(&rest, 4);
        last = label[2] & 1;
    }
    if (rest.captured < 1)
        return IMPORT_CUT;
    unsigned first = rest.at[0] >> 4;
    if (first == 4 || first == 6)
        return import_next(frame, rest, LAYER_IP, 0);
    if (first == 0 && !rest_skip(&rest, 4))
        return import_short(&rest, 4);
    return read_ethernet(frame, rest);
}

static enum import_kind read_ppp(struct frame *frame, struct rest rest)
{
    if (rest.captured >= 2 && rest.at[0] == 0xff && rest.at[1] == 0x03)
        (void)rest_skip(&rest, 2); /* address and control */
    if (rest.captured < 2)
        return import_short(&rest, 2);
    bool compressed = rest.at[0] & 1;
    unsigned protocol = compressed ? rest.at[0] : number16(rest.at);
    (void)rest_skip(&rest, compressed ? 1 : 2);
    if (protocol == PPP_IPV4 || protocol == PPP_IPV6)
        return import_next(frame, rest, LAYER_IP, 0);
    if (protocol == PPP_MPLS || protocol == PPP_MPLS_2)
        return read_mpls(frame, rest);
    return import_unknown(frame, IMPORT_NOT_IP, IMPORT_PPP_PROTOCOL, protocol);
}

/* The length in the header is that of what stands behind it. */
static enum import_kind read_pppoe(struct frame *frame, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (!rest_skip(&rest, 6))
        return import_short(&rest, 6);
    if (header[0] != 0x11 || !rest_limit(&rest, number16(header + 4)))
        return IMPORT_MALFORMED;
    if (header[1] != 0)
        return import_unknown(frame, IMPORT_NOT_IP, IMPORT_ETHER_TYPE, TYPE_PPPOE);
    return read_ppp(frame, rest);
}

/* 802.2: SNAP has an EtherType. */
enum import_kind import_read_llc(struct frame *frame, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (rest.captured < 3)
        return import_short(&rest, 3);
    if (header[0] != 0xaa || header[1] != 0xaa)
        return import_unknown(frame, IMPORT_NOT_IP, IMPORT_LLC_SAP, header[0]);
    return read_framed(frame, rest, 8, 6);
}

static bool is_tag(unsigned type)
{
    return type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_2 || type == TYPE_QINQ_3;
}

enum import_kind import_read_type(struct frame *frame, struct rest rest, unsigned type)
{
    if (++frame->layers > IMPORT_LAYERS)
        return IMPORT_NESTED;
    for (int i = 0; is_tag(type) && i < TAGS_MOST; i++) {
        const unsigned char *tag = rest.at;
        if (!rest_skip(&rest, 4))
            return import_short(&rest, 4);
        type = number16(tag + 2);
    }
    if (type == TYPE_IPV4 || type == TYPE_IPV6)
        return import_next(frame, rest, LAYER_IP, 0);
    if (type == TYPE_MPLS || type == TYPE_MPLS_2)
        return read_mpls(frame, rest);
    if (type == TYPE_PPPOE)
        return read_pppoe(frame, rest);
    if (type == TYPE_PPP)
        return read_ppp(frame, rest);
    if (type == TYPE_TEB)
        return read_ethernet(frame, rest);
    if (type < TYPE_LEAST && rest_limit(&rest, type))
        return import_read_llc(frame, rest);
    return import_unknown(frame, IMPORT_NOT_IP, IMPORT_ETHER_TYPE, type);
}

/* ------------------------------------------------------------------ links */

/* Behind a header of so many bytes. */
static enum import_kind read_behind(struct frame *frame, struct rest rest, size_t bytes)
{
    return rest_skip(&rest, bytes) ? import_next(frame, rest, LAYER_IP, 0)
                                   : import_short(&rest, bytes);
}

/* BSD's packet filter: the header's length stands in front, without its padding. */
static enum import_kind read_pflog(struct frame *frame, struct rest rest)
{
    if (rest.captured < 1)
        return IMPORT_CUT;
    return read_behind(frame, rest, ((size_t)rest.at[0] + 3) & ~(size_t)3);
}

/* Fields of a length, in the byte order of the machine that wrote it, and a type; one of them is
 * the packet. */
static enum import_kind read_nflog(struct frame *frame, struct rest rest)
{
    if (!rest_skip(&rest, 4))
        return import_short(&rest, 4);
    while (rest.captured >= 4) {
        bool big = (rest.at[0] == 0 && rest.at[1] != 0 && rest.at[2] == 0);
        size_t len = big ? number16(rest.at) : load_le16(rest.at);
        unsigned type = big ? number16(rest.at + 2) : load_le16(rest.at + 2);
        size_t padded = (len + 3) & ~(size_t)3;
        if (len < 4)
            return IMPORT_MALFORMED;
        if ((type & 0x7fff) == 9) /* NFULA_PAYLOAD */
            return rest_limit(&rest, len) ? read_behind(frame, rest, 4) : IMPORT_MALFORMED;
        if (!rest_skip(&rest, padded))
            return import_short(&rest, padded);
    }
    return IMPORT_CUT;
}

/* In front of PPP stands a byte that tells the direction. */
static enum import_kind read_directed_ppp(struct frame *frame, struct rest rest)
{
    return rest_skip(&rest, 1) ? read_ppp(frame, rest) : IMPORT_CUT;
}

static enum import_kind read_pppd(struct frame *frame, struct rest rest)
{
    /* the direction stands where PPP's address would, and control behind it */
    if (rest.captured >= 2 && rest.at[0] <= 1 && rest.at[1] == 0x03)
        (void)rest_skip(&rest, 2);
    return read_ppp(frame, rest);
}

enum import_kind import_read_link(struct frame *frame, struct rest rest, uint32_t link_type)
{
    switch (link_type) {
    case 1: /* ETHERNET */
        return read_ethernet(frame, rest);
    case 0:   /* NULL: four bytes name an address family, whose numbers differ between systems: */
    case 108: /* LOOP: what stands behind them says it better */
        return read_behind(frame, rest, 4);
    case 12: /* RAW, as some systems number it */
    case 14:
    case 101:
    case 228: /* IPV4 */
    case 229: /* IPV6 */
        return import_next(frame, rest, LAYER_IP, 0);
    case 9:  /* PPP */
    case 50: /* PPP_HDLC */
        return rest.captured >= 2 && rest.at[0] == 0x0f ? read_framed(frame, rest, 4, 2)
                                                        : read_ppp(frame, rest);
    case 51: /* PPP_ETHER */
        return read_pppoe(frame, rest);
    case 104: /* C_HDLC */
        return read_framed(frame, rest, 4, 2);
    case 105: /* IEEE802_11 */
        return import_next(frame, rest, LAYER_WIRELESS, 0);
    case 109: /* ENC */
        return read_behind(frame, rest, 12);
    case 113: /* LINUX_SLL */
        return read_framed(frame, rest, 16, 14);
    case 117: /* PFLOG */
        return read_pflog(frame, rest);
    case 127: /* IEEE802_11_RADIOTAP */
        return import_next(frame, rest, LAYER_RADIOTAP, 0);
    case 166: /* PPP_PPPD */
        return read_pppd(frame, rest);
    case 192: /* PPI */
        return import_next(frame, rest, LAYER_PPI, 0);
    case 204: /* PPP_WITH_DIR */
        return read_directed_ppp(frame, rest);
    case 239: /* NFLOG */
        return read_nflog(frame, rest);
    case 276: /* LINUX_SLL2 */
        return read_framed(frame, rest, 20, 0);
    default:
        return import_unknown(frame, IMPORT_UNKNOWN_LINK, IMPORT_LINK_TYPE, link_type);
    }
}
