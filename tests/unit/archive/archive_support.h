/*
 * archive_support.h - a recorder's storage without its relay: a data directory with a ring,
 * sessions that say things, and the archive that follows.
 */
#ifndef HASHSCOPE_TESTS_UNIT_ARCHIVE_ARCHIVE_SUPPORT_H
#define HASHSCOPE_TESTS_UNIT_ARCHIVE_ARCHIVE_SUPPORT_H

#include "lib/archive/archive.h"
#include "tests/unit/record/record_support.h"

#define RIG_SESSIONS 16

struct rig_session {
    uint32_t slot;
    uint64_t up, down; /* bytes so far */
    struct session_info info;
};

struct rig {
    char folder[64];
    struct ring_settings ring_settings;
    struct archive_settings settings;
    struct ring_writer *ring;
    struct archive *archive;
    struct archive_recovered found;
    struct support_disk disk;
    struct segment_io io;
    struct rig_session sessions[RIG_SESSIONS];
};

/* A new data directory and an empty ring of 16 MiB. */
void archive_rig_begin(struct rig *rig);
void archive_rig_end(struct rig *rig);

void archive_rig_open_ring(struct rig *rig); /* also after a crash */
void archive_rig_close_ring(struct rig *rig);
void archive_rig_start(struct rig *rig); /* recovers, then starts the archive */
void archive_rig_stop(struct rig *rig);  /* stops it; nothing may be left to write */

void archive_rig_connect(struct rig *rig, unsigned session);
void archive_rig_close(struct rig *rig, unsigned session);
/* Text without line end; returns its seq. */
uint64_t archive_rig_say(struct rig *rig, unsigned session, enum direction direction,
                         const char *text);
uint64_t archive_rig_answer(struct rig *rig, unsigned session, uint64_t re, const char *text);
/* `count` submits of sessions 0 to 3 with random content. */
void archive_rig_submits(struct rig *rig, unsigned count);

/* Waits until the status satisfies the condition, ten seconds at most. */
void archive_rig_wait(struct rig *rig,
                      bool (*met)(const struct archive_status *status, uint64_t value),
                      uint64_t value);
bool archive_rig_archived(const struct archive_status *status, uint64_t seq);
bool archive_rig_synced(const struct archive_status *status, uint64_t seq);
bool archive_rig_degraded(const struct archive_status *status, uint64_t yes);

/* What is in the archive, all files in turn. */
struct rig_reading {
    uint64_t numbered, last_seq, repeated;
    uint64_t gaps, lost, states, recovered, opened, closed;
    bool ordered; /* each number one above the one before, gaps taken into account */
};
struct rig_reading archive_rig_read(const struct rig *rig);
/* The archive has 1 to `last`, each once, no gap, and the independent reader agrees. */
void archive_rig_expect_all(const struct rig *rig, uint64_t last);

#endif
