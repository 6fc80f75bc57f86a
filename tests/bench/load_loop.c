/*
 * load_loop.c - see load_loop.h.
 *
 * Waiting uses a time-out in nanoseconds (epoll_pwait2), so that submits leave when they are due;
 * the kernel's usual slack of 50 us is switched off in stratum_load.c.
 */
#include "tests/bench/load_loop.h"

#include <sys/epoll.h>
#include <time.h>

#include "tests/bench/load_miner.h"
#include "tests/bench/load_pool.h"

#define EVENTS_A_TURN 512
#define NS_PER_S      INT64_C(1000000000)

int64_t load_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

void load_stream_ended(struct load *load, struct stream *stream)
{
    if (load->phase == LOAD_CLOSING) {
        load->closes_awaited -= load->closes_awaited > 0;
    } else {
        load->faults.disconnect++;
    }
    if (stream->role == STREAM_MINER) {
        struct miner *miner = (struct miner *)(void *)stream;
        if (miner->state != MINER_READY && load->handshaking > 0) {
            load->handshaking--;
        }
        miner->state = MINER_GONE;
    }
    stream_close(&load->loop, stream);
}

/* A stream is the first member of its miner or session. */
static void dispatch(struct load *load, struct stream *stream, uint32_t events)
{
    if (stream->fd < 0) {
        return; /* closed by an earlier event of this turn */
    }
    if (events & EPOLLOUT) {
        stream_flush(&load->loop, stream);
    }
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
        return;
    }
    switch (stream->role) {
    case STREAM_LISTENER:
        load_pool_accept(load);
        break;
    case STREAM_POOL:
        load_pool_read(load, (struct pool_session *)(void *)stream);
        break;
    case STREAM_MINER:
        load_miner_read(load, (struct miner *)(void *)stream);
        break;
    }
}

void load_turn(struct load *load, int64_t wake_ns)
{
    struct epoll_event events[EVENTS_A_TURN];
    const int64_t now = load_clock_ns();
    const int64_t wait = wake_ns > now ? wake_ns - now : 0;
    const struct timespec timeout = {.tv_sec = (time_t)(wait / NS_PER_S),
                                     .tv_nsec = (long)(wait % NS_PER_S)};
    const int count = epoll_pwait2(load->loop.epoll_fd, events, EVENTS_A_TURN, &timeout, NULL);
    for (int i = 0; i < count; i++) {
        dispatch(load, events[i].data.ptr, events[i].events);
    }
    stream_flush_deferred(&load->loop);
    load->now_ns = load_clock_ns();
}
