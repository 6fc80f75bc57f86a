/*
 * segment_footer_fuzz.c - hostile footers and seek tables. The first byte chooses: the input is a
 * file as it is; or the sessions' section of a footer that is whole otherwise; or bytes that are
 * laid over such a footer's head, under a checksum that fits. Whatever opens can be asked
 * everything.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/segment/footer.h"
#include "lib/segment/footer_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[64];

static void require(int truth)
{
    if (!truth)
        abort();
}

static void remove_file(void)
{
    (void)unlink(path);
}

static void write_file(const struct buffer *file)
{
    if (!path[0]) {
        snprintf(path, sizeof path, "/tmp/hashscope-footer-fuzz-%d", (int)getpid());
        atexit(remove_file);
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0);
    require(write(fd, file->data, file->len) == (ssize_t)file->len);
    close(fd);
}

static struct buffer make_file(const uint8_t *data, size_t size, uint8_t choice)
{
    struct segment_head head = {.version = SEGMENT_VERSION, .instance = 7, .number = 1};
    struct segment_directory none = {0};
    struct buffer file = {0};
    if ((choice & 3) == 1) {
        buffer_append(&file, data, size);
        return file;
    }
    segment_header_encode((unsigned char *)buffer_reserve(&file, SEGMENT_HEADER_BYTES), &head);
    file.len = SEGMENT_HEADER_BYTES;
    bool sections = (choice & 3) == 0;
    struct span section = sections ? span_make((const char *)data, size) : span_make("\0\0", 2);
    require(segment_footer_append(&file, &head, &none, section, sections ? choice >> 2 : 0));
    unsigned char *foot = (unsigned char *)file.data + SEGMENT_HEADER_BYTES;
    if (!sections && size > 1) {
        size_t at = 16 + data[0] % 180, len = size - 1 < 196 - at ? size - 1 : 196 - at;
        memcpy(foot + at, data + 1, len);
        store_le32(foot + 196, crc32c(0, foot + 8, 188));
    }
    return file;
}

static void ask(const struct segment_footer *footer)
{
    struct segment_summary summary;
    struct segment_runs runs;
    uint32_t first, count, behind = 0;
    size_t sum = 0, frames;
    (void)segment_footer_frames(footer, &frames);
    for (size_t i = 0; i < segment_footer_sessions(footer); i++) {
        segment_footer_session(footer, i, &summary);
        require(summary.worker_count <= SESSION_WORKERS_MAX);
        for (uint32_t n = 0; n < summary.worker_count; n++)
            for (size_t b = 0; b < summary.workers[n].len; b++)
                sum += (unsigned char)summary.workers[n].data[b];
        for (size_t b = 0; b < summary.user_agent.len; b++)
            sum += (unsigned char)summary.user_agent.data[b];
        segment_footer_session_frames(footer, i, &runs);
        for (behind = 0; segment_runs_next(&runs, &first, &count); behind = first + count)
            require(count > 0 && first >= behind &&
                    first + count <= segment_footer_totals(footer)->frames);
    }
    require(sum < SIZE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct segment_footer *footer;
    struct error err;
    if (size == 0)
        return 0;
    struct buffer file = make_file(data + 1, size - 1, data[0]);
    write_file(&file);
    for (unsigned parts = 0; parts <= SEGMENT_FOOTER_ALL; parts++) {
        if (segment_footer_open(&footer, path, parts, &err) == STATUS_OK) {
            ask(footer);
            segment_footer_close(footer);
        }
        if (segment_footer_rebuild(&footer, path, parts, NULL, &err) == STATUS_OK) {
            ask(footer);
            segment_footer_close(footer);
        }
    }
    buffer_close(&file);
    return 0;
}
