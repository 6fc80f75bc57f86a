/* file.c - see file.h. */
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum status file_sync_folder(const char *path, struct error *err)
{
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy)
        return error_errno(err, ENAMETOOLONG, "%s", path);
    const char *folder = dirname(copy);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "opening %s", folder);
    enum status status = STATUS_OK;
    if (fsync(fd) != 0)
        status = error_errno(err, errno, "syncing %s", folder);
    close(fd);
    return status;
}

static bool write_all(int fd, struct span text)
{
    while (text.len > 0) {
        ssize_t count = write(fd, text.data, text.len);
        if (count < 0 && errno != EINTR)
            return false;
        if (count > 0)
            text = span_make(text.data + count, text.len - (size_t)count);
    }
    return true;
}

static enum status write_synced(const char *path, struct span text, mode_t mode, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return error_errno(err, errno, "making %s", path);
    bool written = write_all(fd, text) && fsync(fd) == 0;
    int number = errno;
    if (close(fd) != 0 && written) {
        number = errno;
        written = false;
    }
    return written ? STATUS_OK : error_errno(err, number, "writing %s", path);
}

enum status file_replace(const char *path, struct span text, mode_t mode, struct error *err)
{
    char fresh[PATH_MAX];
    if (snprintf(fresh, sizeof fresh, "%s.new", path) >= (int)sizeof fresh)
        return error_errno(err, ENAMETOOLONG, "%s", path);
    enum status status = write_synced(fresh, text, mode, err);
    if (status == STATUS_OK && rename(fresh, path) != 0)
        status = error_errno(err, errno, "renaming %s", fresh);
    if (status == STATUS_OK)
        return file_sync_folder(path, err);
    (void)unlink(fresh);
    return status;
}
