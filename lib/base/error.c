/*
 * error.c - messages are built in a local array first, so that a message may quote the very struct
 * error it is written to. Nothing here can fail; a text that is too long ends in "...".
 */
#include "lib/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_SIZE sizeof(((struct error *)0)->text)

/* Two texts, each as long as a message may be, always fit. */
struct draft {
    char text[2 * TEXT_SIZE + 64];
    size_t len;
};

static void draft_add_list(struct draft *draft, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));

static void draft_add_list(struct draft *draft, const char *fmt, va_list args)
{
    size_t room = sizeof draft->text - draft->len;
    int wanted = vsnprintf(draft->text + draft->len, room, fmt, args);

    if (wanted > 0)
        draft->len += (size_t)wanted < room ? (size_t)wanted : room - 1;
}

static void draft_add(struct draft *draft, const char *text)
{
    size_t room = sizeof draft->text - draft->len - 1;
    size_t len = strnlen(text, room);

    memcpy(draft->text + draft->len, text, len);
    draft->len += len;
}

static void draft_store(const struct draft *draft, struct error *err)
{
    static const char cut[] = "...";
    size_t len = draft->len;

    if (len >= TEXT_SIZE) {
        len = TEXT_SIZE - sizeof cut;
        memcpy(err->text + len, cut, sizeof cut);
    } else {
        err->text[len] = '\0';
    }
    memcpy(err->text, draft->text, len);
}

enum status error_set(struct error *err, enum status code, const char *fmt, ...)
{
    struct draft draft = {.len = 0};
    va_list args;

    if (err == NULL)
        return code;
    va_start(args, fmt);
    draft_add_list(&draft, fmt, args);
    va_end(args);
    draft_store(&draft, err);
    return code;
}

static enum status status_of_errno(int errnum)
{
    switch (errnum) {
    case EINVAL:
    case ENAMETOOLONG:
        return STATUS_INVALID;
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
        return STATUS_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
        return STATUS_EXISTS;
    case EADDRINUSE:
    case EAGAIN:
    case EBUSY:
        return STATUS_BUSY;
    case EACCES:
    case EPERM:
    case EROFS:
        return STATUS_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
        return STATUS_FULL;
    case ENOSYS:
    case ENOTSUP:
    case EAFNOSUPPORT:
        return STATUS_UNSUPPORTED;
    case ETIMEDOUT:
        return STATUS_TIMEOUT;
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
        return STATUS_CLOSED;
    default:
        return STATUS_IO;
    }
}

enum status error_errno(struct error *err, int errnum, const char *fmt, ...)
{
    struct draft draft = {.len = 0};
    char reason[128];
    va_list args;

    if (err == NULL)
        return status_of_errno(errnum);
    va_start(args, fmt);
    draft_add_list(&draft, fmt, args);
    va_end(args);
    draft_add(&draft, ": ");
    draft_add(&draft, strerror_r(errnum, reason, sizeof reason));
    draft_store(&draft, err);
    return status_of_errno(errnum);
}

enum status error_wrap(struct error *err, enum status code, const char *fmt, ...)
{
    struct draft draft = {.len = 0};
    va_list args;

    if (err == NULL)
        return code;
    va_start(args, fmt);
    draft_add_list(&draft, fmt, args);
    va_end(args);
    draft_add(&draft, ": ");
    draft_add(&draft, err->text);
    draft_store(&draft, err);
    return code;
}

const char *status_name(enum status code)
{
    switch (code) {
    case STATUS_OK:
        return "ok";
    case STATUS_INVALID:
        return "invalid";
    case STATUS_NOT_FOUND:
        return "not found";
    case STATUS_EXISTS:
        return "exists already";
    case STATUS_BUSY:
        return "busy";
    case STATUS_DENIED:
        return "permission denied";
    case STATUS_FULL:
        return "full";
    case STATUS_IO:
        return "input/output error";
    case STATUS_DAMAGED:
        return "damaged";
    case STATUS_UNSUPPORTED:
        return "unsupported";
    case STATUS_TIMEOUT:
        return "timed out";
    case STATUS_CLOSED:
        return "closed";
    case STATUS_END:
        return "end";
    }
    return "unknown";
}
