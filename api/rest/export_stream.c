/* export_stream.c - from the export's sink to the answer. See export_stream.h for what can fail. */
#include "api/rest/export_stream.h"

#include <civetweb.h>
#include <stdio.h>
#include <string.h>

#include "api/request/rest.h"
#include "api/rest/wanted.h"
#include "lib/base/log.h"

#define PIECE (64u << 10) /* a client must take so much within the server's timeout */

struct stream {
    struct request *request;
    enum export_format format;
    struct wanted wanted;
    bool begun;
};

static const char *type_of(enum export_format format)
{
    static const char *const types[] = {[EXPORT_PCAPNG] = "application/x-pcapng",
                                        [EXPORT_PCAP] = "application/vnd.tcpdump.pcap",
                                        [EXPORT_NDJSON] = "application/x-ndjson",
                                        [EXPORT_NDJSON_ZST] = "application/zstd",
                                        [EXPORT_CSV] = "text/csv; charset=utf-8"};
    return types[format];
}

/* hashscope-20261122T135301Z.pcapng */
static void begin(struct stream *stream)
{
    char now[CLOCK_TEXT_LEN], name[64];
    clock_format(now, clock_wall_ns());
    (void)snprintf(name, sizeof name, "hashscope-%.4s%.2s%.2sT%.2s%.2s%.2sZ.%s", now, now + 5,
                   now + 8, now + 11, now + 14, now + 17, export_format_name(stream->format));
    reply_begin(stream->request, type_of(stream->format), name);
    stream->begun = true;
}

static enum status write_out(void *user, const void *data, size_t len, struct error *err)
{
    struct stream *stream = user;
    const char *at = data;
    if (!stream->begun)
        begin(stream);
    while (len > 0) {
        size_t piece = len < PIECE ? len : PIECE;
        if (!reply_write(stream->request, at, piece))
            return error_set(err, STATUS_CLOSED, "the client has gone");
        at += piece;
        len -= piece;
    }
    return STATUS_OK;
}

static enum status run(struct export *job, struct error *err)
{
    enum status status;
    do
        status = export_step(job, err);
    while (status == STATUS_OK);
    return status == STATUS_END ? export_finish(job, err) : status;
}

static void end(struct stream *stream, enum status status, const struct error *err)
{
    struct request *request = stream->request;
    if (status == STATUS_OK) {
        if (!stream->begun)
            begin(stream);
        reply_end(request);
    } else if (wanted_is_gone(&stream->wanted)) {
        request->gone = true;
        mg_disable_connection_keep_alive(request->connection);
    } else if (!stream->begun) {
        reply_failure(request, status, err);
    } else {
        log_warn("an export was cut off: %s", err->text);
        mg_disable_connection_keep_alive(request->connection);
    }
}

void export_stream(struct request *request, const struct export_options *options)
{
    struct stream stream = {.request = request, .format = options->format};
    struct export_sink sink = {write_out, &stream};
    struct export_options own = *options;
    struct export *job;
    struct error err = {""};
    wanted_begin(&stream.wanted, request, 0);
    own.stop = wanted_is_over;
    own.user = &stream.wanted;
    enum status status = export_open(&job, &own, &sink, &err);
    if (status == STATUS_OK && strcmp(request->method, "HEAD") != 0)
        status = run(job, &err);
    end(&stream, status, &err);
    export_close(job);
}
