/*
 * capture.h - packets out of a capture file: pcap through libpcap (micro- and nanoseconds,
 * either byte order), pcapng by a reader of our own (pcapng.h), which libpcap's is no
 * substitute for: it gives no comments and refuses files with several link types. Either may be
 * compressed (unpack.h).
 *
 * The file is read once from beginning to end. Everything in it is taken for hostile: lengths are
 * bounded, nothing is believed that the file does not have.
 *
 * Ownership: a packet and what it points to live until the next call. Threads: one per capture.
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_CAPTURE_H
#define HASHSCOPE_EXPORTER_IMPORT_CAPTURE_H

#include <stdint.h>
#include <stdio.h>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

#define IMPORT_PACKET_MAX                                                                          \
    (16u << 20)           /* captured bytes of one packet; larger ones are passed over */
#define IMPORT_COMMENTS 4 /* of one packet that are looked at */

struct import_packet {
    int64_t wall_ns; /* since 1970 UTC; never negative */
    const unsigned char *data;
    uint32_t captured; /* bytes in data */
    uint32_t length;   /* on the wire */
    uint32_t link_type;
    struct span comments[IMPORT_COMMENTS];
    unsigned comment_count;
};

/* What a file had besides packets. */
struct import_capture_facts {
    uint64_t packets;
    uint64_t blocks_skipped; /* pcapng: of kinds that say nothing of packets */
    uint64_t oversized;      /* packets above IMPORT_PACKET_MAX */
    uint64_t drops;          /* that the capturing program counted, as far as the file says */
};

struct import_capture;

/* Takes over `file` (closed with the capture), which stands at its beginning and can seek.
 * STATUS_INVALID: it is no capture; the message says what it may be. */
enum status import_capture_open(struct import_capture **out, FILE *file, const char *name,
                                struct error *err) MUST_CHECK;
/* STATUS_END: no more. STATUS_DAMAGED: what follows cannot be read; the message says why and where,
 * and every later call says the same. */
enum status import_capture_next(struct import_capture *capture, struct import_packet *out,
                                struct error *err) MUST_CHECK;
const struct import_capture_facts *import_capture_facts(const struct import_capture *capture);
void import_capture_close(struct import_capture *capture);

#endif
