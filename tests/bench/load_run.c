/*
 * load_run.c - see load_run.h.
 *
 * The phases follow each other in load_run. What the relay used is read at the borders of the
 * measured time; what arrived is compared with what was sent after the last answer has come, or the
 * limit for that has passed, so a relay that only is slow is not called lossy.
 */
#include "tests/bench/load_run.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/load.h"
#include "tests/bench/load_loop.h"
#include "tests/bench/load_miner.h"
#include "tests/bench/load_pool.h"
#include "tests/bench/load_proc.h"

#define CLOSE_LIMIT_NS   INT64_C(5000000000)
#define SUBMITS_PER_TURN 64 /* then events get their turn, however far behind the sending is */

static int64_t seconds_ns(double seconds)
{
    return (int64_t)(seconds * 1e9);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct load_mark take_mark(const struct load *load)
{
    const struct load_options *o = load->options;
    return (struct load_mark){
        .at_ns = load_clock_ns(),
        .relay_cpu_ns = load_proc_cpu_ns(o->pids, o->pid_count),
        .own_cpu_ns = load_proc_own_cpu_ns(),
        .machine_cpu_ns = load_proc_machine_cpu_ns(),
        .counters = load->counters,
        .bytes = load->loop.bytes_received,
    };
}

static bool start_miners(struct load *load)
{
    const struct load_options *o = load->options;
    while (load->started < o->miners && load->handshaking < o->burst) {
        if (!load_miner_start(load, &load->miners[load->started])) {
            fprintf(stderr, "stratum_load: connecting miner %u: %s\n", load->started,
                    strerror(errno));
            return false;
        }
        load->started++;
        load->handshaking++;
    }
    return true;
}

/* Opens all sessions, a burst at a time, until each has a job or the time is over. */
static void connect_miners(struct load *load)
{
    const int64_t limit = load->now_ns + seconds_ns(load->options->handshake);
    const unsigned miners = load->options->miners;
    load->phase = LOAD_CONNECTING;
    while (load->ready < miners && load->now_ns < limit && load->faults.disconnect == 0) {
        if (!start_miners(load)) {
            break;
        }
        load_turn(load, limit);
    }
    load->faults.handshake = miners - load->ready;
}

static struct miner *pick_miner(struct load *load)
{
    if (load->options->random_times) {
        const uint64_t drawn = traffic_random_next(&load->traffic.random);
        return &load->miners[drawn % load->options->miners];
    }
    struct miner *miner = &load->miners[load->next_miner];
    load->next_miner = (load->next_miner + 1) % load->options->miners;
    return miner;
}

static int64_t next_gap_ns(struct load *load)
{
    const double mean = 1e9 / load->options->rate;
    const bool drawn = load->options->random_times;
    return (int64_t)(drawn ? -log(traffic_random_unit(&load->traffic.random)) * mean : mean);
}

static void send_due_submits(struct load *load)
{
    for (int n = 0; n < SUBMITS_PER_TURN && load->next_submit_ns <= load->now_ns; n++) {
        struct miner *miner = pick_miner(load);
        const int64_t due = load->next_submit_ns;
        load->next_submit_ns += next_gap_ns(load);
        if (miner->state != MINER_READY) {
            continue;
        }
        if (load->phase == LOAD_MEASURING) {
            histogram_add(&load->lateness, load->now_ns - due);
        }
        load_miner_submit(load, miner, due);
        stream_flush(&load->loop, &miner->stream);
        load->now_ns = load_clock_ns();
    }
}

static void send_due_job(struct load *load)
{
    if (load->next_notify_ns <= load->now_ns) {
        load->next_notify_ns += seconds_ns(load->options->notify_ms / 1e3);
        load_pool_new_job(load);
    }
}

/* Runs the load until `end_ns`. */
static void load_until(struct load *load, int64_t end_ns)
{
    const bool submits = load->options->mode == LOAD_RATE;
    const bool jobs = load->options->notify_ms > 0;
    while (load->now_ns < end_ns) {
        int64_t wake = end_ns;
        if (jobs) {
            send_due_job(load);
            wake = earlier(wake, load->next_notify_ns);
        }
        if (submits) {
            send_due_submits(load);
            wake = earlier(wake, load->next_submit_ns);
        }
        load_turn(load, wake);
    }
}

static void open_windows(struct load *load)
{
    for (unsigned i = 0; i < load->options->miners; i++) {
        struct miner *miner = &load->miners[i];
        for (unsigned n = 0; n < load->options->window && miner->state == MINER_READY; n++) {
            load_miner_submit(load, miner, load->now_ns);
        }
        stream_flush(&load->loop, &miner->stream);
    }
}

/* Begins the traffic, lets it warm up, measures. */
static void run_load(struct load *load, struct load_report *report)
{
    const struct load_options *o = load->options;
    load->phase = LOAD_WARMING;
    load->now_ns = load_clock_ns();
    load->next_submit_ns = load->now_ns;
    load->next_notify_ns = load->now_ns + seconds_ns(o->notify_ms / 1e3);
    if (o->mode == LOAD_CLOSED) {
        open_windows(load);
    }
    load_until(load, load->now_ns + seconds_ns(o->warmup));
    load->phase = LOAD_MEASURING;
    report->begin = take_mark(load);
    load->measured_from_ns = report->begin.at_ns;
    load_until(load, report->begin.at_ns + seconds_ns(o->seconds));
    report->end = take_mark(load);
}

static void run_idle(struct load *load, struct load_report *report)
{
    load->phase = LOAD_SETTLING;
    report->begin = take_mark(load);
    load->next_notify_ns = load->now_ns + seconds_ns(load->options->notify_ms / 1e3);
    load_until(load, load->now_ns + seconds_ns(load->options->settle));
    report->end = take_mark(load);
}

/* Until every answer and every byte has arrived. */
static void drain(struct load *load)
{
    const int64_t limit = load->now_ns + seconds_ns(load->options->drain);
    load->phase = LOAD_DRAINING;
    while (load->now_ns < limit &&
           (load->open_submits > 0 || load->loop.bytes_sent != load->loop.bytes_received)) {
        load_turn(load, limit);
    }
    load->faults.lost = load->open_submits;
}

static void compare_streams(struct load *load)
{
    for (unsigned i = 0; i < load->started; i++) {
        const struct stream *miner = &load->miners[i].stream;
        const struct pool_session *session = load->miners[i].session;
        if (session == NULL) {
            load->faults.unmatched++;
            continue;
        }
        const struct stream *pool = &session->stream;
        load->faults.mismatch_up += !stream_sum_equal(&miner->sent, &pool->received);
        load->faults.mismatch_down += !stream_sum_equal(&pool->sent, &miner->received);
    }
}

/* Closes the miner's side of even sessions and the pool's of odd ones; the other side must see it.
 */
static void check_closes(struct load *load)
{
    load->phase = LOAD_CLOSING;
    for (unsigned i = 0; i < load->started; i++) {
        struct miner *miner = &load->miners[i];
        if (miner->session == NULL || miner->stream.fd < 0 || miner->session->stream.fd < 0) {
            continue;
        }
        load->closes_awaited++;
        stream_close(&load->loop, i % 2 ? &miner->session->stream : &miner->stream);
    }
    const int64_t limit = load_clock_ns() + CLOSE_LIMIT_NS;
    load->now_ns = load_clock_ns();
    while (load->closes_awaited > 0 && load->now_ns < limit) {
        load_turn(load, limit);
    }
    load->faults.close_not_relayed = load->closes_awaited;
}

static bool load_init(struct load *load, const struct load_options *options)
{
    memset(load, 0, sizeof *load);
    load->options = options;
    load->listener.fd = -1;
    traffic_init(&load->traffic, options->seed);
    load->miners = calloc(options->miners, sizeof *load->miners);
    if (load->miners == NULL || !stream_loop_init(&load->loop, options->frag, ~options->seed)) {
        return false;
    }
    for (unsigned i = 0; i < options->miners; i++) {
        load->miners[i].number = i;
        load->miners[i].stream.fd = -1;
    }
    load->now_ns = load_clock_ns();
    return load_pool_listen(load);
}

static void load_close(struct load *load)
{
    for (unsigned i = 0; i < load->started; i++) {
        load_miner_close(load, &load->miners[i]);
    }
    load_pool_close(load);
    stream_loop_close(&load->loop);
    free(load->miners);
}

/* What is known before the first connection. */
static struct load_report begin_report(const struct load_options *o)
{
    return (struct load_report){
        .label = o->label,
        .mode = load_mode_name(o->mode),
        .miners = o->miners,
        .window = o->mode == LOAD_CLOSED ? o->window : 0,
        .rate = o->mode == LOAD_RATE ? o->rate : 0,
        .notify_ms = o->notify_ms,
        .frag = o->frag,
        .memory_before = load_proc_memory(o->pids, o->pid_count),
    };
}

static void finish_report(const struct load *load, struct load_report *report)
{
    report->ready = load->ready;
    report->bytes_sent = load->loop.bytes_sent;
    report->bytes_received = load->loop.bytes_received;
    report->total = load->counters;
    report->round_trip = &load->round_trip;
    report->lateness = &load->lateness;
    report->faults = load->faults;
}

static void run_phases(struct load *load, struct load_report *report)
{
    const struct load_options *o = load->options;
    const int64_t began = load->now_ns;
    const uint64_t cpu = load_proc_cpu_ns(o->pids, o->pid_count);
    connect_miners(load);
    report->connect_seconds = (double)(load->now_ns - began) / 1e9;
    report->connect_cpu_ns = load_proc_cpu_ns(o->pids, o->pid_count) - cpu;
    if (o->mode == LOAD_IDLE) {
        run_idle(load, report);
    } else {
        run_load(load, report);
    }
    report->memory_after = load_proc_memory(o->pids, o->pid_count);
    drain(load);
    compare_streams(load);
    if (o->close_check) {
        check_closes(load);
    }
}

int load_run(const struct load_options *options, FILE *out)
{
    struct load *load = malloc(sizeof *load);
    if (load == NULL || !load_init(load, options)) {
        perror("stratum_load: starting the mock pool");
        return 2;
    }
    struct load_report report = begin_report(options);
    run_phases(load, &report);
    finish_report(load, &report);
    load_report_print(&report, out);
    load_close(load);
    free(load);
    return load_faults_none(&report.faults) ? 0 : 1;
}
