/*
 * job.h - one import from beginning to end: the files are hashed, read once to judge their
 * connections, and once more to record them.
 *
 * Several files are one capture: their packets are taken in the order of time. The instance is made
 * of the files' content, so the same files give the same series, and importing them again is
 * noticed.
 *
 * Threads: one. Memory: see flow.h, detect.h, writer.h; none of it depends on
 * the size of the capture but one byte a connection.
 */
#ifndef HASHSCOPE_EXPORTER_IMPORT_JOB_H
#define HASHSCOPE_EXPORTER_IMPORT_JOB_H

#include "exporter/import/packet.h"
#include "exporter/import/store.h"
#include "exporter/import/writer.h"

struct import_file {
    const char *path;
    FILE *file; /* a copy without a name, where the path is a pipe; else NULL */
    uint64_t bytes;
    unsigned char digest[32]; /* SHA-256 */
};

struct import_job_options {
    const char *data_dir;
    struct import_file *files;
    size_t file_count;
    struct import_choice choice;
    bool force;
    size_t queue_max; /* 0: the default */
    uint32_t flows_max;
};

/* Packets that ended at a number which is not known here. */
struct import_unknown {
    enum import_naming naming;
    uint32_t number;
    uint64_t packets;
};
#define IMPORT_UNKNOWN_MOST 32 /* that are told apart; the rest is in the other counts only */

/* What was and was not understood. */
struct import_summary {
    uint64_t instance;
    bool existing; /* it had been imported before: nothing was done */
    uint64_t kinds[IMPORT_KINDS];
    struct import_unknown unknown[IMPORT_UNKNOWN_MOST]; /* in the order of their first packets */
    size_t unknown_count;
    uint64_t packets, drops, oversized;
    int64_t first_ns, last_ns; /* of the packets */
    uint64_t times_back;       /* packets more than half an hour older than one before */
    uint64_t damaged;          /* files of which a part could not be read */
    struct error damage;       /* of the first of them */
    struct import_flow_counts flows;
    struct import_detect_counts detect;
    struct import_writer_counts writer;
    uint64_t segments, segment_bytes;
};

/* STATUS_NOT_FOUND: nothing in the files is Stratum; STATUS_INVALID: a file is no capture. */
enum status import_job_run(struct import_summary *out, const struct import_job_options *options,
                           struct error *err) MUST_CHECK;

/* One reading of all files into a sink. Counts packets, kinds, times and flows into `out`. */
enum status import_job_read(struct import_summary *out, const struct import_job_options *options,
                            import_sink *sink, void *user, struct error *err) MUST_CHECK;

/* The summary as one JSON object, without LF; import.json is the same. */
void import_summary_append_json(struct buffer *out, const struct import_summary *summary,
                                const struct import_job_options *options);
/* The same for people, in lines. */
void import_summary_append_text(struct buffer *out, const struct import_summary *summary);

#endif
