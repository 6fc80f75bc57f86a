/* unasked.c - see unasked.h. What can fail is the query. */
#include "lib/query/unasked.h"

#include <string.h>

#include "lib/segment/scan.h"
#include "lib/stratum/pair.h"

/* Requests count however they stand in the archive, answers that pair with nothing as footers count
 * them: those that are JSON. */
static void take(struct stratum_asked *asked, const struct segment_line *line,
                 uint64_t out[STRATUM_UNASKED_COUNT], struct buffer *scratch)
{
    struct stratum_scan scan;
    if (!segment_line_scan(&scan, line, scratch))
        return;
    if (line->direction == DIRECTION_MINER_TO_POOL) {
        if (stratum_is_request(&scan, STRATUM_FROM_MINER))
            stratum_asked_request(asked, &scan.id);
    } else if (line->paired) {
        stratum_asked_answered(asked, &scan.id);
    } else if (scan.kind == STRATUM_RESPONSE && line->msg.data) {
        out[stratum_asked_why(asked, &scan.id)]++;
    }
}

enum status query_unasked(const struct query_place *place, const struct uuid *session,
                          uint64_t out[STRATUM_UNASKED_COUNT], struct error *err)
{
    const struct query_options options = {
        .place = *place,
        .filter = {.sessions = session,
                   .session_count = 1,
                   .directions = 1u << DIRECTION_MINER_TO_POOL | 1u << DIRECTION_POOL_TO_MINER}};
    struct stratum_asked asked = {.count = 0};
    struct buffer scratch = {0};
    struct query *query;
    struct query_row row;
    enum status status = query_open(&query, &options, err);
    memset(out, 0, STRATUM_UNASKED_COUNT * sizeof *out);
    if (status != STATUS_OK)
        return status;
    while ((status = query_next(query, &row, err)) == STATUS_OK)
        take(&asked, &row.line, out, &scratch);
    buffer_close(&scratch);
    query_close(query);
    return status == STATUS_END ? STATUS_OK : status;
}
