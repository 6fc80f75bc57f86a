/*
 * loop.c - waiting: one epoll set with every stream of the loop in it (loop_members.c), and libuv's
 * own descriptor for all the rest (timers, signals, listeners, lookups). libuv is made to be
 * embedded so: uv_backend_fd tells when it has something to do, uv_backend_timeout by when.
 *
 *   turn:  wait ─▶ streams with events ─▶ those that are due ─▶ those that wait to be read ─▶
 * libuv, if it has anything
 *
 * libuv's next timer is an alarm in the same set, set when it changes. A time-out of epoll_wait
 * would be set and cancelled for every message, and each time is a trip to the clock's hardware,
 * through the hypervisor where there is one.
 *
 * How it can fail: epoll_wait only by a signal, which is no failure. Without descriptors for the
 * set the program ends, as it does without memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/memory.h"
#include "lib/event/stream_private.h"

#define EVENTS_A_TURN  256
#define UV_TIME_AGE_MS 4
#define HELD_MS        1  /* then whoever may not be read is asked about again */
#define EVENTS_A_CLOCK 16 /* that are read before the time is looked at again */

static void must(bool done)
{
    if (done)
        return;
    log_error("the event loop cannot start: %s", strerror(errno));
    exit(EXIT_FAILURE);
}

void stream_loop_init(struct stream_loop *loop, uv_loop_t *uv)
{
    struct epoll_event backend = {.events = EPOLLIN, .data.ptr = NULL};
    struct epoll_event alarm = {.events = EPOLLIN, .data.ptr = loop};
    *loop = (struct stream_loop){.uv = uv};
    loop->read_buffer = memory_new(STREAM_KEPT_MAX + STREAM_READ_SIZE + STREAM_TLS_ROOM);
    loop->forwards = memory_new(STREAM_FORWARDS * sizeof *loop->forwards);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    must(loop->epoll >= 0);
    loop->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    must(loop->alarm >= 0);
    must(epoll_ctl(loop->epoll, EPOLL_CTL_ADD, uv_backend_fd(uv), &backend) == 0);
    must(epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->alarm, &alarm) == 0);
}

void stream_loop_close(struct stream_loop *loop)
{
    (void)close(loop->alarm);
    (void)close(loop->epoll);
    free(loop->read_buffer);
    free(loop->forwards);
    fair_free(&loop->fair);
    *loop = (struct stream_loop){.epoll = -1, .alarm = -1};
}

/* ---- a turn ---- */

/* Those that become due meanwhile wait for the next turn. */
static void run_due(struct stream_loop *loop)
{
    struct stream *stream = loop->due_first;
    loop->due_first = loop->due_last = NULL;
    while (stream != NULL) {
        struct stream *next = stream->next_due;
        stream->due = 0;
        stream_turn(stream);
        stream = next;
    }
}

static void arm(struct stream_loop *loop, uint64_t alarm_ms)
{
    const struct itimerspec at = {
        .it_value = {.tv_sec = (time_t)(alarm_ms / 1000),
                     .tv_nsec = (long)(alarm_ms % 1000 * NS_PER_MS)},
    };
    loop->alarm_ms = alarm_ms;
    (void)timerfd_settime(loop->alarm, TFD_TIMER_ABSTIME, &at, NULL);
}

/* What epoll_wait is to wait, milliseconds: nothing, or until something comes. */
static int wait_ms(struct stream_loop *loop)
{
    bool waiting = loop->fair.count > 0;
    if (loop->due_first != NULL || (waiting && !loop->held))
        return 0;
    int wait = uv_backend_timeout(loop->uv);
    if (wait == 0)
        return uv_loop_alive(loop->uv) ? 0 : waiting ? HELD_MS : -1;
    if (wait > 0 && uv_now(loop->uv) + (uint64_t)wait != loop->alarm_ms)
        arm(loop, uv_now(loop->uv) + (uint64_t)wait);
    return waiting ? HELD_MS : -1;
}

static void quit_alarm(struct stream_loop *loop)
{
    uint64_t times;
    (void)!read(loop->alarm, &times, sizeof times);
    loop->alarm_ms = 0;
}

bool stream_loop_leave(struct stream_loop *loop)
{
    loop->leaving = true;
    return loop->forgotten > 0;
}

/* Nothing is left of libuv but forgotten lookups; with handles to close its time-out would be 0. */
static bool only_lookups_are_left(const struct stream_loop *loop)
{
    return loop->leaving && loop->forgotten > 0 && loop->uv->active_handles == 0 &&
           loop->uv->active_reqs.count == loop->forgotten && uv_backend_timeout(loop->uv) != 0;
}

static bool is_alive(const struct stream_loop *loop)
{
    return loop->open > 0 || (uv_loop_alive(loop->uv) && !only_lookups_are_left(loop));
}

/* For whoever asks what time it is, and for timers that are started now: those may fire earlier by
 * UV_TIME_AGE_MS, libuv's clock is not asked for every message. */
static void look_at_clock(struct stream_loop *loop)
{
    loop->now_ns = clock_mono_ns();
    if (loop->now_ns - loop->uv_told_ns < UV_TIME_AGE_MS * NS_PER_MS)
        return;
    uv_update_time(loop->uv);
    loop->uv_told_ns = loop->now_ns;
}

static void turn(struct stream_loop *loop, int wait)
{
    struct epoll_event events[EVENTS_A_TURN];
    int count = epoll_wait(loop->epoll, events, EVENTS_A_TURN, wait);
    bool backend = wait == 0;
    look_at_clock(loop);
    loop->spent = 0;
    for (int i = 0; i < count; i++) {
        if (i % EVENTS_A_CLOCK == EVENTS_A_CLOCK - 1)
            loop->now_ns = clock_mono_ns();
        if (events[i].data.ptr == loop)
            quit_alarm(loop);
        if (events[i].data.ptr == NULL || events[i].data.ptr == loop)
            backend = true;
        else
            stream_events(events[i].data.ptr, events[i].events);
    }
    run_due(loop);
    loop_settle(loop);
    if (loop->fair.count > 0) {
        receive_waiting(loop);
        loop_settle(loop);
    } else {
        fair_rest(&loop->fair);
    }
    if (backend)
        (void)uv_run(loop->uv, UV_RUN_NOWAIT);
}

void stream_loop_run(struct stream_loop *loop, uv_run_mode mode)
{
    look_at_clock(loop);
    if (mode == UV_RUN_NOWAIT)
        turn(loop, 0);
    while (mode != UV_RUN_NOWAIT && is_alive(loop)) {
        turn(loop, wait_ms(loop));
        if (mode == UV_RUN_ONCE)
            return;
    }
}
