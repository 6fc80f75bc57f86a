/*
 * segment_repair_fuzz.c - any bytes verified and repaired. The first byte chooses: the input is the
 * file as it is; or texts of data frames, each up to a NUL, packed into a file of which one byte is
 * changed then, so that the fuzzer reaches behind the checksums. What repair makes can be read from
 * end to end, has its footer, and nothing is wrong with it but what the lines themselves say.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/segment/frame.h"
#include "lib/segment/repair.h"
#include "lib/segment/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char folder[64], path[128], fixed[128];

static void require(int truth)
{
    if (!truth)
        abort();
}

static void remove_folder(void)
{
    (void)unlink(path);
    (void)unlink(fixed);
    (void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    snprintf(folder, sizeof folder, "/dev/shm/hashscope-repair-fuzz-XXXXXX");
    if (!mkdtemp(folder)) {
        snprintf(folder, sizeof folder, "/tmp/hashscope-repair-fuzz-XXXXXX");
        require(mkdtemp(folder) != NULL);
    }
    snprintf(path, sizeof path, "%s/20261122T000000Z-00000001.ndjson.zst", folder);
    snprintf(fixed, sizeof fixed, "%s/fixed", folder);
    atexit(remove_folder);
    return 0;
}

static struct buffer make_file(const uint8_t *data, size_t size, uint8_t choice)
{
    struct segment_head head = {.version = SEGMENT_VERSION, .instance = 7, .number = 1};
    struct buffer file = {0};
    if (choice & 1 || size < 3) {
        buffer_append(&file, data, size);
        return file;
    }
    segment_header_encode((unsigned char *)buffer_reserve(&file, SEGMENT_HEADER_BYTES), &head);
    file.len = SEGMENT_HEADER_BYTES;
    const uint8_t *at = data + 2, *end = data + size;
    while (at < end) {
        const uint8_t *nul = memchr(at, 0, (size_t)(end - at));
        struct segment_index index = {.offset = file.len, .lines = 1};
        struct error err;
        size_t len = (size_t)((nul ? nul : end) - at);
        if (len)
            require(segment_frame_append(&file, &index, span_make((const char *)at, len), &err) ==
                    STATUS_OK);
        at += len + 1;
    }
    if (choice & 2)
        file.data[load_le16(data) % file.len] ^= (char)(1 << (choice >> 2 & 7));
    if (choice & 64)
        file.len -= load_le16(data) % file.len;
    return file;
}

static void write_file(const struct buffer *file)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0);
    require(write(fd, file->data, file->len) == (ssize_t)file->len);
    close(fd);
}

static void of_lines_only(void *user, const struct segment_problem *problem)
{
    (void)user;
    require(strcmp(problem->part, "sequence") == 0);
}

static void check_fixed(const struct segment_repaired *repaired)
{
    struct segment_verdict verdict;
    struct segment_reader *reader;
    struct segment_line line;
    struct error err;
    uint64_t lines = 0;
    enum status status;
    require(segment_verify(fixed, of_lines_only, NULL, &verdict, &err) == STATUS_OK);
    require(verdict.footer && verdict.frames == repaired->frames);
    require(segment_reader_open(&reader, fixed, &err) == STATUS_OK);
    while ((status = segment_reader_next(reader, &line, &err)) == STATUS_OK)
        lines++;
    require(status == STATUS_END && lines >= repaired->lines);
    segment_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct segment_verdict verdict;
    struct segment_repaired repaired;
    struct error err;
    if (size == 0)
        return 0;
    struct buffer file = make_file(data + 1, size - 1, data[0]);
    write_file(&file);
    enum status status = segment_verify(path, NULL, NULL, &verdict, &err);
    require(status == STATUS_OK || status == STATUS_UNSUPPORTED);
    (void)unlink(fixed);
    status = segment_repair(path, fixed, NULL, NULL, &repaired, &err);
    require(status == STATUS_OK || status == STATUS_NOT_FOUND || status == STATUS_UNSUPPORTED);
    if (status == STATUS_OK)
        check_fixed(&repaired);
    buffer_close(&file);
    return 0;
}
