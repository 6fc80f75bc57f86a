/*
 * steps.c - to be preloaded into a program: counts the calls that change files, and ends the
 * program with SIGKILL, or fails, at one of them.
 *
 *   STEP_AT=N      at the Nth call; a write is done by half before the program dies
 *   STEP_ERRNO=E   the call fails with that error instead, once
 *   STEP_LOG=FILE  a byte is added for each call
 *
 * Calls that count: write to regular files, fsync, fdatasync, ftruncate, rename, unlink, and open
 * that may make a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long steps;

static long setting(const char *name)
{
    const char *text = getenv(name);
    return text ? strtol(text, NULL, 10) : 0;
}

static void note(void)
{
    const char *path = getenv("STEP_LOG");
    long fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (fd < 0)
        return;
    (void)syscall(SYS_write, fd, ".", 1);
    (void)syscall(SYS_close, fd);
}

/* True: this call is to fail. */
static int step(int fd, const void *data, size_t len)
{
    note();
    if (++steps != setting("STEP_AT"))
        return 0;
    errno = (int)setting("STEP_ERRNO");
    if (errno)
        return 1;
    if (len > 1)
        (void)syscall(SYS_write, fd, data, len / 2);
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

ssize_t write(int fd, const void *data, size_t len)
{
    struct stat st;
    if (fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && step(fd, data, len))
        return -1;
    return syscall(SYS_write, fd, data, len);
}

int fsync(int fd)
{
    return step(fd, NULL, 0) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return step(fd, NULL, 0) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int ftruncate(int fd, off_t size)
{
    return step(fd, NULL, 0) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int rename(const char *from, const char *to)
{
    return step(-1, NULL, 0) ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
    return step(-1, NULL, 0) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    int mode = flags & O_CREAT ? va_arg(list, int) : 0;
    va_end(list);
    if ((flags & O_CREAT) && step(-1, NULL, 0))
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
