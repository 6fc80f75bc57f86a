/*
 * config.h - the recorder's settings, read into one checked struct.
 *
 * Routes: POOL_HOST, POOL_PORT and POOL_BACKUPS with LISTEN_HOST and LISTEN_PORT (and
 * LISTEN_TLS_PORT) make the route "main". ROUTES adds more, separated by `;`, each
 * `[name=]listen=upstream[,backup…]` where listen is `port`, `host:port` or `tls://host:port`, and
 * upstream is what POOL_HOST may be. Either of the two is required.
 *
 * Ownership: config_load fills, config_close frees. Read-only afterwards.
 */
#ifndef HASHSCOPE_RECORDER_CONFIG_H
#define HASHSCOPE_RECORDER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/bytes.h"
#include "lib/base/options.h"
#include "lib/event/connect.h"
#include "lib/upkeep/retention.h"

#define ROUTE_TARGETS_MAX 8 /* the upstream and its backups */

struct route {
    char name[24];
    char listen_host[256];
    uint16_t listen_port;
    bool listen_tls;
    struct connect_target targets[ROUTE_TARGETS_MAX];
    size_t target_count;
};

enum proxy_out { PROXY_OUT_OFF, PROXY_OUT_V1, PROXY_OUT_V2 };

struct config {
    struct route *routes;
    size_t route_count;
    bool proxy_in;
    enum proxy_out proxy_out;
    const char *tls_certificate, *tls_key; /* NULL: none */
    bool pool_tls_verify;
    const char *pool_tls_ca;
    const char *data_dir;
    char ring_dir[3072];
    uint64_t ring_bytes;
    uint32_t max_sessions;
    size_t line_buffer_bytes;
    int64_t pair_timeout_ns;
    uint32_t connect_timeout_ms;
    int64_t idle_timeout_ns; /* 0: never */
    int64_t half_close_timeout_ns;
    uint64_t segment_max_bytes;
    uint32_t segment_max_seconds, sync_interval_ms;
    struct retention_limits retain;
    int recompress_level; /* 0: never */
    gid_t group;          /* (gid_t)-1: none */
};

/* Reads and checks all of it; every fault is appended to *faults, a line each. False when there are
 * any. `settings` must outlive the config. */
bool config_load(struct config *config, const struct settings *settings, struct buffer *faults);
void config_close(struct config *config);

/* One element of ROUTES. */
enum status route_parse(struct route *out, const char *text, size_t len,
                        struct error *err) MUST_CHECK;

#endif
