/*
 * tls_session.c - TLS between a stream's socket and its user.
 *
 * OpenSSL is given a BIO of our own in place of a socket: what it reads are the bytes last received
 * (`input`, borrowed during the call), what it writes goes to queue_send. So no ciphertext is held
 * while a session is idle. What the user does not want yet (reading is stopped, or others have
 * their turn) stays encrypted in `leftover`, or with OpenSSL; receive.c brings it when the user
 * wants more, and only then is the socket read again. What the user writes before the handshake is
 * complete waits in `unsent`.
 *
 * The socket is read during the handshake whatever the user wishes, after that only while he reads.
 *
 * OpenSSL answers some of a peer's messages by itself (updates of keys), in the queue of what the
 * user writes; nobody stops reading for that queue. So each of them is charged, and a peer that
 * lets more than ANSWERS_MAX bytes of answers wait is cut off.
 *
 * How it can fail: the peer speaks no TLS or a different one, a certificate does not please, the
 * peer closes in the middle of the handshake: UV_EPROTO with a text. A FIN without close_notify
 * after the handshake is an end like any other: common among miners, and a cut line shows as such.
 */
#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/base/bytes.h"
#include "lib/base/memory.h"
#include "lib/event/stream_private.h"
#include "lib/event/tls_private.h"

#define RECORD_MAX     16384
#define RECORD_FIRST   4096
#define HANDSHAKE_WORK (256u << 10) /* a step costs as much as reading this, see receive.c */
#define MESSAGE_WORK   (8u << 10)   /* so does a message of TLS's own */
#define ANSWERS_MAX    (16u << 10)

struct tls_session {
    SSL *ssl;
    struct span input;      /* received and not yet read by OpenSSL */
    struct buffer leftover; /* the same, kept between calls; `input` is empty then */
    struct buffer unsent;   /* plain, from the user */
    char *error;            /* what went wrong; NULL: nothing */
    uint32_t answers;       /* bytes that OpenSSL wrote of itself since the queue was empty */
    bool answering;         /* what it writes now is of itself */
    bool established;
    bool shutdown; /* the user wants close_notify as soon as there is a session */
};

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

/* ---- what went wrong ---- */

static void set_error(struct tls_session *session, const char *prefix, const char *reason)
{
    struct buffer text = {0};
    if (session->error != NULL)
        return;
    buffer_append_text(&text, prefix);
    buffer_append_text(&text, reason);
    session->error = memory_text_n(text.data, text.len);
    buffer_close(&text);
}

static bool speaks_no_tls(unsigned long code)
{
    int reason = ERR_GET_REASON(code);
    return ERR_GET_LIB(code) == ERR_LIB_SSL &&
           (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
            reason == SSL_R_HTTPS_PROXY_REQUEST || reason == SSL_R_PACKET_LENGTH_TOO_LONG ||
            reason == SSL_R_RECORD_TOO_SMALL);
}

static void keep_reason(struct tls_session *session)
{
    unsigned long code = ERR_get_error();
    long verified = SSL_get_verify_result(session->ssl);
    const char *reason = ERR_reason_error_string(code);
    ERR_clear_error();
    if (!session->established && verified != X509_V_OK &&
        ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        set_error(session, "certificate verify failed: ", X509_verify_cert_error_string(verified));
    else if (!session->established && speaks_no_tls(code))
        set_error(session, "the peer does not speak TLS: ", reason);
    else
        set_error(session, "TLS: ", reason != NULL ? reason : "unknown error");
}

/* ---- the session at work ---- */

static void write_plain(struct stream *stream, const char *data, size_t len)
{
    struct tls_session *session = stream->tls;
    while (len > 0 && !stream->failed) {
        int part = len > INT_MAX ? INT_MAX : (int)len;
        ERR_clear_error();
        if (SSL_write(session->ssl, data, part) <= 0) {
            keep_reason(session);
            stream_fail_later(stream, UV_EPROTO);
            return;
        }
        data += part;
        len -= (size_t)part;
    }
}

static void send_close_notify(struct stream *stream)
{
    ERR_clear_error();
    (void)SSL_shutdown(stream->tls->ssl);
    ERR_clear_error();
    stream_finish(stream);
}

/* What had to wait for the end of the handshake. */
static void send_waiting(struct stream *stream)
{
    struct tls_session *session = stream->tls;
    struct buffer waiting = session->unsent;
    session->unsent = (struct buffer){0};
    write_plain(stream, waiting.data, waiting.len);
    stream_count_queued(stream);
    if (session->shutdown)
        send_close_notify(stream);
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
        keep_reason(session);
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
    if (!receive_looks(stream) && SSL_pending(ssl) == 0)
        return SSL_read(ssl, plain, RECORD_FIRST);
    int there = SSL_peek(ssl, plain, RECORD_MAX);
    return there <= 0 ? there
                      : SSL_read(ssl, plain, (int)receive_lines(stream, plain, (size_t)there));
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
        set_error(session, "TLS: ", "the peer asks for answers that it does not read");
        stream_fail(stream, UV_EPROTO);
    } else if (error == SSL_ERROR_WANT_READ && session->input.len > 0) {
        stream_charge(stream, MESSAGE_WORK); /* OpenSSL comes back from each, see tls_context.c */
        return true;
    } else if (error == SSL_ERROR_ZERO_RETURN) {
        stream_end(stream);
    } else if (error != SSL_ERROR_WANT_READ) {
        keep_reason(session);
        stream_fail(stream, UV_EPROTO);
    }
    return false;
}

static void process(struct stream *stream)
{
    if (!stream->tls->established)
        handshake(stream);
    while (wants_data(stream) && deliver_record(stream) && !receive_visit_is_over(stream))
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
        set_error(stream->tls, "TLS: ", "connection closed during the handshake");
        stream_fail(stream, UV_EPROTO);
        return;
    }
    stream_end(stream);
}

/* ---- back-pressure ---- */

bool tls_session_holds(const struct stream *stream)
{
    const struct tls_session *session = stream->tls;
    return session->leftover.len > 0 || (session->established && SSL_pending(session->ssl) > 0);
}

void tls_session_read_stop(struct stream *stream)
{
    if (!stream->tls->established)
        return;
    stream_receive_stop(stream);
}

/* ---- the user's calls ---- */

size_t tls_session_unsent(const struct stream *stream)
{
    return stream->tls->unsent.len;
}

size_t tls_session_write(struct stream *stream, const char *data, size_t len)
{
    struct tls_session *session = stream->tls;
    if (session->established)
        write_plain(stream, data, len);
    else
        buffer_append(&session->unsent, data, len);
    stream_count_queued(stream);
    return stream->queued == 0 && !stream->failed ? len : 0;
}

void tls_session_shutdown(struct stream *stream)
{
    if (stream->tls->established)
        send_close_notify(stream);
    else
        stream->tls->shutdown = true;
}

const char *tls_session_error(const struct stream *stream)
{
    return stream->tls->error;
}

/* ---- beginning and end ---- */

static void session_free(struct tls_session *session)
{
    SSL_free(session->ssl);
    buffer_close(&session->leftover);
    buffer_close(&session->unsent);
    free(session->error);
    free(session);
}

static bool is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* RFC 6066, section 3: no address and no final dot in the server name. */
static bool name_host(SSL *ssl, const char *host, bool verify)
{
    if (is_address(host))
        return !verify || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    size_t len = strlen(host);
    char *name = memory_text_n(host, len > 0 && host[len - 1] == '.' ? len - 1 : len);
    bool done = SSL_set_tlsext_host_name(ssl, name) == 1;
    if (done && verify) {
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        done = SSL_set1_host(ssl, name) == 1;
    }
    free(name);
    return done;
}

static bool session_setup(struct tls_session *session, struct stream *stream,
                          const struct tls_context *context, const char *host)
{
    BIO *bio = BIO_new(context->method);
    if (session->ssl == NULL || bio == NULL) {
        BIO_free(bio);
        return false;
    }
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio);
    if (context->server)
        SSL_set_accept_state(session->ssl);
    else
        SSL_set_connect_state(session->ssl);
    return context->server || host == NULL || name_host(session->ssl, host, context->verify);
}

/* A client's first step sends its greeting; a server's only waits. */
static bool first_step(struct tls_session *session)
{
    ERR_clear_error();
    int result = SSL_do_handshake(session->ssl);
    return SSL_get_error(session->ssl, result) == SSL_ERROR_WANT_READ;
}

static enum status start_failed(struct stream *stream, struct error *err)
{
    unsigned long code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);
    ERR_clear_error();
    session_free(stream->tls);
    stream->tls = NULL;
    return error_set(err, STATUS_IO, "starting TLS: %s", reason != NULL ? reason : "unknown error");
}

enum status stream_start_tls(struct stream *stream, struct tls_context *context, const char *host,
                             const char *early, size_t early_len, struct error *err)
{
    if (stream->failed || stream->closing || stream->tls != NULL)
        return error_set(err, STATUS_CLOSED, "starting TLS: the stream is not open");
    if (!context->server && context->verify && (host == NULL || host[0] == '\0'))
        return error_set(err, STATUS_INVALID, "starting TLS: no host name to verify");
    ERR_clear_error();
    struct tls_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return error_set(err, STATUS_FULL, "starting TLS: out of memory");
    session->ssl = SSL_new(context->ssl);
    stream->tls = session;
    if (!session_setup(session, stream, context, host) || !first_step(session))
        return start_failed(stream, err);
    if (early_len > 0)
        buffer_append(&session->leftover, early, early_len);
    stream_receive_start(stream);
    return STATUS_OK;
}

void tls_session_free(struct stream *stream)
{
    session_free(stream->tls);
    stream->tls = NULL;
}
