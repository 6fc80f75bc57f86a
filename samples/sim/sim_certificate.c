/*
 * How it works: OpenSSL makes the key and signs; each file is written in one go by its own writer.
 * How it can fail: OpenSSL is out of memory or random numbers, or a file can't be written.
 */
#include "samples/sim/sim_certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define VALID_SECONDS (365L * 24 * 3600)

static bool add_names(X509 *certificate)
{
    X509V3_CTX context;
    X509_EXTENSION *names;
    bool done;

    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    names = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name,
                                "DNS:localhost,IP:127.0.0.1,IP:::1");
    done = names != NULL && X509_add_ext(certificate, names, -1) == 1;
    X509_EXTENSION_free(names);
    return done;
}

static bool fill_in(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    uint64_t serial = 0;

    return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 &&
           X509_set_version(certificate, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -60) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_SECONDS) != NULL &&
           X509_set_pubkey(certificate, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost",
                                      -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 && add_names(certificate) &&
           X509_sign(certificate, key, EVP_sha256()) != 0;
}

static enum status write_file(const char *path, int mode, X509 *certificate, EVP_PKEY *key,
                              struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    int done;

    if (file == NULL) {
        int saved = errno;

        if (fd >= 0)
            close(fd);
        return error_errno(err, saved, "writing %s", path);
    }
    done = certificate != NULL ? PEM_write_X509(file, certificate)
                               : PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    if (fclose(file) != 0 || done != 1)
        return error_set(err, STATUS_IO, "writing %s failed", path);
    return STATUS_OK;
}

enum status sim_certificate_write(const char *certificate_file, const char *key_file,
                                  struct error *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    enum status status = STATUS_OK;

    if (key == NULL || certificate == NULL || !fill_in(certificate, key))
        status = error_set(err, STATUS_IO, "making a self-signed certificate failed");
    if (status == STATUS_OK)
        status = write_file(key_file, 0600, NULL, key, err);
    if (status == STATUS_OK)
        status = write_file(certificate_file, 0644, certificate, NULL, err);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return status;
}
