/*
 * report.c - what a stream tells its user from the loop: an error, the peer's end, that all is
 * sent.
 *
 * Each of the first two is told once, and nothing after an error. Before any of them what is being
 * forwarded is sent, so that the user finds it done.
 */
#include <errno.h>
#include <sys/socket.h>

#include "lib/event/visit.h"

void stream_fail(struct stream *stream, int code)
{
    if (stream->closing || stream->reported)
        return;
    if (!stream->failed)
        stream->error = code;
    stream->failed = 1;
    stream->reported = 1;
    stream_receive_stop(stream);
    loop_settle(stream->loop);
    stream->callbacks->on_error(stream, stream->error);
}

/* Behind a FIN nothing is read any more, and a read would tell of nothing but the FIN: what comes
 * after it, a reset most of all, only epoll and SO_ERROR know. Linux calls it EPIPE there. */
void stream_fail_if_broken(struct stream *stream)
{
    int errnum = 0;
    socklen_t len = sizeof errnum;
    if (!stream->broken || !stream->ended || stream->closing)
        return;
    (void)getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &errnum, &len);
    bool reset = errnum == 0 || errnum == EPIPE;
    stream_fail(stream, reset ? UV_ECONNRESET : uv_translate_sys_error(errnum));
}

void stream_end(struct stream *stream)
{
    if (stream->closing || stream->reported || stream->ended)
        return;
    if (stream->failed) { /* the reset was met while writing, and reading then sees only an end */
        stream_fail(stream, stream->error);
        return;
    }
    stream->ended = 1;
    stream_receive_stop(stream);
    loop_settle(stream->loop);
    stream->callbacks->on_end(stream);
    stream_fail_if_broken(stream);
}

void stream_drained(struct stream *stream)
{
    loop_settle(stream->loop);
    if (stream->queued > 0 || stream->failed)
        return;
    if (stream->want_shutdown)
        stream_finish(stream);
    if (stream->callbacks->on_drain != NULL)
        stream->callbacks->on_drain(stream);
}
