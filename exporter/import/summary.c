/*
 * summary.c - what was and was not understood, for programs and for people. Lines that would
 * only say zero are left out for people.
 */
#include <inttypes.h>

#include "exporter/import/job.h"
#include "lib/base/clock.h"
#include "lib/base/json.h"

struct figure {
    const char *key;  /* in JSON */
    const char *text; /* for people; NULL: only in JSON, or told elsewhere */
    uint64_t value;
};

#define FIGURES_MOST 48

static size_t collect(struct figure out[FIGURES_MOST], const struct import_summary *all)
{
    const struct figure figures[] = {
        {"packets", NULL, all->packets},
        {"not_ip", "packets that are no IP", all->kinds[IMPORT_NOT_IP]},
        {"not_tcp", "packets of other protocols than TCP", all->kinds[IMPORT_NOT_TCP]},
        {"fragments", "fragments of IP packets, which are not put together",
         all->kinds[IMPORT_FRAGMENT]},
        {"cut_headers", "packets captured without their headers", all->kinds[IMPORT_CUT]},
        {"malformed", "packets whose lengths cannot be", all->kinds[IMPORT_MALFORMED]},
        {"unknown_link", "packets of link types that are not known",
         all->kinds[IMPORT_UNKNOWN_LINK]},
        {"protected", "packets that are encrypted (802.11)", all->kinds[IMPORT_PROTECTED]},
        {"nested", "packets in more layers than are taken off", all->kinds[IMPORT_NESTED]},
        {"oversized", "packets above 16 MiB", all->oversized},
        {"dropped", "packets that the capturing program says it lost", all->drops},
        {"times_back",
         "packets over half an hour older than one before: reordercap puts them right",
         all->times_back},
        {"connections", NULL, all->flows.flows},
        {"not_stratum", "connections that speak something else", all->detect.other},
        {"http", "connections that speak HTTP", all->detect.http},
        {"encrypted", "connections that are encrypted (TLS)", all->detect.encrypted},
        {"silent", "connections that said nothing", all->detect.silent},
        {"unjudged", "connections beyond what can be remembered", all->detect.unjudged},
        {"crowded", "connections ended because there were too many at once", all->flows.crowded},
        {"duplicates", "segments that brought nothing new", all->flows.duplicates},
        {"out_of_order", "segments that came out of order, or behind a hole",
         all->flows.out_of_order},
        {"cut_segments", "segments not captured as a whole (snap length)", all->flows.cut_segments},
        {"strays", "segments with numbers that cannot be", all->flows.strays},
        {"sessions", NULL, all->writer.sessions},
        {"midway", "sessions that began before the capture", all->writer.midway},
        {"unfinished", "sessions still open at its end", all->writer.unfinished},
        {"messages", NULL, all->writer.messages},
        {"events", NULL, all->writer.events},
        {"invalid", "messages that are no JSON", all->writer.invalid},
        {"copies", "copies of messages, taken once", all->writer.copies},
        {"renumbered", "the numbers of the recording could not be kept", all->writer.renumbered},
        {"losses", "places where bytes are missing", all->writer.losses},
        {"lost_bytes", "bytes missing", all->writer.lost_bytes},
        {"damaged_files", "files of which a part could not be read", all->damaged},
        {"segments", NULL, all->segments},
        {"segment_bytes", NULL, all->segment_bytes},
    };
    size_t count = sizeof figures / sizeof figures[0];
    for (size_t i = 0; i < count; i++)
        out[i] = figures[i];
    return count;
}

static const char *naming_text(enum import_naming naming)
{
    switch (naming) {
    case IMPORT_LINK_TYPE:
        return "link type";
    case IMPORT_ETHER_TYPE:
        return "EtherType";
    case IMPORT_PPP_PROTOCOL:
        return "PPP protocol";
    case IMPORT_LLC_SAP:
        return "LLC service access point";
    case IMPORT_IP_PROTOCOL:
        return "IP protocol";
    case IMPORT_UNNAMED:
        break;
    }
    return "";
}

/* As registries write it. */
static bool is_decimal(enum import_naming naming)
{
    return naming == IMPORT_LINK_TYPE || naming == IMPORT_IP_PROTOCOL;
}

static void append_unknown_json(struct buffer *out, const struct import_summary *summary)
{
    buffer_append_text(out, ",\"unknown\":[");
    for (size_t i = 0; i < summary->unknown_count; i++) {
        const struct import_unknown *one = &summary->unknown[i];
        buffer_append_format(out,
                             "%s{\"what\":\"%s\",\"number\":%" PRIu32 ",\"packets\":%" PRIu64 "}",
                             i ? "," : "", naming_text(one->naming), one->number, one->packets);
    }
    buffer_append_text(out, "]");
}

static void append_unknown_text(struct buffer *out, const struct import_summary *summary)
{
    for (size_t i = 0; i < summary->unknown_count; i++) {
        const struct import_unknown *one = &summary->unknown[i];
        buffer_append_format(out, "%12" PRIu64 "  of them %s ", one->packets,
                             naming_text(one->naming));
        if (is_decimal(one->naming))
            buffer_append_u64(out, one->number);
        else
            buffer_append_format(out, "0x%04" PRIx32, one->number);
        buffer_append_char(out, '\n');
    }
}

static void append_time(struct buffer *out, int64_t wall_ns)
{
    char text[CLOCK_TEXT_LEN];
    clock_format(text, wall_ns);
    buffer_append(out, text, sizeof text);
}

void import_summary_append_json(struct buffer *out, const struct import_summary *summary,
                                const struct import_job_options *options)
{
    struct figure figures[FIGURES_MOST];
    size_t count = collect(figures, summary);
    buffer_append_format(out, "{\"instance\":\"%016" PRIx64 "\",\"existing\":%s,\"files\":[",
                         summary->instance, summary->existing ? "true" : "false");
    for (size_t i = 0; i < options->file_count; i++) {
        const struct import_file *file = &options->files[i];
        char digest[2 * sizeof file->digest];
        hex_encode(digest, file->digest, sizeof file->digest);
        buffer_append_text(out, i ? ",{\"path\":" : "{\"path\":");
        json_append_text(out, file->path);
        buffer_append_format(out, ",\"bytes\":%" PRIu64 ",\"sha256\":\"%.*s\"}", file->bytes,
                             (int)sizeof digest, digest);
    }
    buffer_append_text(out, "]");
    if (summary->packets) {
        buffer_append_text(out, ",\"first\":\"");
        append_time(out, summary->first_ns);
        buffer_append_text(out, "\",\"last\":\"");
        append_time(out, summary->last_ns);
        buffer_append_text(out, "\"");
    }
    for (size_t i = 0; i < count; i++)
        buffer_append_format(out, ",\"%s\":%" PRIu64, figures[i].key, figures[i].value);
    append_unknown_json(out, summary);
    if (summary->damaged) {
        buffer_append_text(out, ",\"damage\":");
        json_append_text(out, summary->damage.text);
    }
    buffer_append_text(out, "}");
}

void import_summary_append_text(struct buffer *out, const struct import_summary *summary)
{
    struct figure figures[FIGURES_MOST];
    size_t count = collect(figures, summary);
    const struct import_writer_counts *writer = &summary->writer;
    buffer_append_format(out, "%" PRIu64 " packets, %" PRIu64 " connections", summary->packets,
                         summary->flows.flows);
    if (summary->packets) {
        buffer_append_text(out, ", ");
        append_time(out, summary->first_ns);
        buffer_append_text(out, " to ");
        append_time(out, summary->last_ns);
    }
    buffer_append_format(out,
                         "\n%" PRIu64 " sessions, %" PRIu64 " messages, %" PRIu64
                         " events in %" PRIu64 " segment%s of %" PRIu64 " bytes\n",
                         writer->sessions, writer->messages, writer->events, summary->segments,
                         summary->segments == 1 ? "" : "s", summary->segment_bytes);
    for (size_t i = 0; i < count; i++) {
        if (figures[i].text && figures[i].value)
            buffer_append_format(out, "%12" PRIu64 "  %s\n", figures[i].value, figures[i].text);
    }
    append_unknown_text(out, summary);
    if (summary->damaged)
        buffer_append_format(out, "%s\n", summary->damage.text);
}
