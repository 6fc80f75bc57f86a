/*
 * write.c - from a record to its line in a file.
 *
 * Happy path: archive_take writes the line behind whatever it needs in front (gap, state) and
 * learns from the record. Frames end when they are full, files when they are big or old.
 *
 * Failures: a file that can't be made leaves the record held, nothing has happened yet. A write
 * that fails leaves its bytes in the file's `out`; no record is taken until they are through. When
 * the file itself is at fault (an I/O error, its greatest size, a failed sync), it is cut at its
 * last good mark and the ring is read again from there; what the ring does not have any more is a
 * gap then, as everything that was overrun. A file that is not there any more (its folder was
 * removed, the data directory replaced) is noticed by the next sync, and all of it is written
 * again.
 */
#include <stdio.h>
#include <string.h>

#include "lib/archive/archive_private.h"
#include "lib/record/line.h"
#include "lib/segment/append.h"

#define OUT_PUSH   (256u << 10) /* compressed bytes that are worth a write */
#define NAME_TRIES 100

/* After a frame that took so long there is time to compress the next one well: at 64 KiB of text a
 * second, some 200 messages, that costs half a thousandth of a processor. */
#define QUIET_FRAME_NS (16 * NS_PER_S)
/* After one that was filled as fast as this (20 MiB of text a second, 70,000 messages), whoever
 * talks to the relay wants the processor more than the disk wants its bytes. */
#define FLOOD_FRAME_NS (50 * NS_PER_MS)
/* And a thorough frame that fills faster than that ends early, by this much text. */
#define BUSY_TEXT (128u << 10)

/* ------------------------------------------------------------------ counting */

static void add(_Atomic uint64_t *counter, uint64_t value)
{
    atomic_fetch_add_explicit(counter, value, memory_order_relaxed);
}

/* Brings the counters from what they show to `tally`, which may be less after an abandoned file:
 * the differences wrap, and so do the counters. */
static void count_to(struct archive *archive, const struct archive_tally *tally)
{
    struct ring_counters *counters = archive->counters;
    const struct archive_tally *was = &archive->counted;
    add(&counters->messages_archived, tally->messages - was->messages);
    add(&counters->events_archived, tally->events - was->events);
    add(&counters->records_lost, tally->lost - was->lost);
    add(&counters->gaps, tally->gaps - was->gaps);
    archive->counted = *tally;
}

/* ------------------------------------------------------------------ files */

/* Around calls that may wait for the disk. */
static void at_disk(struct archive *archive, bool is)
{
    atomic_store_explicit(&archive->at_disk, is, memory_order_relaxed);
}

static enum status open_file(struct archive *archive, const struct record *record, int64_t now,
                             struct error *err)
{
    struct segment_head head = {
        .version = SEGMENT_VERSION,
        .instance = archive->settings.instance,
        .start_wall_ns = record->wall_ns,
        .start_mono_ns = record->mono_ns,
    };
    enum status status = STATUS_EXISTS;
    for (int tries = 0; tries < NAME_TRIES && status == STATUS_EXISTS; tries++) {
        head.number = archive->next_number;
        at_disk(archive, true);
        status =
            segment_writer_create(&archive->file, archive->data_dir, &head, archive->last_seq, err);
        at_disk(archive, false);
        if (status == STATUS_OK || status == STATUS_EXISTS)
            archive->next_number++;
    }
    archive->fault = ARCHIVE_FAULT_CREATE;
    if (status != STATUS_OK)
        return status;
    archive->file_since = now;
    archive->unflushed_since = now;
    archive->begun_total = archive->total;
    archive->ended = archive->framed = archive->synced = archive->total;
    state_table_new_segment(&archive->states);
    return archive_push(archive, err); /* so that a reader of the file finds its header */
}

enum status archive_push(struct archive *archive, struct error *err)
{
    uint64_t before = archive->file.written;
    at_disk(archive, true);
    enum status status = segment_writer_write(&archive->file, err);
    at_disk(archive, false);
    archive->fault = ARCHIVE_FAULT_WRITE;
    add(&archive->counters->archive_bytes, archive->file.written - before);
    if (archive->file.framed.offset == archive->file.ended.offset)
        archive->framed = archive->ended;
    if (status == STATUS_OK)
        count_to(archive, &archive->flushed);
    return status;
}

enum status archive_flush(struct archive *archive, struct error *err)
{
    segment_writer_flush(&archive->file);
    archive->flushed = archive->total;
    archive->unflushed_since = 0;
    return archive_push(archive, err);
}

/* By how long the frame that ends would have taken to fill. */
static enum segment_effort next_effort(const struct archive *archive)
{
    int64_t taken = clock_mono_ns() - archive->frame_since;
    if (taken >= QUIET_FRAME_NS)
        return SEGMENT_THOROUGH;
    uint32_t text = archive->file.frame.text_bytes;
    return taken < FLOOD_FRAME_NS * text / SEGMENT_FRAME_TEXT ? SEGMENT_HASTY : SEGMENT_QUICK;
}

enum status archive_end_frame(struct archive *archive, struct error *err)
{
    if (archive->frame_since)
        segment_writer_tune(&archive->file, next_effort(archive));
    segment_writer_end_frame(&archive->file);
    archive->flushed = archive->ended = archive->total;
    archive->unflushed_since = archive->frame_since = 0;
    return archive_push(archive, err);
}

enum status archive_sync(struct archive *archive, struct error *err)
{
    at_disk(archive, true);
    enum status status = segment_writer_sync(&archive->file, err);
    at_disk(archive, false);
    archive->fault = ARCHIVE_FAULT_SYNC;
    if (status != STATUS_OK)
        return status;
    if (!segment_writer_is_there(&archive->file)) {
        archive->fault = ARCHIVE_FAULT_GONE;
        return error_set(err, STATUS_NOT_FOUND, "%s: moved or removed by somebody",
                         archive->file.path);
    }
    archive->synced = archive->framed;
    archive->unsynced_since = archive->unflushed_since; /* what lies between stays unsynced */
    pthread_mutex_lock(&archive->mutex);
    archive->status.synced_seq = archive->counted.last_seq;
    pthread_mutex_unlock(&archive->mutex);
    return STATUS_OK;
}

enum status archive_seal(struct archive *archive, struct error *err)
{
    archive->sealing = true;
    enum status status = archive_end_frame(archive, err);
    if (status == STATUS_OK) {
        segment_writer_add_footer(&archive->file);
        status = archive_push(archive, err);
    }
    if (status == STATUS_OK)
        status = archive_sync(archive, err);
    if (status != STATUS_OK)
        return status;
    archive->fault = ARCHIVE_FAULT_SEAL;
    at_disk(archive, true);
    status = segment_writer_seal(&archive->file, err);
    at_disk(archive, false);
    if (archive->file.fd >= 0)
        return status;
    if (status != STATUS_OK) /* it has its name; only the folder's sync failed */
        log_warn("archive: %s", err->text);
    log_debug("archive: sealed %s", archive->file.path);
    add(&archive->counters->segments_sealed, 1);
    archive->sealing = false;
    archive->unsynced_since = archive->file_since = 0;
    return STATUS_OK;
}

void archive_abandon(struct archive *archive)
{
    struct segment_mark mark = archive->file.framed;
    struct archive_tally tally = archive->framed;
    uint64_t read_seq = archive->last_seq;
    struct error err = {""};
    if (archive->fault == ARCHIVE_FAULT_SYNC && archive->file.synced.offset < mark.offset &&
        ring_reader_seek_seq(archive->reader, archive->file.synced.last_seq + 1)) {
        mark = archive->file.synced;
        tally = archive->synced;
    }
    if (archive->fault == ARCHIVE_FAULT_GONE) {
        mark = archive->file.begun;
        tally = archive->begun_total;
    }
    log_warn("archive: giving up %s behind byte %llu", archive->file.path,
             (unsigned long long)mark.offset);
    if (archive->fault == ARCHIVE_FAULT_GONE)
        segment_writer_forget(&archive->file);
    else if (segment_writer_abandon(&archive->file, &mark, &err) != STATUS_OK)
        log_warn("archive: %s; it is left as it is until the next start", err.text);
    else if (mark.offset > SEGMENT_HEADER_BYTES)
        add(&archive->counters->segments_sealed, 1);
    archive->total = archive->flushed = tally;
    count_to(archive, &tally);
    archive->last_seq = mark.last_seq;
    archive->holding = archive->sealing = false;
    archive->unflushed_since = archive->unsynced_since = 0;
    archive->frame_since = archive->file_since = 0;
    (void)ring_reader_seek_seq(archive->reader, mark.last_seq + 1);
    state_table_doubt(&archive->states, read_seq);
}

/* ------------------------------------------------------------------ lines */

/* The numbers missing in front of this record that no gap record speaks of. */
static uint64_t missing_before(const struct archive *archive, const struct record *record)
{
    uint64_t expected = archive->last_seq + 1;
    struct gap_info told;
    if (record->seq <= expected)
        return 0;
    if (record->type != RECORD_GAP || record->payload.len != sizeof told)
        return record->seq - expected;
    memcpy(&told, record->payload.data, sizeof told);
    if (told.first_lost + told.lost < record->seq || told.first_lost >= record->seq)
        return record->seq - expected;
    return told.first_lost > expected ? told.first_lost - expected : 0;
}

static void write_gap(struct archive *archive, const struct record *record, uint64_t lost)
{
    struct gap_info gap = {.first_lost = archive->last_seq + 1, .lost = lost};
    if (archive->last_seq <= archive->known_seq)
        snprintf(gap.reason, sizeof gap.reason, "overwritten in the ring before it was archived");
    else if (archive->trouble[0])
        snprintf(gap.reason, sizeof gap.reason, "ring overrun while writing failed: %s",
                 archive->trouble);
    else
        snprintf(gap.reason, sizeof gap.reason, "ring overrun");
    archive->trouble[0] = '\0';
    log_warn("archive: %llu records from number %llu on are lost: %s", (unsigned long long)lost,
             (unsigned long long)gap.first_lost, gap.reason);
    struct segment_note note = {.wall_ns = record->wall_ns, .event = SEGMENT_EVENT_GAP};
    line_append_gap(&archive->file.text, &archive->clock, record, &gap);
    segment_writer_note(&archive->file, &note);
    archive->total.lost += lost;
    archive->total.gaps++;
    archive->sweep_due = true;
    state_table_doubt(&archive->states, archive->last_seq);
}

/* Session details: from the table, else from the record itself. */
static bool find_info(struct archive *archive, const struct record *record,
                      struct session_info *out)
{
    if (ring_reader_session(archive->reader, record->slot, out) == STATUS_OK &&
        uuid_equal(&out->session, &record->session))
        return true;
    return record->type != RECORD_MESSAGE && line_session_info(record, out);
}

static void write_state(struct archive *archive, const struct state_entry *entry,
                        const struct record *record)
{
    struct session_info info;
    bool found = find_info(archive, record, &info);
    segment_append_state(&archive->file, &archive->clock, entry, record, found ? &info : NULL);
}

static void write_line(struct archive *archive, const struct record *record)
{
    segment_append_record(&archive->file, &archive->clock, record);
    if (record->type == RECORD_MESSAGE)
        archive->total.messages++;
    else
        archive->total.events++;
    archive->total.last_seq = record->seq;
}

static void start_times(struct archive *archive, int64_t now)
{
    if (!archive->frame_since)
        archive->frame_since = now;
    if (!archive->unflushed_since)
        archive->unflushed_since = now;
    if (!archive->unsynced_since)
        archive->unsynced_since = now;
}

/* The record's line, and what must stand in front of it. Fails only before anything happened. */
static enum status put_lines(struct archive *archive, const struct record *record, int64_t now,
                             struct error *err)
{
    if (!archive->begun && archive->last_seq == 0)
        archive->last_seq = record->seq - 1; /* the first of all: what was before is not known */
    if (archive->file.fd < 0) {
        enum status status = open_file(archive, record, now, err);
        if (status != STATUS_OK)
            return status;
    }
    archive->begun = true;
    uint64_t missing = missing_before(archive, record);
    if (missing)
        write_gap(archive, record, missing);
    struct state_entry *entry = state_table_of(&archive->states, record);
    if (entry && state_table_introduce(&archive->states, entry, record))
        write_state(archive, entry, record);
    write_line(archive, record);
    start_times(archive, now);
    archive->last_seq = record->seq;
    return STATUS_OK;
}

static void learn(struct archive *archive, const struct record *record)
{
    struct state_entry *entry = state_table_of(&archive->states, record);
    if (entry)
        state_table_learn(&archive->states, entry, record);
    if (record->type == RECORD_GAP) {
        state_table_doubt(&archive->states, record->seq);
        archive->sweep_due = true;
    }
}

static bool frame_ends(const struct archive *archive, int64_t now)
{
    const struct segment_writer *file = &archive->file;
    bool busy = file->effort == SEGMENT_THOROUGH && file->frame.text_bytes >= BUSY_TEXT &&
                now - archive->frame_since < QUIET_FRAME_NS * BUSY_TEXT / SEGMENT_FRAME_TEXT;
    return busy || segment_writer_frame_full(file);
}

enum status archive_take(struct archive *archive, const struct record *record, int64_t now,
                         struct error *err)
{
    if (record->seq > archive->last_seq) {
        enum status status = put_lines(archive, record, now, err);
        if (status != STATUS_OK)
            return status;
    }
    learn(archive, record);
    archive->holding = false;
    if (archive->file.fd < 0)
        return STATUS_OK;
    if (segment_writer_size(&archive->file) >= archive->settings.segment_max_bytes)
        return archive_seal(archive, err);
    if (frame_ends(archive, now))
        return archive_end_frame(archive, err);
    return archive->file.out.len >= OUT_PUSH ? archive_push(archive, err) : STATUS_OK;
}
