/*
 * open.c - a query as its users open it: where the filter names a worker, a peer and the like, the
 * sessions that fit are found first (sessions.c, which reads rows by a query without such names).
 */
#include "lib/query/query_private.h"

enum status query_open(struct query **out, const struct query_options *options, struct error *err)
{
    struct query *query;
    enum status status = query_prepare(&query, options, err);
    if (status != STATUS_OK)
        return status;
    status = query_resolve(options, &query->match, err);
    if (status == STATUS_OK)
        status = query_start(query, options->tail, err);
    if (status != STATUS_OK) {
        query_close(query);
        return status;
    }
    *out = query;
    return STATUS_OK;
}
