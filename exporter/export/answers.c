/* See answers.h. A request that cannot be found counts as one of another method. */
#include "exporter/export/answers.h"

#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/stratum/scan.h"

#define REQUESTS 65536

void export_answers_init(struct export_answers *answers, const struct filter *filter,
                         const struct query_place *place)
{
    *answers = (struct export_answers){.filter = filter, .place = *place};
    answers->requests = memory_new(REQUESTS * sizeof(*answers->requests));
}

void export_answers_close(struct export_answers *answers)
{
    free(answers->requests);
    answers->requests = NULL;
}

bool export_answers_asked(const struct filter *filter)
{
    return filter->answers || filter->refusals;
}

static enum stratum_method method_of(const struct segment_line *line)
{
    struct stratum_scan scan;

    if (line->method.len > 0) /* the first piece of a long line */
        return stratum_method_find(line->method.data, line->method.len);
    if (line->msg.data == NULL)
        return STRATUM_METHOD_NONE;
    stratum_scan_line(&scan, line->msg.data, line->msg.len);
    return scan.method;
}

static bool refuses_wanted(const struct export_answers *answers, const struct query_row *row)
{
    char id[QUERY_ID_BYTES];
    struct query *query = NULL;
    struct query_row request;
    enum stratum_method method;

    if (!row->line.paired)
        return false;
    query_id_format(id, row->instance, row->line.re);
    if (query_find(&query, &answers->place, id, &request, NULL) != STATUS_OK)
        return false;
    method = method_of(&request.line);
    query_close(query);
    return (answers->filter->wanted_methods >> method & 1) != 0;
}

bool export_answers_want(void *user, const struct query_row *row)
{
    struct export_answers *answers = user;

    if (answers->filter->refusals)
        return refuses_wanted(answers, row);
    if (row->line.paired)
        return answers->requests[row->line.re % REQUESTS] == row->line.re;
    if (method_of(&row->line) == STRATUM_METHOD_NONE)
        return false;
    answers->requests[row->line.seq % REQUESTS] = row->line.seq;
    return true;
}
