/*
 * tls_start.c - a stream becomes a TLS session: its host's name, and the first step of the
 * handshake. tls_read.c takes the others.
 *
 * How it can fail: no host to verify, a name that OpenSSL refuses, memory.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/base/memory.h"
#include "lib/event/tls_private.h"
#include "lib/event/visit.h"

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
    tls_session_free(stream);
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
