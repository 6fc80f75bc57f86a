/* See options.h. How it can fail: options contradict each other; the message says which. */
#include "exporter/export/options.h"

#include <stdio.h>
#include <string.h>

#define ETHERNET_MTU 1500

#define AT(field) offsetof(struct export_flags, field)
static const struct flag own_flags[] = {
    {.help = "What it becomes:"},
    {"output", 'o', FLAG_TEXT, AT(output), 0, 0, NULL, "FILE",
     "Where to; - is standard output, also without this option"},
    {"format", 'F', FLAG_CHOICE, AT(format), 0, 0, "pcapng|pcap|ndjson|ndjson.zst|csv", "FORMAT",
     "pcapng (default), pcap, ndjson, ndjson.zst (one frame), csv; else what FILE's name ends in"},
    {.help = "Of packets (pcapng, pcap):"},
    {"filter", 0, FLAG_TEXT, AT(packet_filter), 0, 0, NULL, "EXPRESSION",
     "Only packets that this capture filter lets pass, as in tcpdump: 'host 10.0.0.7 and tcp port "
     "3333'"},
    {"sides", 0, FLAG_CHOICE, AT(sides), 0, 0, "pool|both", "SIDES",
     "pool (default): each session as one conversation of miner and pool; both: miner to HashScope "
     "and HashScope to pool"},
    {"link", 0, FLAG_CHOICE, AT(link), 0, 0, "raw|ethernet", "TYPE",
     "raw (default): packets begin with IP; ethernet: for tools that want such frames, and with "
     "two "
     "sides in a pcapng"},
    {"mtu", 0, FLAG_INTEGER, AT(mtu), EXPORT_MTU_MIN, EXPORT_MTU_MAX, NULL, "BYTES",
     "Longest packet (default 65535, with --link ethernet 1500)"},
    {"reproducible", 0, FLAG_SWITCH, AT(reproducible), 0, 0, NULL, NULL,
     "Say nothing of this machine: the same recording gives the same bytes everywhere"},
    {.help = "How:"},
    {"follow", 'f', FLAG_SWITCH, AT(follow), 0, 0, NULL, NULL,
     "Go on with what comes, until interrupted or the reader goes away"},
    {"from-now", 'n', FLAG_SWITCH, AT(from_now), 0, 0, NULL, NULL,
     "With --follow: only what comes from now on"},
    {"mask-passwords", 0, FLAG_SWITCH, AT(mask_passwords), 0, 0, NULL, NULL,
     "Write the passwords of miners as so many x; else they stand there as recorded"},
    {"quiet", 'q', FLAG_SWITCH, AT(quiet), 0, 0, NULL, NULL, "No progress on the terminal"},
};

static const char doc[] =
    "Exports what was recorded, from the archive and the live ring as one series: packets for "
    "Wireshark, or lines. `hashscope export -s ID | wireshark -k -i -' shows a session."
    "\vExit codes: 0 done, also when nothing fits; 1 something was damaged or can't be read or "
    "written (stderr says what), or no such session; 2 the command line is wrong. A FILE appears "
    "under its name when it is complete, with --follow at once.";

struct settings *export_options_parse(struct export_flags *flags, int argc, char **argv)
{
    const struct flag_table tables[] = {filter_session_flags, filter_message_flags,
                                        FLAG_TABLE(own_flags)};
    const struct arguments arguments = {tables, 3, NULL, NULL, doc};

    return arguments_read(&arguments, flags, argc, argv);
}

static bool ends_in(const char *name, const char *ending)
{
    size_t len = strlen(name), part = strlen(ending);
    return len > part && name[len - part - 1] == '.' && strcmp(name + len - part, ending) == 0;
}

static enum export_format format_of(const struct export_flags *flags)
{
    enum export_format format = EXPORT_PCAPNG;
    if (flags->format != NULL) {
        (void)!export_format_parse(flags->format, &format);
        return format;
    }
    for (int i = EXPORT_PCAPNG; flags->output != NULL && i <= EXPORT_CSV; i++) {
        if (ends_in(flags->output, export_format_name((enum export_format)i)))
            format = (enum export_format)i;
    }
    return format;
}

/* What is wrong with the options as a whole; NULL: nothing. */
static const char *contradiction(const struct export_flags *flags, enum export_format format)
{
    const bool packets = export_format_is_packets(format);

    if (packets && flags->filter.kind != NULL)
        return "packets are made of messages and events together: --kind goes with lines";
    if (!packets && (flags->packet_filter || flags->sides || flags->link || flags->mtu != 0))
        return "--filter, --sides, --link and --mtu go with packets: --format pcapng or pcap";
    if (flags->from_now && !flags->follow)
        return "--from-now goes with --follow";
    if (flags->follow && flags->filter.until != NULL)
        return "--follow goes on without end: no --until";
    if (flags->follow && flags->filter.last_seq != 0)
        return "--follow goes on without end: no --last-seq";
    if (flags->follow && flags->filter.series != NULL)
        return "nothing comes to an import any more: --follow or --series, not both";
    return NULL;
}

/* libpcap refuses a file with several interfaces of raw packets: it takes the second one's type for
 * another than the first one's. */
static enum export_link link_of(const struct export_flags *flags, enum export_format format)
{
    const bool several =
        format == EXPORT_PCAPNG && flags->sides != NULL && strcmp(flags->sides, "both") == 0;

    if (flags->link == NULL)
        return several ? EXPORT_LINK_ETHERNET : EXPORT_LINK_RAW;
    return strcmp(flags->link, "ethernet") == 0 ? EXPORT_LINK_ETHERNET : EXPORT_LINK_RAW;
}

static unsigned mtu_of(const struct export_flags *flags)
{
    if (flags->mtu != 0)
        return (unsigned)flags->mtu;
    return flags->link != NULL && strcmp(flags->link, "ethernet") == 0 ? ETHERNET_MTU
                                                                       : EXPORT_MTU_MAX;
}

int export_options_read(struct export_options *out, const struct export_flags *flags,
                        const char *command)
{
    const enum export_format format = format_of(flags);
    const char *wrong = contradiction(flags, format);

    if (wrong != NULL) {
        fprintf(stderr, "%s: %s\n", command, wrong);
        return SETTINGS_EXIT_STATUS;
    }
    *out = (struct export_options){
        .format = format,
        .sides = flags->sides != NULL && strcmp(flags->sides, "both") == 0 ? EXPORT_SIDES_BOTH
                                                                           : EXPORT_SIDES_POOL,
        .link = link_of(flags, format),
        .mtu = mtu_of(flags),
        .packet_filter = flags->packet_filter,
        .follow = flags->follow,
        .tail = flags->from_now,
        .reproducible = flags->reproducible,
        .mask_passwords = flags->mask_passwords};
    return 0;
}
