/*
 * `hashscope up`: starts all that belongs together and watches over it. With a pool named that is
 * the recorder, the API and a tail; without one a simulated pool and simulated miners join them.
 *
 * How it works: the children are started in order, each when the one before it answers: pool (it
 * writes a port file), recorder (its control socket answers), API
 * (it writes its link to a file), miners, tail. Then the supervisor
 * starts again whatever dies, until a signal comes or the tail's reader goes away; all are stopped
 * in the order miners, API, recorder, pool, tail, so that the tail still shows the end.
 *
 * How it can fail: the port is taken, the data directory is not writable or has a recorder already,
 * a program is missing: said on stderr, everything that runs is stopped, exit code 1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/commands/command.h"
#include "cli/up/up.h"
#include "lib/base/clock.h"
#include "lib/base/flags.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/command/program.h"

#define LOG_MOST         (16 << 20) /* bytes of a log when a run begins */
#define START_TIMEOUT_MS 60000      /* the recorder may have to recover a long archive first */
#define WAIT_STEP_MS     20
#define STOP_TIMEOUT_MS  5000

/* ---- waiting for a child to be ready ---- */

/* Until `ready` says so; fails when the child ends, a signal comes, or time is up. */
static enum status wait_ready(struct up *up, const struct child *child, bool (*ready)(struct up *),
                              struct error *err)
{
    int64_t until = clock_mono_ns() + START_TIMEOUT_MS * NS_PER_MS;

    while (!ready(up)) {
        if (child->ends > 0)
            return error_set(err, STATUS_CLOSED, "%s did not start", child->name);
        if (up->supervisor.stop)
            return error_set(err, STATUS_END, "stopped while starting");
        if (clock_mono_ns() > until)
            return error_set(err, STATUS_TIMEOUT, "%s does not answer", child->name);
        supervisor_wait(&up->supervisor, WAIT_STEP_MS);
    }
    return STATUS_OK;
}

static void port_file_path(const struct up *up, char out[PROGRAM_PATH_MAX])
{
    snprintf(out, PROGRAM_PATH_MAX, "%s/logs/sim-pool.port", up->data_dir);
}

static bool pool_is_ready(struct up *up)
{
    char path[PROGRAM_PATH_MAX];
    unsigned long port = 0;
    char text[16];
    FILE *file;

    port_file_path(up, path);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    if (fgets(text, sizeof text, file))
        port = strtoul(text, NULL, 10);
    if (port > UINT16_MAX)
        port = 0;
    fclose(file);
    up->pool_port = (uint16_t)port;
    return port != 0;
}

/* ---- the children, in the order of their start ---- */

static long size_of(const char *path)
{
    struct stat file;

    return path != NULL && stat(path, &file) == 0 ? (long)file.st_size : 0;
}

/* A log that has grown large steps aside, in place of the one before. */
static void keep_small(const char *path)
{
    char old[PROGRAM_PATH_MAX + 2];

    if (size_of(path) < LOG_MOST)
        return;
    snprintf(old, sizeof(old), "%s.1", path);
    (void)rename(path, old);
}

static void use_log(const struct up *up, struct child *child, const char *name)
{
    char path[PROGRAM_PATH_MAX];

    snprintf(path, sizeof(path), "%s/logs/%s.log", up->data_dir, name);
    child->log_file = memory_text(path);
    keep_small(path);
}

static enum status start_and_wait(struct up *up, struct child *child, bool (*ready)(struct up *),
                                  struct error *err)
{
    long logged = size_of(child->log_file);
    enum status status = supervisor_start(&up->supervisor, child, err);

    if (status == STATUS_OK)
        status = wait_ready(up, child, ready, err);
    if (status == STATUS_CLOSED && child->log_file != NULL)
        up_print_log(child->log_file, logged);
    child->settled = status == STATUS_OK;
    return status;
}

static enum status start_pool(struct up *up, const char *self, struct error *err)
{
    char path[PROGRAM_PATH_MAX], port[16];
    enum status status;

    port_file_path(up, path);
    unlink(path);
    up->pool = supervisor_add(&up->supervisor, "the simulated pool", self);
    child_argument(up->pool, "sim");
    child_argument(up->pool, "pool");
    child_argument(up->pool, "--env-file=/dev/null");
    child_argument(up->pool, "--log-level=warn"); /* a line a share would fill the disk */
    child_argument(up->pool, "--port-file=%s", path);
    child_argument(up->pool, "--block-interval=45"); /* quicker than the real world, for the eye */
    child_argument(up->pool, "--job-interval=15");
    child_argument(up->pool, "--listen=127.0.0.1:0"); /* last: replaced when the port is known */
    use_log(up, up->pool, "sim-pool");
    status = start_and_wait(up, up->pool, pool_is_ready, err);
    if (status != STATUS_OK)
        return status;
    free(up->pool->arguments[--up->pool->argument_count]);
    child_argument(up->pool, "--listen=127.0.0.1:%u", up->pool_port); /* the same when restarted */
    snprintf(port, sizeof(port), "%u", up->pool_port);
    setenv("POOL_HOST", "127.0.0.1", 1);
    setenv("POOL_PORT", port, 1);
    unlink(path);
    return STATUS_OK;
}

static enum status start_recorder(struct up *up, struct error *err)
{
    char program[PROGRAM_PATH_MAX];
    enum status status = program_beside(program, "hashscope-recorder", err);

    if (status != STATUS_OK)
        return status;
    up->recorder = supervisor_add(&up->supervisor, "the recorder", program);
    child_argument(up->recorder, "--env-file=/dev/null"); /* all is in the environment */
    if (isatty(STDERR_FILENO) == 1)
        use_log(up, up->recorder, "recorder");
    return start_and_wait(up, up->recorder, up_ask_recorder, err);
}

/* The link holds the token: only its owner reads the file, which goes when it has been read. */
static enum status start_api(struct up *up, struct error *err)
{
    char program[PROGRAM_PATH_MAX], path[PROGRAM_PATH_MAX];
    enum status status = program_beside(program, "hashscope-api", err);

    if (status != STATUS_OK)
        return status;
    up_link_path(up, path, sizeof(path));
    unlink(path);
    up->api = supervisor_add(&up->supervisor, "the API", program);
    child_argument(up->api, "--env-file=/dev/null"); /* all is in the environment */
    child_argument(up->api, "--link-file=%s", path);
    use_log(up, up->api, "api");
    status = start_and_wait(up, up->api, up_read_link, err);
    unlink(path);
    free(up->api->arguments[--up->api->argument_count]);
    up->api->arguments[up->api->argument_count] = NULL;
    return status;
}

/* The address to reach our own recorder at: a wildcard is this machine. */
static void own_address(const struct up *up, char out[400])
{
    const char *colon = strrchr(up->listen, ':');

    if (strncmp(up->listen, "0.0.0.0:", 8) == 0)
        snprintf(out, 400, "127.0.0.1%s", colon);
    else if (strncmp(up->listen, "[::]:", 5) == 0)
        snprintf(out, 400, "[::1]%s", colon);
    else
        snprintf(out, 400, "%s", up->listen);
}

static enum status start_miners(struct up *up, const char *self, struct error *err)
{
    char address[400];

    own_address(up, address);
    up->miners = supervisor_add(&up->supervisor, "the simulated miners", self);
    child_argument(up->miners, "sim");
    child_argument(up->miners, "miner");
    child_argument(up->miners, "--env-file=/dev/null");
    child_argument(up->miners, "--log-level=warn");
    child_argument(up->miners, "--style=mixed");
    child_argument(up->miners, "--bad-percent=4"); /* so that a reject can be seen now and then */
    child_argument(up->miners, "--user=demo");
    child_argument(up->miners, "--miners=%lld", (long long)up->options.miners);
    child_argument(up->miners, "%s", address);
    use_log(up, up->miners, "sim-miners");
    up->miners->settled = true;
    return supervisor_start(&up->supervisor, up->miners, err);
}

static enum status start_tail(struct up *up, const char *self, struct error *err)
{
    up->tail = supervisor_add(&up->supervisor, "the tail", self);
    up->tail->essential = up->tail->settled = true;
    child_argument(up->tail, "tail");
    child_argument(up->tail, "--env-file=/dev/null");
    child_argument(up->tail, "--after=%llu", (unsigned long long)up->last_seq);
    if (up->options.json)
        child_argument(up->tail, "--json");
    return supervisor_start(&up->supervisor, up->tail, err);
}

/* A port of the API that another program has costs its pages, never the recording: said now, and
 * once more where what runs is told. */
static enum status start_api_if_free(struct up *up, struct error *err)
{
    struct error taken = {""};
    enum status status = up_check_port(up->settings, "API_HOST", "API_PORT", &taken);

    if (status == STATUS_BUSY) {
        snprintf(up->api_fault, sizeof(up->api_fault), "%s", taken.text);
        return STATUS_OK;
    }
    if (up_check_port(up->settings, "API_HOST", "UI_PORT", &taken) == STATUS_BUSY)
        snprintf(up->api_fault, sizeof(up->api_fault), "%s", taken.text);
    return start_api(up, err);
}

/* Those of the main route; what ROUTES names the recorder itself will say. */
static enum status check_miner_ports(const struct up *up, struct error *err)
{
    enum status status;

    if (!up->demo && settings_text(up->settings, "POOL_HOST") == NULL)
        return STATUS_OK;
    status = up_check_port(up->settings, "LISTEN_HOST", "LISTEN_PORT", err);
    if (status == STATUS_OK && settings_integer(up->settings, "LISTEN_TLS_PORT") != 0)
        status = up_check_port(up->settings, "LISTEN_HOST", "LISTEN_TLS_PORT", err);
    return status;
}

static enum status start_all(struct up *up, struct error *err)
{
    char self[PROGRAM_PATH_MAX];
    enum status status = program_self(self, err);

    program_as_typed(up->self, "hashscope");
    if (status == STATUS_OK)
        status = check_miner_ports(up, err);
    if (status == STATUS_OK)
        status = up_make_directories(up, err);
    if (status == STATUS_OK && up->demo)
        status = start_pool(up, self, err);
    if (status == STATUS_OK)
        status = start_recorder(up, err);
    if (status == STATUS_OK && !up->options.no_api)
        status = start_api_if_free(up, err);
    if (status != STATUS_OK)
        return status;
    up_print_welcome(up);
    if (!up->options.no_tail)
        status = start_tail(up, self, err);
    if (status == STATUS_OK && up->demo && up->options.miners > 0)
        status = start_miners(up, self, err);
    return status;
}

static void stop_all(struct up *up)
{
    struct child *const order[] = {up->miners, up->api, up->recorder, up->pool, up->tail};

    up->supervisor.stop = true;
    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (order[i] != NULL)
            supervisor_stop(&up->supervisor, order[i], STOP_TIMEOUT_MS);
    }
}

/* ---- the command ---- */

static const struct flag flags[] = {
    {"miners", 0, FLAG_INTEGER, offsetof(struct up_options, miners), 0, 1000, NULL, "N",
     "Simulated miners of the demo (default 3)"},
    {"json", 'j', FLAG_SWITCH, offsetof(struct up_options, json), 0, 0, NULL, NULL,
     "Show the messages as NDJSON, also on a terminal"},
    {"no-tail", 0, FLAG_SWITCH, offsetof(struct up_options, no_tail), 0, 0, NULL, NULL,
     "Do not show the messages"},
    {"no-api", 0, FLAG_SWITCH, offsetof(struct up_options, no_api), 0, 0, NULL, NULL,
     "Do not start the API and its web pages"},
};

static const char doc[] =
    "Starts the recorder and the API, watches over them, and shows the messages as they pass. "
    "Without POOL_HOST or ROUTES a simulated pool and simulated miners come along, so that there "
    "is something to see."
    "\vExit codes: 0 stopped as asked, 1 it could not start, 2 the command line or the settings "
    "are wrong.";

static void read_options(struct up *up, int argc, char **argv)
{
    struct flag_set set = {
        .flags = flags, .count = sizeof(flags) / sizeof(flags[0]), .target = &up->options};
    struct argp argp = flag_set_argp(&set, NULL, doc);

    up->options.miners = 3;
    up->settings = settings_load_or_exit(UP_GROUPS, argc, argv, &argp, &set);
    flag_set_close(&set);
    settings_setup_log(up->settings, "up");
    up->data_dir = settings_text(up->settings, "DATA_DIR");
    up->demo = settings_text(up->settings, "POOL_HOST") == NULL &&
               settings_text(up->settings, "ROUTES") == NULL;
}

static bool refused_settings(const struct child *child)
{
    return child != NULL && child->ends > 0 && WIFEXITED(child->exit_status) &&
           WEXITSTATUS(child->exit_status) == SETTINGS_EXIT_STATUS;
}

/* Settings that only the children can judge are as wrong as those we see ourselves. */
static int exit_code(const struct up *up, enum status status)
{
    if (status == STATUS_OK || status == STATUS_END)
        return 0;
    return refused_settings(up->recorder) || refused_settings(up->api) ? SETTINGS_EXIT_STATUS : 1;
}

static int run(int argc, char **argv)
{
    struct up up = {.demo = false};
    struct error err = {""};
    enum status status;
    int code;

    read_options(&up, argc, argv);
    up_export_settings(up.settings);
    supervisor_init(&up.supervisor);
    status = start_all(&up, &err);
    if (status != STATUS_OK && status != STATUS_END)
        fprintf(stderr, "%s: %s\n", argv[0], err.text);
    while (status == STATUS_OK && !up.supervisor.stop)
        supervisor_wait(&up.supervisor, 1000);
    code = exit_code(&up, status);
    stop_all(&up);
    supervisor_close(&up.supervisor);
    settings_free(up.settings);
    return code;
}

const struct command command_up = {"up", "start everything: the recorder, or a demo without a pool",
                                   run};
