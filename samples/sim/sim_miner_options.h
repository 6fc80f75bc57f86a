/*
 * sim_miner_options.h - the command line of `hashscope sim miner`.
 */
#ifndef HASHSCOPE_SIM_MINER_OPTIONS_H
#define HASHSCOPE_SIM_MINER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/event/connect.h"
#include "samples/sim/sim_miner.h"

struct sim_miner_options {
    const char *pool; /* as given */
    struct connect_target target;
    int64_t miners;
    const char *style; /* a style's name or "mixed" */
    const char *user, *password, *user_agent;
    double hashrate; /* hashes a second, of each miner */
    double suggest, bad_percent;
    const char *bad_kind;
    bool no_rolling, extranonce_subscribe, follow_reconnect;
    int64_t seed;
    int64_t duration_ms, shares; /* 0: no such limit */
    int64_t retry_min_ms, retry_max_ms, connect_timeout_ms;
    const char *tls_ca;
    bool tls_insecure;
    bool json;
};

/* Reads the command line; faults end the program with exit code 2. */
void sim_miner_options_read(struct sim_miner_options *out, int argc, char **argv);
/* What miner `number` (1, 2, 3 …) is to be like. */
void sim_miner_options_of(const struct sim_miner_options *options, uint64_t number,
                          struct sim_miner_settings *out);

#endif
