/*
 * loop_members.c - the streams of a loop: in its epoll set, and in its list of those that are due.
 *
 * Edge-triggered means: the kernel reports once that something has come. The stream remembers it
 * (`readable`) until it has read all, so pausing and resuming a stream costs no system call, and an
 * event of a stream that is read at once costs epoll no second look.
 *
 * Due are streams that have something to do without the kernel: to report an error that was met
 * inside a user's call, to go on reading after a pause, to say that they are closed. Memory of a
 * stream goes in its last turn, when no event of this round can name it any more.
 *
 * How it can fail: no room in the set (max_user_watches); the stream is then not opened.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "lib/event/stream_private.h"

int loop_watch(struct stream *stream)
{
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
        .data.ptr = stream,
    };
    return epoll_ctl(stream->loop->epoll, EPOLL_CTL_ADD, stream->fd, &event) == 0 ? 0 : errno;
}

void loop_forget(struct stream *stream)
{
    (void)epoll_ctl(stream->loop->epoll, EPOLL_CTL_DEL, stream->fd, NULL);
}

void loop_due(struct stream *stream)
{
    struct stream_loop *loop = stream->loop;
    if (stream->due)
        return;
    stream->due = 1;
    stream->next_due = NULL;
    if (loop->due_last == NULL)
        loop->due_first = stream;
    else
        loop->due_last->next_due = stream;
    loop->due_last = stream;
}

void stream_fail_later(struct stream *stream, int code)
{
    if (stream->failed || stream->closing)
        return;
    stream->failed = 1;
    stream->error = code;
    loop_due(stream);
}
