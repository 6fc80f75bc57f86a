/*
 * packet_private.h - the layers of a frame: each function takes its header off the front of
 * what is left, and says which layer stands behind it; packet.c goes on with that one. For
 * packet.c, link.c, wireless.c and tunnel.c alone.
 *
 * Layers stand in each other as gateways, tunnels and mirrors stack them; how many are taken off is
 * bounded (IMPORT_LAYERS).
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_PACKET_PRIVATE_H
#define HASHSCOPE_EXPORTER_IMPORT_PACKET_PRIVATE_H

#include <stddef.h>

#include "exporter/import/packet.h"

#define IMPORT_LAYERS 16

/* What is left of the frame. */
struct rest {
    const unsigned char *at;
    size_t captured; /* bytes that are there */
    size_t length;   /* bytes that were there on the wire; never below `captured` */
    bool guessed;    /* the file gives no length above what was captured: it may have been cut */
};

enum layer {
    LAYER_NONE, /* the segment was reached */
    LAYER_LINK, /* by what the file calls it */
    LAYER_TYPE, /* by EtherType */
    LAYER_LLC,
    LAYER_WIRELESS, /* 802.11 */
    LAYER_RADIOTAP, /* stands before that, as does: */
    LAYER_PPI,
    LAYER_IP,     /* of either version */
    LAYER_TUNNEL, /* what IP carries besides TCP, by its protocol */
};

struct frame {
    struct import_segment *out;
    unsigned part;   /* of an aggregate, which is wanted */
    unsigned layers; /* entered so far */
    enum layer next; /* what `rest` begins with */
    uint32_t number; /* that it goes by */
    struct rest rest;
};

static inline unsigned number16(const unsigned char *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static inline uint32_t number32(const unsigned char *at)
{
    return (uint32_t)number16(at) << 16 | number16(at + 2);
}

/* False: so many bytes are not there; see import_short. */
static inline bool rest_skip(struct rest *rest, size_t bytes)
{
    if (rest->captured < bytes)
        return false;
    rest->at += bytes;
    rest->captured -= bytes;
    rest->length -= bytes;
    return true;
}

/* What an inner length says: less than there is, and padding stands behind it; more, and the frame
 * was cut, by a program that did not tell. False: it cannot be. */
static inline bool rest_limit(struct rest *rest, size_t length)
{
    if (length > rest->length && !rest->guessed)
        return false;
    rest->length = length;
    if (rest->captured > length)
        rest->captured = length;
    return true;
}

/* Why a header of so many bytes is not there. */
static inline enum import_kind import_short(const struct rest *rest, size_t bytes)
{
    return rest->length < bytes && !rest->guessed ? IMPORT_MALFORMED : IMPORT_CUT;
}

/* That packet ends at something that has this number. */
static inline enum import_kind import_unknown(struct frame *frame, enum import_kind kind,
                                              enum import_naming naming, uint32_t number)
{
    frame->out->naming = naming;
    frame->out->number = number;
    return kind;
}

/* That layer is taken off: what is left begins with this one. */
static inline enum import_kind import_next(struct frame *frame, struct rest rest, enum layer layer,
                                           uint32_t number)
{
    frame->next = layer;
    frame->number = number;
    frame->rest = rest;
    return IMPORT_TCP;
}

/* The layers. IMPORT_TCP: it may be one, and `frame` says what comes next. */

/* link.c */
enum import_kind import_read_link(struct frame *frame, struct rest rest, uint32_t link_type);
enum import_kind import_read_type(struct frame *frame, struct rest rest, unsigned type);
enum import_kind import_read_llc(struct frame *frame, struct rest rest);

/* wireless.c; `padded`: the header is filled up to four bytes. */
enum import_kind import_read_wireless(struct frame *frame, struct rest rest, bool padded);
enum import_kind import_read_radiotap(struct frame *frame, struct rest rest);
enum import_kind import_read_ppi(struct frame *frame, struct rest rest);

/* tunnel.c */
enum import_kind import_read_tunnel(struct frame *frame, struct rest rest, unsigned protocol);

#endif
