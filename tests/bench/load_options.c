/* load_options.c - see load_options.h. Every value is read whole and within its range or refused.
 */
#include "tests/bench/load_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum option_code {
    OPTION_POOL = 256,
    OPTION_CONNECT,
    OPTION_PID,
    OPTION_MINERS,
    OPTION_RATE,
    OPTION_RANDOM,
    OPTION_CLOSED,
    OPTION_IDLE,
    OPTION_NOTIFY,
    OPTION_WARMUP,
    OPTION_SECONDS,
    OPTION_SETTLE,
    OPTION_DRAIN,
    OPTION_HANDSHAKE,
    OPTION_BURST,
    OPTION_FRAG,
    OPTION_NO_CLOSE_CHECK,
    OPTION_SEED,
    OPTION_LABEL,
    OPTION_DUMP,
    OPTION_MESSAGES,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"pool", required_argument, NULL, OPTION_POOL},
    {"connect", required_argument, NULL, OPTION_CONNECT},
    {"pid", required_argument, NULL, OPTION_PID},
    {"miners", required_argument, NULL, OPTION_MINERS},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"random-times", no_argument, NULL, OPTION_RANDOM},
    {"closed", required_argument, NULL, OPTION_CLOSED},
    {"idle", required_argument, NULL, OPTION_IDLE},
    {"notify-ms", required_argument, NULL, OPTION_NOTIFY},
    {"warmup", required_argument, NULL, OPTION_WARMUP},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"settle", required_argument, NULL, OPTION_SETTLE},
    {"drain", required_argument, NULL, OPTION_DRAIN},
    {"handshake", required_argument, NULL, OPTION_HANDSHAKE},
    {"burst", required_argument, NULL, OPTION_BURST},
    {"frag", no_argument, NULL, OPTION_FRAG},
    {"no-close-check", no_argument, NULL, OPTION_NO_CLOSE_CHECK},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"label", required_argument, NULL, OPTION_LABEL},
    {"dump", required_argument, NULL, OPTION_DUMP},
    {"messages", required_argument, NULL, OPTION_MESSAGES},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static const char help[] =
    "usage: stratum_load [options]\n"
    "A mock pool and simulated miners in one process, with a relay under test between them.\n"
    "Prints one JSON object; the exit status is 1 when a byte, an answer or a close went missing.\n"
    "\n"
    "  --pool ADDRESS:PORT     where the mock pool listens (127.0.0.1:4444)\n"
    "  --connect ADDRESS:PORT  where miners connect to, the relay (default: the pool itself)\n"
    "  --pid PID               a process of the relay, to measure it and its children; repeatable\n"
    "  --miners N              sessions (100)\n"
    "one of\n"
    "  --rate R                open loop: R submits a second, timed from when each was due (2000)\n"
    "  --closed W              closed loop: W submits open in each session\n"
    "  --idle N                N sessions that do nothing, for memory\n"
    "  --dump FILE             raw lines into a file, no network ('-': standard output)\n"
    "more\n"
    "  --random-times          with --rate: random gaps and miners instead of even ones in turn\n"
    "  --notify-ms MS          a new job for all sessions every MS (5000; 0: the first only)\n"
    "  --seconds S --warmup S  measured time (10) and time before it (1)\n"
    "  --settle S              with --idle: time before memory is read (1)\n"
    "  --frag                  cut every write in two at a random place\n"
    "  --burst N               handshakes under way at once (64)\n"
    "  --handshake S --drain S limits for getting ready (60) and for the last answers (10)\n"
    "  --no-close-check        do not check that closes cross the relay\n"
    "  --messages N            with --dump: number of lines (1000000)\n"
    "  --seed N --label TEXT   seed of all random choices (20090103); a label for the report\n";

static bool fail(const char *name, const char *value, const char *expected)
{
    fprintf(stderr, "stratum_load: --%s %s: expected %s\n", name, value, expected);
    return false;
}

static bool read_count(const char *name, const char *text, uint64_t max, uint64_t *value)
{
    char expected[64];
    char *end = NULL;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && *text != '-' && *value <= max) {
        return true;
    }
    snprintf(expected, sizeof expected, "a whole number up to %llu", (unsigned long long)max);
    return fail(name, text, expected);
}

static bool read_unsigned(const char *name, const char *text, unsigned max, unsigned *value)
{
    uint64_t wide = 0;
    if (!read_count(name, text, max, &wide)) {
        return false;
    }
    *value = (unsigned)wide;
    return *value > 0 || fail(name, text, "more than 0");
}

static bool read_number(const char *name, const char *text, double max, double *value)
{
    char *end = NULL;
    *value = strtod(text, &end);
    if (end != text && *end == '\0' && *value >= 0 && *value <= max) {
        return true;
    }
    return fail(name, text, "a number that is not negative (or is too large)");
}

static bool read_address(const char *name, const char *text, struct sockaddr_in *address)
{
    char host[INET_ADDRSTRLEN];
    uint64_t port = 0;
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof host) {
        return fail(name, text, "an IPv4 address and a port");
    }
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    address->sin_family = AF_INET;
    if (!read_count(name, colon + 1, 65535, &port)) {
        return false;
    }
    address->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &address->sin_addr) == 1 ||
           fail(name, text, "an IPv4 address and a port");
}

/* The label goes into JSON as it is. */
static bool read_label(const char *name, const char *text, const char **label)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    *label = text;
    return text[strspn(text, allowed)] == '\0' || fail(name, text, "letters, digits, and ._-");
}

static bool read_pid(struct load_options *options, const char *text)
{
    uint64_t pid = 0;
    if (options->pid_count == LOAD_MAX_PIDS) {
        return fail("pid", text, "fewer of them");
    }
    if (!read_count("pid", text, INT32_MAX, &pid)) {
        return false;
    }
    options->pids[options->pid_count++] = (pid_t)pid;
    return true;
}

/* What to run: the mode and what belongs to it. */
static bool set_mode(struct load_options *o, int code, const char *name, const char *value)
{
    if (code == OPTION_RATE) {
        o->mode = LOAD_RATE;
        return read_number(name, value, 1e7, &o->rate) && (o->rate > 0 || fail(name, value, "> 0"));
    }
    if (code == OPTION_CLOSED) {
        o->mode = LOAD_CLOSED;
        return read_unsigned(name, value, 4096, &o->window);
    }
    if (code == OPTION_IDLE) {
        o->mode = LOAD_IDLE;
        return read_unsigned(name, value, LOAD_MAX_MINERS, &o->miners);
    }
    o->mode = LOAD_DUMP;
    o->dump_file = value;
    return true;
}

static bool set_duration(struct load_options *o, int code, const char *name, const char *value)
{
    double *target = code == OPTION_WARMUP    ? &o->warmup
                     : code == OPTION_SECONDS ? &o->seconds
                     : code == OPTION_SETTLE  ? &o->settle
                     : code == OPTION_DRAIN   ? &o->drain
                                              : &o->handshake;
    return read_number(name, value, 1e6, target);
}

static bool set_option(struct load_options *o, int code, const char *name, const char *value)
{
    switch (code) {
    case OPTION_POOL:
        return read_address(name, value, &o->pool);
    case OPTION_CONNECT:
        return read_address(name, value, &o->connect);
    case OPTION_PID:
        return read_pid(o, value);
    case OPTION_MINERS:
        return read_unsigned(name, value, LOAD_MAX_MINERS, &o->miners);
    case OPTION_RANDOM:
        return o->random_times = true;
    case OPTION_NOTIFY:
        return read_number(name, value, 1e7, &o->notify_ms);
    case OPTION_BURST:
        return read_unsigned(name, value, LOAD_MAX_MINERS, &o->burst);
    case OPTION_FRAG:
        return o->frag = true;
    case OPTION_NO_CLOSE_CHECK:
        o->close_check = false;
        return true;
    case OPTION_SEED:
        return read_count(name, value, UINT64_MAX, &o->seed);
    case OPTION_LABEL:
        return read_label(name, value, &o->label);
    case OPTION_MESSAGES:
        return read_count(name, value, UINT64_MAX, &o->messages);
    case OPTION_RATE:
    case OPTION_CLOSED:
    case OPTION_IDLE:
    case OPTION_DUMP:
        return set_mode(o, code, name, value);
    default:
        return set_duration(o, code, name, value);
    }
}

static void set_defaults(struct load_options *o)
{
    *o = (struct load_options){
        .mode = LOAD_RATE,
        .miners = 100,
        .window = 1,
        .burst = 64,
        .rate = 2000,
        .notify_ms = 5000,
        .warmup = 1,
        .seconds = 10,
        .settle = 1,
        .drain = 10,
        .handshake = 60,
        .close_check = true,
        .seed = 20090103,
        .label = "",
        .messages = 1000000,
    };
    read_address("pool", "127.0.0.1:4444", &o->pool);
}

int load_options_parse(struct load_options *options, int argc, char **argv)
{
    int index = 0;
    set_defaults(options);
    for (int code = getopt_long(argc, argv, "", long_options, &index); code != -1;
         code = getopt_long(argc, argv, "", long_options, &index)) {
        if (code == OPTION_HELP) {
            fputs(help, stdout);
            return 0;
        }
        if (code == '?' || !set_option(options, code, long_options[index].name, optarg)) {
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "stratum_load: unexpected argument: %s\n", argv[optind]);
        return 2;
    }
    if (options->connect.sin_port == 0) {
        options->connect = options->pool;
    }
    return -1;
}

const char *load_mode_name(enum load_mode mode)
{
    switch (mode) {
    case LOAD_RATE:
        return "rate";
    case LOAD_CLOSED:
        return "closed";
    case LOAD_IDLE:
        return "idle";
    case LOAD_DUMP:
        return "dump";
    }
    return "";
}
