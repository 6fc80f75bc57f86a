/*
 * message_filter.h - the filter that messages, timeline and export share: its parameters, and what
 * becomes of them, a struct query_filter.
 *
 * Ownership: struct message_filter owns what the query points to, and must not move; the parameters
 * must outlive it. Threads: one.
 */
#ifndef HASHSCOPE_API_MESSAGE_FILTER_H
#define HASHSCOPE_API_MESSAGE_FILTER_H

#include "api/parameter.h"
#include "lib/capture/query.h"

#define MESSAGE_FILTER_TEXT    256 /* bytes of q and of method */
#define MESSAGE_FILTER_METHODS 16

/* Put these into a route's table. */
#define MESSAGE_FILTER_PARAMETERS                                                                  \
    {.name = "session_id", .kind = PARAMETER_SESSION},                                             \
        {.name = "direction",                                                                      \
         .kind = PARAMETER_CHOICE,                                                                 \
         .choices = "miner_to_pool|pool_to_miner|hashscope_to_pool|pool_to_hashscope"},            \
        {.name = "method", .kind = PARAMETER_TEXT, .most = MESSAGE_FILTER_TEXT},                   \
        {.name = "q", .kind = PARAMETER_TEXT, .most = MESSAGE_FILTER_TEXT},                        \
        {.name = "from", .kind = PARAMETER_TIME}, {.name = "to", .kind = PARAMETER_TIME},          \
        {.name = "errors", .kind = PARAMETER_SWITCH},                                              \
    {                                                                                              \
        .name = "source", .kind = PARAMETER_CHOICE, .choices = "all|live|archive"                  \
    }

struct message_filter {
    struct query_filter query; /* of messages only */
    const char *names[MESSAGE_FILTER_METHODS];
    char memory[MESSAGE_FILTER_TEXT + 1];
};

/* STATUS_INVALID with "to: …": what the table cannot say. */
enum status message_filter_read(struct message_filter *out, const struct parameters *parameters,
                                struct error *err) MUST_CHECK;
/* Whether anything but times and source is asked for. */
bool message_filter_is_narrow(const struct message_filter *filter);

#endif
