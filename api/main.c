/*
 * main.c - hashscope-api: read the settings, start, serve until told to stop.
 *
 * --check prints who can reach the API as it is configured, and ends.
 *
 * Exit status: 0 after an orderly end; 1 when it could not start (--check: when something is
 * risky); 2 for faulty settings.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/access/auth.h"
#include "api/access/check.h"
#include "api/access/token.h"
#include "api/control/auto_replay.h"
#include "api/control/recorder_watch.h"
#include "api/front/front.h"
#include "api/live/feed.h"
#include "api/live/live.h"
#include "api/request/reply_cache.h"
#include "api/request/rest.h"
#include "api/rest/gate.h"
#include "api/rest/server.h"
#include "api/session/operator_state.h"
#include "api/session/stats.h"
#include "api/session/table.h"
#include "lib/base/bus_fault.h"
#include "lib/base/clock.h"
#include "lib/base/flags.h"
#include "lib/base/log.h"
#include "lib/command/program.h"

#define ARENAS 4

struct api_options {
    bool check;
    const char *link_file;
};

struct api {
    const struct settings *settings;
    struct token token;
    struct auth *auth;
    struct front *front;
    struct feed *feed;
    struct server *server;
    struct rest rest;
    char ring_path[PROGRAM_PATH_MAX], control_path[PROGRAM_PATH_MAX];
    char ui_dir[PROGRAM_PATH_MAX], share_dir[PROGRAM_PATH_MAX];
};

/* ---- messages ---- */

static void add_row(void *user, const struct query_row *row)
{
    const struct api *api = user;
    live_add(api->rest.live, row);
    live_learn(api->rest.live, api->ring_path);
    session_table_add(api->rest.session_table, row);
    auto_replay_add(api->rest.auto_replay, row);
}

static void write_message(void *user, struct buffer *out, const struct query_row *row)
{
    const struct api *api = user;
    live_write_row(api->rest.live, out, row);
}

/* ---- starting and ending ---- */

static enum status start_auth(struct api *api, struct error *err)
{
    struct auth_options options = {
        .allowed_hosts = settings_text(api->settings, "ALLOWED_HOSTS"),
        .cors_origins = settings_text(api->settings, "CORS_ORIGINS"),
        .tls = settings_text(api->settings, "API_TLS_CERT") != NULL,
    };
    enum status status = token_load(&api->token, api->settings, true, err);

    options.token = api->token.text;
    return status == STATUS_OK ? auth_new(&api->auth, &options, err) : status;
}

static enum status start_front(struct api *api, struct error *err)
{
    const struct front_options options = {
        .host = settings_text(api->settings, "API_HOST"),
        .ports = {(uint16_t)settings_integer(api->settings, "API_PORT"),
                  (uint16_t)settings_integer(api->settings, "UI_PORT")},
        .port_count = FRONT_PORTS,
        .tls_certificate = settings_text(api->settings, "API_TLS_CERT"),
        .tls_key = settings_text(api->settings, "API_TLS_KEY"),
        .auth = api->auth,
        .gate = gate_make(&api->rest),
        .server_port = server_port(api->server),
    };

    return front_start(&api->front, &options, err);
}

static enum status start_feed(struct api *api, struct error *err)
{
    struct feed_options options = {
        .data_dir = settings_text(api->settings, "DATA_DIR"),
        .ring_path = api->ring_path,
        .subscriptions = front_subscriptions(api->front),
        .backlog = (uint64_t)settings_integer(api->settings, "CAPTURE_MAX_MESSAGES"),
        .on_row = add_row,
        .write_message = write_message,
        .user = api,
    };

    return feed_start(&api->feed, &options, err);
}

/* bin/hashscope-api, share/hashscope: so it is in a build directory and when installed. */
static void find_shared(struct api *api)
{
    char self[PROGRAM_PATH_MAX];
    struct error err;
    char *slash;
    if (program_self(self, &err) != STATUS_OK || !(slash = strrchr(self, '/')))
        return;
    *slash = '\0';
    snprintf(api->ui_dir, sizeof api->ui_dir, "%.4000s/../share/hashscope/ui", self);
    snprintf(api->share_dir, sizeof api->share_dir, "%.4000s/../share/hashscope", self);
}

static enum status start_server(struct api *api, struct error *err)
{
    const struct settings *settings = api->settings;
    program_ring_path(api->ring_path, settings);
    program_control_path(api->control_path, settings);
    find_shared(api);
    api->rest = (struct rest){
        .settings = settings,
        .place = {settings_text(settings, "DATA_DIR"), api->ring_path, 0},
        .control_path = api->control_path,
        .ui_dir = api->ui_dir,
        .share_dir = api->share_dir,
        .pair_timeout_sec = (unsigned)settings_integer(settings, "PAIR_TIMEOUT_SEC"),
        .auth = api->auth,
        .live = live_new((size_t)settings_integer(settings, "CAPTURE_MAX_MESSAGES"),
                         (size_t)settings_integer(settings, "CAPTURE_MAX_PER_SESSION"),
                         (uint64_t)settings_integer(settings, "CAPTURE_MAX_BYTES")),
        .session_table = session_table_new(),
        .stats_keeper = stats_keeper_new(),
        .reply_cache = reply_cache_new(),
        .started_ns = clock_mono_ns(),
    };
    enum status status = recorder_watch_start(&api->rest.watch, api->control_path, err);
    if (status == STATUS_OK)
        status = operator_state_open(&api->rest.operator_state, settings_text(settings, "DATA_DIR"),
                                     err);
    if (status == STATUS_OK)
        status = auto_replay_new(&api->rest.auto_replay, api->control_path,
                                 api->rest.operator_state, api->rest.session_table, err);
    if (status != STATUS_OK)
        return status;
    return server_start(&api->server, &api->rest, err);
}

static enum status start(struct api *api, struct error *err)
{
    enum status status = start_auth(api, err);

    if (status == STATUS_OK)
        status = start_server(api, err);
    if (status == STATUS_OK)
        status = start_front(api, err);
    api->rest.front = api->front;
    if (status == STATUS_OK)
        status = start_feed(api, err);
    api->rest.feed = api->feed;
    api->rest.ready = status == STATUS_OK;
    return status;
}

static void stop(struct api *api)
{
    api->rest.stopping = true;
    server_stop(api->server);
    feed_stop(api->feed);
    recorder_watch_stop(api->rest.watch);
    front_stop(api->front);
    live_free(api->rest.live);
    auto_replay_free(api->rest.auto_replay);
    session_table_free(api->rest.session_table);
    stats_keeper_free(api->rest.stats_keeper);
    reply_cache_free(api->rest.reply_cache);
    operator_state_close(api->rest.operator_state);
    auth_free(api->auth);
    token_clear(&api->token);
}

/* Both lines are there when the second one's newline is. */
static void write_link(const char *path, const struct buffer *link)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0 || write(fd, link->data, link->len) != (ssize_t)link->len)
        log_warn("%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* Beside the log, for a person at a terminal and for `hashscope up`. */
static void print_link(const struct api *api, const char *link_file)
{
    const char *host = settings_text(api->settings, "API_HOST");
    bool ipv6 = strchr(host, ':') != NULL;
    struct buffer link = {0};

    log_info("listening on %s%s%s, ports %u and %u", ipv6 ? "[" : "", host, ipv6 ? "]" : "",
             front_port(api->front, 0), front_port(api->front, 1));
    token_link(&api->token, api->settings, front_port(api->front, 0), &link);
    if (isatty(STDERR_FILENO) == 1)
        fprintf(stderr, "  open %.*s\n", (int)link.len, link.data);
    buffer_append_format(&link, "\n%u\n", front_port(api->front, 1));
    if (link_file != NULL)
        write_link(link_file, &link);
    buffer_close(&link);
}

/* The HTTP server has 160 threads, any of which may answer the next request. With glibc's default
 * of eight arenas a processor each keeps what a large answer took. */
static void share_memory(void)
{
    (void)mallopt(M_ARENA_MAX, ARENAS);
}

static int serve(const struct settings *settings, const char *link_file)
{
    struct api *api = calloc(1, sizeof *api);
    struct error err = {""};
    enum status status;
    sigset_t signals;
    int number = 0;

    if (api == NULL)
        return 1;
    share_memory();
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    api->settings = settings;
    status = start(api, &err);
    if (status == STATUS_OK) {
        print_link(api, link_file);
        sigwait(&signals, &number);
    } else {
        log_error("%s", err.text);
    }
    stop(api);
    free(api);
    log_info("ended");
    return status == STATUS_OK ? 0 : 1;
}

static const struct flag flags[] = {
    {"check", 0, FLAG_SWITCH, offsetof(struct api_options, check), 0, 0, NULL, NULL,
     "Say who can reach the API as it is configured, and end"},
    {"link-file", 0, FLAG_TEXT, offsetof(struct api_options, link_file), 0, 0, NULL, "FILE",
     "Write the link with the token there (mode 0600) when the API listens, and UI_PORT below"},
};

static const char doc[] =
    "Serves what was recorded, live and archived: REST, WebSocket, web UI.\v"
    "Exit codes: 0 ended as asked, 1 it could not start, or --check found a risk, 2 the settings "
    "are wrong.";

int main(int argc, char **argv)
{
    struct api_options options = {.check = false};
    struct flag_set set = {
        .flags = flags, .count = sizeof(flags) / sizeof(flags[0]), .target = &options};
    struct argp argp = flag_set_argp(&set, NULL, doc);
    struct settings *settings =
        settings_load_or_exit(GROUP_COMMON | GROUP_API, argc, argv, &argp, &set);
    int code;

    flag_set_close(&set);
    settings_setup_log(settings, "api");
    bus_fault_install("api", "the recorder's live ring, or a segment that is read,");
    code =
        options.check ? access_check_print(settings, stdout) : serve(settings, options.link_file);
    settings_free(settings);
    return code;
}
