/* find.c - one row by its id, and the answer to a request: queries with narrow bounds; and
 * what was lost in front of one. */
#include <string.h>

#include "lib/query/query_private.h"
#include "lib/record/line.h"

#define CLOCK_DOUBT_NS (60 * NS_PER_S) /* wall clocks may be set while an answer is awaited */

/* The first row of this series that the options give. */
static enum status first_row(struct query **out, const struct query_options *options,
                             uint64_t instance, struct query_row *row, struct error *err)
{
    *out = NULL;
    struct query *query;
    enum status status = query_open(&query, options, err);
    if (status != STATUS_OK)
        return status;
    do
        status = query_next(query, row, err);
    while (status == STATUS_OK && (row->instance != instance || !row->line.numbered));
    if (status == STATUS_OK) {
        *out = query;
        return STATUS_OK;
    }
    query_close(query);
    return status == STATUS_END ? STATUS_NOT_FOUND : status;
}

/* An id names its series: where it is that of an import, the import is looked into. */
void query_choose_series(struct query_place *place, uint64_t instance)
{
    struct query_place import = *place;
    import.series = instance;
    if (place->series == 0 && instance != 0 && query_check_place(&import, NULL) == STATUS_OK)
        *place = import;
}

enum status query_find(struct query **out, const struct query_place *place, const char *id,
                       struct query_row *row, struct error *err)
{
    struct query_options options = {.place = *place, .order = QUERY_NEWEST_FIRST};
    uint64_t instance, seq;
    *out = NULL;
    if (!query_id_parse(id, &instance, &seq))
        return error_set(err, STATUS_INVALID, "\"%.60s\" is no id of a message", id);
    query_choose_series(&options.place, instance);
    options.filter.first_seq = options.filter.last_seq = seq;
    options.filter.what = QUERY_MESSAGES | QUERY_EVENTS;
    enum status status = first_row(out, &options, instance, row, err);
    return status == STATUS_NOT_FOUND
               ? error_set(err, status, "%s is not recorded, or has expired", id)
               : status;
}

enum status query_response(struct query **out, const struct query_place *place,
                           const struct query_row *request, unsigned pair_timeout_sec,
                           struct query_row *row, struct error *err)
{
    const struct segment_line *line = &request->line;
    struct query_options options = {.place = *place};
    struct uuid session;
    *out = NULL;
    if (!line->is_message || !uuid_parse(&session, line->session.data, line->session.len))
        return error_set(err, STATUS_INVALID, "only messages are answered");
    options.filter.sessions = &session;
    options.filter.session_count = 1;
    options.filter.first_seq = line->seq + 1;
    options.filter.answers_to = line->seq;
    int64_t most = (int64_t)pair_timeout_sec * NS_PER_S + CLOCK_DOUBT_NS;
    if (__builtin_sub_overflow(line->wall_ns, CLOCK_DOUBT_NS, &options.filter.from_ns) ||
        __builtin_add_overflow(line->wall_ns, most, &options.filter.to_ns))
        options.filter.from_ns = options.filter.to_ns = 0;
    enum status status = first_row(out, &options, request->instance, row, err);
    return status == STATUS_NOT_FOUND ? error_set(err, status, "no answer is recorded") : status;
}

enum status query_file_begin(const struct query_place *place, uint64_t seq, uint64_t *out,
                             struct error *err)
{
    struct query_statistics statistics = {.rows = 0};
    struct query_plan plan = {.order = QUERY_OLDEST_FIRST,
                              .bounds = {.above = seq, .below = UINT64_MAX},
                              .statistics = &statistics};
    enum status status = query_plan_open(&plan, place, err);
    *out = 0;
    if (status != STATUS_OK)
        return status;
    *out = query_plan_first_seq(&plan);
    query_plan_close(&plan);
    return STATUS_OK;
}

bool query_row_gap(const struct query_row *row, struct buffer *text, struct segment_line *out)
{
    const struct gap_info gap = {.first_lost = row->line.seq - row->missed,
                                 .lost = row->missed,
                                 .reason = "overwritten in the live ring before it was read"};
    struct clock_formatter clock = {.valid = false};
    struct segment_line line;

    if (segment_line_parse(&line, row->line.text.data, row->line.text.len) != STATUS_OK)
        return false;
    const struct record following = {.seq = row->line.seq, .wall_ns = line.wall_ns};
    buffer_clear(text);
    line_append_gap(text, &clock, &following, &gap);
    return segment_line_parse(out, text->data, text->len - 1) == STATUS_OK;
}
