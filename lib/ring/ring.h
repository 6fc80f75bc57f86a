/*
 * ring.h - the live ring: a memory-mapped file with the newest records, written by one thread, read
 * by any number of processes, and trusted after a crash.
 *
 * File (all numbers in the machine's byte order; the file never leaves the machine):
 *
 *   ┌──────────────┬──────────────────────┬───────────────────────────────┐
 *   │ struct header│ session table (slots)│ data: records, end to end     │
 *   └──────────────┴──────────────────────┴───────────────────────────────┘
 *
 * Positions are bytes since the ring was made and only grow; a position's place is position modulo
 * the data size. The first RING_RECORD_MAX bytes of the data are mapped a second time behind its
 * end, so a record never wraps.
 *
 *        head            tail       claim
 *   ──────┼───────────────┼──────────┼─────▶ position
 *    gone │ published     │ complete,│
 *         │               │ not yet  │
 *         │               │ published│
 *
 * Writing: claim moves first (readers that stand on what it takes learn of it), then header and
 * payload are written, then the record's commit word; that record now survives a crash of the
 * process, and only after that may its bytes go to the other side. ring_writer_publish fills in the
 * forward delay and moves the tail: readers see it. A message above RING_RECORD_MAX lies in several
 * chained records of one seq.
 *
 * Reading: copy the record, then look at claim again: if it has passed, what was copied may be
 * torn, and the reader was overrun; it goes on at head and the missing numbers are counted. All
 * shared words are copied with relaxed atomic loads and stores, so this is defined behaviour.
 *
 * Session table: a slot per open session and for closed ones that the ring still speaks of, each
 * behind a sequence lock. When all are taken by open or recent sessions the oldest closed one goes:
 * its records still carry the session's UUID.
 *
 * Recovery: ring_writer_open keeps the ring it finds: it walks on from the tail while commit word,
 * seq and CRC agree, and continues behind. After a reboot the pages may have reached the disk in
 * any order: then every record is checked and the intact run from the oldest on is kept. Numbers
 * have no hole inside a ring; where one must be skipped (power cut, another size) the caller drains
 * this ring into the archive, removes the file and makes a new one with another first_seq.
 *
 * Threads: the writer is one thread's. A reader is one thread's; many may read.
 */
#ifndef HASHSCOPE_RING_RING_H
#define HASHSCOPE_RING_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/record/record.h"

#define RING_RECORD_MAX  (1u << 20)      /* bytes of one record, its header included */
#define RING_PAYLOAD_MAX RECORD_LINE_MAX /* bytes of one message, chained */
#define RING_BYTES_MIN   (16u << 20)
#define RING_NO_SLOT     UINT32_MAX

/* What the recorder counts; names as they stand in status and metrics. Never reordered. */
#define RING_COUNTERS(X)                                                                           \
    X(sessions_accepted) /* miners accepted */                                                     \
    X(sessions_refused)  /* closed at once: MAX_SESSIONS or no memory */                           \
    X(accept_failures)   /* accept() failed: descriptors or memory */                              \
    X(pool_connects)                                                                               \
    X(pool_connect_failures)                                                                       \
    X(bytes_from_miners)                                                                           \
    X(bytes_from_pools)                                                                            \
    X(bytes_to_pools) /* taken by the kernel or queued */                                          \
    X(bytes_to_miners)                                                                             \
    X(messages)          /* message records put into the ring */                                   \
    X(events)            /* other records */                                                       \
    X(messages_invalid)  /* not embeddable as JSON */                                              \
    X(messages_archived) /* lines that reached a segment file */                                   \
    X(events_archived)                                                                             \
    X(records_lost) /* overrun before they were archived */                                        \
    X(gaps)                                                                                        \
    X(segments_sealed)                                                                             \
    X(archive_errors) /* failed writes, retried */                                                 \
    X(archive_bytes)  /* compressed bytes written */                                               \
    X(injected)                                                                                    \
    X(inject_answers) /* withheld from the miner */                                                \
    X(inject_timeouts)                                                                             \
    X(inject_released) /* held lines passed on unexamined: too long or too old */                  \
    X(pairs_dropped)                                                                               \
    X(clock_steps)                                                                                 \
    X(pauses)           /* times that a flood had to wait for the archive */                       \
    X(segments_removed) /* by retention: files of any kind */                                      \
    X(removed_bytes)                                                                               \
    X(segments_recompressed)                                                                       \
    X(recompressed_saved_bytes)                                                                    \
    X(recompress_failures)                                                                         \
    X(bytes_dropped) /* not taken by the other side when their session closed; TLS: as encrypted   \
                      */

struct ring_counters {
#define X(name) _Atomic uint64_t name;
    RING_COUNTERS(X)
#undef X
};

/* Each counter is one thread's (the relay's or the archive writer's); anyone may read. */
static inline void ring_count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

struct ring_settings {
    const char *path;   /* the ring file */
    uint64_t bytes;     /* size of the data area, RING_BYTES_MIN at least; rounded up to pages */
    uint32_t slots;     /* session table */
    uint64_t instance;  /* of the data directory */
    uint64_t first_seq; /* for a new ring: the first number it gives out */
    int file_mode;      /* 0640 */
};

struct ring_recovered {
    bool existed;        /* there was a ring of this instance; it goes on */
    bool other_size;     /* but its geometry is not the one wanted */
    bool clean;          /* and it was closed properly */
    bool rebooted;       /* and the machine has started since */
    uint64_t past_tail;  /* complete records found behind the published tail */
    uint64_t last_seq;   /* the last number in it; 0: none */
    uint64_t oldest_seq; /* the first number still there */
};

struct ring_writer;

/* Opens or makes the ring. STATUS_UNSUPPORTED: a ring of another version or data directory is
 * there; STATUS_DAMAGED: not a ring, or its header contradicts itself; STATUS_FULL: no room. */
enum status ring_writer_open(struct ring_writer **out, const struct ring_settings *settings,
                             struct ring_recovered *recovered, struct error *err) MUST_CHECK;
/* Marks it clean and unmaps. */
void ring_writer_close(struct ring_writer *writer);

/* Puts a record into the ring, complete but not published. Gives it the next seq (record->seq is
 * ignored) and returns that. The payload (at most RING_PAYLOAD_MAX) is copied. */
uint64_t ring_writer_append(struct ring_writer *writer, const struct record *record);

/* Publishes all that was appended. `forwarded_mono_ns`: when the write() to the other side
 * returned, 0 when it was queued or nothing was forwarded (delay unknown). */
void ring_writer_publish(struct ring_writer *writer, int64_t forwarded_mono_ns);
/* The same of what was appended up to this ring_writer_position. */
void ring_writer_publish_to(struct ring_writer *writer, uint64_t position,
                            int64_t forwarded_mono_ns);

uint64_t ring_writer_next_seq(const struct ring_writer *writer);
/* The end of what was put in, and the size of the data area, in bytes. */
uint64_t ring_writer_position(const struct ring_writer *writer);
uint64_t ring_writer_bytes(const struct ring_writer *writer);
struct ring_counters *ring_writer_counters(struct ring_writer *writer);

/* Session table. `info->number` is given by ring_session_open. Never fails: see above. */
uint32_t ring_session_open(struct ring_writer *writer, struct session_info *info);
void ring_session_update(struct ring_writer *writer, uint32_t slot,
                         const struct session_info *info);
/* What the slot says now; the writer's own thread only. */
void ring_session_get(const struct ring_writer *writer, uint32_t slot, struct session_info *out);
/* Cheap: only the byte counts. */
void ring_session_bytes(struct ring_writer *writer, uint32_t slot, uint64_t up, uint64_t down);
/* One more answer of its pool that pairs with nothing. */
void ring_session_unasked(struct ring_writer *writer, uint32_t slot);
/* Calls `each` for every slot in state other than closed (recovery: those the last run left). */
void ring_session_each_open(struct ring_writer *writer,
                            void (*each)(void *user, uint32_t slot, struct session_info *info),
                            void *user);

/* ------------------------------------------------------------------ readers */

struct ring_reader;

/* Opens the file for reading. STATUS_NOT_FOUND, STATUS_DAMAGED, STATUS_UNSUPPORTED (version). */
enum status ring_reader_open(struct ring_reader **out, const char *path,
                             struct error *err) MUST_CHECK;
/* A reader on the writer's own mapping, for a thread of the recorder; close it first. */
struct ring_reader *ring_reader_attach(struct ring_writer *writer);
void ring_reader_close(struct ring_reader *reader);

void ring_reader_seek_oldest(struct ring_reader *reader);
void ring_reader_seek_end(struct ring_reader *reader);
/* To the first record with a number of at least `seq`. False when records from `seq` on are gone
 * already: then it stands at the oldest. Walks the ring. */
bool ring_reader_seek_seq(struct ring_reader *reader, uint64_t seq);

/* The next published record. `out->payload` is the reader's own copy, valid until the next call.
 * STATUS_END: nothing new. *missed (may be NULL): how many numbers were overrun before this one. */
enum status ring_reader_next(struct ring_reader *reader, struct record *out,
                             uint64_t *missed) MUST_CHECK;
/* The record before the one that ring_reader_next would give; STATUS_END at the oldest. */
enum status ring_reader_previous(struct ring_reader *reader, struct record *out) MUST_CHECK;

/* Where the next record begins. */
uint64_t ring_reader_position(const struct ring_reader *reader);
/* Bytes between the reader and the tail: how far behind it is. */
uint64_t ring_reader_lag(const struct ring_reader *reader);
uint64_t ring_reader_instance(const struct ring_reader *reader);
/* True when the recorder has since made a new ring file at that path (open again), or started anew
 * on this one (`*restarted`, may be NULL; the reader goes on). */
bool ring_reader_replaced(struct ring_reader *reader, const char *path, bool *restarted);
/* The published tail's last seq; 0: empty. */
uint64_t ring_reader_last_seq(const struct ring_reader *reader);

/* Copies slot `slot`; STATUS_NOT_FOUND when never used, STATUS_END when there is no such slot. */
enum status ring_reader_session(struct ring_reader *reader, uint32_t slot,
                                struct session_info *out) MUST_CHECK;
uint32_t ring_reader_slots(const struct ring_reader *reader);
const struct ring_counters *ring_reader_counters(const struct ring_reader *reader);

#endif
