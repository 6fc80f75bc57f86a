/*
 * hashscope-export: what was recorded, as a file or stream for other tools.
 *
 * How it works: lib/export makes the bytes; this is the command line, the output, the progress, and
 * when to stop. Following, it asks again every POLL_MS.
 *
 * How it can fail: see options.c for the exit codes. Interrupted, an export that follows
 * ends properly, any other leaves nothing behind. That the reader of a pipe has gone is the end of
 * one that follows, a failure of any other.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exporter/export/answers.h"
#include "exporter/export/options.h"
#include "exporter/export/output.h"
#include "exporter/export/progress.h"
#include "lib/base/bus_fault.h"
#include "lib/base/memory.h"
#include "lib/command/program.h"

#define POLL_MS 50

static volatile sig_atomic_t interrupted;

struct exporting {
    const char *command;
    const struct export_flags *flags;
    struct export_options options;
    struct export_output output;
    struct progress_line progress;
    struct export_answers answers;
    uint64_t damaged; /* places */
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

static int fail(struct exporting *exporting, const struct error *err)
{
    progress_line_clear(&exporting->progress);
    fprintf(stderr, "%s: %s\n", exporting->command, err->text);
    return 1;
}

static void tell_damage(void *user, const struct query_damage *damage)
{
    struct exporting *exporting = user;

    exporting->damaged++;
    progress_line_clear(&exporting->progress);
    fprintf(stderr, "%s: %s: at byte %" PRIu64 ": %s\n", exporting->command, damage->path,
            damage->offset, damage->why);
}

static bool want(void *user, const struct query_row *row)
{
    return export_answers_want(&((struct exporting *)user)->answers, row);
}

/* ---- running ---- */

/* STATUS_END: all is out. */
static enum status run_steps(struct exporting *exporting, struct export *job, struct error *err)
{
    const bool follow = exporting->options.follow;
    enum status status = STATUS_OK;

    while (!interrupted && (status == STATUS_OK || (follow && status == STATUS_END))) {
        struct export_progress progress;

        status = export_step(job, err);
        progress = export_progress(job);
        progress_line_update(&exporting->progress, &progress);
        if (!follow && status == STATUS_END)
            return status;
        if (status == STATUS_END && export_output_pause(&exporting->output, POLL_MS))
            return STATUS_CLOSED;
    }
    if (interrupted && !follow)
        return error_set(err, STATUS_CLOSED, "interrupted; nothing was kept of it");
    return interrupted ? STATUS_END : status;
}

static enum status finish(struct exporting *exporting, struct export *job, struct error *err)
{
    enum status status = export_finish(job, err);

    return status == STATUS_OK ? export_output_finish(&exporting->output, err) : status;
}

static int run_job(struct exporting *exporting, struct export *job)
{
    struct export_progress progress;
    struct error err = {""};
    enum status status = run_steps(exporting, job, &err);

    if (status == STATUS_END)
        status = finish(exporting, job, &err);
    if (status == STATUS_CLOSED && exporting->options.follow && exporting->output.closed)
        status = STATUS_OK;
    if (status != STATUS_OK)
        return fail(exporting, &err);
    progress = export_progress(job);
    progress_line_finish(&exporting->progress, &progress);
    return progress.damaged + exporting->damaged > 0 ? 1 : 0;
}

/* The live ring appears when a recorder starts. STATUS_NOT_FOUND: stopped before. */
static enum status wait_for_recorder(struct exporting *exporting, struct error *err)
{
    const char *ring = exporting->options.place.ring_path;
    enum status status = exporting->options.follow ? program_ring_there(ring, err) : STATUS_OK;

    if (status == STATUS_NOT_FOUND)
        fprintf(stderr, "%s: waiting for a recorder: %s\n", exporting->command, err->text);
    while (status == STATUS_NOT_FOUND && !interrupted &&
           !export_output_pause(&exporting->output, POLL_MS))
        status = program_ring_there(ring, err);
    return status;
}

static int run_output(struct exporting *exporting)
{
    const struct export_sink sink = {export_output_write, &exporting->output};
    struct export *job = NULL;
    struct error err = {""};
    enum status status = wait_for_recorder(exporting, &err);
    int code;

    if (status == STATUS_NOT_FOUND)
        return 0;
    if (status == STATUS_OK)
        status = export_open(&job, &exporting->options, &sink, &err);
    if (status != STATUS_OK) {
        fail(exporting, &err);
        return status == STATUS_INVALID ? SETTINGS_EXIT_STATUS : 1;
    }
    code = run_job(exporting, job);
    export_close(job);
    return code;
}

static int run_options(struct exporting *exporting)
{
    const enum export_format format = exporting->options.format;
    const bool binary = export_format_is_packets(format) || format == EXPORT_NDJSON_ZST;
    struct error err = {""};
    enum status status = export_output_open(&exporting->output, exporting->flags->output, binary,
                                            exporting->options.follow, &err);
    int code;

    if (status != STATUS_OK) {
        fail(exporting, &err);
        return status == STATUS_INVALID ? SETTINGS_EXIT_STATUS : 1;
    }
    export_output_stop_by(&exporting->output, &interrupted);
    code = run_output(exporting);
    export_output_close(&exporting->output);
    return code;
}

/* ---- the command line ---- */

static int run_filter(struct exporting *exporting, struct filter *filter)
{
    const struct query_place *place = &exporting->options.place;
    int code = filter_find_sessions(filter, &exporting->flags->filter, place, exporting->command);

    if (code != 0)
        return code;
    exporting->options.filter = filter->query;
    exporting->options.damage = tell_damage;
    exporting->options.user = exporting;
    export_answers_init(&exporting->answers, filter, place);
    if (export_answers_asked(filter))
        exporting->options.wants = want;
    progress_line_init(&exporting->progress, exporting->flags->quiet);
    catch_signals();
    code = run_options(exporting);
    export_answers_close(&exporting->answers);
    return code;
}

static int run(struct exporting *exporting, const struct settings *settings)
{
    const struct export_flags *flags = exporting->flags;
    char ring[PROGRAM_PATH_MAX];
    struct filter filter;
    int code = export_options_read(&exporting->options, flags, exporting->command);

    if (code != 0)
        return code;
    program_ring_path(ring, settings);
    exporting->options.place = (struct query_place){settings_text(settings, "DATA_DIR"), ring, 0};
    code = filter_read(&filter, &flags->filter, exporting->command);
    exporting->options.place.series = filter.series;
    if (code == 0)
        code = run_filter(exporting, &filter);
    filter_close(&filter);
    return code;
}

int main(int argc, char **argv)
{
    struct export_flags flags = {.mtu = 0};
    struct exporting exporting = {.command = argv[0], .flags = &flags};
    struct settings *settings = export_options_parse(&flags, argc, argv);
    bus_fault_install(argv[0], "the recorder's live ring");
    int code = run(&exporting, settings);

    settings_free(settings);
    return code;
}
