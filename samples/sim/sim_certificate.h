/*
 * sim_certificate.h - a self-signed certificate for trying out TLS: an EC key on P-256 and a
 * certificate of a year for localhost, 127.0.0.1 and ::1. Not for production: nobody vouches for
 * it. Threads: any.
 */
#ifndef HASHSCOPE_SIM_CERTIFICATE_H
#define HASHSCOPE_SIM_CERTIFICATE_H

#include "lib/base/error.h"

/* Writes both as PEM files, the key with mode 0600. Existing files are replaced. */
enum status sim_certificate_write(const char *certificate_file, const char *key_file,
                                  struct error *err) MUST_CHECK;

#endif
