/*
 * load_miner.c - see load_miner.h.
 *
 * A miner connects without waiting: its subscribe is queued at once and leaves when the connection
 * stands. In a closed loop the submits that the answers of one read bring about are written at
 * once.
 */
#include "tests/bench/load_miner.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_SUBMIT_ID 3 /* 1 is subscribe, 2 is authorize */

bool load_miner_start(struct load *load, struct miner *miner)
{
    const struct sockaddr_in *address = &load->options->connect;
    const int on = 1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 &&
        errno != EINPROGRESS) {
        close(fd);
        return false;
    }
    if (!stream_open(&load->loop, &miner->stream, STREAM_MINER, fd)) {
        return false;
    }
    char *out = stream_room(&miner->stream, TRAFFIC_LINE_MAX);
    stream_commit(&load->loop, &miner->stream, traffic_subscribe(out));
    stream_flush(&load->loop, &miner->stream);
    miner->state = MINER_SUBSCRIBING;
    miner->next_id = FIRST_SUBMIT_ID;
    return true;
}

static void open_push(struct miner *miner, struct open_submit submit)
{
    if (miner->open_count == miner->open_capacity) {
        const size_t old = miner->open_capacity;
        const size_t capacity = old ? 2 * old : 16;
        struct open_submit *bigger = malloc(capacity * sizeof *bigger);
        if (bigger == NULL) {
            perror("stratum_load: memory");
            abort();
        }
        for (size_t i = 0; i < miner->open_count; i++) {
            bigger[i] = miner->open[(miner->open_first + i) & (old - 1)];
        }
        free(miner->open);
        miner->open = bigger;
        miner->open_first = 0;
        miner->open_capacity = capacity;
    }
    const size_t at = (miner->open_first + miner->open_count) & (miner->open_capacity - 1);
    miner->open[at] = submit;
    miner->open_count++;
}

void load_miner_submit(struct load *load, struct miner *miner, int64_t due_ns)
{
    char *out = stream_room(&miner->stream, TRAFFIC_LINE_MAX);
    const uint64_t id = miner->next_id++;
    const size_t len = traffic_submit(&load->traffic, out, miner->number, id, miner->job);
    stream_commit(&load->loop, &miner->stream, len);
    open_push(miner, (struct open_submit){id, due_ns});
    load->open_submits++;
}

/* In a closed loop the answer brings the next submit, due now. */
static void take_answer(struct load *load, struct miner *miner, uint64_t id)
{
    const struct open_submit oldest =
        miner->open_count ? miner->open[miner->open_first] : (struct open_submit){0, 0};
    if (oldest.id != id) {
        load->faults.order++;
        return;
    }
    miner->open_first = (miner->open_first + 1) & (miner->open_capacity - 1);
    miner->open_count--;
    load->open_submits--;
    load->counters.replies++;
    if (load->measured_from_ns > 0 && oldest.due_ns >= load->measured_from_ns) {
        histogram_add(&load->round_trip, load->now_ns - oldest.due_ns);
    }
    const bool loading = load->phase == LOAD_WARMING || load->phase == LOAD_MEASURING;
    if (loading && load->options->mode == LOAD_CLOSED) {
        load_miner_submit(load, miner, load->now_ns);
    }
}

static void authorize(struct load *load, struct miner *miner)
{
    char *out = stream_room(&miner->stream, TRAFFIC_LINE_MAX);
    stream_commit(&load->loop, &miner->stream, traffic_authorize(out, miner->number));
    miner->state = MINER_AUTHORIZING;
}

static void take_job(struct load *load, struct miner *miner, uint32_t job)
{
    miner->job = job;
    if (miner->state == MINER_WAITING) {
        miner->state = MINER_READY;
        load->ready++;
        load->handshaking--;
    }
}

/* What a callback of stream_read needs. */
struct miner_reader {
    struct load *load;
    struct miner *miner;
};

static void miner_line(void *owner, const char *line, size_t len)
{
    const struct miner_reader *reader = owner;
    struct load *load = reader->load;
    struct miner *miner = reader->miner;
    const struct traffic_view view = traffic_read(line, len);
    load->counters.lines_down++;
    if (view.kind == TRAFFIC_TRUE_REPLY && miner->state == MINER_READY) {
        take_answer(load, miner, view.id_number);
    } else if (view.kind == TRAFFIC_NOTIFY) {
        take_job(load, miner, view.number);
    } else if (view.kind == TRAFFIC_TRUE_REPLY && miner->state == MINER_AUTHORIZING) {
        miner->state = MINER_WAITING;
    } else if (view.kind == TRAFFIC_OTHER_REPLY && miner->state == MINER_SUBSCRIBING) {
        authorize(load, miner);
    } else if (view.kind != TRAFFIC_SET_DIFFICULTY) {
        load->faults.protocol++;
    }
}

void load_miner_read(struct load *load, struct miner *miner)
{
    struct miner_reader reader = {load, miner};
    load->now_ns = load_clock_ns();
    const enum stream_state state = stream_read(&load->loop, &miner->stream, miner_line, &reader);
    if (state == STREAM_ENDED) {
        load_stream_ended(load, &miner->stream);
        return;
    }
    stream_flush(&load->loop, &miner->stream);
}

void load_miner_close(struct load *load, struct miner *miner)
{
    stream_close(&load->loop, &miner->stream);
    free(miner->open);
    miner->open = NULL;
    miner->open_count = miner->open_capacity = 0;
}
