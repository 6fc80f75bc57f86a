/* See program.h. How it can fail: /proc is not mounted, or a program was not installed. */
#include "lib/command/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* Whether the PATH leads from a bare name to that file first. */
static bool is_on_path(const char *name, const char *file)
{
    const char *at = getenv("PATH");
    struct stat wanted, found;

    if (at == NULL || stat(file, &wanted) != 0)
        return false;
    while (*at != '\0') {
        size_t len = strcspn(at, ":");
        char path[PROGRAM_PATH_MAX];

        snprintf(path, sizeof path, "%.*s/%s", (int)(len < 2048 ? len : 2048), at, name);
        if (len > 0 && access(path, X_OK) == 0)
            return stat(path, &found) == 0 && found.st_dev == wanted.st_dev &&
                   found.st_ino == wanted.st_ino;
        at += len + (at[len] == ':');
    }
    return false;
}

void program_as_typed(char out[PROGRAM_PATH_MAX], const char *name)
{
    char path[PROGRAM_PATH_MAX], here[PROGRAM_PATH_MAX];
    struct error err;
    size_t len;

    snprintf(out, PROGRAM_PATH_MAX, "%s", name);
    if (program_beside(path, name, &err) != STATUS_OK || is_on_path(name, path))
        return;
    snprintf(out, PROGRAM_PATH_MAX, "%s", path);
    if (getcwd(here, sizeof here) == NULL)
        return;
    len = strlen(here);
    if (strncmp(path, here, len) == 0 && path[len] == '/')
        snprintf(out, PROGRAM_PATH_MAX, "%s", path + len + 1);
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
