/* See program.h. How it can fail: /proc is not mounted, or a program was not installed. */
#include "lib/command/program.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum status program_self(char out[PROGRAM_PATH_MAX], struct error *err)
{
    ssize_t len = readlink("/proc/self/exe", out, PROGRAM_PATH_MAX - 1);

    if (len < 0)
        return error_errno(err, errno, "reading /proc/self/exe");
    out[len] = '\0';
    return STATUS_OK;
}

enum status program_beside(char out[PROGRAM_PATH_MAX], const char *name, struct error *err)
{
    enum status status = program_self(out, err);
    size_t directory;

    if (status != STATUS_OK)
        return status;
    directory = (size_t)(strrchr(out, '/') - out) + 1;
    if (directory + strlen(name) >= PROGRAM_PATH_MAX)
        return error_set(err, STATUS_FULL, "the path of %s is too long", name);
    snprintf(out + directory, PROGRAM_PATH_MAX - directory, "%s", name);
    if (access(out, X_OK) != 0)
        return error_errno(err, errno, "%s", out);
    return STATUS_OK;
}

void program_control_path(char out[PROGRAM_PATH_MAX], const struct settings *settings)
{
    snprintf(out, PROGRAM_PATH_MAX, "%s/live/control.sock", settings_text(settings, "DATA_DIR"));
}

void program_ring_path(char out[PROGRAM_PATH_MAX], const struct settings *settings)
{
    const char *ring = settings_text(settings, "RING_DIR");

    if (ring != NULL)
        snprintf(out, PROGRAM_PATH_MAX, "%s/ring", ring);
    else
        snprintf(out, PROGRAM_PATH_MAX, "%s/live/ring", settings_text(settings, "DATA_DIR"));
}

enum status program_ring_there(const char *ring_path, struct error *err)
{
    if (access(ring_path, F_OK) == 0)
        return STATUS_OK;
    if (errno == ENOENT)
        return error_set(err, STATUS_NOT_FOUND, "there is no %s yet", ring_path);
    (void)error_errno(err, errno, "%s", ring_path);
    return STATUS_IO;
}
