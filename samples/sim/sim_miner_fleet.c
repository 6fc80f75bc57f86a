/*
 * How it works: a machine is waiting (timer), connecting (connector), or open (stream);
 * machine_next moves it on. The work timer gives every open machine the hashes that its pace has
 * earned since the last slice, at most SLICE_MAX_MS worth, so a machine that was held up does not
 * catch up at the cost of the others.
 *
 * How it can fail: whatever ends a connection leads to the next attempt, with twice the pause, up
 * to the limit; a login resets the pause.
 */
#include "samples/sim/sim_miner_fleet.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/stratum/frame.h"
#include "samples/sim/sim_result.h"

#define WORK_MS        10
#define SLICE_MAX_MS   50
#define DRAIN_MS       1000
#define LINE_BYTES_MAX ((size_t)64 << 20)

struct sim_machine {
    struct stream stream;
    struct sim_miner_fleet *fleet;
    struct sim_miner miner;
    struct stratum_framer framer;
    size_t line_budget;
    struct connect_target target;
    struct connector *connector; /* while connecting */
    uv_timer_t retry;
    int64_t pause_ms, wait_ms; /* wait_ms: asked for by the pool */
    double earned;             /* hashes not yet tried */
    uint64_t handshakes;       /* seen at the last look */
    bool open, closing;
};

static void connect_now(struct sim_machine *machine);

static struct stratum_limits limits_of(struct sim_machine *machine)
{
    return (struct stratum_limits){.line_max = LINE_BYTES_MAX,
                                   .fragment_max = LINE_BYTES_MAX,
                                   .budget_left = &machine->line_budget};
}

static void note(void *user, uint64_t number, const char *text)
{
    (void)user;
    log_info("miner %llu: %s", (unsigned long long)number, text);
}

static void send_out(struct sim_machine *machine, struct buffer *out)
{
    if (out->len > 0 && machine->open && !machine->closing)
        stream_write(&machine->stream, out->data, out->len);
    buffer_close(out);
}

/* ---- closing and trying again ---- */

static void on_retry(uv_timer_t *timer)
{
    connect_now(timer->data);
}

/* Up to a quarter more or less than the pause, so that many miners do not come back as one. */
static void try_again(struct sim_machine *machine)
{
    const struct sim_miner_options *options = machine->fleet->options;
    int64_t pause = machine->wait_ms;

    if (machine->fleet->stopping)
        return;
    if (pause == 0) {
        pause =
            machine->pause_ms * 3 / 4 +
            (int64_t)sim_random_below(&machine->miner.random, (uint64_t)machine->pause_ms / 2 + 1);
        machine->pause_ms = machine->pause_ms * 2 < options->retry_max_ms ? machine->pause_ms * 2
                                                                          : options->retry_max_ms;
    }
    machine->wait_ms = 0;
    uv_timer_start(&machine->retry, on_retry, (uint64_t)pause, 0);
}

static void hang_up(struct sim_machine *machine)
{
    if (!machine->open || machine->closing)
        return;
    machine->closing = true;
    stream_close(&machine->stream, false);
}

static void on_closed(struct stream *stream)
{
    struct sim_machine *machine = stream->user;
    const struct stratum_limits limits = limits_of(machine);

    machine->open = machine->closing = false;
    stratum_framer_close(&machine->framer, &limits);
    sim_miner_disconnected(&machine->miner);
    try_again(machine);
}

/* ---- lines ---- */

/* Another port is followed, another host only when asked to. */
static void take_reconnect(struct sim_machine *machine)
{
    const struct sim_miner *miner = &machine->miner;
    bool elsewhere = miner->reconnect_host[0] != '\0' &&
                     strcmp(miner->reconnect_host, machine->target.host) != 0;

    if (elsewhere && !machine->fleet->options->follow_reconnect) {
        log_warn("miner %llu: not following the pool's request to go to %s",
                 (unsigned long long)miner->settings.number, miner->reconnect_host);
        machine->miner.wish = SIM_WISH_NONE;
        return;
    }
    if (miner->reconnect_host[0] != '\0') {
        snprintf(machine->target.host, sizeof(machine->target.host), "%s", miner->reconnect_host);
        machine->target.port = miner->reconnect_port;
    }
    machine->wait_ms = miner->reconnect_wait_s > 0 && miner->reconnect_wait_s < 3600
                           ? miner->reconnect_wait_s * 1000
                           : 1;
    hang_up(machine);
}

static void on_piece(void *context, const struct stratum_piece *piece)
{
    struct sim_machine *machine = context;
    struct buffer out = {0};

    if (machine->closing)
        return;
    if (piece->opaque || piece->is_fragment) {
        log_warn("miner %llu: the pool sent what is no Stratum",
                 (unsigned long long)machine->miner.settings.number);
        hang_up(machine);
        return;
    }
    sim_miner_line(&machine->miner, piece->data, piece->len, &out);
    send_out(machine, &out);
    if (machine->miner.totals.handshakes > machine->handshakes) {
        machine->handshakes = machine->miner.totals.handshakes;
        machine->pause_ms = machine->fleet->options->retry_min_ms;
    }
    if (machine->miner.wish == SIM_WISH_RECONNECT)
        take_reconnect(machine);
    else if (machine->miner.wish == SIM_WISH_HANG_UP)
        hang_up(machine);
}

static void on_data(struct stream *stream, const char *data, size_t len)
{
    struct sim_machine *machine = stream->user;
    const struct stratum_limits limits = limits_of(machine);

    stratum_framer_push(&machine->framer, &limits, data, len, on_piece, machine);
}

static void on_end(struct stream *stream)
{
    struct sim_machine *machine = stream->user;

    log_info("miner %llu: the pool hung up", (unsigned long long)machine->miner.settings.number);
    hang_up(machine);
}

static void on_error(struct stream *stream, int code)
{
    struct sim_machine *machine = stream->user;

    log_info("miner %llu: %s", (unsigned long long)machine->miner.settings.number,
             stream_error_text(stream, code));
    hang_up(machine);
}

static void on_drain(struct stream *stream)
{
    (void)stream;
}

/* ---- connecting ---- */

static void greet(struct stream *stream)
{
    struct sim_machine *machine = stream->user;
    struct buffer out = {0};
    char endpoint[ENDPOINT_TEXT_MAX];

    endpoint_format(endpoint, machine->target.host, machine->target.port);
    log_info("miner %llu: connected to %s as %s",
             (unsigned long long)machine->miner.settings.number, endpoint,
             machine->miner.settings.user_agent);
    sim_miner_connected(&machine->miner, &out);
    send_out(machine, &out);
}

static const struct stream_callbacks callbacks = {.on_data = on_data,
                                                  .on_end = on_end,
                                                  .on_error = on_error,
                                                  .on_drain = on_drain,
                                                  .on_tls = greet,
                                                  .on_closed = on_closed};

static void on_connected(void *user, enum status status, size_t target, const struct error *error)
{
    struct sim_machine *machine = user;
    struct error err = {""};

    (void)target;
    machine->connector = NULL;
    if (status != STATUS_OK) {
        log_info("miner %llu: %s", (unsigned long long)machine->miner.settings.number, error->text);
        try_again(machine);
        return;
    }
    machine->open = true;
    if (machine->fleet->tls == NULL) {
        greet(&machine->stream);
    } else if (stream_start_tls(&machine->stream, machine->fleet->tls, machine->target.host, NULL,
                                0, &err) != STATUS_OK) {
        log_warn("%s", err.text);
        hang_up(machine);
        return;
    }
    stream_read_start(&machine->stream);
}

static void connect_now(struct sim_machine *machine)
{
    struct sim_miner_fleet *fleet = machine->fleet;

    machine->connector = connector_start(
        fleet->loop, &machine->target, 1, (uint32_t)fleet->options->connect_timeout_ms,
        &machine->stream, &callbacks, machine, on_connected, machine);
    if (machine->connector == NULL)
        try_again(machine);
}

/* ---- working ---- */

static void work_machine(struct sim_machine *machine, int64_t elapsed_ms)
{
    struct buffer out = {0};
    uint32_t hashes;

    machine->earned += machine->fleet->options->hashrate * (double)elapsed_ms / 1000;
    hashes = (uint32_t)machine->earned;
    machine->earned -= hashes;
    sim_miner_work(&machine->miner, hashes, &out);
    send_out(machine, &out);
}

/* Enough shares are in: no more work, only the answers still on their way. */
static void drain(struct sim_miner_fleet *fleet, int64_t now_ms)
{
    size_t pending = 0;

    if (fleet->drain_until_ms == 0)
        fleet->drain_until_ms = now_ms + DRAIN_MS;
    for (size_t i = 0; i < fleet->count; i++)
        pending += fleet->machines[i].miner.pending_count;
    if ((pending == 0 || now_ms >= fleet->drain_until_ms) && fleet->done != NULL)
        fleet->done(fleet->done_user);
}

static void on_work(uv_timer_t *timer)
{
    struct sim_miner_fleet *fleet = timer->data;
    int64_t now_ms = sim_now().ms;
    int64_t elapsed = now_ms - fleet->worked_ms;
    uint64_t accepted = 0;

    fleet->worked_ms = now_ms;
    for (size_t i = 0; i < fleet->count; i++)
        accepted += fleet->machines[i].miner.totals.answers[SIM_ACCEPTED];
    if (fleet->options->shares > 0 && accepted >= (uint64_t)fleet->options->shares) {
        drain(fleet, now_ms);
        return;
    }
    for (size_t i = 0; i < fleet->count; i++)
        work_machine(&fleet->machines[i], elapsed < SLICE_MAX_MS ? elapsed : SLICE_MAX_MS);
}

/* ---- the fleet ---- */

static void start_machine(struct sim_miner_fleet *fleet, size_t index)
{
    struct sim_machine *machine = &fleet->machines[index];
    struct sim_miner_settings settings;

    sim_miner_options_of(fleet->options, index + 1, &settings);
    settings.note = note;
    sim_miner_init(&machine->miner, &settings);
    machine->fleet = fleet;
    machine->target = fleet->options->target;
    machine->line_budget = LINE_BYTES_MAX;
    machine->pause_ms = fleet->options->retry_min_ms;
    uv_timer_init(fleet->loop->uv, &machine->retry);
    machine->retry.data = machine;
    connect_now(machine);
}

enum status sim_miner_fleet_start(struct sim_miner_fleet *fleet, struct stream_loop *loop,
                                  const struct sim_miner_options *options, struct error *err)
{
    enum status status = STATUS_OK;

    *fleet = (struct sim_miner_fleet){
        .options = options, .loop = loop, .count = (size_t)options->miners};
    if (options->target.tls)
        status = tls_context_new_client(&fleet->tls, !options->tls_insecure, options->tls_ca, err);
    if (status != STATUS_OK)
        return status;
    fleet->started_ms = fleet->worked_ms = sim_now().ms;
    fleet->machines = memory_new(fleet->count * sizeof(*fleet->machines));
    for (size_t i = 0; i < fleet->count; i++)
        start_machine(fleet, i);
    uv_timer_init(loop->uv, &fleet->work);
    fleet->work.data = fleet;
    uv_timer_start(&fleet->work, on_work, WORK_MS, WORK_MS);
    return STATUS_OK;
}

void sim_miner_fleet_stop(struct sim_miner_fleet *fleet)
{
    if (fleet->stopping)
        return;
    fleet->stopping = true;
    (void)stream_loop_leave(fleet->loop);
    uv_close((uv_handle_t *)&fleet->work, NULL);
    for (size_t i = 0; i < fleet->count; i++) {
        struct sim_machine *machine = &fleet->machines[i];

        uv_close((uv_handle_t *)&machine->retry, NULL);
        if (machine->connector != NULL)
            connector_cancel(machine->connector);
        hang_up(machine);
    }
}

struct sim_miner_totals sim_miner_fleet_totals(const struct sim_miner_fleet *fleet)
{
    struct sim_miner_totals sum = {0};

    for (size_t i = 0; i < fleet->count; i++) {
        const struct sim_miner_totals *one = &fleet->machines[i].miner.totals;

        sum.sent += one->sent;
        for (int verdict = 0; verdict < SIM_REJECT_COUNT; verdict++)
            sum.answers[verdict] += one->answers[verdict];
        sum.unanswered += one->unanswered;
        sum.jobs += one->jobs;
        sum.blocks += one->blocks;
        sum.connects += one->connects;
        sum.disconnects += one->disconnects;
        sum.handshakes += one->handshakes;
        sum.bad_lines += one->bad_lines;
    }
    return sum;
}

void sim_miner_fleet_free(struct sim_miner_fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++)
        sim_miner_close(&fleet->machines[i].miner);
    free(fleet->machines);
    tls_context_free(fleet->tls);
}
