/*
 * sim_pool_options.h - the command line of `hashscope sim pool`: what the pool's logic wants to
 * know (struct sim_pool_settings) and what its shell does by itself (listening, TLS, slowness).
 */
#ifndef HASHSCOPE_SIM_POOL_OPTIONS_H
#define HASHSCOPE_SIM_POOL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "samples/sim/sim_pool.h"

struct sim_pool_options {
    const char *listen; /* host:port */
    const char *port_file;
    const char *tls_certificate, *tls_key;
    bool tls_self_signed;
    bool json;
    int64_t duration_ms; /* 0: until told to stop */
    int64_t slow_ms;     /* every answer waits so long */
    int64_t die_after;   /* lines said to a client; 0: never */
    bool hang;           /* accepts and neither reads nor writes */
    struct sim_pool_settings pool;
    /* as given, before they go into `pool` */
    double shares_per_minute;
    int64_t seed, height, extranonce1_bytes, extranonce2_bytes, clock, big_coinbase;
    bool no_rolling;
    const char *reconnect_to;
};

/* Reads the command line; faults end the program with exit code 2. */
void sim_pool_options_read(struct sim_pool_options *out, int argc, char **argv);

#endif
