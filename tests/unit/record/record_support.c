/* See record_support.h. */
#include "tests/unit/record/record_support.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/record/line.h"
#include "lib/stratum/scan.h"

#define ROOM_NEEDED (UINT64_C(256) << 20) /* other tests run beside this one */

static bool has_room(const char *path)
{
    struct statvfs st;
    return statvfs(path, &st) == 0 && st.f_bavail * st.f_frsize >= ROOM_NEEDED;
}

const char *support_folder(void)
{
    static char folder[64];
    snprintf(folder, sizeof folder, "/dev/shm/hashscope-archive-XXXXXX");
    if (!has_room("/dev/shm") || !mkdtemp(folder)) {
        snprintf(folder, sizeof folder, "/tmp/hashscope-archive-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(folder));
    }
    return folder;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
    (void)st;
    (void)kind;
    (void)place;
    return remove(path);
}

void support_remove(const char *folder)
{
    ck_assert_int_eq(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

struct buffer support_read(const char *path)
{
    struct buffer bytes = {0};
    int fd = open(path, O_RDONLY);
    ssize_t got;
    ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
    while ((got = read(fd, buffer_reserve(&bytes, 65536), 65536)) > 0)
        bytes.len += (size_t)got;
    ck_assert_int_eq(got, 0);
    close(fd);
    return bytes;
}

void support_write(const char *path, const void *data, size_t len)
{
    (void)unlink(
        path); /* some file systems flush a file that was cut to nothing and written anew */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0640);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
    close(fd);
}

/* nftw has no argument for its function. */
static struct {
    const char *suffix;
    unsigned count;
    char path[4096];
} search;

static int match(const char *path, const struct stat *st, int kind, struct FTW *place)
{
    size_t len = strlen(path), suffix = strlen(search.suffix);
    (void)st;
    (void)place;
    if (kind == FTW_F && len >= suffix && strcmp(path + len - suffix, search.suffix) == 0) {
        search.count++;
        snprintf(search.path, sizeof search.path, "%s", path);
    }
    return 0;
}

unsigned support_count(const char *folder, const char *suffix)
{
    search.suffix = suffix;
    search.count = 0;
    ck_assert_int_eq(nftw(folder, match, 16, FTW_PHYS), 0);
    return search.count;
}

const char *support_only(const char *folder, const char *suffix)
{
    ck_assert_uint_eq(support_count(folder, suffix), 1);
    return search.path;
}

struct uuid support_session(unsigned number)
{
    struct uuid uuid = {{0x01, 0x93, 0x3b, 0x4e, 0x9a, 0x7c, 0x70, 0x00, 0x80}};
    uuid.bytes[7] = (uint8_t)(number * 37);
    uuid.bytes[14] = (uint8_t)(number >> 8);
    uuid.bytes[15] = (uint8_t)number;
    return uuid;
}

struct record support_message(uint64_t seq, unsigned session, const char *text)
{
    struct stratum_scan scan;
    struct record record = {
        .type = RECORD_MESSAGE,
        .seq = seq,
        .wall_ns = SUPPORT_WALL + (int64_t)seq * 1000000,
        .mono_ns = (int64_t)seq * 1000000,
        .session = support_session(session),
        .slot = UINT32_MAX,
        .terminator = TERMINATOR_LF,
        .payload = span_text(text),
    };
    stratum_scan_line(&scan, text, strlen(text));
    record.kind = (uint8_t)scan.kind;
    record.method = (uint8_t)scan.method;
    record.fault = (uint8_t)scan.fault;
    record.fault_at = scan.fault_at;
    if (scan.error)
        record.flags |= RECORD_ERROR;
    return record;
}

struct session_info support_info(unsigned session)
{
    return (struct session_info){
        .session = support_session(session),
        .route = "main",
        .miner = "10.0.0.7:53122",
        .listen = "10.0.0.2:3333",
        .state = SESSION_CONNECTING,
        .opened_wall_ns = SUPPORT_WALL,
    };
}

static ssize_t disk_write(void *user, int fd, const void *data, size_t len)
{
    struct support_disk *disk = user;
    int64_t room = disk->room;
    disk->writes++;
    if (room >= 0 && (int64_t)len > room)
        len = (size_t)room;
    if (len == 0) {
        disk->failures++;
        errno = disk->errnum;
        return -1;
    }
    ssize_t got = write(fd, data, len);
    if (got > 0 && room >= 0)
        disk->room -= got;
    return got;
}

static int disk_sync(void *user, int fd)
{
    struct support_disk *disk = user;
    disk->syncs++;
    if (disk->sync_errnum) {
        disk->failures++;
        errno = disk->sync_errnum;
        return -1;
    }
    return fdatasync(fd);
}

struct segment_io support_io(struct support_disk *disk)
{
    disk->room = -1;
    disk->errnum = ENOSPC;
    return (struct segment_io){disk_write, disk_sync, disk};
}

void support_put(struct segment_writer *file, const struct record *record)
{
    struct clock_formatter clock = {0};
    struct segment_note note = {
        .wall_ns = record->wall_ns,
        .seq = record->seq,
        .direction = record->direction,
        .method = record->method,
        .error = (record->flags & RECORD_ERROR) != 0,
        .paired = (record->flags & RECORD_PAIRED) != 0,
        .bytes = (uint32_t)(record->payload.len + terminator_bytes(record->terminator).len),
        .session = record->session,
        .re = record->re,
    };
    size_t begin = file->text.len;
    line_append_record(&file->text, &clock, record);
    note.line = span_make(file->text.data + begin, file->text.len - begin - 1);
    segment_writer_note(file, &note);
}

static struct buffer output_of(const char *command, int *status)
{
    struct buffer out = {0};
    FILE *pipe = popen(command, "r");
    size_t got;
    ck_assert_ptr_nonnull(pipe);
    while ((got = fread(buffer_reserve(&out, 65536), 1, 65536, pipe)) > 0)
        out.len += got;
    *status = pclose(pipe);
    return out;
}

struct buffer support_zstdcat(const char *path)
{
    char command[4200];
    int status;
    snprintf(command, sizeof command, "zstdcat '%s'", path);
    struct buffer out = output_of(command, &status);
    ck_assert_int_eq(status, 0);
    return out;
}

bool support_check(const char *path)
{
    char command[4400];
    int status;
    snprintf(command, sizeof command, "python3 tests/integration/segment_reader.py check '%s' 2>&1",
             path);
    struct buffer out = output_of(command, &status);
    if (status != 0)
        fprintf(stderr, "%.*s\n", (int)out.len, out.data ? out.data : "");
    buffer_close(&out);
    return status == 0;
}
