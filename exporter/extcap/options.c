/*
 * See options.h. The options' names are those of hashscope-export, so that what is set in
 * Wireshark's dialog can be written on a command line as well.
 *
 * How it can fail: a listing of sessions that cannot be read is an empty one; the capture itself
 * then says why.
 */
#include "exporter/extcap/options.h"

#include <inttypes.h>
#include <limits.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json_text.h"
#include "lib/base/version.h"
#include "lib/command/program.h"
#include "lib/export/export.h"

#define LINK_TYPE_RAW 101
#define SESSIONS_MAX  200 /* of those in the list, the newest */
#define LABEL_BYTES   200

const struct extcap_interface extcap_interfaces[EXTCAP_INTERFACE_COUNT] = {
    {"hashscope_live", "HashScope live capture", true},
    {"hashscope_archive", "HashScope archive", false},
};

#define AT(field) offsetof(struct extcap_flags, field)
static const struct flag own_flags[] = {
    {.help = "What Wireshark asks:"},
    {"extcap-interfaces", 0, FLAG_SWITCH, AT(interfaces), 0, 0, NULL, NULL, "List the interfaces"},
    {"extcap-version", 0, FLAG_TEXT, AT(version), 0, 0, NULL, "VERSION",
     "Of the Wireshark that asks"},
    {"extcap-interface", 0, FLAG_TEXT, AT(interface), 0, 0, NULL, "NAME",
     "hashscope_live or hashscope_archive: what the rest is about"},
    {"extcap-dlts", 0, FLAG_SWITCH, AT(dlts), 0, 0, NULL, NULL, "List its link types"},
    {"extcap-config", 0, FLAG_SWITCH, AT(config), 0, 0, NULL, NULL, "List its options"},
    {"extcap-reload-option", 0, FLAG_TEXT, AT(reload), 0, 0, NULL, "OPTION",
     "With --extcap-config: only this option's values"},
    {"extcap-capture-filter", 0, FLAG_TEXT, AT(filter_expression), 0, 0, NULL, "EXPRESSION",
     "Without --capture: is it one? (nothing is printed then); with: only packets that it lets "
     "pass"},
    {"capture", 0, FLAG_SWITCH, AT(capture), 0, 0, NULL, NULL, "Write packets to --fifo"},
    {"fifo", 0, FLAG_TEXT, AT(fifo), 0, 0, NULL, "FILE", "Where to"},
    {.help = "Of a capture:"},
    {"everything", 0, FLAG_SWITCH, AT(everything), 0, 0, NULL, NULL,
     "Live: begin with what the recorder still has in memory, not with what comes from now on"},
    {"sides", 0, FLAG_CHOICE, AT(sides), 0, 0, "pool|both", "SIDES",
     "pool (default): each session as one conversation of miner and pool; both: miner to HashScope "
     "and HashScope to pool"},
    {"mask-passwords", 0, FLAG_SWITCH, AT(mask_passwords), 0, 0, NULL, NULL,
     "Write the passwords of miners as so many x"},
};

static const char doc[] =
    "Shows what HashScope records inside Wireshark, as two interfaces of its list: live, and the "
    "archive. Wireshark starts this program; `hashscope wireshark install' puts it where it looks.";

struct settings *extcap_options_parse(struct extcap_flags *flags, int argc, char **argv)
{
    const struct flag_table tables[] = {filter_session_flags, FLAG_TABLE(own_flags)};
    const struct arguments arguments = {tables, 2, NULL, NULL, doc};
    struct settings *settings = arguments_read(&arguments, flags, argc, argv);
    const char *session = flags->filter.session;

    if (session != NULL && strcmp(session, EXTCAP_ALL_SESSIONS) == 0)
        flags->filter.session = NULL;
    return settings;
}

const struct extcap_interface *extcap_interface_find(const char *value)
{
    for (size_t i = 0; value != NULL && i < EXTCAP_INTERFACE_COUNT; i++) {
        if (strcmp(value, extcap_interfaces[i].value) == 0)
            return &extcap_interfaces[i];
    }
    return NULL;
}

/* ---- answers ---- */

void extcap_print_interfaces(void)
{
    puts("extcap {version=" HASHSCOPE_VERSION "}{display=HashScope, recorder of mining sessions}");
    for (size_t i = 0; i < EXTCAP_INTERFACE_COUNT; i++)
        printf("interface {value=%s}{display=%s}\n", extcap_interfaces[i].value,
               extcap_interfaces[i].display);
}

void extcap_print_dlts(void)
{
    printf("dlt {number=%d}{name=RAW}{display=IP packets, made of recorded messages}\n",
           LINK_TYPE_RAW);
}

void extcap_print_filter_verdict(const char *expression)
{
    pcap_t *handle = pcap_open_dead(DLT_RAW, 262144);
    struct bpf_program program;

    if (handle == NULL)
        return;
    if (pcap_compile(handle, &program, expression, 1, PCAP_NETMASK_UNKNOWN) == 0)
        pcap_freecode(&program);
    else
        puts(pcap_geterr(handle));
    pcap_close(handle);
}

/* As people see it; braces end a field of the notation. */
static void put_text(const char *text, size_t len)
{
    struct buffer seen = {NULL, 0, 0};

    text_append_seen(&seen, span_make(text, len));
    for (size_t i = 0; i < seen.len; i++)
        putchar(seen.data[i] == '{' || seen.data[i] == '}' ? '_' : (unsigned char)seen.data[i]);
    buffer_close(&seen);
}

/* "2026-11-22T13:53:01Z  10.0.0.7:40001  worker" */
static void print_session(unsigned number, const struct query_session *session)
{
    char id[UUID_TEXT_LEN], time[64] = "";

    uuid_format(id, &session->session);
    clock_format(time, session->opened_ns);
    printf("value {arg=%u}{value=%.*s}{display=%.19sZ ", number, UUID_TEXT_LEN, id, time);
    put_text(session->miner.data, session->miner.len);
    for (size_t i = 0; i < session->worker_count && i < 2; i++) {
        size_t len = session->workers[i].len;

        putchar(' ');
        put_text(session->workers[i].data, len < LABEL_BYTES ? len : LABEL_BYTES);
    }
    puts("}");
}

static void print_sessions(unsigned number, const struct extcap_flags *flags,
                           const struct settings *settings)
{
    char ring[PROGRAM_PATH_MAX];
    struct query_sessions_options options = {.filter = {.worker = flags->filter.worker}};
    struct query_sessions *sessions = NULL;
    struct query_session session;
    struct error err;
    int count = 0;

    printf("value {arg=%u}{value=" EXTCAP_ALL_SESSIONS "}{display=All sessions}{default=true}\n",
           number);
    program_ring_path(ring, settings);
    options.place = (struct query_place){settings_text(settings, "DATA_DIR"), ring, 0};
    if (query_sessions_open(&sessions, &options, &err) != STATUS_OK)
        return;
    while (count++ < SESSIONS_MAX && query_sessions_next(sessions, &session, &err) == STATUS_OK)
        print_session(number, &session);
    query_sessions_close(sessions);
}

static void print_data_dir(unsigned number, const struct settings *settings)
{
    const char *folder = settings_text(settings, "DATA_DIR");
    char whole[PATH_MAX];

    if (realpath(folder, whole) == NULL)
        snprintf(whole, sizeof(whole), "%s", folder);
    printf("arg {number=%u}{call=--data-dir}{display=Data directory}{type=string}{default=",
           number);
    put_text(whole, strlen(whole));
    puts("}{tooltip=DATA_DIR of the recorder, where segments/ and live/ are}");
}

static void print_times(unsigned number)
{
    printf("arg {number=%u}{call=--since}{display=From}{type=string}"
           "{tooltip=UTC: 2026-11-22 13:53, 13:53, -2h, today, yesterday}{group=Time}\n",
           number);
    printf("arg {number=%u}{call=--until}{display=Until}{type=string}"
           "{tooltip=not included; as above, or +5m: so long behind From}{group=Time}\n",
           number + 1);
}

void extcap_print_config(const struct extcap_interface *interface, const struct extcap_flags *flags,
                         const struct settings *settings)
{
    if (flags->reload != NULL && strstr(flags->reload, "session") != NULL) {
        print_sessions(1, flags, settings);
        return;
    }
    print_data_dir(0, settings);
    puts("arg {number=1}{call=--session}{display=Session}{type=selector}{reload=true}"
         "{placeholder=Read the list of sessions}{tooltip=one session, or all}");
    puts("arg {number=2}{call=--worker}{display=Worker}{type=string}"
         "{tooltip=part of a worker's name}");
    puts("arg {number=3}{call=--sides}{display=Connections}{type=selector}"
         "{tooltip=HashScope stands between miner and pool}");
    puts("arg {number=4}{call=--mask-passwords}{display=Mask passwords}{type=boolflag}"
         "{default=false}{tooltip=of mining.authorize}");
    if (interface->live)
        puts("arg {number=5}{call=--everything}{display=Begin with what is in memory}"
             "{type=boolflag}{default=false}{tooltip=else with what comes from now on}");
    else
        print_times(5);
    print_sessions(1, flags, settings);
    puts("value {arg=3}{value=pool}{display=Miner and pool, as one}{default=true}");
    puts("value {arg=3}{value=both}{display=Both: to HashScope and to the pool}{default=false}");
}
