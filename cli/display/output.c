/* See output.h. */
#include "cli/display/output.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void output_init(struct output *output, const char *command)
{
    *output = (struct output){.command = command};
    signal(SIGPIPE, SIG_IGN);
}

void output_close(struct output *output)
{
    output_flush(output);
    buffer_close(&output->text);
}

static void fail(struct output *output)
{
    output->closed = true;
    if (errno == EPIPE)
        return;
    output->failed = true;
    fprintf(stderr, "%s: writing to standard output: %s\n", output->command, strerror(errno));
}

/* Somebody else may have made the descriptor non-blocking. */
static bool wait_writable(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&out, 1, -1) >= 0 || errno == EINTR;
}

void output_flush(struct output *output)
{
    size_t done = 0;

    while (done < output->text.len && !output->closed) {
        ssize_t count = write(STDOUT_FILENO, output->text.data + done, output->text.len - done);

        if (count >= 0)
            done += (size_t)count;
        else if (errno != EINTR && !(errno == EAGAIN && wait_writable()))
            fail(output);
    }
    buffer_clear(&output->text);
}

void output_advance(struct output *output)
{
    if (output->text.len >= OUTPUT_PIECE)
        output_flush(output);
}

bool output_pause(struct output *output, int timeout_ms)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    if (poll(&out, 1, timeout_ms) > 0 && (out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
        output->closed = true;
    return output->closed;
}
