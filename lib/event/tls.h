/*
 * tls.h - TLS for streams (OpenSSL with memory BIOs; TLS 1.2 and later).
 *
 * A context is made once from the settings and shared by all streams of one side; it must outlive
 * them. Threads: the loop's own.
 */
#ifndef HASHSCOPE_EVENT_TLS_H
#define HASHSCOPE_EVENT_TLS_H

#include <stdbool.h>

#include "lib/base/error.h"

struct tls_context;

/* Server side: certificate chain and key, PEM files. Fails with the file's name and OpenSSL's
 * reason when they cannot be read or do not belong together. */
enum status tls_context_new_server(struct tls_context **out, const char *certificate_file,
                                   const char *key_file, struct error *err) MUST_CHECK;
/* Client side: verify against `ca_file` (PEM; NULL: the system's store), or not at all. */
enum status tls_context_new_client(struct tls_context **out, bool verify, const char *ca_file,
                                   struct error *err) MUST_CHECK;
void tls_context_free(struct tls_context *context); /* NULL is fine */

#endif
