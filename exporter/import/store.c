/*
 * store.c - folders, their names, and removing them.
 *
 * A folder is removed from the inside out; one that is to go is renamed to .importing first, so
 * that a kill in the middle leaves what the next import takes away. Fails when the disk refuses.
 */
#include "exporter/import/store.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dirent.h>

#define BEGUN      ".importing"
#define TREE_DEPTH 16

struct import_path {
    char text[SEGMENT_PATH_MAX];
};

static struct import_path path_of(const struct import_store *store, uint64_t instance,
                                  const char *suffix)
{
    struct import_path path;
    snprintf(path.text, sizeof path.text, "%s/%016" PRIx64 "%s", store->folder, instance, suffix);
    return path;
}

static enum status make_folder(const char *path, struct error *err)
{
    if (mkdir(path, 0750) != 0 && errno != EEXIST)
        return error_errno(err, errno, "making the folder %s", path);
    return STATUS_OK;
}

static enum status sync_path(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, errno, "opening %s", path);
    enum status status = fsync(fd) == 0 ? STATUS_OK : error_errno(err, errno, "syncing %s", path);
    close(fd);
    return status;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    return remove(path);
}

static enum status remove_tree(const char *path, struct error *err)
{
    if (nftw(path, remove_entry, TREE_DEPTH, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 &&
        errno != ENOENT)
        return error_errno(err, errno, "removing %s", path);
    return STATUS_OK;
}

/* ------------------------------------------------------------------ opening */

static enum status make_folders(struct import_store *store, const char *data_dir, struct error *err)
{
    static const char *const below[] = {"", "/segments", ("/segments/" SEGMENT_IMPORTED)};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof below / sizeof below[0] && status == STATUS_OK; i++) {
        int len = snprintf(store->folder, sizeof store->folder, "%s%s", data_dir, below[i]);
        if (len < 0 || (size_t)len >= sizeof store->folder)
            return error_set(err, STATUS_INVALID, "%s: the path is too long", data_dir);
        status = make_folder(store->folder, err);
    }
    return status;
}

static enum status take_lock(struct import_store *store, struct error *err)
{
    struct import_path path;
    snprintf(path.text, sizeof path.text, "%s/.lock", store->folder);
    store->lock = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (store->lock < 0)
        return error_errno(err, errno, "opening %s", path.text);
    if (flock(store->lock, LOCK_EX | LOCK_NB) == 0)
        return STATUS_OK;
    if (errno != EWOULDBLOCK)
        return error_errno(err, errno, "locking %s", path.text);
    return error_set(err, STATUS_BUSY, "another import into %s is running", store->folder);
}

/* What was broken off. */
static enum status sweep(const struct import_store *store, struct error *err)
{
    enum status status = STATUS_OK;
    const struct dirent *entry;
    DIR *dir = opendir(store->folder);
    if (!dir)
        return error_errno(err, errno, "opening %s", store->folder);
    while (status == STATUS_OK && (entry = readdir(dir))) {
        size_t len = strlen(entry->d_name);
        char path[SEGMENT_PATH_MAX + 256];
        if (len <= strlen(BEGUN) || strcmp(entry->d_name + len - strlen(BEGUN), BEGUN) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", store->folder, entry->d_name);
        status = remove_tree(path, err);
    }
    closedir(dir);
    return status;
}

enum status import_store_open(struct import_store *store, const char *data_dir, struct error *err)
{
    store->lock = -1;
    enum status status = make_folders(store, data_dir, err);
    if (status == STATUS_OK)
        status = take_lock(store, err);
    if (status == STATUS_OK)
        status = sweep(store, err);
    if (status != STATUS_OK)
        import_store_close(store);
    return status;
}

void import_store_close(struct import_store *store)
{
    if (store->lock >= 0)
        close(store->lock);
    store->lock = -1;
}

/* ------------------------------------------------------------------ one import */

bool import_store_has(const struct import_store *store, uint64_t instance)
{
    return access(path_of(store, instance, "").text, F_OK) == 0;
}

enum status import_store_begin(const struct import_store *store, uint64_t instance,
                               char out[SEGMENT_PATH_MAX], struct error *err)
{
    struct import_path path = path_of(store, instance, BEGUN);
    memcpy(out, path.text, sizeof path.text);
    return make_folder(out, err);
}

static enum status write_json(const char *folder, struct span json, struct error *err)
{
    char path[SEGMENT_PATH_MAX + 16];
    enum status status = STATUS_OK;
    snprintf(path, sizeof path, "%s/import.json", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_errno(err, errno, "making %s", path);
    errno = EIO;
    if (write(fd, json.data, json.len) != (ssize_t)json.len || fsync(fd) != 0)
        status = error_errno(err, errno, "writing %s", path);
    close(fd);
    return status;
}

enum status import_store_commit(const struct import_store *store, uint64_t instance,
                                struct span json, struct error *err)
{
    struct import_path begun = path_of(store, instance, BEGUN), path = path_of(store, instance, "");
    enum status status = write_json(begun.text, json, err);
    if (status == STATUS_OK)
        status = sync_path(begun.text, err);
    if (status == STATUS_OK && rename(begun.text, path.text) != 0)
        status = error_errno(err, errno, "renaming %s", begun.text);
    return status == STATUS_OK ? sync_path(store->folder, err) : status;
}

void import_store_abort(const struct import_store *store, uint64_t instance)
{
    struct error err;
    (void)remove_tree(path_of(store, instance, BEGUN).text, &err);
}

enum status import_store_remove(const struct import_store *store, uint64_t instance,
                                struct error *err)
{
    struct import_path path = path_of(store, instance, ""), gone = path_of(store, instance, BEGUN);
    if (access(path.text, F_OK) != 0)
        return error_set(err, STATUS_NOT_FOUND, "nothing was imported as %016" PRIx64, instance);
    if (rename(path.text, gone.text) != 0)
        return error_errno(err, errno, "renaming %s", path.text);
    return remove_tree(gone.text, err);
}
