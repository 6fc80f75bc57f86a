/*
 * packet.c - takes layer after layer off a frame until TCP is reached; IP and TCP are here, the
 * others in link.c, wireless.c and tunnel.c.
 *
 * Sources: RFC 791, RFC 8200 (extension headers), RFC 4302 (AH), RFC 9293.
 */
#include "exporter/import/packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "exporter/import/packet_private.h"

#define PROTOCOL_TCP      6u
#define EXTENSION_HOPS    0u
#define EXTENSION_ROUTING 43u
#define EXTENSION_PIECE   44u
#define EXTENSION_AH      51u
#define EXTENSION_OPTIONS 60u
#define EXTENSIONS_MOST   16

void import_endpoint_format(char out[IMPORT_ENDPOINT_TEXT], const struct import_endpoint *endpoint)
{
    char text[INET6_ADDRSTRLEN] = "";
    (void)inet_ntop(endpoint->ipv6 ? AF_INET6 : AF_INET, endpoint->address, text, sizeof text);
    snprintf(out, IMPORT_ENDPOINT_TEXT, endpoint->ipv6 ? "[%s]:%u" : "%s:%u", text,
             (unsigned)endpoint->port);
}

/* ------------------------------------------------------------------ TCP */

static enum import_kind read_tcp(struct frame *frame, struct rest rest)
{
    struct import_segment *out = frame->out;
    const unsigned char *header = rest.at;
    if (rest.captured < 20)
        return import_short(&rest, 20);
    size_t header_bytes = (size_t)(header[12] >> 4) * 4;
    if (header_bytes < 20)
        return IMPORT_MALFORMED;
    if (!rest_skip(&rest, header_bytes))
        return import_short(&rest, header_bytes);
    out->from.port = (uint16_t)number16(header);
    out->to.port = (uint16_t)number16(header + 2);
    out->seq = number32(header + 4);
    out->ack = number32(header + 8);
    out->flags = header[13];
    out->data = rest.at;
    out->len = (uint32_t)rest.captured;
    out->missing = (uint32_t)(rest.length - rest.captured);
    return import_next(frame, rest, LAYER_NONE, 0);
}

/* ------------------------------------------------------------------ IP */

/* One header between IP and what it carries; IMPORT_TCP: it is passed, and `next` names what
 * follows. */
static enum import_kind pass_extension(struct rest *rest, unsigned *next)
{
    if (rest->captured < 8)
        return import_short(rest, 8);
    const unsigned char *header = rest->at;
    size_t bytes = ((size_t)header[1] + 1) * 8;
    if (*next == EXTENSION_PIECE) {
        if (number16(header + 2) & 0xfff9)
            return IMPORT_FRAGMENT;
        bytes = 8; /* a whole packet all the same (RFC 6946) */
    } else if (*next == EXTENSION_AH) {
        bytes = ((size_t)header[1] + 2) * 4;
    }
    *next = header[0];
    return rest_skip(rest, bytes) ? IMPORT_TCP : import_short(rest, bytes);
}

static bool is_extension(const struct frame *frame, unsigned protocol)
{
    return protocol == EXTENSION_AH ||
           (frame->out->from.ipv6 &&
            (protocol == EXTENSION_HOPS || protocol == EXTENSION_ROUTING ||
             protocol == EXTENSION_PIECE || protocol == EXTENSION_OPTIONS));
}

static enum import_kind read_payload(struct frame *frame, struct rest rest, unsigned protocol)
{
    for (int i = 0; is_extension(frame, protocol); i++) {
        enum import_kind kind =
            i < EXTENSIONS_MOST ? pass_extension(&rest, &protocol) : IMPORT_MALFORMED;
        if (kind != IMPORT_TCP)
            return kind;
    }
    return protocol == PROTOCOL_TCP ? read_tcp(frame, rest)
                                    : import_next(frame, rest, LAYER_TUNNEL, protocol);
}

static void set_addresses(struct frame *frame, const unsigned char *addresses, size_t bytes)
{
    struct import_endpoint none = {.ipv6 = bytes == 16};
    frame->out->from = frame->out->to = none;
    memcpy(frame->out->from.address, addresses, bytes);
    memcpy(frame->out->to.address, addresses + bytes, bytes);
}

static enum import_kind read_ipv4(struct frame *frame, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (rest.captured < 20)
        return import_short(&rest, 20);
    size_t header_bytes = (size_t)(header[0] & 15) * 4, total = number16(header + 2);
    if (header[0] >> 4 != 4 || header_bytes < 20)
        return IMPORT_MALFORMED;
    if (total == 0)
        total = rest.length; /* the card cuts the packet up later, and fills it in then */
    if (total < header_bytes || !rest_limit(&rest, total))
        return IMPORT_MALFORMED;
    if (number16(header + 6) & 0x3fff)
        return IMPORT_FRAGMENT;
    if (!rest_skip(&rest, header_bytes))
        return IMPORT_CUT;
    set_addresses(frame, header + 12, 4);
    return read_payload(frame, rest, header[9]);
}

static enum import_kind read_ipv6(struct frame *frame, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (rest.captured < 40)
        return import_short(&rest, 40);
    size_t total = number16(header + 4);
    if (header[0] >> 4 != 6)
        return IMPORT_MALFORMED;
    (void)rest_skip(&rest, 40);
    /* 0: a jumbogram, or one that the card cuts up later */
    if (total > 0 && !rest_limit(&rest, total))
        return IMPORT_MALFORMED;
    set_addresses(frame, header + 8, 16);
    return read_payload(frame, rest, header[6]);
}

static enum import_kind read_ip(struct frame *frame, struct rest rest)
{
    if (rest.captured < 1)
        return IMPORT_CUT;
    if (++frame->layers > IMPORT_LAYERS)
        return IMPORT_NESTED;
    unsigned version = rest.at[0] >> 4;
    return version == 4   ? read_ipv4(frame, rest)
           : version == 6 ? read_ipv6(frame, rest)
                          : IMPORT_NOT_IP;
}

/* ------------------------------------------------------------------ frames */

static enum import_kind read_layer(struct frame *frame)
{
    struct rest rest = frame->rest;
    switch (frame->next) {
    case LAYER_LINK:
        return import_read_link(frame, rest, frame->number);
    case LAYER_TYPE:
        return import_read_type(frame, rest, frame->number);
    case LAYER_LLC:
        return import_read_llc(frame, rest);
    case LAYER_WIRELESS:
        return import_read_wireless(frame, rest, false);
    case LAYER_RADIOTAP:
        return import_read_radiotap(frame, rest);
    case LAYER_PPI:
        return import_read_ppi(frame, rest);
    case LAYER_IP:
        return read_ip(frame, rest);
    case LAYER_TUNNEL:
        return import_read_tunnel(frame, rest, frame->number);
    case LAYER_NONE:
        break;
    }
    return IMPORT_TCP;
}

enum import_kind import_packet_read(struct import_segment *out, const struct import_packet *packet,
                                    unsigned part)
{
    struct rest rest = {packet->data, packet->captured, packet->length, false};
    struct frame frame = {.out = out, .part = part};
    enum import_kind kind;
    *out = (struct import_segment){.wall_ns = packet->wall_ns};
    if (rest.length <= rest.captured) { /* below it, too, in files of some programs */
        rest.length = rest.captured;
        rest.guessed = true;
    }
    kind = import_next(&frame, rest, LAYER_LINK, packet->link_type);
    while (kind == IMPORT_TCP && frame.next != LAYER_NONE)
        kind = read_layer(&frame);
    return kind;
}
