/*
 * archive_private.h - the archive writer's own state, shared by archive*.c.
 *
 * archive.c is the thread and its clockwork, write.c what happens to a record. Everything
 * but what stands behind `mutex` belongs to the thread.
 */
#ifndef HASHSCOPE_ARCHIVE_ARCHIVE_PRIVATE_H
#define HASHSCOPE_ARCHIVE_ARCHIVE_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/archive/archive.h"
#include "lib/base/log.h"
#include "lib/base/processor.h"
#include "lib/record/state_table.h"
#include "lib/segment/writer.h"

/* What failed: it decides whether trying again as it is makes sense. */
enum archive_fault {
    ARCHIVE_FAULT_CREATE,
    ARCHIVE_FAULT_WRITE,
    ARCHIVE_FAULT_SYNC,
    ARCHIVE_FAULT_GONE, /* the file was moved or removed */
    ARCHIVE_FAULT_SEAL
};

/* What lines amount to; added to the counters when the lines have reached the file. */
struct archive_tally {
    uint64_t messages, events, lost, gaps, last_seq;
};

struct archive {
    struct archive_settings settings;
    char *data_dir;
    struct ring_reader *reader;
    struct ring_counters *counters;

    struct segment_writer file;
    struct state_table states;
    struct clock_formatter clock;
    uint64_t next_number; /* of the next segment */
    uint64_t known_seq;   /* up to here the archive had everything at start */
    uint64_t last_seq;    /* of the last record that has its line, or needs none; 0: none */
    struct record held;   /* read from the ring, not yet taken */
    bool holding;
    bool begun;                       /* a record was taken, so a number that is missing is a gap */
    bool sweep_due;                   /* closed records may have been lost */
    struct archive_tally total;       /* of all lines so far */
    struct archive_tally begun_total; /* the same when this file began */
    struct archive_tally
        flushed;                 /* of these, those that a flush or the end of a frame has passed */
    struct archive_tally ended;  /* at the end of the last frame */
    struct archive_tally framed; /* the same, when the file has it */
    struct archive_tally synced; /* the same, as of the last sync */
    struct archive_tally counted; /* as it stands in the counters */

    int64_t unflushed_since, unsynced_since, frame_since, file_since; /* monotonic; 0: no */
    bool sealing;             /* the file is ending: no more lines into it */
    enum archive_fault fault; /* of the failure that is being handled */
    bool failing;
    int64_t tick_wait; /* the last one, nanoseconds */
    int64_t retry_at, retry_delay;
    char trouble[64]; /* what went wrong since the last gap line; "" nothing */
    struct log_limit log_limit;

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake, ended_wake;
    _Atomic uint64_t position;          /* of the ring: read up to here */
    struct processor_choice processors; /* of the thread; the starter's */
    _Atomic bool give_up;               /* set with the mutex held, read anywhere */
    /* The file ends behind this number, and whoever asks for it writes the number down: what is
     * recorded later belongs into the next file, however late this thread comes to it. 0: none. */
    _Atomic uint64_t rotate_behind;
    _Atomic bool at_disk;     /* in a call that may wait for it */
    _Atomic bool failing_now; /* `failing`, for other threads */
    /* behind the mutex: */
    bool stop, finished;
    struct archive_status status;
};

/* Each returns what went wrong with the disk and sets archive->fault; what was not done is done by
 * the next call. archive_take clears archive->holding when the record needs no second try. */
enum status archive_take(struct archive *archive, const struct record *record, int64_t now,
                         struct error *err) MUST_CHECK;
enum status archive_flush(struct archive *archive, struct error *err) MUST_CHECK;
enum status archive_end_frame(struct archive *archive, struct error *err) MUST_CHECK;
enum status archive_push(struct archive *archive, struct error *err) MUST_CHECK; /* writes `out` */
enum status archive_sync(struct archive *archive, struct error *err) MUST_CHECK;
enum status archive_seal(struct archive *archive, struct error *err) MUST_CHECK;
/* The file can't go on: what is safe in it is sealed, the rest is read again from the ring. */
void archive_abandon(struct archive *archive);

#endif
