/*
 * recorder.c - putting the parts together, the clock tick, and the orderly end.
 *
 * Starting can fail at every step, each with a message that names the setting or path; what was
 * opened before is closed again by recorder_close. While running nothing here can fail for a
 * session's sake: a full table or missing memory refuses the newcomer.
 */
#include "recorder/recorder.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/bus_fault.h"
#include "lib/base/clock.h"
#include "lib/base/memory.h"

#define TICK_MS  1000
#define LINES_MS 250 /* TAP_WAIT_NS and this are a second */
#define ROOM_MS  1   /* between two looks whether there is room for newcomers */

/* ------------------------------------------------------------------ sessions */

static void refused_closed(struct stream *stream)
{
    free(stream);
}

static const struct stream_callbacks refused_callbacks = {.on_closed = refused_closed};

/* Takes the connection only to close it: left in the queue it would keep the listener busy. */
static void refuse(struct recorder *recorder, struct listener *listener)
{
    struct stream *stream = calloc(1, sizeof *stream);
    ring_count(&recorder->tap.counters->sessions_refused, 1);
    if (log_limit_pass(&recorder->refuse_log, 5))
        log_warn("refused a miner: %" PRIu32 " sessions are open (MAX_SESSIONS %" PRIu32 ")",
                 recorder->session_count, recorder->config->max_sessions);
    if (!stream)
        return;
    stream_init(stream, &recorder->loop, &refused_callbacks, NULL);
    if (stream_accept(stream, listener) != STATUS_OK)
        ring_count(&recorder->tap.counters->accept_failures, 1);
    stream_close(stream, false);
}

/* Zeroed, in the list; NULL when there are too many or no memory. */
static struct session *session_new(struct recorder *recorder)
{
    struct session *session = NULL;
    if (recorder->session_count < recorder->config->max_sessions && !recorder->stopping)
        session = calloc(1, sizeof *session);
    if (!session)
        return NULL;
    recorder->session_count++;
    TAILQ_INSERT_TAIL(&recorder->sessions, session, link);
    return session;
}

static void all_gone(struct recorder *recorder);

static void session_gone(struct recorder *recorder, struct session *session)
{
    TAILQ_REMOVE(&recorder->sessions, session, link);
    recorder->session_count--;
    if (recorder->stopping && recorder->session_count == 0)
        all_gone(recorder);
}

static bool has_room_for_newcomers(struct recorder *recorder)
{
    return pace_admits(&recorder->pace, recorder->ring, recorder->archive, 0, PACE_NEWCOMER);
}

static void each_listener(struct recorder *recorder, void (*act)(struct listener *listener))
{
    for (size_t i = 0; i < recorder->config->route_count; i++)
        if (recorder->ports[i].listener)
            act(recorder->ports[i].listener);
}

static void on_room(uv_timer_t *timer)
{
    struct recorder *recorder = timer->data;
    if (!has_room_for_newcomers(recorder))
        return;
    uv_timer_stop(timer);
    each_listener(recorder, listener_resume);
}

/* A storm of miners waits in the kernel's queue, as a flood of lines does. */
static void on_connection(void *user, struct listener *listener)
{
    struct port *port = user;
    struct recorder *recorder = port->recorder;
    struct session *session = session_new(recorder);
    if (session)
        session_accept(session, recorder, port->route, listener);
    else
        refuse(recorder, listener);
    if (has_room_for_newcomers(recorder))
        return;
    each_listener(recorder, listener_pause);
    uv_timer_start(&recorder->room, on_room, ROOM_MS, ROOM_MS);
}

/* ------------------------------------------------------------------ the tick */

static void reserve_work(uv_work_t *work)
{
    struct recorder *recorder = work->data;
    struct error err;
    if (datadir_reserve(&recorder->datadir, recorder->reserve_seq, &err) != STATUS_OK)
        log_warn("reserving sequence numbers: %s", err.text);
}

static void reserve_done(uv_work_t *work, int status)
{
    struct recorder *recorder = work->data;
    (void)status;
    recorder->reserving = false;
}

/* Keeps at least half a block of numbers reserved; the disk is waited for in a thread. */
static void reserve_numbers(struct recorder *recorder)
{
    uint64_t next = ring_writer_next_seq(recorder->ring);
    if (recorder->reserving || next + DATADIR_RESERVE_BLOCK / 2 <= recorder->datadir.reserved)
        return;
    recorder->reserving = true;
    recorder->reserve_seq = next;
    recorder->reserve.data = recorder;
    uv_queue_work(&recorder->uv, &recorder->reserve, reserve_work, reserve_done);
}

/* Connections that could not be accepted: the listeners know. */
static void count_accept_failures(struct recorder *recorder)
{
    uint64_t refusals = 0;
    for (size_t i = 0; i < recorder->config->route_count; i++)
        if (recorder->ports[i].listener)
            refusals += listener_refusals(recorder->ports[i].listener);
    if (refusals > recorder->accept_refusals)
        ring_count(&recorder->tap.counters->accept_failures, refusals - recorder->accept_refusals);
    recorder->accept_refusals = refusals;
}

/* False: the ring has no room, the rest of them has its turn next time. */
static bool flush_lines(struct recorder *recorder, struct tap *tap, int64_t mono_ns)
{
    for (enum tap_side side = TAP_UP; side <= TAP_DOWN; side++) {
        if (!pace_admits(&recorder->pace, recorder->ring, recorder->archive, tap_held(tap, side),
                         PACE_LIGHT))
            return false;
        tap_flush(tap, &recorder->tap, side, mono_ns);
    }
    return true;
}

/* Lines that were begun and are not going on. Mostly there are none. */
static void on_lines(uv_timer_t *timer)
{
    struct recorder *recorder = timer->data;
    struct session *session;
    if (!tap_any_waits(&recorder->tap))
        return;
    struct tap_time now = tap_now(&recorder->tap);
    TAILQ_FOREACH(session, &recorder->sessions, link)
    if (!flush_lines(recorder, &session->tap, now.mono_ns))
        break;
    ring_writer_publish(recorder->ring, 0);
}

static void on_tick(uv_timer_t *timer)
{
    struct recorder *recorder = timer->data;
    struct session *session, *next;
    struct tap_time now = tap_now(&recorder->tap); /* notices a clock that was set */
    ring_writer_publish(recorder->ring, 0);
    for (session = TAILQ_FIRST(&recorder->sessions); session; session = next) {
        next = TAILQ_NEXT(session, link);
        session_tick(session, now.mono_ns);
    }
    recorder->tap.counters->pairs_dropped = recorder->tap.pairs_dropped;
    count_accept_failures(recorder);
    reserve_numbers(recorder);
    recorder_keep_house(recorder);
}

/* ------------------------------------------------------------------ stopping */

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* The last session is gone: let the loop run dry. */
static void all_gone(struct recorder *recorder)
{
    if (!recorder->ticking)
        return;
    recorder->ticking = false;
    (void)stream_loop_leave(&recorder->loop);
    close_handle((uv_handle_t *)&recorder->tick);
    close_handle((uv_handle_t *)&recorder->lines);
    close_handle((uv_handle_t *)&recorder->flush);
    close_handle((uv_handle_t *)&recorder->room);
    for (size_t i = 0; i < 3; i++)
        close_handle((uv_handle_t *)&recorder->signals[i]);
    if (recorder->control)
        local_server_stop(recorder->control, NULL, NULL);
    recorder->control = NULL;
}

static void on_flush_over(uv_timer_t *timer)
{
    struct recorder *recorder = timer->data;
    struct session *session, *next;
    for (session = TAILQ_FIRST(&recorder->sessions); session; session = next) {
        next = TAILQ_NEXT(session, link);
        session_close(session, "hashscope", "stop", false);
    }
}

void recorder_stop(struct recorder *recorder)
{
    struct session *session, *next;
    if (recorder->stopping) {
        log_warn("told to stop twice: leaving at once");
        _exit(1);
    }
    recorder->stopping = true;
    log_info("stopping: %" PRIu32 " sessions open", recorder->session_count);
    for (size_t i = 0; i < recorder->config->route_count; i++) {
        if (recorder->ports[i].listener)
            listener_stop(recorder->ports[i].listener, NULL, NULL);
        recorder->ports[i].listener = NULL;
    }
    for (session = TAILQ_FIRST(&recorder->sessions); session; session = next) {
        next = TAILQ_NEXT(session, link);
        session_stop(session);
    }
    uv_timer_start(&recorder->flush, on_flush_over, RECORDER_FLUSH_MS, 0);
    if (recorder->session_count == 0)
        all_gone(recorder);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct recorder *recorder = handle->data;
    if (number == SIGHUP) {
        log_info("SIGHUP: beginning a new segment");
        archive_rotate(recorder->archive);
    } else {
        recorder_stop(recorder);
    }
}

/* ------------------------------------------------------------------ starting */

static void raise_descriptor_limit(const struct config *config)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        limit.rlim_cur < 2 * (rlim_t)config->max_sessions + 64)
        log_info("the system allows %" PRIu64 " descriptors, enough for about %" PRIu64
                 " sessions (MAX_SESSIONS %" PRIu32 "); miners beyond that wait",
                 (uint64_t)limit.rlim_cur,
                 limit.rlim_cur > 64 ? ((uint64_t)limit.rlim_cur - 64) / 2 : 0,
                 config->max_sessions);
}

static enum status start_tls(struct recorder *recorder, struct error *err)
{
    const struct config *config = recorder->config;
    bool server = false, client = false;
    for (size_t i = 0; i < config->route_count; i++) {
        server = server || config->routes[i].listen_tls;
        for (size_t k = 0; k < config->routes[i].target_count; k++)
            client = client || config->routes[i].targets[k].tls;
    }
    enum status status = STATUS_OK;
    if (server)
        status = tls_context_new_server(&recorder->tls_server, config->tls_certificate,
                                        config->tls_key, err);
    if (status == STATUS_OK && client)
        status = tls_context_new_client(&recorder->tls_client, config->pool_tls_verify,
                                        config->pool_tls_ca, err);
    return status;
}

static enum status start_port(struct port *port, struct error *err)
{
    const struct route *route = port->route;
    const struct connect_target *pool = &route->targets[0];
    char listen[ENDPOINT_TEXT_MAX], upstream[ENDPOINT_TEXT_MAX];
    struct sockaddr_storage address;
    enum status status = address_parse(&address, route->listen_host, route->listen_port, err);
    if (status == STATUS_OK)
        status = listener_start(&port->listener, &port->recorder->loop, &address, on_connection,
                                port, err);
    if (status != STATUS_OK)
        return error_wrap(err, status, "route %s", route->name);
    endpoint_format(listen, route->listen_host, listener_port(port->listener));
    endpoint_format(upstream, pool->host, pool->port);
    log_info("route %s: listening on %s%s, pool %s%s", route->name, listen,
             route->listen_tls ? " (TLS)" : "", upstream, pool->tls ? " (TLS)" : "");
    return STATUS_OK;
}

static enum status start_ports(struct recorder *recorder, struct error *err)
{
    const struct config *config = recorder->config;
    recorder->ports = memory_new(config->route_count * sizeof *recorder->ports);
    for (size_t i = 0; i < config->route_count; i++) {
        recorder->ports[i].recorder = recorder;
        recorder->ports[i].route = &config->routes[i];
        enum status status = start_port(&recorder->ports[i], err);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status start_control(struct recorder *recorder, local_handler *commands,
                                 struct error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/live/control.sock", recorder->datadir.path);
    enum status status = local_server_start(&recorder->control, &recorder->loop, path, 0660,
                                            commands, recorder, err);
    if (status == STATUS_OK && recorder->datadir.group != (gid_t)-1 &&
        chown(path, (uid_t)-1, recorder->datadir.group) != 0)
        log_warn("%s: giving it to DATA_GROUP failed", path);
    return status == STATUS_OK ? status : error_wrap(err, status, "control socket");
}

static void start_handles(struct recorder *recorder)
{
    static const int numbers[3] = {SIGTERM, SIGINT, SIGHUP};
    uv_timer_init(&recorder->uv, &recorder->tick);
    uv_timer_init(&recorder->uv, &recorder->lines);
    uv_timer_init(&recorder->uv, &recorder->flush);
    uv_timer_init(&recorder->uv, &recorder->room);
    recorder->tick.data = recorder->lines.data = recorder->flush.data = recorder->room.data =
        recorder;
    uv_timer_start(&recorder->tick, on_tick, TICK_MS, TICK_MS);
    uv_timer_start(&recorder->lines, on_lines, LINES_MS, LINES_MS);
    for (size_t i = 0; i < 3; i++) {
        uv_signal_init(&recorder->uv, &recorder->signals[i]);
        recorder->signals[i].data = recorder;
        uv_signal_start(&recorder->signals[i], on_signal, numbers[i]);
    }
    recorder->ticking = true;
}

enum status recorder_start(struct recorder *recorder, const struct config *config,
                           local_handler *commands, struct error *err)
{
    *recorder = (struct recorder){
        .config = config,
        .connect_timeout_ns = (int64_t)config->connect_timeout_ms * NS_PER_MS,
        .started_wall_ns = clock_wall_ns(),
        .started_mono_ns = clock_mono_ns(),
        .datadir = {.lock = -1},
        .proxy_loop = memory_new(sizeof *recorder->proxy_loop),
        .session_gone = session_gone,
    };
    TAILQ_INIT(&recorder->sessions);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is an error like any other */
    char ring[4096];
    snprintf(ring, sizeof ring, "the live ring %s/ring", config->ring_dir);
    bus_fault_install("recorder", ring);
    raise_descriptor_limit(config);
    uv_loop_init(&recorder->uv);
    stream_loop_init(&recorder->loop, &recorder->uv);
    recorder->loop.on_flushed = session_forwarded;
    recorder->loop.may_read = session_may_read;
    recorder->loop.lines_a_read = PACE_LINES;
    recorder->loop.user = recorder;
    start_handles(recorder);
    enum status status = start_tls(recorder, err);
    if (status == STATUS_OK)
        status = recorder_open_storage(recorder, err);
    if (status == STATUS_OK)
        status = start_control(recorder, commands, err);
    if (status == STATUS_OK)
        status = start_ports(recorder, err);
    return status;
}

void recorder_run(struct recorder *recorder)
{
    stream_loop_run(&recorder->loop, UV_RUN_DEFAULT);
}

enum status recorder_close(struct recorder *recorder, struct error *err)
{
    if (recorder->ticking) { /* a failed start */
        for (size_t i = 0; recorder->ports && i < recorder->config->route_count; i++)
            if (recorder->ports[i].listener)
                listener_stop(recorder->ports[i].listener, NULL, NULL);
        all_gone(recorder);
        stream_loop_run(&recorder->loop, UV_RUN_DEFAULT);
    }
    enum status status = recorder_close_storage(recorder, err);
    recorder->in_lookup = stream_loop_leave(&recorder->loop);
    if (recorder->in_lookup)
        return status;
    free(recorder->ports);
    free(recorder->proxy_loop);
    tls_context_free(recorder->tls_server);
    tls_context_free(recorder->tls_client);
    stream_loop_close(&recorder->loop);
    uv_loop_close(&recorder->uv);
    return status;
}
