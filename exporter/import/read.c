/*
 * read.c - all files as one stream of packets, in the order of time, into the flows.
 *
 * Each file has one packet at hand; the oldest of them is next. A file whose rest cannot be read
 * ends there, is counted and told; the others go on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exporter/import/comment.h"
#include "exporter/import/job.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"

#define FLOWS_MAX (1u << 17)
#define QUEUE_MAX (64u << 20)
#define BACK_NS   (1800 * NS_PER_S)

struct source {
    struct import_capture *capture;
    struct import_packet packet; /* at hand */
    bool ended;
};

struct reading {
    struct import_summary *out;
    struct source *sources;
    size_t count;
    struct import_flows *flows;
    struct buffer comments;
};

/* ------------------------------------------------------------------ files */

static FILE *open_again(const struct import_file *file, struct error *err)
{
    int fd = -1;
    if (file->file && (fd = dup(fileno(file->file))) >= 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fdopen(fd, "rb");
    if (!file->file) {
        FILE *opened = fopen(file->path, "rbe");
        if (opened)
            return opened;
    }
    (void)error_errno(err, errno, "opening %s", file->path);
    if (fd >= 0)
        close(fd);
    return NULL;
}

static void advance(struct reading *reading, struct source *source)
{
    struct error why = {""};
    enum status status = import_capture_next(source->capture, &source->packet, &why);
    source->ended = status != STATUS_OK;
    if (status == STATUS_DAMAGED && reading->out->damaged++ == 0)
        reading->out->damage = why;
}

static enum status open_sources(struct reading *reading, const struct import_job_options *options,
                                struct error *err)
{
    enum status status = STATUS_OK;
    reading->sources = memory_new((options->file_count + 1) * sizeof *reading->sources);
    for (size_t i = 0; i < options->file_count && status == STATUS_OK; i++) {
        struct source *source = &reading->sources[i];
        FILE *file = open_again(&options->files[i], err);
        if (!file)
            return STATUS_IO;
        status = import_capture_open(&source->capture, file, options->files[i].path, err);
        if (status != STATUS_OK)
            return status;
        reading->count++;
        advance(reading, source);
    }
    return status;
}

static void close_sources(struct reading *reading)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct import_capture_facts *facts =
            import_capture_facts(reading->sources[i].capture);
        reading->out->drops += facts->drops;
        reading->out->oversized += facts->oversized;
        import_capture_close(reading->sources[i].capture);
    }
    free(reading->sources);
    buffer_close(&reading->comments);
    import_flows_free(reading->flows);
}

/* ------------------------------------------------------------------ packets */

static struct source *oldest(const struct reading *reading)
{
    struct source *found = NULL;
    for (size_t i = 0; i < reading->count; i++) {
        struct source *source = &reading->sources[i];
        if (!source->ended && (!found || source->packet.wall_ns < found->packet.wall_ns))
            found = source;
    }
    return found;
}

/* HashScope's own comments, each ended by LF when there are several. */
static struct span own_comments(struct reading *reading, const struct import_packet *packet)
{
    struct span only = {NULL, 0};
    unsigned count = 0;
    buffer_clear(&reading->comments);
    for (unsigned i = 0; i < packet->comment_count; i++) {
        struct span comment = packet->comments[i];
        if (!import_comment_is_ours(comment))
            continue;
        count++;
        only = comment;
        if (packet->comment_count > 1) {
            buffer_append(&reading->comments, comment.data, comment.len);
            buffer_append_char(&reading->comments, '\n');
        }
    }
    return count > 1 ? span_make(reading->comments.data, reading->comments.len) : only;
}

static void take_comments(struct reading *reading, const struct import_packet *packet,
                          struct import_segment *segment)
{
    static const char key[] = " lost_bytes=";
    struct span comments = own_comments(reading, packet);
    segment->comment = comments;
    const char *at = comments.len ? memmem(comments.data, comments.len, key, sizeof key - 1) : NULL;
    if (!at)
        return;
    for (at += sizeof key - 1; at < comments.data + comments.len && *at >= '0' && *at <= '9';
         at++) {
        if (__builtin_mul_overflow(segment->jump, 10, &segment->jump) ||
            __builtin_add_overflow(segment->jump, (uint64_t)(*at - '0'), &segment->jump)) {
            segment->jump = 0;
            return;
        }
    }
}

static void count_unknown(struct import_summary *out, const struct import_segment *segment)
{
    struct import_unknown *at = out->unknown, *end = at + out->unknown_count;
    while (at < end && (at->naming != segment->naming || at->number != segment->number))
        at++;
    if (at == end && out->unknown_count == IMPORT_UNKNOWN_MOST)
        return;
    if (at == end) {
        *at = (struct import_unknown){.naming = segment->naming, .number = segment->number};
        out->unknown_count++;
    }
    at->packets++;
}

/* What the packet has; of an aggregate, each part. */
static enum status take_parts(struct reading *reading, const struct import_packet *packet,
                              struct error *err)
{
    struct import_segment segment = {.more = true};
    enum status status = STATUS_OK;
    for (unsigned part = 0; segment.more && status == STATUS_OK; part++) {
        enum import_kind kind = import_packet_read(&segment, packet, part);
        reading->out->kinds[kind]++;
        if (segment.naming != IMPORT_UNNAMED && kind != IMPORT_TCP)
            count_unknown(reading->out, &segment);
        if (kind != IMPORT_TCP)
            continue;
        if (packet->comment_count)
            take_comments(reading, packet, &segment);
        status = import_flows_take(reading->flows, &segment, err);
    }
    return status;
}

static enum status take(struct reading *reading, const struct import_packet *packet,
                        struct error *err)
{
    struct import_summary *out = reading->out;
    if (out->packets++ == 0)
        out->first_ns = packet->wall_ns;
    out->times_back += packet->wall_ns < clock_later(out->last_ns, -BACK_NS);
    if (packet->wall_ns < out->first_ns)
        out->first_ns = packet->wall_ns;
    if (packet->wall_ns > out->last_ns)
        out->last_ns = packet->wall_ns;
    return take_parts(reading, packet, err);
}

static enum status read_all(struct reading *reading, struct error *err)
{
    struct source *source;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && (source = oldest(reading))) {
        status = take(reading, &source->packet, err);
        advance(reading, source);
    }
    return status == STATUS_OK ? import_flows_end(reading->flows, err) : status;
}

enum status import_job_read(struct import_summary *out, const struct import_job_options *options,
                            import_sink *sink, void *user, struct error *err)
{
    const struct import_flow_limits limits = {
        .flows_max = options->flows_max ? options->flows_max : FLOWS_MAX,
        .queue_max = options->queue_max ? options->queue_max : QUEUE_MAX};
    struct reading reading = {.out = out};
    reading.flows = import_flows_new(&limits, sink, user);
    enum status status = open_sources(&reading, options, err);
    if (status == STATUS_OK)
        status = read_all(&reading, err);
    out->flows = *import_flows_counts(reading.flows);
    close_sources(&reading);
    return status;
}
