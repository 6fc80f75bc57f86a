/*
 * wireless.c - 802.11, as monitors capture it: data frames that are not encrypted, also
 * those that hold several packets (A-MSDU), of which the part that is asked for is read.
 *
 * Sources: IEEE 802.11 (frame formats), radiotap.org, PPI Packet Header 1.0.8. Numbers in 802.11's
 * own headers have their low byte first; lengths of aggregated frames the high one.
 */
#include "exporter/import/packet_private.h"

#define TYPE_DATA 2u /* of frame control */

#define SUBTYPE_EMPTY 0x4u
#define SUBTYPE_QOS   0x8u
#define TO_DS         0x01u
#define FROM_DS       0x02u
#define PROTECTED     0x40u
#define ORDERED       0x80u /* with QoS: four bytes of HT control */
#define AGGREGATED    0x80u /* of QoS control */

#define RADIOTAP_TIME   0x1u
#define RADIOTAP_FLAGS  0x2u
#define RADIOTAP_MORE   0x80000000u
#define FLAG_PADDED     0x20u /* the header, to four bytes */
#define PPI_FIELD_BYTES 8u
#define PARTS_MOST      64u /* 11 KB of the smallest */

/* One behind the other: addresses, length, packet, padding to four bytes. */
static enum import_kind read_aggregate(struct frame *frame, struct rest rest)
{
    for (unsigned i = 0;; i++) {
        const unsigned char *header = rest.at;
        struct rest packet = rest;
        if (!rest_skip(&packet, 14))
            return import_short(&rest, 14);
        size_t len = number16(header + 12), padded = (len + 14 + 3) & ~(size_t)3;
        frame->out->more = rest.captured >= padded + 14 && i + 1 < PARTS_MOST;
        if (i == frame->part)
            return rest_limit(&packet, len) ? import_next(frame, packet, LAYER_LLC, 0)
                                            : IMPORT_MALFORMED;
        if (!rest_skip(&rest, padded))
            return import_short(&rest, padded);
    }
}

enum import_kind import_read_wireless(struct frame *frame, struct rest rest, bool padded)
{
    const unsigned char *header = rest.at;
    if (rest.captured < 24)
        return import_short(&rest, 24);
    unsigned type = header[0] >> 2 & 3, subtype = header[0] >> 4, flags = header[1];
    size_t bytes = 24 + ((flags & TO_DS) && (flags & FROM_DS) ? 6 : 0), quality = bytes;
    if (type != TYPE_DATA || (subtype & SUBTYPE_EMPTY))
        return IMPORT_NOT_IP;
    if (subtype & SUBTYPE_QOS)
        bytes += flags & ORDERED ? 6 : 2;
    if (flags & PROTECTED)
        return IMPORT_PROTECTED;
    if (padded)
        bytes = (bytes + 3) & ~(size_t)3;
    if (!rest_skip(&rest, bytes))
        return import_short(&rest, bytes);
    if ((subtype & SUBTYPE_QOS) && (header[quality] & AGGREGATED))
        return read_aggregate(frame, rest);
    return import_next(frame, rest, LAYER_LLC, 0);
}

/* Which fields there are is told in front of them; only one that stands near the front counts. */
static bool is_padded(const unsigned char *header, size_t bytes)
{
    uint32_t present = load_le32(header + 4);
    size_t at = 8;
    for (uint32_t more = present; (more & RADIOTAP_MORE) && at + 4 <= bytes; at += 4)
        more = load_le32(header + at);
    if (present & RADIOTAP_TIME)
        at = ((at + 7) & ~(size_t)7) + 8;
    return (present & RADIOTAP_FLAGS) && at < bytes && (header[at] & FLAG_PADDED);
}

enum import_kind import_read_radiotap(struct frame *frame, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (rest.captured < 8)
        return import_short(&rest, 8);
    size_t bytes = load_le16(header + 2);
    if (bytes < 8)
        return IMPORT_MALFORMED;
    if (!rest_skip(&rest, bytes))
        return import_short(&rest, bytes);
    return import_read_wireless(frame, rest, is_padded(header, bytes));
}

/* Its header says of which link what follows is. */
enum import_kind import_read_ppi(struct frame *frame, struct rest rest)
{
    const unsigned char *header = rest.at;
    if (rest.captured < PPI_FIELD_BYTES)
        return import_short(&rest, PPI_FIELD_BYTES);
    size_t bytes = load_le16(header + 2);
    uint32_t link = load_le32(header + 4);
    if (bytes < PPI_FIELD_BYTES)
        return IMPORT_MALFORMED;
    if (++frame->layers > IMPORT_LAYERS)
        return IMPORT_NESTED;
    if (!rest_skip(&rest, bytes))
        return import_short(&rest, bytes);
    return import_next(frame, rest, LAYER_LINK, link);
}
