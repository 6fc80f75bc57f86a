/* load_options.h - the command line of stratum_load. */
#ifndef HASHSCOPE_BENCH_LOAD_OPTIONS_H
#define HASHSCOPE_BENCH_LOAD_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LOAD_MAX_MINERS 100000u /* worker names have five digits */
#define LOAD_MAX_PIDS   8u

enum load_mode {
    LOAD_RATE,   /* open loop: submits at given times, however slow the answers are */
    LOAD_CLOSED, /* closed loop: each answer brings the next submit */
    LOAD_IDLE,   /* sessions that do nothing */
    LOAD_DUMP,   /* no network */
};

struct load_options {
    enum load_mode mode;
    struct sockaddr_in pool;    /* where the mock pool listens */
    struct sockaddr_in connect; /* where miners connect to: the relay, or the pool itself */
    unsigned miners;
    unsigned window;   /* closed: submits open in each session */
    unsigned burst;    /* handshakes under way at once */
    double rate;       /* open: submits a second, all miners together */
    bool random_times; /* open: exponential gaps and miners drawn at random, not evenly in turn */
    double notify_ms;  /* a new job to all sessions this often; 0: none but the first */
    double warmup, seconds, settle, drain, handshake; /* durations in seconds */
    bool frag;
    bool close_check;
    uint64_t seed;
    const char *label;
    const char *dump_file;
    uint64_t messages; /* dump: lines */
    pid_t pids[LOAD_MAX_PIDS];
    size_t pid_count;
};

/* Prints what is wrong, or the help, and returns the exit status to end with; -1 to go on. */
int load_options_parse(struct load_options *options, int argc, char **argv);
const char *load_mode_name(enum load_mode mode);

#endif
