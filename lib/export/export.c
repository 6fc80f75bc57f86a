/*
 * export.c - opening, one step after the other, and the end.
 *
 * Packets: messages come from a query with the filter, events from a second one without it that
 * begins with the file of the first row (events.c). A step takes messages; before each, the events
 * in front of it. Not following, all ends at the newest number that there was at the beginning, so
 * that messages and events agree about it. Following, events are read first: when the messages then
 * come to an end, all that belong in front of these events have been seen.
 *
 * Lines: one query.
 *
 * How it can fail: the queries do, or the sink; both end the export.
 */
#include "lib/export/export.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/export/export_private.h"

static const char *const format_names[] = {[EXPORT_PCAPNG] = "pcapng",
                                           [EXPORT_PCAP] = "pcap",
                                           [EXPORT_NDJSON] = "ndjson",
                                           [EXPORT_NDJSON_ZST] = "ndjson.zst",
                                           [EXPORT_CSV] = "csv"};

const char *export_format_name(enum export_format format)
{
    return format_names[format];
}

bool export_format_parse(const char *text, enum export_format *out)
{
    for (size_t i = 0; i < sizeof format_names / sizeof format_names[0]; i++) {
        if (strcmp(text, format_names[i]) == 0) {
            *out = (enum export_format)i;
            return true;
        }
    }
    return false;
}

bool export_format_is_packets(enum export_format format)
{
    return format == EXPORT_PCAPNG || format == EXPORT_PCAP;
}

bool export_filters_messages(const struct export_options *options)
{
    const struct query_filter *filter = &options->filter;
    return filter->directions != 0 || filter->methods != 0 || filter->method_count > 0 ||
           filter->errors || filter->answers_to != 0 || filter->text_len > 0 ||
           options->wants != NULL;
}

bool export_in_range(const struct export *job, const struct segment_line *line)
{
    const struct query_filter *filter = &job->options.filter;
    return line->seq >= filter->first_seq &&
           (filter->last_seq == 0 || line->seq <= filter->last_seq) &&
           (filter->from_ns == 0 || line->wall_ns >= filter->from_ns) &&
           (filter->to_ns == 0 || line->wall_ns < filter->to_ns);
}

/* ------------------------------------------------------------------ opening */

/* The number of the first row, in the order asked for; 0: there is none. */
static enum status find_end(const struct query_options *options, uint64_t *seq, struct error *err)
{
    struct query *query;
    struct query_row row;
    enum status status = query_open(&query, options, err);
    *seq = 0;
    if (status != STATUS_OK)
        return status;
    status = query_next(query, &row, err);
    if (status == STATUS_OK)
        *seq = row.line.seq;
    query_close(query);
    return status == STATUS_END ? STATUS_OK : status;
}

/* What there is to read: without regard to what messages say. */
static enum status find_range(struct export *job, struct error *err)
{
    const struct query_filter *filter = &job->options.filter;
    struct query_options options = {.place = job->options.place,
                                    .bare = true,
                                    .stop = job->options.stop,
                                    .user = job->options.user};
    struct query_options first = options;
    options.order = QUERY_NEWEST_FIRST;
    options.filter = (struct query_filter){
        .source = filter->source, .first_seq = filter->first_seq, .last_seq = filter->last_seq};
    enum status status = find_end(&options, &job->last_seq, err);
    if (status != STATUS_OK)
        return status;
    if (job->options.follow && job->options.tail) {
        job->first_seq = job->last_seq + 1;
        return STATUS_OK;
    }
    first.filter = *filter;
    first.filter.directions = 0;
    first.filter.methods = 0;
    first.filter.method_count = first.filter.text_len = 0;
    first.filter.errors = false;
    first.filter.answers_to = 0;
    first.filter.what = QUERY_MESSAGES | QUERY_EVENTS;
    return find_end(&first, &job->first_seq, err);
}

static enum status open_query(struct export *job, struct error *err)
{
    const struct export_options *options = &job->options;
    bool packets = export_format_is_packets(options->format);
    struct query_options query = {.place = options->place,
                                  .filter = options->filter,
                                  .follow = options->follow,
                                  .threads = options->follow ? 0 : 1,
                                  .damage = options->damage,
                                  .stop = options->stop,
                                  .user = options->user};
    query.bare = (options->format == EXPORT_NDJSON || options->format == EXPORT_NDJSON_ZST) &&
                 !options->mask_passwords && options->wants == NULL;
    if (packets)
        query.filter.what = QUERY_MESSAGES;
    return query_open(&job->query, &query, err);
}

/* From the beginning of the file that holds the first row on, a little beyond the end. */
static enum status open_events(struct export *job, struct error *err)
{
    const struct query_filter *filter = &job->options.filter;
    struct query_options options = {.place = job->options.place,
                                    .follow = job->options.follow,
                                    .stop = job->options.stop,
                                    .user = job->options.user};
    uint64_t begin = 0;
    enum status status = query_file_begin(&options.place, job->first_seq, &begin, err);
    if (status != STATUS_OK)
        return status;
    options.filter =
        (struct query_filter){.what = QUERY_EVENTS | QUERY_STATES,
                              .first_seq = begin < job->first_seq ? begin : job->first_seq,
                              .sessions = filter->sessions,
                              .session_count = filter->session_count,
                              .worker = filter->worker,
                              .peer = filter->peer,
                              .route = filter->route,
                              .pool = filter->pool,
                              .user_agent = filter->user_agent};
    return export_events_open(&job->events, &options, &job->sessions, err);
}

static enum status compile_filter(struct export *job, struct error *err)
{
    pcap_t *none;
    enum status status = STATUS_OK;
    if (job->options.packet_filter == NULL)
        return STATUS_OK;
    none = pcap_open_dead(job->options.link == EXPORT_LINK_ETHERNET ? DLT_EN10MB : DLT_RAW,
                          PCAPNG_SNAP_LENGTH);
    if (none == NULL)
        return error_set(err, STATUS_FULL, "no memory for a capture filter");
    if (pcap_compile(none, &job->program, job->options.packet_filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
        status = error_set(err, STATUS_INVALID, "capture filter \"%.200s\": %s",
                           job->options.packet_filter, pcap_geterr(none));
    else
        job->has_program = true;
    pcap_close(none);
    return status;
}

static enum status open_packets(struct export *job, struct error *err)
{
    enum status status = compile_filter(job, err);
    export_sessions_init(&job->sessions);
    job->requests = memory_new(EXPORT_REQUESTS * sizeof *job->requests);
    job->names = memory_new(EXPORT_NAMES * sizeof *job->names);
    if (status == STATUS_OK)
        status = open_events(job, err);
    if (status == STATUS_OK)
        export_packets_head(job);
    return status;
}

static enum status check(const struct export_options *options, struct error *err)
{
    unsigned mtu = options->mtu;
    if (mtu != 0 && (mtu < EXPORT_MTU_MIN || mtu > EXPORT_MTU_MAX))
        return error_set(err, STATUS_INVALID, "MTU %u: expected %d to %d", mtu, EXPORT_MTU_MIN,
                         EXPORT_MTU_MAX);
    if (export_format_is_packets(options->format) && options->filter.what != 0)
        return error_set(err, STATUS_INVALID, "packets are made of messages and events together");
    if (!export_format_is_packets(options->format) && options->packet_filter != NULL)
        return error_set(err, STATUS_INVALID, "a capture filter goes with packets only");
    return STATUS_OK;
}

/* Numbers beyond the newest one that there is now are not this export's. */
static enum status open_all(struct export *job, struct error *err)
{
    enum status status = find_range(job, err);
    if (status != STATUS_OK)
        return status;
    if (job->options.tail)
        job->options.filter.first_seq = job->first_seq;
    if (!job->options.follow && job->last_seq != 0)
        job->options.filter.last_seq = job->last_seq;
    status = export_format_is_packets(job->options.format) ? open_packets(job, err)
                                                           : export_lines_open(job, err);
    return status == STATUS_OK ? open_query(job, err) : status;
}

enum status export_open(struct export **out, const struct export_options *options,
                        const struct export_sink *sink, struct error *err)
{
    enum status status = check(options, err);
    struct export *job;
    *out = NULL;
    if (status != STATUS_OK)
        return status;
    job = memory_new(sizeof *job);
    job->options = *options;
    job->sink = *sink;
    job->progress.permille = -1;
    job->filters_messages = export_filters_messages(options);
    if (options->mtu == 0)
        job->options.mtu = EXPORT_MTU_MAX;
    status = open_all(job, err);
    if (status != STATUS_OK) {
        export_close(job);
        return status;
    }
    *out = job;
    return STATUS_OK;
}

void export_close(struct export *job)
{
    if (job == NULL)
        return;
    if (job->query != NULL)
        query_close(job->query);
    if (job->events.query != NULL)
        export_events_close(&job->events);
    export_sessions_close(&job->sessions);
    export_lines_close(job);
    if (job->has_program)
        pcap_freecode(&job->program);
    buffer_close(&job->out);
    buffer_close(&job->decoded);
    masker_close(&job->masker);
    buffer_close(&job->pending);
    free(job->requests);
    free(job->names);
    free(job);
}
