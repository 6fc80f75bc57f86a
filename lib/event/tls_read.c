/*
 * tls_read.c - from a stream's socket to its user: the handshake, and what comes after it.
 *
 * What the user does not want yet (reading is stopped, or others have their turn) stays encrypted
 * in `leftover`, or with OpenSSL; receive.c brings it when the user wants more, and only then is
 * the socket read again. The socket is read during the handshake whatever the user wishes, after
 * that only while he reads.
 *
 * OpenSSL answers some of a peer's messages by itself (updates of keys), in the queue of what the
 * user writes; nobody stops reading for that queue. So each of them is charged, and a peer that
 * lets more than ANSWERS_MAX bytes of answers wait is cut off.
 *
 * How it can fail: the peer speaks no TLS or a different one, a certificate does not please, the
 * peer closes in the middle of the handshake: UV_EPROTO with a text. A FIN without close_notify
 * after the handshake is an end like any other: common among miners, and a cut line shows as such.
 */
#include <openssl/err.h>

#include "lib/event/tls_private.h"
#include "lib/event/visit.h"

#define RECORD_MAX     16384
#define RECORD_FIRST   4096
#define HANDSHAKE_WORK (256u << 10) /* a step costs as much as reading this, see receive.c */
#define MESSAGE_WORK   (8u << 10)   /* so does a message of TLS's own */
#define ANSWERS_MAX    (16u << 10)

/* What had to wait for the end of the handshake. */
static void send_waiting(struct stream *stream)
{
    struct tls_session *session = stream->tls;
    struct buffer waiting = session->unsent;
    session->unsent = (struct buffer){0};
    tls_write_plain(stream, waiting.data, waiting.len);
    stream_count_queued(stream);
    if (session->shutdown)
        tls_send_close_notify(stream);
    if (waiting.len > 0 && stream->queue == NULL)
        stream_drained(stream);
    buffer_close(&waiting);
}

static void on_established(struct stream *stream)
{
    stream->tls->established = true;
    if (!stream->reading)
        stream_receive_stop(stream);
    loop_settle(stream->loop);
    if (stream->callbacks->on_tls != NULL)
        stream->callbacks->on_tls(stream);
    if (!stream->closing)
        send_waiting(stream);
}

static void handshake(struct stream *stream)
{
    struct tls_session *session = stream->tls;
    ERR_clear_error();
    stream_charge(stream, HANDSHAKE_WORK);
    int result = SSL_do_handshake(session->ssl);
    if (result == 1) {
        on_established(stream);
    } else if (SSL_get_error(session->ssl, result) != SSL_ERROR_WANT_READ) {
        tls_session_keep_reason(session);
        stream_fail(stream, UV_EPROTO);
    }
}

static bool wants_data(const struct stream *stream)
{
    return stream->reading && !stream->closing && !stream->ended && !stream->reported &&
           stream->tls->established;
}

/* Lines of a large record come in parts (receive.c): what they leave stays with OpenSSL. */
static int read_record(const struct stream *stream, char *plain)
{
    SSL *ssl = stream->tls->ssl;
    if (stream->loop->lines_a_read == 0)
        return SSL_read(ssl, plain, RECORD_MAX);
    if (!visit_looks(stream) && SSL_pending(ssl) == 0)
        return SSL_read(ssl, plain, RECORD_FIRST);
    int there = SSL_peek(ssl, plain, RECORD_MAX);
    return there <= 0 ? there
                      : SSL_read(ssl, plain, (int)visit_lines(stream, plain, (size_t)there));
}

/* Gives the user a record's content, or a part of it; false when there is no more. */
static bool deliver_record(struct stream *stream)
{
    struct tls_session *session = stream->tls;
    char *plain = stream->loop->read_buffer + STREAM_KEPT_MAX + STREAM_READ_SIZE;
    ERR_clear_error();
    session->answering = true;
    int count = read_record(stream, plain);
    session->answering = false;
    if (count > 0) {
        stream->callbacks->on_data(stream, plain, (size_t)count);
        return true;
    }
    int error = SSL_get_error(session->ssl, count);
    if (session->answers > ANSWERS_MAX) {
        tls_session_set_error(session, "TLS: ", "the peer asks for answers that it does not read");
        stream_fail(stream, UV_EPROTO);
    } else if (error == SSL_ERROR_WANT_READ && session->input.len > 0) {
        stream_charge(stream, MESSAGE_WORK); /* OpenSSL comes back from each, see tls_context.c */
        return true;
    } else if (error == SSL_ERROR_ZERO_RETURN) {
        stream_end(stream);
    } else if (error != SSL_ERROR_WANT_READ) {
        tls_session_keep_reason(session);
        stream_fail(stream, UV_EPROTO);
    }
    return false;
}

static void process(struct stream *stream)
{
    if (!stream->tls->established)
        handshake(stream);
    while (wants_data(stream) && deliver_record(stream) && !visit_is_over(stream))
        continue;
}

void tls_session_receive(struct stream *stream, const char *data, size_t len)
{
    struct tls_session *session = stream->tls;
    struct buffer before = session->leftover;
    session->leftover = (struct buffer){0};
    if (before.len > 0) {
        buffer_append(&before, data, len);
        session->input = span_make(before.data, before.len);
    } else {
        session->input = span_make(data, len);
    }
    process(stream);
    if (session->input.len > 0 && !stream->closing && !stream->ended && !stream->reported)
        buffer_append(&session->leftover, session->input.data, session->input.len);
    session->input = span_make(NULL, 0);
    buffer_close(&before);
}

void tls_session_receive_end(struct stream *stream)
{
    if (!stream->tls->established) {
        tls_session_set_error(stream->tls, "TLS: ", "connection closed during the handshake");
        stream_fail(stream, UV_EPROTO);
        return;
    }
    stream_end(stream);
}

void tls_session_read_stop(struct stream *stream)
{
    if (!stream->tls->established)
        return;
    stream_receive_stop(stream);
}
