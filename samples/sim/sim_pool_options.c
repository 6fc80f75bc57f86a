/* See sim_pool_options.h; the table below is the documentation of every flag. */
#include "samples/sim/sim_pool_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/flags.h"
#include "lib/base/log.h"
#include "lib/base/options.h"
#include "lib/event/connect.h"

#define AT(field) offsetof(struct sim_pool_options, field)
#define DAY       86400.0

static const struct flag flags[] = {
    {.help = "Where it listens:"},
    {"listen", 'l', FLAG_TEXT, AT(listen), 0, 0, NULL, "HOST:PORT",
     "Address to listen on, port 0 takes a free one (default 127.0.0.1:13333)"},
    {"port-file", 0, FLAG_TEXT, AT(port_file), 0, 0, NULL, "FILE",
     "Write the port there once it listens"},
    {"tls-cert", 0, FLAG_TEXT, AT(tls_certificate), 0, 0, NULL, "FILE",
     "Speak TLS with this certificate (PEM)"},
    {"tls-key", 0, FLAG_TEXT, AT(tls_key), 0, 0, NULL, "FILE", "Its key (PEM)"},
    {"tls-self-signed", 0, FLAG_SWITCH, AT(tls_self_signed), 0, 0, NULL, NULL,
     "Make a self-signed certificate first, at --tls-cert and --tls-key if given"},
    {.help = "Jobs and difficulty:"},
    {"difficulty", 'd', FLAG_NUMBER, AT(pool.difficulty), SIM_DIFFICULTY_MIN, SIM_DIFFICULTY_MAX,
     NULL, "D", "Difficulty of a new connection (default 0.00005)"},
    {"min-difficulty", 0, FLAG_NUMBER, AT(pool.vardiff.minimum), SIM_DIFFICULTY_MIN,
     SIM_DIFFICULTY_MAX, NULL, "D",
     "Lowest that vardiff and suggestions reach (default 0.0000001)"},
    {"max-difficulty", 0, FLAG_NUMBER, AT(pool.vardiff.maximum), SIM_DIFFICULTY_MIN,
     SIM_DIFFICULTY_MAX, NULL, "D", "Highest (default 1e15)"},
    {"shares-per-minute", 0, FLAG_NUMBER, AT(shares_per_minute), 0, 6000, NULL, "N",
     "What vardiff aims at, 0: the difficulty stays (default 20)"},
    {"retarget", 0, FLAG_SECONDS, AT(pool.vardiff.retarget_ms), 0.1, DAY, NULL, "SECONDS",
     "How often vardiff looks (default 30)"},
    {"block-interval", 'b', FLAG_SECONDS, AT(pool.block_ms), 0, 30 * DAY, NULL, "SECONDS",
     "A new block every so often, 0: never (default 60)"},
    {"job-interval", 'j', FLAG_SECONDS, AT(pool.job_ms), 0, 30 * DAY, NULL, "SECONDS",
     "A new job on the same block every so often, 0: never (default 20)"},
    {"full-after", 0, FLAG_SECONDS, AT(pool.full_after_ms), 0, DAY, NULL, "SECONDS",
     "After a new block send an empty job first and the full one so much later, 0: full at once "
     "(default 0.05)"},
    {"height", 0, FLAG_INTEGER, AT(height), 17, 4000000000.0, NULL, "N",
     "Height of the first block (default 900000)"},
    {"extranonce1-size", 0, FLAG_INTEGER, AT(extranonce1_bytes), 0, SIM_EXTRANONCE1_MAX, NULL,
     "BYTES", "Bytes of extranonce1 (default 4)"},
    {"extranonce2-size", 0, FLAG_INTEGER, AT(extranonce2_bytes), 2, SIM_EXTRANONCE2_MAX, NULL,
     "BYTES", "Bytes of extranonce2 (default 8)"},
    {"version-mask", 0, FLAG_HEX, AT(pool.version_mask), 0, 0, NULL, "HEX",
     "Bits that miners may roll (default 1fffe000)"},
    {"no-version-rolling", 0, FLAG_SWITCH, AT(no_rolling), 0, 0, NULL, NULL,
     "Refuse version rolling"},
    {"seed", 0, FLAG_INTEGER, AT(seed), 0, 9e18, NULL, "N",
     "The same seed gives the same chain and extranonces (default 1)"},
    {"clock", 0, FLAG_INTEGER, AT(clock), 1, 4294967295.0, NULL, "UNIX",
     "Count the jobs' time from here, a second a job, instead of the time of day"},
    {.help = "What it says besides:"},
    {"show-message", 0, FLAG_TEXT, AT(pool.show_message), 0, 0, NULL, "TEXT",
     "client.show_message after the authorize answer"},
    {"get-version", 0, FLAG_SWITCH, AT(pool.ask_version), 0, 0, NULL, NULL,
     "client.get_version after the authorize answer"},
    {"ping", 0, FLAG_SECONDS, AT(pool.ping_ms), 0, DAY, NULL, "SECONDS",
     "mining.ping every so often"},
    {"extranonce-interval", 0, FLAG_SECONDS, AT(pool.extranonce_ms), 0, DAY, NULL, "SECONDS",
     "mining.set_extranonce every so often to those who subscribed to it"},
    {"reconnect-after", 0, FLAG_SECONDS, AT(pool.reconnect_ms), 0, DAY, NULL, "SECONDS",
     "client.reconnect so long after a connect"},
    {"reconnect-to", 0, FLAG_TEXT, AT(reconnect_to), 0, 0, NULL, "HOST:PORT",
     "The place named in it (default: none, the same again)"},
    {.help = "Misbehaviour, for tests:"},
    {"reject-percent", 0, FLAG_NUMBER, AT(pool.reject_percent), 0, 100, NULL, "P",
     "Refuse so many of the good shares, with code 20"},
    {"silent-submits", 0, FLAG_NUMBER, AT(pool.silent_percent), 0, 100, NULL, "P",
     "Leave so many of all submits unanswered"},
    {"refuse-auth", 0, FLAG_SWITCH, AT(pool.refuse_auth), 0, 0, NULL, NULL,
     "Refuse every mining.authorize"},
    {"hang-after-connect", 0, FLAG_SWITCH, AT(hang), 0, 0, NULL, NULL,
     "Accept, then neither read nor write"},
    {"die-after", 0, FLAG_INTEGER, AT(die_after), 0, 1e9, NULL, "N",
     "Hang up in the middle of the line after N lines"},
    {"slow-answers", 0, FLAG_INTEGER, AT(slow_ms), 0, 600000, NULL, "MS",
     "Let every line wait so long"},
    {"crlf", 0, FLAG_SWITCH, AT(pool.crlf), 0, 0, NULL, NULL, "End lines with CR LF"},
    {"notify-first", 0, FLAG_SWITCH, AT(pool.notify_first), 0, 0, NULL, NULL,
     "Difficulty and job before the subscribe answer"},
    {"batch", 0, FLAG_SWITCH, AT(pool.batch), 0, 0, NULL, NULL,
     "The first difficulty and job as one array in one line"},
    {"big-coinbase", 0, FLAG_INTEGER, AT(big_coinbase), 0, 16777216, NULL, "BYTES",
     "Pad the coinbase with outputs to about so many bytes"},
    {.help = "Running:"},
    {"duration", 0, FLAG_SECONDS, AT(duration_ms), 0, 365 * DAY, NULL, "SECONDS",
     "Stop after so long (default: run until told to stop)"},
    {"json", 0, FLAG_SWITCH, AT(json), 0, 0, NULL, NULL,
     "Print a JSON line when it listens and one with the totals at the end"},
};

static const char doc[] =
    "A small honest pool that makes up its own chain: real jobs, and every share is recomputed."
    "\vExit codes: 0 ended as asked, 1 it could not listen, 2 the command line is wrong.";

static void set_defaults(struct sim_pool_options *out)
{
    *out = (struct sim_pool_options){
        .listen = "127.0.0.1:13333",
        .shares_per_minute = 20,
        .seed = 1,
        .height = 900000,
        .extranonce1_bytes = 4,
        .extranonce2_bytes = 8,
        .pool = {.difficulty = 0.00005,
                 .vardiff = {.retarget_ms = 30000, .minimum = 0.0000001, .maximum = 1e15},
                 .block_ms = 60000,
                 .job_ms = 20000,
                 .full_after_ms = 50,
                 .version_mask = 0x1fffe000},
    };
}

static void refuse(const char *command, const char *what)
{
    fprintf(stderr, "%s: %s\nTry `%s --help' for more information.\n", command, what, command);
    exit(2);
}

static void read_reconnect(struct sim_pool_options *out, const char *command)
{
    static struct connect_target target; /* its host must outlive this call */
    struct error err = {""};

    if (out->reconnect_to == NULL)
        return;
    if (connect_target_parse(&target, out->reconnect_to, 3333, &err) != STATUS_OK)
        refuse(command, err.text);
    out->pool.reconnect_host = target.host;
    out->pool.reconnect_port = target.port;
}

static void check(struct sim_pool_options *out, const char *command)
{
    if (!out->tls_self_signed && (out->tls_certificate == NULL) != (out->tls_key == NULL))
        refuse(command, "--tls-cert and --tls-key belong together");
    if (out->pool.vardiff.minimum > out->pool.vardiff.maximum)
        refuse(command, "--min-difficulty is above --max-difficulty");
    read_reconnect(out, command);
}

void sim_pool_options_read(struct sim_pool_options *out, int argc, char **argv)
{
    struct flag_set set = {
        .flags = flags, .count = sizeof(flags) / sizeof(flags[0]), .target = out};
    struct argp argp = flag_set_argp(&set, NULL, doc);
    struct settings *settings;

    set_defaults(out);
    settings = settings_load_or_exit(GROUP_COMMON, argc, argv, &argp, &set);
    settings_setup_log(settings, "sim-pool");
    settings_free(settings);
    flag_set_close(&set);
    check(out, argv[0]);
    out->pool.seed = (uint64_t)out->seed;
    out->pool.height = (uint32_t)out->height;
    out->pool.extranonce1_bytes = (size_t)out->extranonce1_bytes;
    out->pool.extranonce2_bytes = (size_t)out->extranonce2_bytes;
    out->pool.big_coinbase = (size_t)out->big_coinbase;
    out->pool.vardiff.shares_per_minute = out->shares_per_minute;
    out->pool.fixed_clock = out->clock != 0;
    out->pool.clock_unix = (uint32_t)out->clock;
    if (out->no_rolling)
        out->pool.version_mask = 0;
}
