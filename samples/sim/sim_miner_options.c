/* See sim_miner_options.h; the table below is the documentation of every flag. */
#include "samples/sim/sim_miner_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/flags.h"
#include "lib/base/options.h"

#define AT(field) offsetof(struct sim_miner_options, field)
#define DAY       86400.0

static const struct flag flags[] = {
    {.help = "The miners:"},
    {"miners", 'm', FLAG_INTEGER, AT(miners), 1, 10000, NULL, "N",
     "How many miners in this process, each with its own connection (default 1)"},
    {"style", 's', FLAG_CHOICE, AT(style), 0, 0, "cgminer|bfgminer|cpuminer|esp-miner|mixed",
     "STYLE",
     "Whose handshake: cgminer, bfgminer, cpuminer, esp-miner, or mixed for one after the other "
     "(default cgminer)"},
    {"user", 'u', FLAG_TEXT, AT(user), 0, 0, NULL, "NAME",
     "Worker name; several miners get .1, .2, .3 behind it (default sim)"},
    {"password", 0, FLAG_TEXT, AT(password), 0, 0, NULL, "TEXT", "Its password (default x)"},
    {"user-agent", 0, FLAG_TEXT, AT(user_agent), 0, 0, NULL, "TEXT",
     "In place of the one of the style"},
    {"hashrate", 0, FLAG_NUMBER, AT(hashrate), 0, 1e8, NULL, "H/S",
     "Hashes a second that each miner tries (default 100000)"},
    {"suggest-difficulty", 0, FLAG_NUMBER, AT(suggest), 0, SIM_DIFFICULTY_MAX, NULL, "D",
     "Suggest a difficulty, where the style can (bfgminer suggests a target)"},
    {"extranonce-subscribe", 0, FLAG_SWITCH, AT(extranonce_subscribe), 0, 0, NULL, NULL,
     "Subscribe to new extranonces, where the style can"},
    {"no-version-rolling", 0, FLAG_SWITCH, AT(no_rolling), 0, 0, NULL, NULL,
     "Do not ask for version rolling"},
    {"bad-percent", 0, FLAG_NUMBER, AT(bad_percent), 0, 90, NULL, "P",
     "Make so many of all submits bad"},
    {"bad-kind", 0, FLAG_CHOICE, AT(bad_kind), 0, 0, "mixed|stale|duplicate|low", "KIND",
     "What is bad about them: stale, duplicate, low, or mixed (default mixed)"},
    {"seed", 0, FLAG_INTEGER, AT(seed), 0, 9e18, NULL, "N",
     "The same seed makes the same choices (default 1)"},
    {.help = "The connection:"},
    {"tls-ca", 0, FLAG_TEXT, AT(tls_ca), 0, 0, NULL, "FILE",
     "Trust these certificates (PEM), not the system's"},
    {"tls-insecure", 0, FLAG_SWITCH, AT(tls_insecure), 0, 0, NULL, NULL,
     "Do not verify the pool's certificate"},
    {"connect-timeout", 0, FLAG_SECONDS, AT(connect_timeout_ms), 0.01, 600, NULL, "SECONDS",
     "Give each address so long (default 10)"},
    {"retry-min", 0, FLAG_SECONDS, AT(retry_min_ms), 0.01, 3600, NULL, "SECONDS",
     "Wait so long before connecting again, then twice as long … (default 1)"},
    {"retry-max", 0, FLAG_SECONDS, AT(retry_max_ms), 0.01, 3600, NULL, "SECONDS",
     "… up to this (default 60)"},
    {"follow-reconnect", 0, FLAG_SWITCH, AT(follow_reconnect), 0, 0, NULL, NULL,
     "Follow client.reconnect to another host, not only to another port"},
    {.help = "Running:"},
    {"duration", 0, FLAG_SECONDS, AT(duration_ms), 0, 365 * DAY, NULL, "SECONDS",
     "Stop after so long (default: run until told to stop)"},
    {"shares", 'n', FLAG_INTEGER, AT(shares), 0, 1e15, NULL, "N",
     "Stop after so many accepted shares, all miners together"},
    {"json", 0, FLAG_SWITCH, AT(json), 0, 0, NULL, NULL,
     "Print a JSON line with the totals at the end"},
};

static const char doc[] =
    "Small honest miners: real handshakes, real SHA-256d shares, found at a chosen pace. POOL is "
    "host:port or a stratum+tcp:// or stratum+ssl:// address (default 127.0.0.1:13333)."
    "\vExit codes: 0 ended as asked; 1 no login succeeded, or --shares was not reached within "
    "--duration; 2 the command line is wrong.";

static bool take_argument(void *target, const char *text)
{
    struct sim_miner_options *out = target;

    if (out->pool != NULL)
        return false;
    out->pool = text;
    return true;
}

static void check(struct sim_miner_options *out, const char *command)
{
    struct error err = {""};
    const char *pool = out->pool == NULL ? "127.0.0.1:13333" : out->pool;

    if (connect_target_parse(&out->target, pool, 3333, &err) != STATUS_OK) {
        fprintf(stderr, "%s: %s\n", command, err.text);
        exit(SETTINGS_EXIT_STATUS);
    }
    if (out->retry_max_ms < out->retry_min_ms)
        out->retry_max_ms = out->retry_min_ms;
}

void sim_miner_options_read(struct sim_miner_options *out, int argc, char **argv)
{
    struct flag_set set = {.flags = flags,
                           .count = sizeof(flags) / sizeof(flags[0]),
                           .target = out,
                           .argument = take_argument};
    struct argp argp = flag_set_argp(&set, "[POOL]", doc);
    struct settings *settings;

    *out = (struct sim_miner_options){.miners = 1,
                                      .style = "cgminer",
                                      .user = "sim",
                                      .password = "x",
                                      .user_agent = "",
                                      .hashrate = 100000,
                                      .bad_kind = "mixed",
                                      .seed = 1,
                                      .retry_min_ms = 1000,
                                      .retry_max_ms = 60000,
                                      .connect_timeout_ms = 10000};
    settings = settings_load_or_exit(GROUP_COMMON, argc, argv, &argp, &set);
    settings_setup_log(settings, "sim-miner");
    settings_free(settings);
    flag_set_close(&set);
    check(out, argv[0]);
}

static enum sim_bad_kind bad_kind_of(const char *name)
{
    static const char *const names[] = {"mixed", "stale", "duplicate", "low"};

    for (int i = 0; i < 4; i++) {
        if (strcmp(names[i], name) == 0)
            return (enum sim_bad_kind)i;
    }
    return SIM_BAD_MIXED;
}

void sim_miner_options_of(const struct sim_miner_options *options, uint64_t number,
                          struct sim_miner_settings *out)
{
    *out = (struct sim_miner_settings){
        .style = (enum sim_style)((number - 1) % SIM_STYLE_COUNT), /* mixed */
        .seed = (uint64_t)options->seed,
        .number = number,
        .version_rolling = !options->no_rolling,
        .extranonce_subscribe = options->extranonce_subscribe,
        .suggest = options->suggest,
        .bad_percent = options->bad_percent,
        .bad_kind = bad_kind_of(options->bad_kind),
    };
    (void)sim_style_parse(options->style, &out->style);
    snprintf(out->password, sizeof(out->password), "%s", options->password);
    snprintf(out->user_agent, sizeof(out->user_agent), "%s", options->user_agent);
    if (options->miners == 1)
        snprintf(out->worker, sizeof(out->worker), "%s", options->user);
    else
        snprintf(out->worker, sizeof(out->worker), "%s.%llu", options->user,
                 (unsigned long long)number);
}
