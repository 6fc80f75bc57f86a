/*
 * message_filter.h - the filter that messages, timeline, export and WebSocket share: its
 * parameters, what becomes of them (a struct query_filter), and how it is held against a message in
 * memory.
 *
 * Ownership: struct message_filter owns what the query points to, and must not move; the parameters
 * must outlive it. Threads: one; once read, any.
 */
#ifndef HASHSCOPE_API_LIVE_MESSAGE_FILTER_H
#define HASHSCOPE_API_LIVE_MESSAGE_FILTER_H

#include "api/request/parameter.h"
#include "api/request/request.h"
#include "lib/query/query.h"
#include "lib/stratum/scan.h"

#define MESSAGE_FILTER_TEXT    256 /* bytes of q and of method */
#define MESSAGE_FILTER_METHODS 16

/* Nothing is recorded as taking longer than a day: PAIR_TIMEOUT_SEC is less. */
#define MESSAGE_FILTER_MS(of)                                                                      \
    {                                                                                              \
        .name = (of), .kind = PARAMETER_MS, .least = 1, .most = INT64_C(86400000000)               \
    }

/* Put these into a route's table: what is asked of a message itself … */
#define MESSAGE_FILTER_CONTENT                                                                     \
    {.name = "session_id", .kind = PARAMETER_SESSION},                                             \
        {.name = "direction",                                                                      \
         .kind = PARAMETER_CHOICE,                                                                 \
         .choices = "miner_to_pool|pool_to_miner|hashscope_to_pool|pool_to_hashscope"},            \
        {.name = "method", .kind = PARAMETER_TEXT, .most = MESSAGE_FILTER_TEXT},                   \
        {.name = "q", .kind = PARAMETER_TEXT, .most = MESSAGE_FILTER_TEXT},                        \
        MESSAGE_FILTER_MS("latency_min_ms"), MESSAGE_FILTER_MS("latency_max_ms"),                  \
    {                                                                                              \
        .name = "errors", .kind = PARAMETER_SWITCH                                                 \
    }
/* … or these: where and when it is looked for too. */
#define MESSAGE_FILTER_PARAMETERS                                                                  \
    MESSAGE_FILTER_CONTENT, REQUEST_SERIES, {.name = "from", .kind = PARAMETER_TIME},              \
        {.name = "to", .kind = PARAMETER_TIME},                                                    \
    {                                                                                              \
        .name = "source", .kind = PARAMETER_CHOICE, .choices = "all|live|archive"                  \
    }

struct message_filter {
    struct query_filter query; /* of messages only */
    const char *names[MESSAGE_FILTER_METHODS];
    char memory[MESSAGE_FILTER_TEXT + 1];
};

/* STATUS_INVALID with "to: …": what the table cannot say. The first takes MESSAGE_FILTER_CONTENT
 * from the parameters, the second all of MESSAGE_FILTER_PARAMETERS. */
enum status message_filter_read_content(struct message_filter *out,
                                        const struct parameters *parameters,
                                        struct error *err) MUST_CHECK;
enum status message_filter_read(struct message_filter *out, const struct parameters *parameters,
                                struct error *err) MUST_CHECK;
/* Whether anything but times and source is asked for. */
bool message_filter_is_narrow(const struct message_filter *filter);

/* What a filter looks at, sessions apart. Views into the row and its bytes. */
struct message_facts {
    int64_t wall_ns;
    enum direction direction;
    enum stratum_method method; /* STRATUM_METHOD_NONE on all pieces of a long line but the first */
    bool error;
    int64_t latency_us;      /* of an answer; -1: it is none */
    struct span bytes;       /* the message's own */
    struct span method_text; /* when it has a method */
};
/* `bytes` as from query_row_bytes. */
void message_facts_read(struct message_facts *out, const struct query_row *row, struct span bytes);

/* Of the filter: times, directions, methods, method_names, errors, latencies, text. */
bool message_filter_fits(const struct query_filter *filter, const struct message_facts *facts);

#endif
