/* subscription_filter.c - what a reader asked for, read from a query string. Pure. */
#include <stdlib.h>

#include "api/live/subscription.h"
#include "lib/base/memory.h"

static const struct parameter known[] = {
    MESSAGE_FILTER_CONTENT,
    {.name = "batch", .kind = PARAMETER_SWITCH},
};

enum status subscription_filter_new(struct subscription_filter **out, struct span query,
                                    struct error *err)
{
    struct subscription_filter *filter = memory_new(sizeof *filter);
    enum status status =
        parameters_parse(&filter->given, known, sizeof known / sizeof known[0], query, err);

    if (status == STATUS_OK)
        status = message_filter_read_content(&filter->messages, &filter->given, err);
    if (status != STATUS_OK) {
        subscription_filter_free(filter);
        return status;
    }
    filter->batch = parameter_number(&filter->given, "batch");
    *out = filter;
    return STATUS_OK;
}

void subscription_filter_free(struct subscription_filter *filter)
{
    if (filter == NULL)
        return;
    parameters_close(&filter->given);
    free(filter);
}
