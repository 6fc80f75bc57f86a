/*
 * tls_private.h - what a TLS session needs of its context. Not for users.
 */
#ifndef HASHSCOPE_EVENT_TLS_PRIVATE_H
#define HASHSCOPE_EVENT_TLS_PRIVATE_H

#include <stdbool.h>

#include <openssl/ssl.h>

struct tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *method; /* how sessions reach their stream, see tls_session.c */
    bool server;
    bool verify; /* client: check the chain and the host */
};

/* NULL when memory is short. */
BIO_METHOD *tls_bio_method_new(void);

#endif
