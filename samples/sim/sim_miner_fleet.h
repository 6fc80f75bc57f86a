/*
 * sim_miner_fleet.h - the sockets of N simulated miners: connects each, keeps it connected with a
 * growing pause between attempts, paces its hashing, and adds up what came of it.
 *
 * All hashing happens on the loop's thread, in slices of a few milliseconds, so a fleet never takes
 * more than one core, and about 0.3 µs of it for every hash asked for.
 *
 * Ownership: the fleet is the caller's, embedded. Threads: the loop's own.
 */
#ifndef HASHSCOPE_SIM_MINER_FLEET_H
#define HASHSCOPE_SIM_MINER_FLEET_H

#include "lib/base/error.h"
#include "lib/event/stream.h"
#include "lib/event/tls.h"
#include "samples/sim/sim_miner_options.h"

struct sim_machine; /* one miner with its socket */

struct sim_miner_fleet {
    const struct sim_miner_options *options;
    struct stream_loop *loop;
    struct tls_context *tls; /* NULL: plain */
    struct sim_machine *machines;
    size_t count;
    uv_timer_t work;
    int64_t started_ms, worked_ms; /* until when hashes have been tried */
    int64_t drain_until_ms;        /* 0: not draining */
    bool stopping;
    void (*done)(void *user); /* --shares is reached and every answer is in; may be NULL */
    void *done_user;
};

enum status sim_miner_fleet_start(struct sim_miner_fleet *fleet, struct stream_loop *loop,
                                  const struct sim_miner_options *options,
                                  struct error *err) MUST_CHECK;
void sim_miner_fleet_stop(struct sim_miner_fleet *fleet);
/* The sum over all miners. */
struct sim_miner_totals sim_miner_fleet_totals(const struct sim_miner_fleet *fleet);
/* After the loop has run empty. */
void sim_miner_fleet_free(struct sim_miner_fleet *fleet);

#endif
