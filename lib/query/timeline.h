/*
 * timeline.h - how many messages there were when: counts in equal parts of a stretch of time,
 * for an overview of months as well as of a second.
 *
 *   struct query_timeline_options options = {.place = {data_dir, ring_path}, .buckets = 200};
 *   struct query_timeline timeline;
 *   enum status status = query_timeline_open(&timeline, &options, &err);
 *   …timeline.buckets[i]: from timeline.from_ns + i * timeline.bucket_ns on…
 *   query_timeline_close(&timeline);
 *
 * Two ways. From the directories (`by_index`): a file whose lines lie in one bucket costs three
 * small reads, of others every frame's index entry is looked at. A frame whose lines lie in one
 * bucket is counted by its entry; one that lies over an edge of buckets (or of the stretch) is read
 * and its messages counted, if it holds refusals, or is among the first `frames` of those that hold
 * none. What is left of these is taken to be spread evenly over the time from its first line to its
 * last: sums are right then, and edges nearly so (`exact` is false). So refusals always stand where
 * they were. What is not in a file yet is read from the ring. Else every message that fits the
 * filter is counted.
 *
 * Memory: the buckets, the directory of one file, one frame. Time: about 0.3 ms a file by index,
 * and 2 ms a MiB of text of the frames that are read: while time goes forward there are no more of
 * them than edges, since an edge lies in one frame. Else what a query takes (query.h).
 *
 * Ownership: query_timeline_close frees what is in it. Threads: any; nothing is shared.
 */
#ifndef HASHSCOPE_QUERY_TIMELINE_H
#define HASHSCOPE_QUERY_TIMELINE_H

#include "lib/query/query.h"

#define QUERY_TIMELINE_BUCKETS 4096 /* at most */

struct query_timeline_bucket {
    uint64_t messages[DIRECTION_COUNT];
    uint64_t errors; /* responses that refuse */
};

struct query_timeline_options {
    struct query_place place;
    /* from_ns and to_ns: the stretch; 0: to where the recordings of the source begin or end. `what`
     * is always messages. */
    struct query_filter filter;
    size_t buckets;   /* 1 to QUERY_TIMELINE_BUCKETS */
    bool by_index;    /* of the filter only times may be set; source is not QUERY_LIVE */
    size_t frames;    /* that hold no refusal and are read all the same; see above */
    unsigned threads; /* that read ahead (query.h), when messages are counted */
    void (*damage)(void *user, const struct query_damage *damage); /* may be NULL */
    /* Asked in front of every file and frame, and every few thousand messages; true: what has been
     * counted so far is the result. NULL: never. */
    bool (*stop)(void *user);
    void *user; /* of these two */
};

struct query_timeline {
    int64_t from_ns, to_ns; /* both 0: there is nothing in the stretch to be shown */
    uint64_t bucket_ns;     /* whole microseconds; the last bucket may be shorter */
    size_t count;           /* at most as many as were asked for; fewer in a very short stretch */
    struct query_timeline_bucket *buckets;
    bool exact;    /* nothing was spread: it never is but by index, and refusals never are */
    bool complete; /* it was not stopped */
};

/* STATUS_INVALID: the options contradict each other; else as query_open. */
enum status query_timeline_open(struct query_timeline *out,
                                const struct query_timeline_options *options,
                                struct error *err) MUST_CHECK;
void query_timeline_close(struct query_timeline *timeline);

#endif
