/*
 * head.c - the beginning and the end of a file of packets: who made it, its interfaces, and their
 * statistics. How it can fail: what the system does not tell of itself is left out.
 */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "lib/base/version.h"
#include "lib/export/export_private.h"

/* "model name : …" of the first processor. */
static void find_hardware(char *out, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    *out = '\0';
    if (file == NULL)
        return;
    while (*out == '\0' && fgets(line, sizeof line, file) != NULL) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL)
            snprintf(out, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    }
    fclose(file);
}

static void find_os(char *out, size_t size)
{
    struct utsname name;
    *out = '\0';
    if (uname(&name) == 0)
        snprintf(out, size, "%s %s", name.sysname, name.release);
}

static void describe(const struct export *job, struct buffer *out)
{
    buffer_append_text(out, "Stratum recorded by HashScope; ");
    buffer_append_text(out, job->options.sides == EXPORT_SIDES_BOTH
                                ? "both connections of each session"
                                : "each session is one conversation of miner and pool, as the pool "
                                  "saw it");
    buffer_append_text(out, ". TCP and IP are synthesised: handshakes, numbers, acknowledgements.");
    if (job->filters_messages)
        buffer_append_text(out, " Messages were filtered; streams are numbered as if nothing else "
                                "had been said.");
    if (job->options.mask_passwords)
        buffer_append_text(out, " Passwords are masked.");
    buffer_append_char(out, '\0');
}

static uint16_t link_type(const struct export *job)
{
    return job->options.link == EXPORT_LINK_ETHERNET ? PCAPNG_LINK_ETHERNET : PCAPNG_LINK_RAW;
}

static void append_interfaces(struct export *job, const char *os)
{
    bool both = job->options.sides == EXPORT_SIDES_BOTH;
    struct pcapng_interface interface = {.link = link_type(job),
                                         .name = both ? "miner" : "stratum",
                                         .description = both ? "miners and HashScope"
                                                             : "miners and their pools",
                                         .filter = job->options.packet_filter,
                                         .os = os};
    pcapng_append_interface(&job->out, &interface);
    if (!both)
        return;
    interface.name = "pool";
    interface.description = "HashScope and the pools";
    pcapng_append_interface(&job->out, &interface);
}

void export_packets_head(struct export *job)
{
    char hardware[128] = "", os[160] = "";
    struct buffer comment = {NULL, 0, 0};
    if (job->options.format == EXPORT_PCAP) {
        pcap_append_header(&job->out, link_type(job));
        return;
    }
    if (!job->options.reproducible) {
        find_hardware(hardware, sizeof hardware);
        find_os(os, sizeof os);
    }
    describe(job, &comment);
    const struct pcapng_section section = {.hardware = hardware,
                                           .os = os,
                                           .application = "HashScope " HASHSCOPE_VERSION,
                                           .comment = comment.data};
    pcapng_append_section(&job->out, &section);
    append_interfaces(job, os);
    buffer_close(&comment);
}

void export_packets_tail(struct export *job)
{
    size_t count = job->options.sides == EXPORT_SIDES_BOTH ? 2 : 1;
    for (size_t i = 0; i < count && job->options.format == EXPORT_PCAPNG; i++) {
        const struct export_interface *from = &job->interfaces[i];
        const struct pcapng_statistics statistics = {.interface = (uint32_t)i,
                                                     .first_ns = from->first_ns,
                                                     .last_ns = from->last_ns,
                                                     .received = from->received,
                                                     .dropped = from->dropped,
                                                     .accepted = from->accepted,
                                                     .filtered = job->has_program};
        pcapng_append_statistics(&job->out, &statistics);
    }
}
