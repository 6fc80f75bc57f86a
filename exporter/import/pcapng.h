/*
 * pcapng.h - a reader of pcapng files as draft-ietf-opsawg-pcapng describes them: several
 * sections in either byte order, interfaces each with link type, clock resolution and offset,
 * enhanced, simple and (old) packet blocks with comments. Other blocks are passed over.
 *
 * Bounds: a block that is read is at most IMPORT_PACKET_MAX and its frame; memory grows only as far
 * as the file really has bytes; a section has at most IMPORT_INTERFACES_MAX interfaces.
 *
 * Ownership: the file stays the caller's. Threads: one.
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_PCAPNG_H
#define HASHSCOPE_EXPORTER_IMPORT_PCAPNG_H

#include <stdbool.h>

#include "exporter/import/capture.h"

#define IMPORT_INTERFACES_MAX 65536u

struct import_pcapng;

bool import_pcapng_is(const unsigned char head[4]);
/* Counts into `facts`. */
struct import_pcapng *import_pcapng_new(FILE *file, struct import_capture_facts *facts);
/* As import_capture_next, but for packets counted. */
enum status import_pcapng_next(struct import_pcapng *reader, struct import_packet *out,
                               struct error *err) MUST_CHECK;
void import_pcapng_free(struct import_pcapng *reader);

#endif
