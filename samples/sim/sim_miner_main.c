/* `hashscope sim miner`: options, loop, signals, and the totals at the end. See sim.h. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

#include "lib/base/log.h"
#include "samples/sim/sim.h"
#include "samples/sim/sim_miner_fleet.h"
#include "samples/sim/sim_result.h"

struct miner_program {
    struct sim_miner_options options;
    struct sim_miner_fleet fleet;
    uv_signal_t interrupt, terminate;
    uv_timer_t duration;
    bool stopping;
    bool by_signal;
};

static void stop(void *user)
{
    struct miner_program *program = user;

    if (program->stopping)
        return;
    program->stopping = true;
    sim_miner_fleet_stop(&program->fleet);
    uv_close((uv_handle_t *)&program->interrupt, NULL);
    uv_close((uv_handle_t *)&program->terminate, NULL);
    uv_close((uv_handle_t *)&program->duration, NULL);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct miner_program *program = handle->data;

    (void)number;
    program->by_signal = true;
    stop(program);
}

static void on_duration(uv_timer_t *timer)
{
    stop(timer->data);
}

static void arm(struct miner_program *program, uv_loop_t *loop)
{
    uv_signal_init(loop, &program->interrupt);
    uv_signal_init(loop, &program->terminate);
    uv_timer_init(loop, &program->duration);
    program->interrupt.data = program->terminate.data = program->duration.data = program;
    uv_signal_start(&program->interrupt, on_signal, SIGINT);
    uv_signal_start(&program->terminate, on_signal, SIGTERM);
    if (program->options.duration_ms > 0)
        uv_timer_start(&program->duration, on_duration, (uint64_t)program->options.duration_ms, 0);
    program->fleet.done = stop;
    program->fleet.done_user = program;
}

static void report(const struct miner_program *program, const struct sim_miner_totals *totals)
{
    struct buffer line = {0};

    buffer_append_format(&line,
                         "{\"miners\":%zu,\"handshakes\":%llu,\"sent\":%llu,\"accepted\":%llu,"
                         "\"rejected\":",
                         program->fleet.count, (unsigned long long)totals->handshakes,
                         (unsigned long long)totals->sent,
                         (unsigned long long)totals->answers[SIM_ACCEPTED]);
    sim_append_verdicts(&line, totals->answers, SIM_REJECT_OTHER);
    buffer_append_format(&line,
                         ",\"unanswered\":%llu,\"jobs\":%llu,\"blocks\":%llu,\"connects\":%llu,"
                         "\"disconnects\":%llu,\"bad_lines\":%llu,\"elapsed_ms\":%lld}",
                         (unsigned long long)totals->unanswered, (unsigned long long)totals->jobs,
                         (unsigned long long)totals->blocks, (unsigned long long)totals->connects,
                         (unsigned long long)totals->disconnects,
                         (unsigned long long)totals->bad_lines,
                         (long long)(sim_now().ms - program->fleet.started_ms));
    if (program->options.json)
        sim_print(&line);
    else
        log_info("done: %.*s", (int)line.len, line.data);
    buffer_close(&line);
}

static int exit_code(const struct miner_program *program, const struct sim_miner_totals *totals)
{
    uint64_t wanted = (uint64_t)program->options.shares;

    if (program->by_signal)
        return 0;
    return totals->handshakes > 0 && totals->answers[SIM_ACCEPTED] >= wanted ? 0 : 1;
}

int sim_miner_main(int argc, char **argv)
{
    struct miner_program program = {.stopping = false};
    struct sim_miner_totals totals;
    struct stream_loop streams;
    struct error err = {""};
    uv_loop_t loop;
    int code = 1;

    sim_miner_options_read(&program.options, argc, argv);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    stream_loop_init(&streams, &loop);
    if (sim_miner_fleet_start(&program.fleet, &streams, &program.options, &err) == STATUS_OK) {
        arm(&program, &loop);
        stream_loop_run(&streams, UV_RUN_DEFAULT);
        totals = sim_miner_fleet_totals(&program.fleet);
        report(&program, &totals);
        code = exit_code(&program, &totals);
        if (stream_loop_leave(&streams)) /* in the middle of looking up the pool's name */
            _exit(code);
        sim_miner_fleet_free(&program.fleet);
    } else {
        log_error("%s", err.text);
    }
    stream_loop_close(&streams);
    uv_loop_close(&loop);
    return code;
}
