/*
 * tls_write.c - how OpenSSL reaches a stream, and what the user writes.
 *
 * OpenSSL is given a BIO of our own in place of a socket: what it reads are the bytes last received
 * (`input`, borrowed during the call), what it writes goes to queue_send. So no ciphertext is held
 * while a session is idle. What the user writes before the handshake is complete waits in `unsent`.
 *
 * How it can fail: as any write, or OpenSSL refuses; stream_fail_later reports it.
 */
#include <limits.h>
#include <string.h>

#include <openssl/err.h>

#include "lib/event/tls_private.h"

/* ---- the BIO ---- */

static int bio_write(BIO *bio, const char *data, int len)
{
    struct stream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (len > 0 && !stream->failed && !stream->closing)
        (void)queue_send(stream, data, (size_t)len);
    if (stream->queue == NULL)
        stream->tls->answers = 0;
    else if (stream->tls->answering)
        stream->tls->answers += (uint32_t)len;
    return len; /* what a broken stream drops is reported by the stream */
}

static int bio_read(BIO *bio, char *out, int size)
{
    const struct stream *stream = BIO_get_data(bio);
    struct span *input = &stream->tls->input;
    BIO_clear_retry_flags(bio);
    if (size <= 0)
        return 0;
    if (input->len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t len = input->len < (size_t)size ? input->len : (size_t)size;
    memcpy(out, input->data, len);
    *input = span_make(input->data + len, input->len - len);
    return (int)len;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_bio_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (method == NULL)
        return NULL;
    (void)BIO_meth_set_write(method, bio_write);
    (void)BIO_meth_set_read(method, bio_read);
    (void)BIO_meth_set_ctrl(method, bio_control);
    return method;
}

/* ---- writing ---- */

void tls_write_plain(struct stream *stream, const char *data, size_t len)
{
    struct tls_session *session = stream->tls;
    while (len > 0 && !stream->failed) {
        int part = len > INT_MAX ? INT_MAX : (int)len;
        ERR_clear_error();
        if (SSL_write(session->ssl, data, part) <= 0) {
            tls_session_keep_reason(session);
            stream_fail_later(stream, UV_EPROTO);
            return;
        }
        data += part;
        len -= (size_t)part;
    }
}

void tls_send_close_notify(struct stream *stream)
{
    ERR_clear_error();
    (void)SSL_shutdown(stream->tls->ssl);
    ERR_clear_error();
    stream_finish(stream);
}

size_t tls_session_write(struct stream *stream, const char *data, size_t len)
{
    struct tls_session *session = stream->tls;
    if (session->established)
        tls_write_plain(stream, data, len);
    else
        buffer_append(&session->unsent, data, len);
    stream_count_queued(stream);
    return stream->queued == 0 && !stream->failed ? len : 0;
}

void tls_session_shutdown(struct stream *stream)
{
    if (stream->tls->established)
        tls_send_close_notify(stream);
    else
        stream->tls->shutdown = true;
}
