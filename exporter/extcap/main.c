/*
 * hashscope-extcap: HashScope's recordings as interfaces in Wireshark's list.
 *
 * How it works: Wireshark (and tshark, dumpcap) starts this program with a question, or with
 * --capture and a FIFO; options.c has the questions. A capture is an export (lib/export) as
 * pcapng into the FIFO: of the archive, which ends by itself, or live, asking again every POLL_MS
 * until Wireshark stops it with SIGTERM, or goes away.
 *
 * How it can fail: a message on stderr, which Wireshark shows, and status 1, also when something
 * was damaged and the rest is there; 2 when the command
 * line is wrong. That Wireshark has stopped reading is the usual end, with status 0.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exporter/export/output.h"
#include "exporter/extcap/options.h"
#include "lib/base/bus_fault.h"
#include "lib/command/program.h"
#include "lib/export/export.h"

#define POLL_MS 50

static volatile sig_atomic_t interrupted;

struct capturing {
    const char *command;
    struct export_options options;
    struct export_output output;
    bool damaged; /* some of it could not be read */
};

static void on_signal(int number)
{
    interrupted = number;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static int fail(const struct capturing *capturing, const struct error *err, int code)
{
    fprintf(stderr, "%s: %s\n", capturing->command, err->text);
    return code;
}

static void tell_damage(void *user, const struct query_damage *damage)
{
    struct capturing *capturing = user;

    capturing->damaged = true;
    fprintf(stderr, "%s: %s: %s\n", capturing->command, damage->path, damage->why);
}

/* ---- capturing ---- */

/* STATUS_END: all is out; STATUS_CLOSED: Wireshark has stopped. */
static enum status run_steps(struct capturing *capturing, struct export *job, struct error *err)
{
    enum status status = STATUS_OK;

    while (!interrupted && (status == STATUS_OK || status == STATUS_END)) {
        status = export_step(job, err);
        if (status == STATUS_END && !capturing->options.follow)
            return STATUS_END;
        if (status == STATUS_END && export_output_pause(&capturing->output, POLL_MS))
            return STATUS_CLOSED;
    }
    return interrupted ? STATUS_END : status;
}

static int run_job(struct capturing *capturing, struct export *job)
{
    struct error err = {""};
    enum status status = run_steps(capturing, job, &err);

    if (status == STATUS_END)
        status = export_finish(job, &err);
    if (status == STATUS_OK || capturing->output.closed)
        return capturing->damaged ? 1 : 0;
    return fail(capturing, &err, 1);
}

/* The live ring appears when a recorder starts. STATUS_NOT_FOUND: stopped before. */
static enum status wait_for_recorder(struct capturing *capturing, struct error *err)
{
    const char *ring = capturing->options.place.ring_path;
    enum status status = capturing->options.follow ? program_ring_there(ring, err) : STATUS_OK;

    while (status == STATUS_NOT_FOUND && !interrupted &&
           !export_output_pause(&capturing->output, POLL_MS))
        status = program_ring_there(ring, err);
    return status;
}

static int run_output(struct capturing *capturing)
{
    const struct export_sink sink = {export_output_write, &capturing->output};
    struct export *job = NULL;
    struct error err = {""};
    enum status status = wait_for_recorder(capturing, &err);
    int code;

    if (status == STATUS_NOT_FOUND)
        return 0;
    if (status == STATUS_OK)
        status = export_open(&job, &capturing->options, &sink, &err);
    if (status != STATUS_OK)
        return fail(capturing, &err, status == STATUS_INVALID ? SETTINGS_EXIT_STATUS : 1);
    code = run_job(capturing, job);
    export_close(job);
    return code;
}

static int capture(struct capturing *capturing, const struct extcap_flags *flags,
                   struct filter *filter)
{
    struct error err = {""};
    int code =
        filter_find_sessions(filter, &flags->filter, &capturing->options.place, capturing->command);

    if (code != 0)
        return code;
    capturing->options.filter = filter->query;
    catch_signals();
    if (export_output_open(&capturing->output, flags->fifo, true, true, &err) != STATUS_OK)
        return fail(capturing, &err, 1);
    code = run_output(capturing);
    export_output_close(&capturing->output);
    return code;
}

static int run_capture(struct capturing *capturing, const struct extcap_interface *interface,
                       const struct extcap_flags *flags, const struct settings *settings)
{
    char ring[PROGRAM_PATH_MAX];
    struct filter filter;
    int code;

    program_ring_path(ring, settings);
    capturing->options = (struct export_options){
        .place = {settings_text(settings, "DATA_DIR"), ring, 0},
        .format = EXPORT_PCAPNG,
        .sides = flags->sides != NULL && strcmp(flags->sides, "both") == 0 ? EXPORT_SIDES_BOTH
                                                                           : EXPORT_SIDES_POOL,
        .packet_filter = flags->filter_expression,
        .follow = interface->live,
        .tail = interface->live && !flags->everything && flags->filter.since == NULL,
        .mask_passwords = flags->mask_passwords,
        .damage = tell_damage,
        .user = capturing};
    code = filter_read(&filter, &flags->filter, capturing->command);
    if (code == 0)
        code = capture(capturing, flags, &filter);
    filter_close(&filter);
    return code;
}

/* ---- questions ---- */

static int misused(const char *command, const char *why)
{
    fprintf(stderr, "%s: %s\n", command, why);
    return SETTINGS_EXIT_STATUS;
}

static int answer(const char *command, const struct extcap_flags *flags,
                  const struct settings *settings)
{
    const struct extcap_interface *interface = extcap_interface_find(flags->interface);
    struct capturing capturing = {.command = command};

    if (flags->interfaces) {
        extcap_print_interfaces();
        return 0;
    }
    if (interface == NULL)
        return misused(command, "--extcap-interface: expected hashscope_live or hashscope_archive; "
                                "Wireshark starts this program, see `hashscope wireshark --help'");
    if (flags->dlts)
        extcap_print_dlts();
    else if (flags->config)
        extcap_print_config(interface, flags, settings);
    else if (flags->capture && flags->fifo != NULL)
        return run_capture(&capturing, interface, flags, settings);
    else if (flags->filter_expression != NULL)
        extcap_print_filter_verdict(flags->filter_expression);
    else
        return misused(command,
                       "expected --extcap-dlts, --extcap-config, or --capture with --fifo");
    return 0;
}

int main(int argc, char **argv)
{
    struct extcap_flags flags = {.fifo = NULL};
    struct settings *settings = extcap_options_parse(&flags, argc, argv);
    bus_fault_install(argv[0], "the recorder's live ring");
    int code = answer(argv[0], &flags, settings);

    settings_free(settings);
    return code;
}
