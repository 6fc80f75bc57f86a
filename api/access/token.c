/*
 * token.c - see token.h. A new file is written under another name and linked into place, so that
 * two programs that start together agree on one token, and none reads half of it.
 */
#include "api/access/token.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/http/hosts.h"
#include "lib/base/random.h"

#define TOKEN_BYTES 24 /* random ones, 48 characters */

static enum status check_text(const char *text, const char *where, struct error *err)
{
    if (strlen(text) > TOKEN_MAX)
        return error_set(err, STATUS_INVALID, "%s: longer than %d characters", where, TOKEN_MAX);
    for (const char *at = text; *at != '\0'; at++) {
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 0x7f)
            return error_set(err, STATUS_INVALID, "%s: only printable ASCII without spaces", where);
    }
    return STATUS_OK;
}

static enum status read_file(struct token *out, struct error *err)
{
    int fd = open(out->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got;

    if (fd < 0)
        return error_errno(err, errno, "%s", out->path);
    got = read(fd, out->text, TOKEN_MAX);
    close(fd);
    if (got < 0)
        return error_errno(err, errno, "%s", out->path);
    out->text[got] = '\0';
    out->text[strcspn(out->text, "\r\n")] = '\0';
    out->source = TOKEN_FOUND;
    if (out->text[0] == '\0')
        return error_set(err, STATUS_INVALID, "%s is empty: remove it, a new one is made",
                         out->path);
    return check_text(out->text, out->path, err);
}

static enum status write_file(const char *path, const char *text, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t len = strlen(text);
    bool written;

    if (fd < 0)
        return error_errno(err, errno, "%s", path);
    written = fchmod(fd, 0600) == 0 && write(fd, text, len) == (ssize_t)len &&
              write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    if (close(fd) != 0 || !written)
        return error_errno(err, errno, "writing %s", path);
    return STATUS_OK;
}

static enum status make_file(struct token *out, const char *data_dir, struct error *err)
{
    unsigned char bytes[TOKEN_BYTES];
    char path[sizeof out->path + 32];
    enum status status;

    random_bytes(bytes, sizeof bytes);
    hex_encode(out->text, bytes, sizeof bytes);
    out->text[2 * TOKEN_BYTES] = '\0';
    snprintf(path, sizeof path, "%s.%ld", out->path, (long)getpid());
    if (mkdir(data_dir, 0750) != 0 && errno != EEXIST)
        return error_errno(err, errno, "making %s", data_dir);
    status = write_file(path, out->text, err);
    if (status == STATUS_OK && link(path, out->path) != 0 && errno != EEXIST)
        status = error_errno(err, errno, "making %s", out->path);
    unlink(path);
    if (status == STATUS_OK)
        status = read_file(out, err); /* that of whoever was first */
    out->source = TOKEN_MADE;
    return status;
}

enum status token_load(struct token *out, const struct settings *settings, bool make,
                       struct error *err)
{
    const char *set = settings_text(settings, "API_TOKEN");
    const char *data_dir = settings_text(settings, "DATA_DIR");
    enum status status;

    *out = (struct token){.source = TOKEN_NONE};
    snprintf(out->path, sizeof out->path, "%s/api-token", data_dir);
    if (set != NULL) {
        status = check_text(set, "API_TOKEN", err);
        if (status == STATUS_OK)
            snprintf(out->text, sizeof out->text, "%s", set);
        out->source = TOKEN_SET;
        return status;
    }
    if (access(out->path, F_OK) == 0)
        return read_file(out, err);
    if (host_is_loopback(settings_text(settings, "API_HOST")))
        return STATUS_OK;
    out->source = TOKEN_MADE;
    return make ? make_file(out, data_dir, err) : STATUS_OK;
}

void token_clear(struct token *token)
{
    OPENSSL_cleanse(token->text, sizeof token->text);
}

static void append_escaped(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", c) != NULL)
            buffer_append_char(out, *text);
        else
            buffer_append_format(out, "%%%02X", c);
    }
}

void token_link(const struct token *token, const struct settings *settings, uint16_t port,
                struct buffer *out)
{
    const char *host = settings_text(settings, "API_HOST");
    bool tls = settings_text(settings, "API_TLS_CERT") != NULL;
    bool six = strchr(host, ':') != NULL;

    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) {
        host = "127.0.0.1";
        six = false;
    }
    buffer_append_format(out, "%s://%s%s%s:%u/", tls ? "https" : "http", six ? "[" : "", host,
                         six ? "]" : "", port);
    if (token->text[0] != '\0') {
        buffer_append_text(out, "?token=");
        append_escaped(out, token->text);
    }
}
