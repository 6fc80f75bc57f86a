/*
 * load.h - the state of one run, shared by its parts: load_pool (the mock pool), load_miner (the
 * simulated miners) and load_run (the phases). One thread, one epoll loop, no code in common with
 * the programs under test: what judges them should not share their faults.
 */
#ifndef HASHSCOPE_BENCH_LOAD_H
#define HASHSCOPE_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/load_options.h"
#include "tests/bench/load_stats.h"
#include "tests/bench/load_stream.h"
#include "tests/bench/load_traffic.h"

/* A submit whose answer has not come. */
struct open_submit {
    uint64_t id;
    int64_t due_ns; /* open loop: when it should have been sent; closed: when it was */
};

enum miner_state {
    MINER_NEW,         /* not connected yet */
    MINER_SUBSCRIBING, /* subscribe is sent */
    MINER_AUTHORIZING, /* authorize is sent */
    MINER_WAITING,     /* authorized, without a job */
    MINER_READY,
    MINER_GONE,
};

struct pool_session;

struct miner {
    struct stream stream;
    enum miner_state state;
    unsigned number;
    uint32_t job; /* the last one it was told */
    uint64_t next_id;
    struct open_submit *open;                     /* a ring, oldest at open_first */
    size_t open_first, open_count, open_capacity; /* the capacity is a power of two */
    struct pool_session *session; /* the pool's end; NULL until it named itself there */
};

struct pool_session {
    struct stream stream;
    uint32_t extranonce1;
    struct miner *miner; /* NULL until authorize */
    struct pool_session *next;
};

enum load_phase {
    LOAD_CONNECTING,
    LOAD_SETTLING, /* idle: waiting for the memory to be read */
    LOAD_WARMING,  /* load runs, nothing is measured */
    LOAD_MEASURING,
    LOAD_DRAINING, /* no new submits; the last answers come in */
    LOAD_CLOSING,  /* connections may end */
};

struct load {
    const struct load_options *options;
    enum load_phase phase;
    int64_t now_ns; /* monotonic, set after every wait and read */
    struct stream_loop loop;
    struct traffic traffic;
    struct stream listener;
    struct pool_session *sessions; /* all ever accepted, newest first */
    uint32_t accepted;
    struct miner *miners; /* options->miners of them */
    unsigned started;     /* connects begun */
    unsigned ready;
    unsigned handshaking;    /* started, not ready */
    uint64_t open_submits;   /* of all miners */
    unsigned closes_awaited; /* streams whose other side was closed */
    int64_t measured_from_ns;
    int64_t next_submit_ns, next_notify_ns; /* when due */
    unsigned next_miner;
    struct load_counters counters;
    struct load_faults faults;
    struct histogram round_trip;
    struct histogram lateness; /* how far behind its due time a submit was sent */
};

int64_t load_clock_ns(void);

/* A stream ended by itself: counted as a fault, or awaited at the close. Closes it. */
void load_stream_ended(struct load *load, struct stream *stream);

#endif
