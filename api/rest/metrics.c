/* metrics.c - each figure with its HELP and TYPE. What cannot be read is left out. */
#include "api/rest/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/control/recorder_watch.h"
#include "api/front/front.h"
#include "api/live/feed.h"
#include "api/live/live.h"
#include "api/live/subscription.h"
#include "api/rest/bounds.h"
#include "api/rest/request_counts.h"
#include "lib/base/clock.h"
#include "lib/base/version.h"
#include "lib/ring/ring.h"
#include "lib/upkeep/retention.h"

/* ---- writing ---- */

static void head(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_append_format(out, "# HELP hashscope_%s %s\n# TYPE hashscope_%s %s\n", name, help, name,
                         type);
}

static void put(struct buffer *out, const char *name, const char *type, const char *help,
                uint64_t value)
{
    head(out, name, type, help);
    buffer_append_format(out, "hashscope_%s %" PRIu64 "\n", name, value);
}

static void count(struct buffer *out, const char *name, const char *help, uint64_t value)
{
    put(out, name, "counter", help, value);
}

static void gauge(struct buffer *out, const char *name, const char *help, uint64_t value)
{
    put(out, name, "gauge", help, value);
}

static void put_seconds(struct buffer *out, const char *name, const char *type, const char *help,
                        double value)
{
    head(out, name, type, help);
    buffer_append_format(out, "hashscope_%s %.6f\n", name, value);
}

/* ---- the ring's counters ---- */

struct ring_figure {
    const char *name, *help;
    uint64_t value;
};

static void put_ring_figures(struct buffer *out, const struct ring_counters *counters)
{
#define X(name) counters->name
    const struct ring_figure figures[] = {
        {"sessions_accepted_total", "Miners that were accepted.", X(sessions_accepted)},
        {"sessions_refused_total", "Miners closed at once: MAX_SESSIONS or no memory.",
         X(sessions_refused)},
        {"accept_failures_total", "Failures to accept: descriptors or memory.", X(accept_failures)},
        {"pool_connects_total", "Connections made to pools.", X(pool_connects)},
        {"pool_connect_failures_total", "Connections to pools that failed.",
         X(pool_connect_failures)},
        {"from_miners_bytes_total", "Bytes received from miners.", X(bytes_from_miners)},
        {"from_pools_bytes_total", "Bytes received from pools.", X(bytes_from_pools)},
        {"to_pools_bytes_total", "Bytes sent to pools.", X(bytes_to_pools)},
        {"to_miners_bytes_total", "Bytes sent to miners.", X(bytes_to_miners)},
        {"messages_total", "Messages recorded.", X(messages)},
        {"events_total", "Events recorded.", X(events)},
        {"messages_invalid_total", "Messages that are no JSON.", X(messages_invalid)},
        {"messages_archived_total", "Messages that reached a segment file.", X(messages_archived)},
        {"events_archived_total", "Events that reached a segment file.", X(events_archived)},
        {"records_lost_total", "Records overwritten before they were archived.", X(records_lost)},
        {"gaps_total", "Gaps in the archive.", X(gaps)},
        {"segments_sealed_total", "Segment files completed.", X(segments_sealed)},
        {"archive_errors_total", "Writes to the archive that failed and were tried again.",
         X(archive_errors)},
        {"archive_written_bytes_total", "Compressed bytes written to the archive.",
         X(archive_bytes)},
        {"injected_total", "Lines sent to pools on request.", X(injected)},
        {"inject_answers_total", "Answers to them, withheld from the miner.", X(inject_answers)},
        {"inject_timeouts_total", "Lines sent on request that were not answered.",
         X(inject_timeouts)},
        {"inject_released_total", "Held lines passed on unexamined: too long or too old.",
         X(inject_released)},
        {"pairs_dropped_total", "Requests that were forgotten before an answer came.",
         X(pairs_dropped)},
        {"clock_steps_total", "Times that the clock was set.", X(clock_steps)},
        {"relay_pauses_total", "Times that a flood had to wait for the archive to catch up.",
         X(pauses)},
        {"segments_removed_total", "Files removed by retention.", X(segments_removed)},
        {"segments_removed_bytes_total", "Bytes removed by retention.", X(removed_bytes)},
        {"segments_recompressed_total", "Segment files made smaller.", X(segments_recompressed)},
        {"recompress_saved_bytes_total", "Bytes saved by that.", X(recompressed_saved_bytes)},
        {"recompress_failures_total", "Failures of that.", X(recompress_failures)},
        {"dropped_bytes_total", "Bytes the other side had not taken when their session closed.",
         X(bytes_dropped)},
    };
#undef X
    _Static_assert(sizeof figures / sizeof figures[0] ==
                       sizeof(struct ring_counters) / sizeof(_Atomic uint64_t),
                   "each counter once");
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++)
        count(out, figures[i].name, figures[i].help, figures[i].value);
}

static void put_ring(struct buffer *out, const char *path)
{
    struct ring_reader *ring;
    if (!path || ring_reader_open(&ring, path, NULL) != STATUS_OK)
        return;
    put_ring_figures(out, ring_reader_counters(ring));
    gauge(out, "ring_last_seq", "The number of the newest record.", ring_reader_last_seq(ring));
    ring_reader_close(ring);
}

/* ---- the recorder ---- */

static uint64_t number_in(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

static uint64_t is_set(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

static void put_recorder(struct buffer *out, struct recorder_watch *watch)
{
    struct recorder_watch_view view;
    recorder_watch_look(watch, &view);
    gauge(out, "recorder_up", "Whether the recorder answers.", view.running);
    count(out, "recorder_asked_total", "Questions to the recorder.", view.asked);
    count(out, "recorder_unanswered_total", "Questions that it did not answer.", view.missing);
    if (view.running) {
        const json_t *archive = json_object_get(view.status, "archive");
        const json_t *house = json_object_get(view.status, "housekeeping");
        gauge(out, "recorder_uptime_seconds", "How long the recorder has been running.",
              number_in(view.status, "uptime_seconds"));
        gauge(out, "sessions_open", "Sessions that are open.",
              number_in(view.status, "sessions_open"));
        gauge(out, "sessions_max", "How many may be (MAX_SESSIONS).",
              number_in(view.status, "max_sessions"));
        gauge(out, "archive_degraded", "Whether writing to the archive fails at present.",
              is_set(archive, "degraded"));
        gauge(out, "archive_lag_bytes", "Bytes of the ring that are not archived yet.",
              number_in(archive, "lag_bytes"));
        gauge(out, "archive_synced_seq", "All records up to this number are on the disk.",
              number_in(archive, "synced_seq"));
        gauge(out, "archive_segments", "Files of the archive.", number_in(house, "files"));
        gauge(out, "archive_size_bytes", "Bytes of the archive.", number_in(house, "bytes"));
        gauge(out, "archive_room_missing",
              "Whether the disk has less than MIN_FREE_BYTES with nothing left to remove.",
              is_set(house, "room_missing"));
        gauge(out, "recompress_backlog_bytes", "Bytes of files that wait to be made smaller.",
              number_in(house, "recompress_backlog_bytes"));
    }
    recorder_watch_view_close(&view);
}

static void put_disk(struct buffer *out, const char *data_dir)
{
    uint64_t free_bytes, total_bytes;
    if (retention_room(data_dir, &free_bytes, &total_bytes, NULL) != STATUS_OK)
        return;
    gauge(out, "disk_free_bytes", "Room for the recorder on the disk of DATA_DIR.", free_bytes);
    gauge(out, "disk_size_bytes", "Size of that disk.", total_bytes);
}

/* ---- this program ---- */

static void put_requests(struct buffer *out)
{
    struct request_counts facts;
    request_counts_read(&facts);
    head(out, "api_requests_total", "counter", "HTTP requests answered, by class of the status.");
    for (int i = 1; i < 6; i++)
        buffer_append_format(out, "hashscope_api_requests_total{code=\"%dxx\"} %" PRIu64 "\n", i,
                             facts.by_class[i]);
    gauge(out, "api_requests_busy", "HTTP requests being answered.", facts.busy);
    head(out, "api_request_duration_seconds", "summary", "How long answering took.");
    buffer_append_format(out,
                         "hashscope_api_request_duration_seconds_sum %.6f\n"
                         "hashscope_api_request_duration_seconds_count %" PRIu64 "\n",
                         (double)facts.took_us / 1e6, facts.requests);
}

static void put_front(struct buffer *out, const struct front *front)
{
    struct front_facts facts;
    front_facts(front, &facts);
    gauge(out, "api_connections", "Connections of clients.", facts.open);
    count(out, "api_connections_accepted_total", "Connections accepted.", facts.accepted);
    count(out, "api_connections_refused_total", "Connections refused: there were too many.",
          facts.refused);
    count(out, "api_connections_pushed_out_total",
          "Connections that asked for nothing, closed for newer ones.", facts.pushed_out);
    count(out, "api_busy_total", "Requests refused since there was no place for them.", facts.busy);
    count(out, "api_unanswered_total", "Requests that the HTTP server did not answer.",
          facts.failed);
    count(out, "api_wrong_tokens_total", "Wrong tokens.", facts.wrong_tokens);
    head(out, "api_connections_cut_total", "counter", "Connections cut off, by reason.");
    buffer_append_format(out,
                         "hashscope_api_connections_cut_total{reason=\"slow\"} %" PRIu64 "\n"
                         "hashscope_api_connections_cut_total{reason=\"large\"} %" PRIu64 "\n"
                         "hashscope_api_connections_cut_total{reason=\"stalled\"} %" PRIu64 "\n"
                         "hashscope_api_connections_cut_total{reason=\"malformed\"} %" PRIu64 "\n",
                         facts.cut_slow, facts.cut_large, facts.cut_stalled, facts.cut_malformed);
}

static void put_readers(struct buffer *out, const struct rest *rest)
{
    struct subscription_facts readers;
    struct feed_facts feed;
    struct live_facts live;
    subscriptions_facts(front_subscriptions(rest->front), &readers);
    feed_facts(rest->feed, &feed);
    live_facts(rest->live, &live);
    gauge(out, "api_readers", "WebSocket readers.", readers.count);
    gauge(out, "api_reader_queue_bytes", "Bytes of messages that wait for a reader.",
          readers.bytes);
    count(out, "api_reader_messages_total", "Messages sent, once per reader.", readers.sent);
    count(out, "api_reader_skipped_total", "Messages left out, once per slow reader.",
          readers.skipped);
    gauge(out, "api_feed_connected", "Whether the live ring is being followed.", feed.connected);
    count(out, "api_feed_rows_total", "Records read from the live ring.", feed.rows);
    count(out, "api_feed_missed_total", "Records overwritten before they were read.", feed.missed);
    count(out, "api_feed_reopened_total", "Times that the ring was opened again.", feed.reopened);
    gauge(out, "api_live_messages", "Messages held in memory.", live.messages);
    gauge(out, "api_live_bytes", "Bytes of them.", live.bytes);
}

static void put_bounds(struct buffer *out, const struct rest *rest)
{
    struct bound bounds[BOUNDS_MAX];
    size_t count = bounds_list(rest, bounds);
    head(out, "api_used", "gauge", "How much there is of what the API bounds.");
    for (size_t i = 0; i < count; i++)
        buffer_append_format(out, "hashscope_api_used{of=\"%s\"} %" PRIu64 "\n", bounds[i].name,
                             bounds[i].used);
    head(out, "api_bound", "gauge", "How much there may be of it.");
    for (size_t i = 0; i < count; i++)
        buffer_append_format(out, "hashscope_api_bound{of=\"%s\"} %" PRIu64 "\n", bounds[i].name,
                             bounds[i].most);
}

/* The second number of the line is that of resident pages; 0: not known. */
static uint64_t resident_bytes(void)
{
    char line[256], *at;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    bool read = fgets(line, sizeof line, file) != NULL;
    (void)fclose(file);
    if (!read)
        return 0;
    (void)strtoull(line, &at, 10);
    return strtoull(at, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void put_process(struct buffer *out, const struct rest *rest)
{
    struct rusage used;
    uint64_t resident = resident_bytes();
    put_seconds(out, "api_uptime_seconds", "gauge", "How long the API has been running.",
                (double)(clock_mono_ns() - rest->started_ns) / (double)NS_PER_S);
    if (getrusage(RUSAGE_SELF, &used) == 0)
        put_seconds(out, "api_cpu_seconds_total", "counter", "Time on the processor.",
                    seconds(used.ru_utime) + seconds(used.ru_stime));
    if (resident)
        gauge(out, "api_resident_memory_bytes", "Memory in use, the ring's pages included.",
              resident);
}

void metrics_write(struct buffer *out, const struct rest *rest)
{
    head(out, "build_info", "gauge", "The version, as a label.");
    buffer_append_format(out, "hashscope_build_info{version=\"%s\"} 1\n", HASHSCOPE_VERSION);
    put_ring(out, rest->place.ring_path);
    put_recorder(out, rest->watch);
    put_disk(out, rest->place.data_dir);
    put_requests(out);
    put_front(out, rest->front);
    put_readers(out, rest);
    put_bounds(out, rest);
    put_process(out, rest);
}
