/*
 * detect.c - collects the first bytes of a connection until they tell, or until there are
 * enough of them to say that they do not.
 *
 * Whole lines are scanned as the recorder scans them. A line that is no JSON says nothing: where
 * the capture begins in mid-line the first one is half.
 */
#include "exporter/import/detect.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/stratum/scan.h"

#define LOOKED_MAX   (64u << 10) /* bytes of a direction that are looked at */
#define HELD_MAX     (64u << 20) /* of all connections together */
#define VERDICTS_MAX (64u << 20) /* connections that are remembered */

/* What is known of a connection so far. */
struct candidate {
    struct buffer partial[2]; /* a line begun */
    size_t seen[2];
    unsigned asks[2];    /* methods that miners send */
    unsigned tells[2];   /* methods that pools send */
    unsigned answers[2]; /* results and errors */
    unsigned foreign;    /* JSON with methods that Stratum has not */
    bool commented, decided, tls, http;
};

struct import_detect {
    struct import_choice choice;
    unsigned char *verdicts; /* by ordinal */
    uint64_t room;
    size_t held; /* bytes of all lines begun */
    struct import_early *early;
    size_t early_count, early_room;
    uint64_t highest_seq; /* of messages, as comments number them */
    struct import_detect_counts counts;
};

struct import_detect *import_detect_new(const struct import_choice *choice)
{
    struct import_detect *detect = memory_new(sizeof *detect);
    detect->choice = *choice;
    return detect;
}

void import_detect_free(struct import_detect *detect)
{
    if (!detect)
        return;
    free(detect->verdicts);
    free(detect->early);
    free(detect);
}

enum import_verdict import_detect_verdict(const struct import_detect *detect, uint64_t ordinal)
{
    return ordinal < detect->room ? (enum import_verdict)detect->verdicts[ordinal]
                                  : IMPORT_VERDICT_NONE;
}

const struct import_detect_counts *import_detect_counts(const struct import_detect *detect)
{
    return &detect->counts;
}

/* ------------------------------------------------------------------ listening */

static bool is_miners(enum stratum_method method)
{
    return (method >= STRATUM_MINING_CONFIGURE && method <= STRATUM_MINING_CAPABILITIES) ||
           method == STRATUM_LOGIN || method == STRATUM_SUBMIT || method == STRATUM_KEEPALIVED ||
           method == STRATUM_GETJOB ||
           (method >= STRATUM_ETH_SUBMIT_LOGIN && method <= STRATUM_MINING_HELLO);
}

static bool is_pools(enum stratum_method method)
{
    return (method >= STRATUM_MINING_NOTIFY && method <= STRATUM_MINING_PING) ||
           method == STRATUM_JOB || method == STRATUM_MINING_SET;
}

static void read_line(struct candidate *candidate, unsigned side, const char *line, size_t len)
{
    struct stratum_scan scan;
    stratum_scan_line(&scan, line, len);
    if (scan.kind == STRATUM_OTHER)
        return;
    if (scan.kind == STRATUM_RESPONSE)
        candidate->answers[side]++;
    else if (is_miners(scan.method))
        candidate->asks[side]++;
    else if (is_pools(scan.method))
        candidate->tells[side]++;
    else
        candidate->foreign++;
    candidate->decided = candidate->asks[side] || candidate->tells[side];
}

/* The rest of the line that is begun does not come: what is there may still tell. */
static void read_rest(struct import_detect *detect, struct candidate *candidate, unsigned side)
{
    struct buffer *partial = &candidate->partial[side];
    if (partial->len && !candidate->decided)
        read_line(candidate, side, partial->data, partial->len);
    detect->held -= partial->len;
    buffer_close(partial);
}

static bool begins_with(struct span text, const char *with)
{
    return text.len >= strlen(with) && memcmp(text.data, with, strlen(with)) == 0;
}

/* What the very first bytes of a direction look like. */
static void read_first(struct candidate *candidate, struct span data)
{
    candidate->tls |= data.len >= 3 && data.data[0] == 0x16 && data.data[1] == 3;
    candidate->http |= begins_with(data, "GET ") || begins_with(data, "POST ") ||
                       begins_with(data, "HTTP/") || begins_with(data, "HEAD ");
}

static void read_bytes(struct import_detect *detect, struct candidate *candidate, unsigned side,
                       struct span data)
{
    struct buffer *partial = &candidate->partial[side];
    if (candidate->seen[side] == 0)
        read_first(candidate, data);
    size_t left = LOOKED_MAX - candidate->seen[side];
    data.len = data.len < left ? data.len : left;
    candidate->seen[side] += data.len;
    detect->held -= partial->len;
    buffer_append(partial, data.data, data.len);
    const char *feed;
    size_t done = 0;
    while (!candidate->decided && partial->len > done &&
           (feed = memchr(partial->data + done, '\n', partial->len - done))) {
        size_t len = (size_t)(feed - partial->data) - done;
        read_line(candidate, side, partial->data + done, len);
        done += len + 1;
    }
    buffer_consume(partial, done);
    if (detect->held + partial->len > HELD_MAX)
        candidate->seen[side] = LOOKED_MAX;
    if (candidate->decided || candidate->seen[side] == LOOKED_MAX)
        buffer_close(partial);
    detect->held += partial->len;
}

/* ------------------------------------------------------------------ judging */

static bool has_port(const struct import_choice *choice, const struct import_endpoint *end)
{
    for (unsigned i = 0; i < choice->port_count; i++) {
        if (choice->ports[i] == end->port)
            return true;
    }
    return false;
}

/* The miner's end. */
static unsigned miner_of(const struct import_detect *detect, const struct import_flow *flow,
                         const struct candidate *candidate)
{
    unsigned first = candidate->asks[0] + candidate->tells[1];
    unsigned second = candidate->asks[1] + candidate->tells[0];
    if (flow->initiator >= 0)
        return (unsigned)flow->initiator;
    if (first != second)
        return first < second;
    if (has_port(&detect->choice, &flow->ends[0]) != has_port(&detect->choice, &flow->ends[1]))
        return has_port(&detect->choice, &flow->ends[0]);
    if (candidate->answers[0] != candidate->answers[1])
        return candidate->answers[0] > candidate->answers[1];
    return flow->ends[0].port < flow->ends[1].port;
}

static bool is_chosen(const struct import_detect *detect, const struct import_flow *flow,
                      const struct candidate *candidate)
{
    const struct import_choice *choice = &detect->choice;
    bool methods =
        candidate->asks[0] || candidate->asks[1] || candidate->tells[0] || candidate->tells[1];
    bool answers = candidate->answers[0] || candidate->answers[1];
    if (choice->port_count)
        return has_port(choice, &flow->ends[0]) || has_port(choice, &flow->ends[1]);
    return choice->all || methods || (answers && !candidate->foreign);
}

static void count_other(struct import_detect *detect, const struct candidate *candidate)
{
    struct import_detect_counts *counts = &detect->counts;
    if (candidate->seen[0] + candidate->seen[1] == 0)
        counts->silent++;
    else if (candidate->tls)
        counts->encrypted++;
    else if (candidate->http)
        counts->http++;
    else
        counts->other++;
}

static enum import_verdict judge(struct import_detect *detect, const struct import_flow *flow,
                                 const struct candidate *candidate)
{
    if (candidate->commented) {
        detect->counts.commented++;
        return IMPORT_VERDICT_COMMENTS;
    }
    if (!is_chosen(detect, flow, candidate)) {
        count_other(detect, candidate);
        return IMPORT_VERDICT_NONE;
    }
    detect->counts.stratum++;
    return miner_of(detect, flow, candidate) ? IMPORT_VERDICT_SECOND : IMPORT_VERDICT_FIRST;
}

static void remember(struct import_detect *detect, uint64_t ordinal, enum import_verdict verdict)
{
    if (ordinal >= VERDICTS_MAX) {
        detect->counts.unjudged++;
        return;
    }
    if (ordinal >= detect->room) {
        uint64_t room = ordinal + 1 > detect->room * 2 ? ordinal + 1024 : detect->room * 2;
        detect->verdicts = memory_resize(detect->verdicts, room);
        memset(detect->verdicts + detect->room, 0, room - detect->room);
        detect->room = room;
    }
    detect->verdicts[ordinal] = (unsigned char)verdict;
}

/* ------------------------------------------------------------------ comments */

static void add_early(struct import_detect *detect, const struct import_comment *comment)
{
    if (detect->early_count == IMPORT_EARLY_MAX)
        return;
    if (detect->early_count == detect->early_room) {
        detect->early_room = detect->early_room ? detect->early_room * 2 : 64;
        detect->early = memory_resize(detect->early, detect->early_room * sizeof *detect->early);
    }
    detect->early[detect->early_count++] =
        (struct import_early){.comment = *comment, .wall_ns = comment->wall_ns};
}

/* Whether one of them says whose packet it is. */
static bool read_comments(struct import_detect *detect, struct span rest)
{
    struct import_comment comment;
    bool named = false;
    while (import_comment_next(&rest, &comment)) {
        bool event =
            comment.note == IMPORT_NOTE_OPENED || comment.note == IMPORT_NOTE_POOL_CONNECTED;
        named |= comment.note != IMPORT_NOTE_NONE && comment.has_session;
        if (comment.note == IMPORT_NOTE_MESSAGE && comment.seq > detect->highest_seq)
            detect->highest_seq = comment.seq;
        if (event && comment.numbered && comment.wall_ns && comment.seq < detect->highest_seq)
            add_early(detect, &comment);
    }
    return named;
}

static int compare_early(const void *a, const void *b)
{
    const struct import_early *left = a, *right = b;
    if (left->comment.seq != right->comment.seq)
        return left->comment.seq < right->comment.seq ? -1 : 1;
    return memcmp(&left->comment.session, &right->comment.session, sizeof left->comment.session);
}

const struct import_early *import_detect_early(struct import_detect *detect, size_t *count)
{
    struct import_early *early = detect->early;
    size_t kept = 0;
    if (detect->early_count)
        qsort(early, detect->early_count, sizeof *early, compare_early);
    for (size_t i = 0; i < detect->early_count; i++) {
        if (kept == 0 || early[i].comment.seq != early[kept - 1].comment.seq)
            early[kept++] = early[i];
    }
    *count = detect->early_count = kept;
    return early;
}

enum status import_detect_event(void *user, struct import_flow *flow,
                                const struct import_event *event, struct error *err)
{
    struct import_detect *detect = user;
    struct candidate *candidate = flow->user;
    (void)err;
    if (!candidate)
        flow->user = candidate = memory_new(sizeof *candidate);
    candidate->commented |= read_comments(detect, event->comments);
    if (event->lost)
        read_rest(detect, candidate, event->side);
    if (event->type == IMPORT_DATA && !candidate->decided && event->data.len &&
        candidate->seen[event->side] < LOOKED_MAX)
        read_bytes(detect, candidate, event->side, event->data);
    if (event->type != IMPORT_GONE)
        return STATUS_OK;
    read_rest(detect, candidate, 0);
    read_rest(detect, candidate, 1);
    remember(detect, flow->ordinal, judge(detect, flow, candidate));
    free(candidate);
    flow->user = NULL;
    return STATUS_OK;
}
