/*
 * main.c - hashscope-recorder: read the settings, start, run, end.
 *
 * Exit status: 0 after an orderly end; 1 when it could not start or the archive could not be
 * completed; 2 for faulty settings; 3 when the ring was cut short under it (lib/base/bus_fault.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/options.h"
#include "recorder/control.h"
#include "recorder/recorder.h"

static const struct argp arguments = {
    .doc = "Relays miners to their pool, byte for byte, and records every message.\v"
           "The pool is named by --pool-host or POOL_HOST; every option is also an environment "
           "variable and a line of .env.",
};

static int fail(const char *what, const struct error *err)
{
    log_error("%s%s", what, err->text);
    return 1;
}

static int run(const struct config *config)
{
    struct recorder *recorder = calloc(1, sizeof *recorder);
    struct error err, close_err;
    int exit_status = 0;
    if (!recorder)
        return 1;
    if (recorder_start(recorder, config, control_handle, &err) == STATUS_OK)
        recorder_run(recorder);
    else
        exit_status = fail("", &err);
    if (recorder_close(recorder, &close_err) != STATUS_OK)
        exit_status = fail("ending the archive: ", &close_err);
    if (recorder->in_lookup) {
        log_info("ended, in the middle of looking up a name");
        _exit(exit_status);
    }
    free(recorder);
    return exit_status;
}

int main(int argc, char **argv)
{
    struct buffer faults = {0};
    struct settings *settings;
    struct config config;
    bool loaded = settings_load(&settings, GROUP_COMMON | GROUP_RECORDER | GROUP_ARCHIVE, argc,
                                argv, &arguments, NULL, &faults) == STATUS_OK;
    /* Even after faults: those that only config_load sees are told together with them. */
    bool good = config_load(&config, settings, &faults) && loaded;
    settings_exit_on_faults("hashscope-recorder", &faults);
    settings_setup_log(settings, "recorder");
    int exit_status = good ? run(&config) : SETTINGS_EXIT_STATUS;
    log_info("ended");
    config_close(&config);
    buffer_close(&faults);
    settings_free(settings);
    return exit_status;
}
