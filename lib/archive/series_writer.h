/*
 * series_writer.h - a series written from beginning to end by one program: records in, sealed
 * segment files out, in a folder of its own. For what is imported, where there is no ring and
 * nobody waits; the recorder's archive (archive.h) writes the same lines by the same code.
 *
 * Nothing depends on the clock of the day: the same records give the same bytes. A file ends at
 * segment_max_bytes, and where the records' time is more than a day from its beginning or goes back
 * by more than half an hour (readers prune by the times in files' names).
 *
 * Errors: the disk refuses; then the folder is of no use and the caller removes it.
 * Ownership: the struct is embedded; series_writer_close gives back what it holds. Threads: one.
 */
#ifndef HASHSCOPE_ARCHIVE_SERIES_WRITER_H
#define HASHSCOPE_ARCHIVE_SERIES_WRITER_H

#include "lib/record/state_table.h"
#include "lib/segment/writer.h"

struct series_settings {
    const char *folder; /* the series' own: YYYY/MM/DD comes below it; borrowed */
    uint64_t instance;
    uint64_t segment_max_bytes;
    uint32_t flags; /* of the header: SEGMENT_SPARSE */
};

struct series_writer {
    struct series_settings settings;
    struct segment_writer file;
    struct state_table states;
    struct clock_formatter clock;
    uint64_t next_number; /* of the next file */
    uint64_t last_seq;
    int64_t highest_ns;                      /* of the file's records */
    uint64_t messages, events, files, bytes; /* written so far */
};

void series_writer_init(struct series_writer *writer, const struct series_settings *settings);
void series_writer_close(struct series_writer *writer);

/* Writes the record's line, with a state line in front where one is due. record->seq is above that
 * of the record before. `info` is its session's. */
enum status series_writer_put(struct series_writer *writer, const struct record *record,
                              const struct session_info *info, struct error *err) MUST_CHECK;

/* A gap line in front of the record that follows, of which only seq and wall_ns count here. */
enum status series_writer_gap(struct series_writer *writer, const struct record *following,
                              const struct gap_info *gap, struct error *err) MUST_CHECK;

/* Bytes of this session are missing: a state line stands before its next line, so that the loss
 * shows in the offsets. */
void series_writer_lost(struct series_writer *writer, const struct uuid *session);

/* Seals the last file. */
enum status series_writer_end(struct series_writer *writer, struct error *err) MUST_CHECK;

#endif
