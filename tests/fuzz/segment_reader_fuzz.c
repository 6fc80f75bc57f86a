/*
 * segment_reader_fuzz.c - any bytes as a segment file. The first byte chooses: the input is the
 * file as it is, or the text of a data frame that is packed first, so that the fuzzer reaches
 * behind the checksums. The reader ends, its places stay in order and inside the file, and recovery
 * makes of it a directory in which nothing is `.open` and everything can be read.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/archive/archive.h"
#include "lib/base/log.h"
#include "lib/segment/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char folder[64];
static char path[256];

static void require(int truth)
{
    if (!truth)
        abort();
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    require(system(command) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct error err;
    (void)argc;
    (void)argv;
    snprintf(folder, sizeof folder, "/dev/shm/hashscope-fuzz-XXXXXX");
    if (!mkdtemp(folder)) {
        snprintf(folder, sizeof folder, "/tmp/hashscope-fuzz-XXXXXX");
        require(mkdtemp(folder) != NULL);
    }
    atexit(remove_folder);
    snprintf(path, sizeof path, "%s/segments/2026/11/22/20261122T000000Z-00000001.ndjson.zst.open",
             folder);
    require(segment_make_folders(path, (gid_t)-1, &err) == STATUS_OK);
    log_setup("fuzz", LOG_ERROR, false);
    return 0;
}

/* The input as it is, or behind a good header as a frame; `cut` bytes are left off its end. */
static struct buffer make_file(const uint8_t *data, size_t size, uint8_t choice)
{
    struct segment_head head = {.version = SEGMENT_VERSION, .instance = 7, .number = 1};
    struct buffer file = {0};
    if (choice & 1) {
        buffer_append(&file, data, size);
        return file;
    }
    size_t bound = ZSTD_compressBound(size);
    segment_header_encode((unsigned char *)buffer_reserve(&file, SEGMENT_HEADER_BYTES), &head);
    file.len = SEGMENT_HEADER_BYTES;
    ZSTD_CCtx *compressor = segment_compressor_new();
    size_t len = ZSTD_compress2(compressor, buffer_reserve(&file, bound), bound, data, size);
    require(!ZSTD_isError(len));
    ZSTD_freeCCtx(compressor);
    file.len += choice & 2 ? len - len / 3 : len;
    return file;
}

static void write_file(const struct buffer *file)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0);
    require(write(fd, file->data, file->len) == (ssize_t)file->len);
    close(fd);
}

static void check_place(const struct segment_place *place, uint64_t size)
{
    require(place->frame_end <= place->end && place->indexed_end <= place->end);
    require(place->end <= size);
}

/* The number of numbered lines of frames whose checksum fits: lines are given
 * before it is reached, so the last ones may be of a frame that is damaged or cut off. */
static uint64_t read_through(const char *name, uint64_t size, enum status *status)
{
    struct segment_reader *reader;
    struct segment_line line;
    struct error err;
    uint64_t lines = 0, sound = 0, frame = 0;
    *status = segment_reader_open(&reader, name, &err);
    if (*status != STATUS_OK)
        return 0;
    while ((*status = segment_reader_next(reader, &line, &err)) == STATUS_OK) {
        const struct segment_place *place = segment_reader_place(reader);
        check_place(place, size);
        if (place->frame != frame)
            sound = lines;
        frame = place->frame;
        lines += line.numbered;
    }
    if (segment_reader_place(reader)->frame_end > frame)
        sound = lines;
    require(*status == STATUS_END || *status == STATUS_DAMAGED);
    require(segment_reader_next(reader, &line, &err) != STATUS_OK);
    segment_reader_close(reader);
    return sound;
}

static void recover(uint64_t lines)
{
    struct archive_settings settings = {.data_dir = folder, .instance = 7, .group = (gid_t)-1};
    struct archive_recovered found;
    struct error err;
    enum status status = archive_recover(&settings, NULL, &found, &err);
    require(status == STATUS_OK || status == STATUS_UNSUPPORTED);
    if (status == STATUS_UNSUPPORTED)
        return;
    require(access(path, F_OK) != 0);
    char sealed[256];
    snprintf(sealed, sizeof sealed, "%.*s", (int)(strlen(path) - strlen(SEGMENT_OPEN)), path);
    if (access(sealed, F_OK) == 0) {
        uint64_t kept = read_through(sealed, UINT64_MAX, &status);
        require(status == STATUS_END && kept >= lines);
    }
}

static void clean(void)
{
    static const char *const ends[] = {"", ".open", ".torn", ".recovering"};
    char name[300];
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(name, sizeof name, "%.*s%s", (int)(strlen(path) - strlen(SEGMENT_OPEN)), path,
                 ends[i]);
        (void)unlink(name);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum status status;
    if (size == 0)
        return 0;
    struct buffer file = make_file(data + 1, size - 1, data[0]);
    clean();
    write_file(&file);
    uint64_t lines = read_through(path, file.len, &status);
    recover(lines);
    buffer_close(&file);
    return 0;
}
