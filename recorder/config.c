/*
 * config.c - from settings to struct config. Every fault is collected; nothing stops at the first.
 */
#include "recorder/config.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"
#include "recorder/config_private.h"

/* ------------------------------------------------------------------ routes */

/* Without the blanks around it: cut off behind, skipped in front. Those within are faults, and are
 * found by what reads the rest. */
static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t", text[len - 1]) != NULL)
        text[--len] = '\0';
    return text;
}

static enum status listen_parse(struct route *route, const char *text, struct error *err)
{
    struct connect_target target;
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0') {
        if (port > 65535)
            return error_set(err, STATUS_INVALID, "port \"%s\" is above 65535", text);
        snprintf(route->listen_host, sizeof route->listen_host, "0.0.0.0");
        route->listen_port = (uint16_t)port;
        return STATUS_OK;
    }
    enum status status = connect_target_parse(&target, text, 3333, err);
    if (status != STATUS_OK)
        return status;
    memcpy(route->listen_host, target.host, sizeof route->listen_host);
    route->listen_port = target.port;
    route->listen_tls = target.tls;
    return STATUS_OK;
}

static enum status targets_parse(struct route *route, char *list, uint16_t default_port,
                                 struct error *err)
{
    char *rest = list;
    for (char *item = strsep(&rest, ","); item; item = strsep(&rest, ",")) {
        item = trim(item);
        if (route->target_count == ROUTE_TARGETS_MAX)
            return error_set(err, STATUS_FULL, "more than %d pools in one route",
                             ROUTE_TARGETS_MAX);
        enum status status =
            connect_target_parse(&route->targets[route->target_count], item, default_port, err);
        if (status != STATUS_OK)
            return status;
        route->target_count++;
    }
    return STATUS_OK;
}

static bool is_name(const char *text)
{
    return *text &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789_-") == strlen(text) &&
           strspn(text, "0123456789") != strlen(text);
}

static enum status route_split(struct route *out, char *text, struct error *err)
{
    char *upstream = strrchr(text, '=');
    if (!upstream)
        return error_set(err, STATUS_INVALID, "\"%s\": expected [name=]listen=upstream[,backup…]",
                         text);
    *upstream++ = '\0';
    char *listen = trim(text), *equals = strchr(text, '=');
    if (equals) {
        *equals = '\0';
        text = trim(text);
        listen = trim(equals + 1);
        if (!is_name(text) || strlen(text) >= sizeof out->name)
            return error_set(err, STATUS_INVALID,
                             "route name \"%s\": expected up to 23 letters, digits, _ or -", text);
        snprintf(out->name, sizeof out->name, "%s", text);
    }
    enum status status = listen_parse(out, listen, err);
    if (status != STATUS_OK)
        return error_wrap(err, status, "listen address");
    if (!equals)
        snprintf(out->name, sizeof out->name, "%s%u", out->listen_tls ? "tls" : "port",
                 out->listen_port);
    status = targets_parse(out, upstream, 3333, err);
    return status == STATUS_OK ? status : error_wrap(err, status, "upstream");
}

enum status route_parse(struct route *out, const char *text, size_t len, struct error *err)
{
    *out = (struct route){0};
    char *copy = memory_text_n(text, len);
    enum status status = route_split(out, copy, err);
    free(copy);
    return status;
}

static struct route *route_add(struct config *config)
{
    config->routes =
        memory_resize(config->routes, (config->route_count + 1) * sizeof *config->routes);
    struct route *route = &config->routes[config->route_count++];
    *route = (struct route){0};
    return route;
}

static void load_routes(struct config *config, const struct settings *settings,
                        struct buffer *faults)
{
    const char *text = settings_text(settings, "ROUTES");
    while (text && *text) {
        size_t len = strcspn(text, ";");
        struct error err;
        if (strspn(text, " \t") < len &&
            route_parse(route_add(config), text, len, &err) != STATUS_OK) {
            settings_refuse(faults, settings, "ROUTES", err.text);
            config->route_count--; /* said; what it lacks besides is of no interest */
        }
        text += len + (text[len] == ';');
    }
}

static void load_main_targets(struct route *route, const struct settings *settings,
                              const char *name, struct buffer *faults)
{
    const char *text = settings_text(settings, name);
    if (!text)
        return;
    struct error err;
    char *copy = memory_text(text);
    uint16_t port = (uint16_t)settings_integer(settings, "POOL_PORT");
    if (targets_parse(route, copy, port, &err) != STATUS_OK)
        settings_refuse(faults, settings, name, err.text);
    free(copy);
}

static void load_main_route(struct config *config, const struct settings *settings,
                            struct buffer *faults)
{
    const char *pool = settings_text(settings, "POOL_HOST");
    if (!pool) {
        if (!settings_text(settings, "ROUTES"))
            settings_fault(faults, settings, "POOL_HOST",
                           "the pool's host name or address (or set ROUTES)");
        return;
    }
    struct route *route = route_add(config);
    snprintf(route->name, sizeof route->name, "main");
    snprintf(route->listen_host, sizeof route->listen_host, "%s",
             settings_text(settings, "LISTEN_HOST"));
    route->listen_port = (uint16_t)settings_integer(settings, "LISTEN_PORT");
    load_main_targets(route, settings, "POOL_HOST", faults);
    load_main_targets(route, settings, "POOL_BACKUPS", faults);
    int64_t tls_port = settings_integer(settings, "LISTEN_TLS_PORT");
    if (tls_port) {
        struct route *tls = route_add(config);
        *tls = config->routes[config->route_count - 2];
        snprintf(tls->name, sizeof tls->name, "main-tls");
        tls->listen_port = (uint16_t)tls_port;
        tls->listen_tls = true;
    }
}

static void check_routes(const struct config *config, const struct settings *settings,
                         struct buffer *faults)
{
    for (size_t i = 0; i < config->route_count; i++) {
        const struct route *route = &config->routes[i];
        struct sockaddr_storage address;
        struct error err;
        if (address_parse(&address, route->listen_host, route->listen_port, &err) != STATUS_OK)
            settings_refuse(faults, settings, i ? "ROUTES" : "LISTEN_HOST", err.text);
        for (size_t k = 0; k < i; k++)
            if (strcmp(config->routes[k].name, route->name) == 0)
                settings_fault(faults, settings, "ROUTES", "route names that differ");
        if (route->listen_tls && (!config->tls_certificate || !config->tls_key))
            settings_fault(faults, settings,
                           config->tls_certificate ? "LISTEN_TLS_KEY" : "LISTEN_TLS_CERT",
                           "a PEM file, since a route listens with TLS");
    }
}

static void check_proxy_loops(const struct config *config, const struct settings *settings,
                              struct buffer *faults)
{
    char text[160];
    const struct route *route = config_proxy_loop(config);
    if (!route)
        return;
    bool is_main = strcmp(route->name, "main") == 0 || strcmp(route->name, "main-tls") == 0;
    snprintf(text, sizeof text,
             "what is named as the pool leads back to this recorder's own port %u (route %s)",
             route->listen_port, route->name);
    settings_refuse(faults, settings,
                    is_main && settings_text(settings, "POOL_HOST") ? "POOL_HOST" : "ROUTES", text);
}

/* ------------------------------------------------------------------ the rest */

static void load_group(struct config *config, const struct settings *settings,
                       struct buffer *faults)
{
    const char *name = settings_text(settings, "DATA_GROUP");
    config->group = (gid_t)-1;
    if (!name)
        return;
    const struct group *group = getgrnam(name);
    if (group)
        config->group = group->gr_gid;
    else
        settings_fault(faults, settings, "DATA_GROUP", "the name of a group on this machine");
}

static void load_proxy(struct config *config, const struct settings *settings)
{
    const char *out = settings_text(settings, "PROXY_PROTOCOL_OUT");
    config->proxy_in = strcmp(settings_text(settings, "PROXY_PROTOCOL_IN"), "on") == 0;
    config->proxy_out = strcmp(out, "v1") == 0   ? PROXY_OUT_V1
                        : strcmp(out, "v2") == 0 ? PROXY_OUT_V2
                                                 : PROXY_OUT_OFF;
}

static void load_paths(struct config *config, const struct settings *settings,
                       struct buffer *faults)
{
    const char *ring = settings_text(settings, "RING_DIR");
    int len;
    config->data_dir = settings_text(settings, "DATA_DIR");
    if (ring)
        len = snprintf(config->ring_dir, sizeof config->ring_dir, "%s", ring);
    else
        len = snprintf(config->ring_dir, sizeof config->ring_dir, "%s/live", config->data_dir);
    if (len >= (int)sizeof config->ring_dir)
        settings_fault(faults, settings, "DATA_DIR", "a shorter path");
}

bool config_load(struct config *config, const struct settings *settings, struct buffer *faults)
{
    *config = (struct config){
        .tls_certificate = settings_text(settings, "LISTEN_TLS_CERT"),
        .tls_key = settings_text(settings, "LISTEN_TLS_KEY"),
        .pool_tls_verify = settings_boolean(settings, "POOL_TLS_VERIFY"),
        .pool_tls_ca = settings_text(settings, "POOL_TLS_CA"),
        .ring_bytes = (uint64_t)settings_integer(settings, "RING_BYTES"),
        .max_sessions = (uint32_t)settings_integer(settings, "MAX_SESSIONS"),
        .line_buffer_bytes = (size_t)settings_integer(settings, "LINE_BUFFER_BYTES"),
        .pair_timeout_ns = settings_integer(settings, "PAIR_TIMEOUT_SEC") * NS_PER_S,
        .connect_timeout_ms = (uint32_t)settings_integer(settings, "CONNECT_TIMEOUT_SEC") * 1000,
        .idle_timeout_ns = settings_integer(settings, "IDLE_TIMEOUT_SEC") * NS_PER_S,
        .half_close_timeout_ns = settings_integer(settings, "HALF_CLOSE_TIMEOUT_SEC") * NS_PER_S,
        .segment_max_bytes = (uint64_t)settings_integer(settings, "SEGMENT_MAX_BYTES"),
        .segment_max_seconds = (uint32_t)settings_integer(settings, "SEGMENT_MAX_SECONDS"),
        .sync_interval_ms = (uint32_t)settings_integer(settings, "SYNC_INTERVAL_MS"),
        .recompress_level = (int)settings_integer(settings, "RECOMPRESS_LEVEL"),
        .retain =
            {
                .bytes = (uint64_t)settings_integer(settings, "RETAIN_BYTES"),
                .age_ns = settings_integer(settings, "RETAIN_DAYS") * 86400 * NS_PER_S,
                .min_free_bytes = (uint64_t)settings_integer(settings, "MIN_FREE_BYTES"),
            },
    };
    size_t before = faults->len;
    load_proxy(config, settings);
    load_paths(config, settings, faults);
    load_group(config, settings, faults);
    load_main_route(config, settings, faults);
    load_routes(config, settings, faults);
    check_routes(config, settings, faults);
    check_proxy_loops(config, settings, faults);
    return faults->len == before;
}

void config_close(struct config *config)
{
    free(config->routes);
    config->routes = NULL;
}
