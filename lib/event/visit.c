/*
 * visit.c - see visit.h. Nothing here reads, and nothing can fail.
 */
#include "lib/event/visit.h"

#include <string.h>

void stream_charge(struct stream *stream, size_t work)
{
    fair_use(&stream->fair, work);
    stream->loop->spent += work;
}

/* How many bytes the first so many lines have, or all if there are fewer. */
static size_t lines_len(const char *data, size_t len, size_t lines)
{
    const char *at = data, *end = data + len;
    if (len <= lines)
        return len;
    for (size_t i = 0; i < lines; i++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at == NULL)
            return len;
        at++;
    }
    return (size_t)(at - data);
}

size_t visit_lines(const struct stream *stream, const char *data, size_t len)
{
    const struct stream_loop *loop = stream->loop;
    return lines_len(data, len, loop->lines_a_read * visit_portion(loop) / VISIT_MOST);
}

void stream_receive_start(struct stream *stream)
{
    stream->receiving = 1;
    if (visit_has_more(stream))
        loop_due(stream);
}

void stream_receive_stop(struct stream *stream)
{
    stream->receiving = 0;
    fair_leave(&stream->loop->fair, &stream->fair);
    if (stream->failed && !stream->reported && !stream->closing)
        loop_due(stream);
}
