/*
 * capture.c - tells the formats apart by their first four bytes, and wraps libpcap.
 *
 * libpcap checks the lengths of pcap itself (against the snap length and a bound of its own); what
 * it says of a damaged file is passed on. It takes any other file for "unknown file format", which
 * is told with a hint where the first bytes give one.
 */
#include "exporter/import/capture.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "exporter/import/pcapng.h"
#include "exporter/import/unpack.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"

struct import_capture {
    char *name;
    FILE *file; /* NULL when libpcap has it */
    struct import_pcapng *pcapng;
    pcap_t *pcap;
    uint32_t link_type;
    const char *packed_why; /* why it could not be unpacked; NULL: it could, or it is not packed */
    struct import_capture_facts facts;
    enum status ended; /* STATUS_OK: not yet */
    struct error why;
};

#define DLT_RAW_BSD  12 /* what libpcap calls LINKTYPE_RAW here … */
#define DLT_RAW_OBSD 14 /* … and elsewhere */

static uint32_t link_type_of(int dlt)
{
    return dlt == DLT_RAW_BSD || dlt == DLT_RAW_OBSD ? 101 : (uint32_t)dlt;
}

static const char *hint(const unsigned char head[4], bool packed)
{
    if (head[0] == '{' || head[0] == '[')
        return packed ? "it is compressed JSON, maybe a segment file" : "it looks like JSON";
    if (load_le32(head) == 0x587A37FDu || memcmp(head, "BZh", 3) == 0)
        return "it is compressed with xz or bzip2; unpack it first";
    return "expected pcap or pcapng";
}

static enum status open_pcap(struct import_capture *capture, FILE *file,
                             const unsigned char head[4], bool packed, struct error *err)
{
    char why[PCAP_ERRBUF_SIZE] = "";
    capture->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
    if (!capture->pcap) {
        capture->file = file;
        if (capture->packed_why)
            return error_set(err, STATUS_INVALID, "%s: %s", capture->name, capture->packed_why);
        return error_set(err, STATUS_INVALID, "%s: %s (%s)", capture->name, hint(head, packed),
                         why);
    }
    capture->link_type = link_type_of(pcap_datalink(capture->pcap));
    return STATUS_OK;
}

/* The first bytes, and the file at its beginning again. */
static size_t read_first(unsigned char head[4], FILE *file)
{
    memset(head, 0, 4);
    size_t got = fread(head, 1, 4, file);
    rewind(file);
    return got;
}

enum status import_capture_open(struct import_capture **out, FILE *file, const char *name,
                                struct error *err)
{
    unsigned char head[4];
    struct import_capture *capture = memory_new(sizeof *capture);
    capture->name = memory_text(name);
    size_t got = read_first(head, file);
    enum status status = STATUS_OK;
    FILE *unpacked =
        import_unpack_knows(head) ? import_unpack(file, head, &capture->packed_why) : NULL;
    if (unpacked) {
        file = unpacked;
        got = read_first(head, file);
    }
    if (got == sizeof head && import_pcapng_is(head)) {
        capture->file = file;
        capture->pcapng = import_pcapng_new(file, &capture->facts);
    } else if (got == 0) {
        capture->file = file;
        status = error_set(err, STATUS_INVALID, "%s: %s", name,
                           capture->packed_why ? capture->packed_why
                           : unpacked          ? "it is compressed, and empty"
                                               : "the file is empty");
    } else {
        status = open_pcap(capture, file, head, unpacked != NULL, err);
    }
    if (status != STATUS_OK) {
        import_capture_close(capture);
        return status;
    }
    *out = capture;
    return STATUS_OK;
}

void import_capture_close(struct import_capture *capture)
{
    if (!capture)
        return;
    if (capture->pcap)
        pcap_close(capture->pcap);
    import_pcapng_free(capture->pcapng);
    if (capture->file)
        fclose(capture->file);
    free(capture->name);
    free(capture);
}

const struct import_capture_facts *import_capture_facts(const struct import_capture *capture)
{
    return &capture->facts;
}

static enum status next_pcap(struct import_capture *capture, struct import_packet *out,
                             struct error *err)
{
    struct pcap_pkthdr *header;
    const unsigned char *data;
    int got = pcap_next_ex(capture->pcap, &header, &data);
    if (got == PCAP_ERROR_BREAK)
        return STATUS_END;
    if (got != 1)
        return error_set(err, STATUS_DAMAGED, "%s", pcap_geterr(capture->pcap));
    int64_t seconds = header->ts.tv_sec < 0 ? 0 : header->ts.tv_sec;
    int64_t rest = header->ts.tv_usec; /* nanoseconds, as asked for */
    *out = (struct import_packet){
        .wall_ns = seconds * NS_PER_S + (rest < 0 ? 0 : rest % NS_PER_S),
        .data = data,
        .captured = header->caplen,
        .length = header->len,
        .link_type = capture->link_type,
    };
    return STATUS_OK;
}

enum status import_capture_next(struct import_capture *capture, struct import_packet *out,
                                struct error *err)
{
    if (capture->ended == STATUS_OK) {
        struct error why = {""};
        enum status status = capture->pcapng ? import_pcapng_next(capture->pcapng, out, &why)
                                             : next_pcap(capture, out, &why);
        if (status == STATUS_OK) {
            capture->facts.packets++;
            return STATUS_OK;
        }
        capture->ended = status;
        (void)error_set(&capture->why, status, "%.120s: %.300s", capture->name,
                        capture->packed_why ? capture->packed_why : why.text);
    }
    return error_set(err, capture->ended, "%s", capture->why.text);
}
