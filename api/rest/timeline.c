/* timeline.c - parameters into options, buckets into JSON. What can fail is the counting. */
#include "api/rest/timeline.h"

#include <inttypes.h>

#include "api/live/message_filter.h"
#include "api/request/rest.h"
#include "api/rest/wanted.h"
#include "lib/query/timeline.h"

static void write_time(struct buffer *out, int64_t wall_ns)
{
    char text[CLOCK_TEXT_LEN];
    clock_format(text, wall_ns);
    buffer_append_format(out, "\"%.*s\"", CLOCK_TEXT_LEN, text);
}

/* What was injected counts with its direction. */
static void write_bucket(struct buffer *out, const struct query_timeline *timeline, size_t i)
{
    const struct query_timeline_bucket *bucket = &timeline->buckets[i];
    const uint64_t *count = bucket->messages;
    uint64_t up = count[DIRECTION_MINER_TO_POOL], down = count[DIRECTION_POOL_TO_MINER];
    uint64_t total =
        up + down + count[DIRECTION_HASHSCOPE_TO_POOL] + count[DIRECTION_POOL_TO_HASHSCOPE];
    buffer_append_text(out, i ? ",{\"t\":" : "{\"t\":");
    write_time(out, (int64_t)((uint64_t)timeline->from_ns + i * timeline->bucket_ns));
    buffer_append_format(out,
                         ",\"miner_to_pool\":%" PRIu64 ",\"pool_to_miner\":%" PRIu64
                         ",\"errors\":%" PRIu64 ",\"total\":%" PRIu64 "}",
                         up, down, bucket->errors, total);
}

static void write_timeline(struct buffer *out, const struct query_timeline *timeline)
{
    if (timeline->count > 0) {
        buffer_append_text(out, "{\"from\":");
        write_time(out, timeline->from_ns);
        buffer_append_text(out, ",\"to\":");
        write_time(out, timeline->to_ns);
        buffer_append_format(out, ",\"bucket_seconds\":%.6f", (double)timeline->bucket_ns / 1e9);
    } else {
        buffer_append_text(out, "{\"from\":null,\"to\":null,\"bucket_seconds\":null");
    }
    buffer_append_format(out, ",\"exact\":%s,\"complete\":%s,\"buckets\":[",
                         timeline->exact ? "true" : "false", timeline->complete ? "true" : "false");
    for (size_t i = 0; i < timeline->count; i++)
        write_bucket(out, timeline, i);
    buffer_append_text(out, "]}");
}

static void answer(struct request *request, const struct query_timeline_options *options)
{
    struct query_timeline timeline;
    struct wanted *wanted = options->user;
    struct buffer out = {0};
    struct error err;
    enum status status = query_timeline_open(&timeline, options, &err);
    if (status != STATUS_OK) {
        reply_failure(request, status, &err);
        return;
    }
    if (!timeline.complete && wanted_is_gone(wanted)) {
        request->gone = true;
    } else {
        write_timeline(&out, &timeline);
        reply_json(request, 200, &out);
    }
    query_timeline_close(&timeline);
}

void timeline_get(struct request *request)
{
    struct message_filter filter;
    struct wanted wanted;
    struct query_place place;
    struct error err;
    enum status status = message_filter_read(&filter, &request->parameters, &err);
    if (status == STATUS_OK)
        status = request_place(request, &request->parameters, &place, &err);
    if (status != STATUS_OK) {
        reply_failure(request, status, &err);
        return;
    }
    wanted_begin(&wanted, request, TIMELINE_SEC * NS_PER_S);
    struct query_timeline_options options = {
        .place = place,
        .filter = filter.query,
        .buckets = (size_t)parameter_number(&request->parameters, "buckets"),
        .by_index = !message_filter_is_narrow(&filter) && filter.query.source != QUERY_LIVE,
        .frames = TIMELINE_FRAMES,
        .threads = 1,
        .stop = wanted_is_over,
        .user = &wanted};
    answer(request, &options);
}
