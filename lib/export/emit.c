/*
 * emit.c - one packet: room is made in the buffer, headers are written in front of the payload,
 * comments behind; a packet that the capture filter does not let pass is left unclosed, so that the
 * next one takes its room. Nothing can fail.
 */
#include <string.h>

#include "lib/export/export_private.h"

int export_interface_of(const struct export *job, int flow)
{
    return job->options.sides == EXPORT_SIDES_BOTH ? flow : 0;
}

/* As seen from HashScope; of one side, as seen from where the miner is. */
static unsigned direction_flags(const struct export *job, const struct export_packet *packet)
{
    bool inbound = packet->end == 1;
    if (job->options.sides == EXPORT_SIDES_BOTH && packet->flow == 0)
        inbound = !inbound;
    return inbound ? PCAPNG_INBOUND : PCAPNG_OUTBOUND;
}

static void copy_payload(uint8_t *out, const struct export_packet *packet)
{
    const struct span parts[2] = {packet->payload.message, packet->payload.end};
    size_t skip = packet->offset, left = packet->len;
    for (size_t i = 0; i < 2; i++) {
        size_t from = skip < parts[i].len ? skip : parts[i].len;
        size_t len = parts[i].len - from < left ? parts[i].len - from : left;
        if (len > 0)
            memcpy(out, parts[i].data + from, len);
        out += len;
        skip -= from;
        left -= len;
    }
}

static bool passes(const struct export *job, const uint8_t *data, size_t len)
{
    const struct pcap_pkthdr head = {.caplen = (bpf_u_int32)len, .len = (bpf_u_int32)len};
    return !job->has_program || pcap_offline_filter(&job->program, &head, data) != 0;
}

static void close_packet(struct export *job, const struct export_packet *packet, size_t len)
{
    int number = export_interface_of(job, packet->flow);
    struct export_interface *interface = &job->interfaces[number];
    struct pcapng_packet block = {
        .interface = (uint32_t)number,
        .time_ns = packet->time_ns,
        .len = (uint32_t)len,
        .flags = direction_flags(job, packet),
        .dropped = interface->dropping,
        .id = packet->id,
        .comments = {packet->comment, span_make(job->pending.data, job->pending.len)}};
    if (job->options.format == EXPORT_PCAPNG)
        pcapng_packet_end(&job->out, &block);
    else
        pcap_packet_end(&job->out, packet->time_ns, (uint32_t)len);
    interface->dropping = 0;
    interface->accepted++;
    if (interface->first_ns == 0)
        interface->first_ns = packet->time_ns;
    interface->last_ns = packet->time_ns;
    buffer_clear(&job->pending);
    job->progress.packets++;
}

void export_emit(struct export *job, const struct export_packet *packet)
{
    struct packet_flow *flow = &packet->session->flow[packet->flow];
    size_t header = packet_header_len(flow, packet->tcp_flags), len = header + packet->len;
    uint8_t *data =
        job->options.format == EXPORT_PCAPNG
            ? pcapng_packet_begin(&job->out, len, packet->comment.len + job->pending.len)
            : pcap_packet_begin(&job->out, len);
    copy_payload(data + header, packet);
    packet_write(flow, data, packet->end, packet->tcp_flags, packet->len);
    job->interfaces[export_interface_of(job, packet->flow)].received++;
    if (passes(job, data, len))
        close_packet(job, packet, len);
}
