/*
 * load_pool.c - see load_pool.h. A session's answers to everything that one read brought are
 * written at once. A line that no simulated miner sends is counted as a fault and not answered.
 */
#include "tests/bench/load_pool.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define SPREAD  2654435761u /* odd, so that the extranonces stay distinct but look drawn */

bool load_pool_listen(struct load *load)
{
    const struct sockaddr_in *address = &load->options->pool;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (fd < 0) {
        return false;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0 ||
        listen(fd, BACKLOG) != 0) {
        close(fd);
        return false;
    }
    return stream_open(&load->loop, &load->listener, STREAM_LISTENER, fd);
}

void load_pool_accept(struct load *load)
{
    for (;;) {
        const int fd = accept4(load->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct pool_session *session = calloc(1, sizeof *session);
        if (session == NULL) {
            close(fd);
            return;
        }
        session->extranonce1 = ++load->accepted * SPREAD;
        session->next = load->sessions;
        load->sessions = session;
        stream_open(&load->loop, &session->stream, STREAM_POOL, fd);
    }
}

static void answer_authorize(struct load *load, struct pool_session *session,
                             const struct traffic_view *request)
{
    struct stream *stream = &session->stream;
    struct miner *miner =
        request->number < load->options->miners ? &load->miners[request->number] : NULL;
    if (miner == NULL) {
        load->faults.protocol++;
        return;
    }
    if (miner->session != NULL) {
        load->faults.duplicate++;
        return;
    }
    miner->session = session;
    session->miner = miner;
    char *out = stream_room(stream, TRAFFIC_LINE_MAX);
    stream_commit(&load->loop, stream, traffic_true_reply(out, request->id, request->id_len));
    out = stream_room(stream, TRAFFIC_LINE_MAX);
    stream_commit(&load->loop, stream, traffic_set_difficulty(out));
    stream_put(&load->loop, stream, load->traffic.notify, load->traffic.notify_len);
}

/* What a callback of stream_read needs. */
struct pool_reader {
    struct load *load;
    struct pool_session *session;
};

static void pool_line(void *owner, const char *line, size_t len)
{
    const struct pool_reader *reader = owner;
    struct load *load = reader->load;
    struct stream *stream = &reader->session->stream;
    const struct traffic_view view = traffic_read(line, len);
    load->counters.lines_up++;
    if (view.kind == TRAFFIC_SUBMIT) {
        load->counters.submits++;
        char *out = stream_room(stream, TRAFFIC_LINE_MAX);
        stream_commit(&load->loop, stream, traffic_true_reply(out, view.id, view.id_len));
    } else if (view.kind == TRAFFIC_SUBSCRIBE) {
        char *out = stream_room(stream, TRAFFIC_LINE_MAX);
        stream_commit(&load->loop, stream,
                      traffic_subscribe_reply(out, reader->session->extranonce1));
    } else if (view.kind == TRAFFIC_AUTHORIZE) {
        answer_authorize(load, reader->session, &view);
    } else {
        load->faults.protocol++;
    }
}

void load_pool_read(struct load *load, struct pool_session *session)
{
    struct pool_reader reader = {load, session};
    const enum stream_state state = stream_read(&load->loop, &session->stream, pool_line, &reader);
    if (state == STREAM_ENDED) {
        load_stream_ended(load, &session->stream);
        return;
    }
    stream_flush(&load->loop, &session->stream);
}

void load_pool_new_job(struct load *load)
{
    traffic_next_job(&load->traffic);
    for (struct pool_session *s = load->sessions; s != NULL; s = s->next) {
        if (s->miner != NULL && s->stream.fd >= 0) {
            stream_put(&load->loop, &s->stream, load->traffic.notify, load->traffic.notify_len);
            stream_flush(&load->loop, &s->stream);
        }
    }
}

void load_pool_close(struct load *load)
{
    while (load->sessions != NULL) {
        struct pool_session *session = load->sessions;
        load->sessions = session->next;
        stream_close(&load->loop, &session->stream);
        free(session);
    }
    stream_close(&load->loop, &load->listener);
}
