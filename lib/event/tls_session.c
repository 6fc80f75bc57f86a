/*
 * tls_session.c - what is known of a TLS session: what it holds, what went wrong; and its end.
 */
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "lib/base/memory.h"
#include "lib/event/tls_private.h"

void tls_session_set_error(struct tls_session *session, const char *prefix, const char *reason)
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

void tls_session_keep_reason(struct tls_session *session)
{
    unsigned long code = ERR_get_error();
    long verified = SSL_get_verify_result(session->ssl);
    const char *reason = ERR_reason_error_string(code);
    ERR_clear_error();
    if (!session->established && verified != X509_V_OK &&
        ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        tls_session_set_error(
            session, "certificate verify failed: ", X509_verify_cert_error_string(verified));
    else if (!session->established && speaks_no_tls(code))
        tls_session_set_error(session, "the peer does not speak TLS: ", reason);
    else
        tls_session_set_error(session, "TLS: ", reason != NULL ? reason : "unknown error");
}

const char *tls_session_error(const struct stream *stream)
{
    return stream->tls->error;
}

bool tls_session_holds(const struct stream *stream)
{
    const struct tls_session *session = stream->tls;
    return session->leftover.len > 0 || (session->established && SSL_pending(session->ssl) > 0);
}

size_t tls_session_unsent(const struct stream *stream)
{
    return stream->tls->unsent.len;
}

void tls_session_free(struct stream *stream)
{
    struct tls_session *session = stream->tls;
    SSL_free(session->ssl);
    buffer_close(&session->leftover);
    buffer_close(&session->unsent);
    free(session->error);
    free(session);
    stream->tls = NULL;
}
