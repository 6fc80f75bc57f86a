/* `hashscope sim pool`: options, loop, signals, and the lines on stdout. See sim.h. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "lib/base/log.h"
#include "samples/sim/sim.h"
#include "samples/sim/sim_pool_server.h"
#include "samples/sim/sim_result.h"

struct pool_program {
    struct sim_pool_options options;
    struct sim_pool_server server;
    uv_signal_t interrupt, terminate;
    uv_timer_t duration;
    bool stopping;
};

static void stop(struct pool_program *program)
{
    if (program->stopping)
        return;
    program->stopping = true;
    sim_pool_server_stop(&program->server);
    uv_close((uv_handle_t *)&program->interrupt, NULL);
    uv_close((uv_handle_t *)&program->terminate, NULL);
    uv_close((uv_handle_t *)&program->duration, NULL);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    stop(handle->data);
}

static void on_duration(uv_timer_t *timer)
{
    stop(timer->data);
}

static void arm(struct pool_program *program, uv_loop_t *loop)
{
    uv_signal_init(loop, &program->interrupt);
    uv_signal_init(loop, &program->terminate);
    uv_timer_init(loop, &program->duration);
    program->interrupt.data = program->terminate.data = program->duration.data = program;
    uv_signal_start(&program->interrupt, on_signal, SIGINT);
    uv_signal_start(&program->terminate, on_signal, SIGTERM);
    if (program->options.duration_ms > 0)
        uv_timer_start(&program->duration, on_duration, (uint64_t)program->options.duration_ms, 0);
}

/* Written under another name first, so that whoever waits for the file never reads half of it. */
static bool write_port_file(const char *path, uint16_t port)
{
    char temporary[4096];
    FILE *file;
    bool written;

    snprintf(temporary, sizeof(temporary), "%s.new", path);
    file = fopen(temporary, "we");
    if (file == NULL)
        return false;
    written = fprintf(file, "%u\n", port) > 0;
    written = fclose(file) == 0 && written;
    return written && rename(temporary, path) == 0;
}

static void announce(const struct pool_program *program)
{
    const char *listen = program->options.listen;
    const char *colon = strrchr(listen, ':');
    int host = colon == NULL ? (int)strlen(listen) : (int)(colon - listen);
    uint16_t port = listener_port(program->server.listener);
    bool tls = program->server.tls != NULL;
    struct buffer line = {0};

    log_info("listening on %.*s:%u%s", host, listen, port, tls ? " with TLS" : "");
    if (program->options.json) {
        buffer_append_format(&line, "{\"listening\":\"%.*s:%u\",\"port\":%u,\"tls\":%s}", host,
                             listen, port, port, tls ? "true" : "false");
        sim_print(&line);
    }
    if (program->options.port_file != NULL && !write_port_file(program->options.port_file, port))
        log_warn("can't write %s", program->options.port_file);
}

static void report(const struct pool_program *program)
{
    const struct sim_pool_totals *totals = &program->server.pool.totals;
    struct buffer line = {0};

    buffer_append_format(&line, "{\"clients\":%llu,\"jobs\":%llu,\"blocks\":%llu,\"shares\":",
                         (unsigned long long)totals->clients, (unsigned long long)totals->jobs,
                         (unsigned long long)totals->blocks);
    sim_append_verdicts(&line, totals->shares, SIM_ACCEPTED);
    buffer_append_format(&line, ",\"unanswered\":%llu,\"bad_lines\":%llu}",
                         (unsigned long long)totals->unanswered,
                         (unsigned long long)totals->bad_lines);
    if (program->options.json)
        sim_print(&line);
    else
        log_info("done: %.*s", (int)line.len, line.data);
    buffer_close(&line);
}

int sim_pool_main(int argc, char **argv)
{
    struct pool_program program = {.stopping = false};
    struct stream_loop streams;
    struct error err = {""};
    uv_loop_t loop;

    sim_pool_options_read(&program.options, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    stream_loop_init(&streams, &loop);
    if (sim_pool_server_start(&program.server, &streams, &program.options, &err) != STATUS_OK) {
        log_error("%s", err.text);
        stream_loop_run(&streams, UV_RUN_DEFAULT);
        stream_loop_close(&streams);
        uv_loop_close(&loop);
        return 1;
    }
    arm(&program, &loop);
    announce(&program);
    stream_loop_run(&streams, UV_RUN_DEFAULT);
    report(&program);
    sim_pool_server_free(&program.server);
    stream_loop_close(&streams);
    uv_loop_close(&loop);
    return 0;
}
