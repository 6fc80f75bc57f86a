/*
 * replace.c - see replace.h. Between the look and the rename retention might remove
 * the old file; claim.h keeps it from that.
 */
#include "lib/upkeep/replace.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum status segment_resemble(int fd, const struct stat *old, const char *path, struct error *err)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, old->st_mtim};
    if (fchown(fd, (uid_t)-1, old->st_gid) != 0 || fchmod(fd, old->st_mode & 07777) != 0 ||
        futimens(fd, times) != 0)
        return error_errno(err, errno, "giving %s group, mode and time", path);
    return STATUS_OK;
}

/* Whether the name still leads to the file that was read. */
static bool still_there(const char *path, const struct stat *old)
{
    struct stat now;
    return stat(path, &now) == 0 && now.st_dev == old->st_dev && now.st_ino == old->st_ino &&
           now.st_size == old->st_size && now.st_mtim.tv_sec == old->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == old->st_mtim.tv_nsec;
}

enum status segment_replace(const char *fresh, const char *path, const struct stat *old,
                            struct error *err)
{
    if (!still_there(path, old))
        return error_set(err, STATUS_NOT_FOUND, "%s was removed or changed meanwhile", path);
    if (rename(fresh, path) != 0)
        return error_errno(err, errno, "renaming %s", fresh);
    return STATUS_OK;
}
