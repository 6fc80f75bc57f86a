/*
 * tls_private.h - what the files of TLS share: a context, a session. Not for users.
 */
#ifndef HASHSCOPE_EVENT_TLS_PRIVATE_H
#define HASHSCOPE_EVENT_TLS_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "lib/base/bytes.h"
#include "lib/event/stream_private.h"

struct tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *method; /* how sessions reach their stream, see tls_write.c */
    bool server;
    bool verify; /* client: check the chain and the host */
};

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

/* ---- tls_session.c ---- */

/* Keeps what went wrong, the first time: OpenSSL's reason, or one of ours. */
void tls_session_keep_reason(struct tls_session *session);
void tls_session_set_error(struct tls_session *session, const char *prefix, const char *reason);

/* ---- tls_write.c ---- */

/* NULL when memory is short. */
BIO_METHOD *tls_bio_method_new(void);
/* After the handshake. */
void tls_write_plain(struct stream *stream, const char *data, size_t len);
void tls_send_close_notify(struct stream *stream);

#endif
