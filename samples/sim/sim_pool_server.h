/*
 * sim_pool_server.h - the simulated pool's sockets: accepts, cuts lines, hands them to the logic in
 * sim_pool.h, sends what it says; slow, silent or dying as the options ask.
 *
 * Ownership: the server is the caller's, embedded, and must stay where it is until `closed`.
 * Threads: the loop's own.
 */
#ifndef HASHSCOPE_SIM_POOL_SERVER_H
#define HASHSCOPE_SIM_POOL_SERVER_H

#include "lib/base/error.h"
#include "lib/event/listen.h"
#include "lib/event/stream.h"
#include "lib/event/tls.h"
#include "samples/sim/sim_pool_options.h"

struct sim_connection; /* one miner */

struct sim_pool_server {
    const struct sim_pool_options *options;
    struct stream_loop *loop;
    struct listener *listener;
    struct tls_context *tls; /* NULL: plain */
    uv_timer_t tick;
    struct sim_pool pool;
    struct sim_connection *connections; /* a list */
    bool stopping;
};

/* Listens. The server's tick runs from here on. */
enum status sim_pool_server_start(struct sim_pool_server *server, struct stream_loop *loop,
                                  const struct sim_pool_options *options,
                                  struct error *err) MUST_CHECK;
/* Closes everything; the loop runs empty when that is done. */
void sim_pool_server_stop(struct sim_pool_server *server);
/* After the loop has run empty. */
void sim_pool_server_free(struct sim_pool_server *server);

#endif
