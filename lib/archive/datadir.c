/*
 * datadir.c - folders, lock, instance and reservation of the data directory.
 *
 * The lock is an flock on live/lock, which also holds the number of the process that has it; it
 * goes with the process. The instance file is written beside and renamed, file and folder synced.
 * Fails when a folder cannot be made or written, when the lock is held, when the file is garbage.
 */
#include "lib/archive/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/base/random.h"

struct path {
    char text[4096];
};

static struct path path_below(const struct datadir *dir, const char *name)
{
    struct path path;
    snprintf(path.text, sizeof path.text, "%s/%s", dir->path, name);
    return path;
}

static enum status make_folder(const struct datadir *dir, const char *path, struct error *err)
{
    if (mkdir(path, 0750) != 0) {
        struct stat st;
        int errnum = errno;
        if (errnum == EEXIST && stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
            errnum = ENOTDIR;
        return errnum == EEXIST ? STATUS_OK
                                : error_errno(err, errnum, "making the folder %s", path);
    }
    if (dir->group != (gid_t)-1 && chown(path, (uid_t)-1, dir->group) != 0)
        return error_errno(err, errno, "giving the folder %s to group %u", path,
                           (unsigned)dir->group);
    return STATUS_OK;
}

static enum status make_folders(const struct datadir *dir, struct error *err)
{
    struct path path = path_below(dir, "");
    enum status status = STATUS_OK;
    for (char *slash = path.text + 1; *slash && status == STATUS_OK; slash++) {
        if (*slash != '/')
            continue;
        *slash = '\0';
        status = make_folder(dir, path.text, err);
        *slash = '/';
    }
    if (status == STATUS_OK)
        status = make_folder(dir, path_below(dir, "live").text, err);
    if (status == STATUS_OK)
        status = make_folder(dir, path_below(dir, "segments").text, err);
    return status;
}

static enum status take_lock(struct datadir *dir, struct error *err)
{
    struct path path = path_below(dir, "live/lock");
    char text[32] = "";
    int fd = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_errno(err, errno, "opening %s", path.text);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int errnum = errno;
        ssize_t got = pread(fd, text, sizeof text - 1, 0);
        close(fd);
        if (errnum != EWOULDBLOCK)
            return error_errno(err, errnum, "locking %s", path.text);
        text[got > 0 ? got : 0] = '\0';
        return error_set(err, STATUS_BUSY,
                         "%s is in use by another process (number %d): one recorder per data "
                         "directory",
                         dir->path, (int)strtol(text, NULL, 10));
    }
    int len = snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len) {
        enum status status = error_errno(err, errno, "writing %s", path.text);
        close(fd);
        return status;
    }
    dir->lock = fd;
    return STATUS_OK;
}

static enum status instance_write(const struct datadir *dir, uint64_t reserved, struct error *err)
{
    char text[128];
    snprintf(text, sizeof text, "{\"instance\":\"%016" PRIx64 "\",\"reserved\":%" PRIu64 "}\n",
             dir->instance, reserved);
    return file_replace(path_below(dir, "live/instance").text, span_text(text), 0640, err);
}

static bool instance_fields(struct datadir *dir, const json_t *tree)
{
    const char *instance = json_string_value(json_object_get(tree, "instance"));
    json_int_t reserved = json_integer_value(json_object_get(tree, "reserved"));
    char *end = NULL;
    if (!instance || strlen(instance) != 16 || reserved <= 0)
        return false;
    dir->instance = strtoull(instance, &end, 16);
    dir->reserved = (uint64_t)reserved;
    return *end == '\0' && dir->instance != 0;
}

static enum status instance_read(struct datadir *dir, struct error *err)
{
    struct path path = path_below(dir, "live/instance");
    json_error_t fault;
    if (access(path.text, F_OK) != 0 && errno == ENOENT) {
        while (dir->instance == 0)
            dir->instance = random_u64();
        dir->fresh = true;
        return datadir_reserve(dir, 1, err);
    }
    json_t *tree = json_load_file(path.text, 0, &fault);
    if (!tree)
        return error_set(err, STATUS_DAMAGED, "%s: %s", path.text, fault.text);
    bool good = instance_fields(dir, tree);
    json_decref(tree);
    if (!good)
        return error_set(err, STATUS_DAMAGED,
                         "%s: expected {\"instance\":\"<16 hex digits>\",\"reserved\":<number>}",
                         path.text);
    return STATUS_OK;
}

enum status datadir_open(struct datadir *dir, const char *path, gid_t group, struct error *err)
{
    *dir = (struct datadir){.lock = -1, .group = group};
    if (snprintf(dir->path, sizeof dir->path, "%s", path) >= (int)sizeof dir->path)
        return error_set(err, STATUS_INVALID, "DATA_DIR: the path is too long");
    enum status status = make_folders(dir, err);
    if (status == STATUS_OK)
        status = take_lock(dir, err);
    if (status == STATUS_OK)
        status = instance_read(dir, err);
    if (status != STATUS_OK)
        datadir_close(dir);
    return status;
}

enum status datadir_reserve(struct datadir *dir, uint64_t next_seq, struct error *err)
{
    if (next_seq + DATADIR_RESERVE_BLOCK / 2 <= dir->reserved)
        return STATUS_OK;
    uint64_t reserved = next_seq + DATADIR_RESERVE_BLOCK;
    enum status status = instance_write(dir, reserved, err);
    if (status == STATUS_OK)
        dir->reserved = reserved;
    return status;
}

void datadir_close(struct datadir *dir)
{
    if (dir->lock >= 0)
        close(dir->lock);
    dir->lock = -1;
}
