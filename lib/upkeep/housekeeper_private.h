/*
 * housekeeper_private.h - the housekeeper's own state, shared by housekeeper*.c.
 *
 *   retention's thread ──list of files──▶ mailbox ──▶ rewriting thread
 *            ▲                                            │
 *            └────────────── claim, numbers ◀─────────────┘
 *
 * housekeeper.c is the threads, their pace and what they tell; retain.c looks at the
 * files and removes; list.c is what the other thread knows of the files, and
 * rewrite.c what it does with them. Each part of the struct belongs to one thread; what
 * both touch is atomic: neither ever waits for the other (claim.h).
 */
#ifndef HASHSCOPE_UPKEEP_HOUSEKEEPER_PRIVATE_H
#define HASHSCOPE_UPKEEP_HOUSEKEEPER_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/log.h"
#include "lib/upkeep/claim.h"
#include "lib/upkeep/clock_trust.h"
#include "lib/upkeep/footer_job.h"
#include "lib/upkeep/housekeeper.h"
#include "lib/upkeep/recompress.h"

/* What is known of a sealed file as far as rewriting goes. */
enum housekeeper_mark {
    MARK_UNKNOWN, /* its header was not looked at yet */
    MARK_TODO,
    MARK_DONE, /* rewritten, or not worth it */
    MARK_SKIP, /* damaged, of a newer version, or it failed */
};

enum housekeeper_footing {
    FOOTING_UNKNOWN,
    FOOTING_THERE,
    FOOTING_MISSING,
    FOOTING_IMPOSSIBLE, /* damaged, or too many sessions: tried once */
};

struct housekeeper_file {
    uint64_t number, bytes;
    const char *path; /* below the data directory */
    bool soon;        /* retention takes it within a day */
    enum housekeeper_mark mark;
    enum housekeeper_footing footing;
};

/* The sealed files, by number; one piece of memory, free(). */
struct housekeeper_list {
    size_t count;
    struct housekeeper_file files[];
};

#define HOUSEKEEPER_NUMBERS(X)                                                                     \
    X(files)                                                                                       \
    X(bytes)                                                                                       \
    X(free_bytes)                                                                                  \
    X(min_free_bytes)                                                                              \
    X(removed_files)                                                                               \
    X(removed_bytes)                                                                               \
    X(recompressing)                                                                               \
    X(backlog_files)                                                                               \
    X(backlog_bytes)                                                                               \
    X(recompressed_files)                                                                          \
    X(recompressed_saved)                                                                          \
    X(recompress_failures)                                                                         \
    X(footers_missing)                                                                             \
    X(footers_added)

struct housekeeper {
    struct housekeeper_settings settings;
    char *data_dir;

    /* ---- retention's thread */
    struct clock_trust trust;
    int64_t look_at, scan_at, save_at; /* monotonic: when the next is due */
    int64_t wall_ns;                   /* as of the last look */
    struct retention_listing listing;
    bool tidied; /* what the last run left half written is gone */
    struct log_limit room_log;

    /* ---- the rewriting thread */
    struct housekeeper_list *list; /* NULL: none came yet */
    struct recompress *job;        /* at most one of the two */
    struct footer_job *footing;    /* likewise */
    uint64_t job_number;
    char job_path[4096];             /* below the data directory */
    int64_t retry_at;                /* after the disk refused; 0: now */
    int64_t others_cpu, others_wall; /* of the last measurement */
    bool others_busy;

    /* ---- both */
    struct housekeeper_claim claim;
    struct housekeeper_list *_Atomic mailbox; /* a newer list; NULL: none */
    pthread_t threads[2];
    int wake, ended; /* eventfd */
    _Atomic int running;
    _Atomic bool stop;
    _Atomic uint64_t lag;
    struct {
#define X(name) _Atomic uint64_t name;
        HOUSEKEEPER_NUMBERS(X)
#undef X
        _Atomic bool bytes_exceeded, room_missing, age_paused;
        _Atomic int64_t age_pause_seconds;
        _Atomic int pause;
    } told;
};

/* Looks at clock and room, and at the files when that is due; removes what has to go. */
void housekeeper_retain(struct housekeeper *housekeeper, int64_t mono_ns);

/* A list of the sealed files; `soon` as in their order in the listing. */
struct housekeeper_list *housekeeper_list_make(const struct retention_listing *listing,
                                               const bool *soon);
/* Takes the newest list that came; what is known of files goes over. */
void housekeeper_list_take(struct housekeeper *housekeeper);
/* Looks into some files that are not known yet. False: all are known. */
bool housekeeper_list_learn(struct housekeeper *housekeeper);
/* Notes what has become of files, and counts anew what is to be done. */
void housekeeper_list_mark(struct housekeeper *housekeeper, uint64_t number,
                           enum housekeeper_mark mark);
void housekeeper_list_foot(struct housekeeper *housekeeper, uint64_t number,
                           enum housekeeper_footing footing);
/* The newest that is to be recompressed, or is to get a footer; NULL: none. */
const struct housekeeper_file *
housekeeper_list_to_recompress(const struct housekeeper *housekeeper);
const struct housekeeper_file *housekeeper_list_to_foot(const struct housekeeper *housekeeper);

/* One step. False when there is nothing to do at present. */
bool housekeeper_rewrite(struct housekeeper *housekeeper, int64_t mono_ns);
/* Gives up the file it is at. */
void housekeeper_drop_job(struct housekeeper *housekeeper);

#endif
