/*
 * tls_context.c - certificates, keys and the rules that all TLS sessions of one side share.
 *
 * TLS 1.2 and later, no renegotiation, no compression, no tickets and no session cache: a miner
 * connects once for days, resumption would only cost memory. Record buffers are released while a
 * session is idle.
 *
 * What can fail: reading the files. OpenSSL's reason goes into the message; its queue of errors is
 * left empty.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>

#include "lib/base/memory.h"
#include "lib/event/tls.h"
#include "lib/event/tls_private.h"

static enum status openssl_error(struct error *err, const char *what, const char *file)
{
    unsigned long code = ERR_peek_error();
    const char *reason = ERR_reason_error_string(code);
    ERR_clear_error();
    return error_set(err, STATUS_INVALID, "%s %s: %s", what, file,
                     reason != NULL ? reason : "unknown error");
}

/* OpenSSL's own words for a missing file are of little help. */
static enum status check_readable(const char *what, const char *file, struct error *err)
{
    if (access(file, R_OK) != 0)
        return error_errno(err, errno, "%s %s", what, file);
    return STATUS_OK;
}

/* NULL with a message. */
static struct tls_context *context_new(const SSL_METHOD *method, struct error *err)
{
    struct tls_context *context = memory_new(sizeof *context);
    context->ssl = SSL_CTX_new(method);
    context->method = tls_bio_method_new();
    if (context->ssl == NULL || context->method == NULL ||
        SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) != 1) {
        tls_context_free(context);
        (void)openssl_error(err, "setting up", "TLS");
        return NULL;
    }
    SSL_CTX_set_options(context->ssl,
                        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_num_tickets(context->ssl, 0);
    (void)SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
    (void)SSL_CTX_clear_mode(context->ssl, SSL_MODE_AUTO_RETRY); /* a read takes one message */
    return context;
}

static enum status load_identity(SSL_CTX *ssl, const char *certificate_file, const char *key_file,
                                 struct error *err)
{
    enum status status = check_readable("certificate", certificate_file, err);
    if (status == STATUS_OK)
        status = check_readable("key", key_file, err);
    if (status != STATUS_OK)
        return status;
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ssl, certificate_file) != 1)
        return openssl_error(err, "certificate", certificate_file);
    if (SSL_CTX_use_PrivateKey_file(ssl, key_file, SSL_FILETYPE_PEM) != 1)
        return openssl_error(err, "key", key_file);
    if (SSL_CTX_check_private_key(ssl) != 1)
        return openssl_error(err, "key", key_file);
    return STATUS_OK;
}

enum status tls_context_new_server(struct tls_context **out, const char *certificate_file,
                                   const char *key_file, struct error *err)
{
    struct tls_context *context = context_new(TLS_server_method(), err);
    if (context == NULL)
        return STATUS_IO;
    context->server = true;
    enum status status = load_identity(context->ssl, certificate_file, key_file, err);
    if (status != STATUS_OK) {
        tls_context_free(context);
        return status;
    }
    *out = context;
    return STATUS_OK;
}

static enum status load_authorities(SSL_CTX *ssl, const char *ca_file, struct error *err)
{
    ERR_clear_error();
    if (ca_file == NULL) {
        if (SSL_CTX_set_default_verify_paths(ssl) != 1)
            return openssl_error(err, "certificates of the", "system");
        return STATUS_OK;
    }
    enum status status = check_readable("CA file", ca_file, err);
    if (status != STATUS_OK)
        return status;
    if (SSL_CTX_load_verify_locations(ssl, ca_file, NULL) != 1)
        return openssl_error(err, "CA file", ca_file);
    return STATUS_OK;
}

enum status tls_context_new_client(struct tls_context **out, bool verify, const char *ca_file,
                                   struct error *err)
{
    struct tls_context *context = context_new(TLS_client_method(), err);
    if (context == NULL)
        return STATUS_IO;
    context->verify = verify;
    SSL_CTX_set_verify(context->ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    enum status status = verify ? load_authorities(context->ssl, ca_file, err) : STATUS_OK;
    if (status != STATUS_OK) {
        tls_context_free(context);
        return status;
    }
    *out = context;
    return STATUS_OK;
}

void tls_context_free(struct tls_context *context)
{
    if (context == NULL)
        return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->method);
    free(context);
}
