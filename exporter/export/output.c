/*
 * See output.h. How it can fail: the disk is full, the folder cannot be written to, or the
 * reader of a pipe has gone; the message names the output.
 */
#include "exporter/export/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/base/memory.h"

#define LOOK_MS   200  /* how often a stop is looked for */
#define FILE_MODE 0640 /* as the recordings themselves */

static bool is_special(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0 && !S_ISREG(about.st_mode);
}

static void name_temporary(struct export_output *output, const char *path)
{
    struct buffer name = {NULL, 0, 0};

    buffer_append_format(&name, "%s.part-%ld", path, (long)getpid());
    buffer_append_char(&name, '\0');
    output->temporary = name.data;
}

static enum status open_file(struct export_output *output, const char *path, bool at_once,
                             struct error *err)
{
    const char *opened = path;

    output->name = path;
    if (!at_once && !is_special(path)) {
        name_temporary(output, path);
        opened = output->temporary;
    }
    output->fd = open(opened, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (output->fd >= 0)
        return STATUS_OK;
    free(output->temporary);
    output->temporary = NULL;
    return error_errno(err, errno, "opening %s", path);
}

enum status export_output_open(struct export_output *output, const char *path, bool binary,
                               bool at_once, struct error *err)
{
    *output = (struct export_output){.fd = STDOUT_FILENO, .name = "standard output"};
    signal(SIGPIPE, SIG_IGN);
    if (path != NULL && strcmp(path, "-") != 0)
        return open_file(output, path, at_once, err);
    if (binary && isatty(STDOUT_FILENO))
        return error_set(err, STATUS_INVALID,
                         "this is no text for a terminal: --output FILE, or a pipe");
    return STATUS_OK;
}

void export_output_stop_by(struct export_output *output, const volatile sig_atomic_t *stop)
{
    output->stop = stop;
}

static bool is_stopped(const struct export_output *output)
{
    return output->stop != NULL && *output->stop != 0;
}

/* Stopped, what is left is given to a reader that takes it, but not waited for any longer. */
static bool wait_unless_stopped(const struct export_output *output)
{
    struct pollfd out = {.fd = output->fd, .events = POLLOUT};
    bool stopped;

    do {
        stopped = is_stopped(output);
        if (poll(&out, 1, LOOK_MS) > 0)
            return true;
    } while (!stopped);
    return false;
}

/* As much as goes without being held up, once stopped. */
static ssize_t write_some(const struct export_output *output, const char *data, size_t len)
{
    if (is_stopped(output) && len > PIPE_BUF)
        len = PIPE_BUF;
    return write(output->fd, data, len);
}

enum status export_output_write(void *user, const void *data, size_t len, struct error *err)
{
    struct export_output *output = user;
    const char *at = data;

    while (len > 0) {
        if (!wait_unless_stopped(output))
            return error_set(err, STATUS_CLOSED, "writing to %s: interrupted", output->name);
        ssize_t count = write_some(output, at, len);
        if (count >= 0) {
            at += count;
            len -= (size_t)count;
        } else if (errno == EPIPE) {
            output->closed = true;
            return error_set(err, STATUS_CLOSED, "writing to %s: nobody reads it any more",
                             output->name);
        } else if (errno != EINTR && errno != EAGAIN) {
            return error_errno(err, errno, "writing to %s", output->name);
        }
    }
    return STATUS_OK;
}

bool export_output_pause(struct export_output *output, int timeout_ms)
{
    struct pollfd out = {.fd = output->fd};

    if (poll(&out, 1, timeout_ms) > 0 && (out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
        output->closed = true;
    return output->closed;
}

enum status export_output_finish(struct export_output *output, struct error *err)
{
    int fd = output->fd;

    if (fd == STDOUT_FILENO)
        return STATUS_OK;
    output->fd = -1;
    if (close(fd) != 0)
        return error_errno(err, errno, "writing to %s", output->name);
    if (output->temporary != NULL && rename(output->temporary, output->name) != 0)
        return error_errno(err, errno, "renaming %s to %s", output->temporary, output->name);
    free(output->temporary);
    output->temporary = NULL;
    return STATUS_OK;
}

void export_output_close(struct export_output *output)
{
    if (output->fd > STDOUT_FILENO)
        close(output->fd);
    if (output->temporary != NULL)
        unlink(output->temporary);
    free(output->temporary);
    *output = (struct export_output){.fd = -1};
}
