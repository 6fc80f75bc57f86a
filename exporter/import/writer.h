/*
 * writer.h - from what connections say to the records of a series.
 *
 * A connection of anybody's: its bytes are framed, scanned and paired by the code that the recorder
 * uses; SYN, SYN-ACK, FIN and RST become opened, pool_connected and closed. Where the beginning was
 * not captured there is no `opened`, and a state line says what is known. Bytes that are missing
 * end the line that was begun and advance the offsets; a state line tells it.
 *
 * A connection that HashScope exported, with comments: they say what every message and event was;
 * numbers, pairing, delays and sessions are theirs. Copies of a message (both sides of the proxy
 * were exported) are taken once. When numbers do not grow through the capture (several recordings
 * in one, packets moved about), all are given anew from there on and pairing is our own.
 *
 * Memory: a session is about 1.2 KiB and what it has of a line begun; lines begun together at most
 * LINE_BYTES; sessions at most IMPORT_SESSIONS_MAX at once, which flows see to for those without
 * comments. Ownership: the writer is the caller's. Threads: one.
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_WRITER_H
#define HASHSCOPE_EXPORTER_IMPORT_WRITER_H

#include "exporter/import/detect.h"
#include "lib/archive/series_writer.h"

#define IMPORT_SESSIONS_MAX (1u << 17)
#define IMPORT_LINE_BYTES   (256u << 20)

struct import_writer_counts {
    uint64_t sessions, midway; /* of these, begun before the capture */
    uint64_t unfinished;       /* still open when it ended */
    uint64_t messages, events;
    uint64_t invalid;            /* messages that are no JSON */
    uint64_t copies;             /* messages met a second time */
    uint64_t renumbered;         /* 1: numbers of comments could not be kept */
    uint64_t losses, lost_bytes; /* of these connections */
};

struct import_writer;
struct import_writer *import_writer_new(struct series_writer *series,
                                        const struct import_detect *detect,
                                        int64_t pair_timeout_ns);
/* Before the first event. */
enum status import_writer_begin(struct import_writer *writer, const struct import_early *early,
                                size_t count, struct error *err) MUST_CHECK;
/* The sink of the second reading; `user` is the struct import_writer. */
enum status import_writer_event(void *user, struct import_flow *flow,
                                const struct import_event *event, struct error *err);
/* All events were given. */
enum status import_writer_end(struct import_writer *writer, struct error *err) MUST_CHECK;
const struct import_writer_counts *import_writer_counts(const struct import_writer *writer);
void import_writer_free(struct import_writer *writer);

#endif
