/*
 * query_fuzz.c - any bytes as an archive of one segment, and any filter. The first byte chooses:
 * the rest is the file as it is, or the text of its frames (each ended by a byte 0xFF), which are
 * packed and given index entries, true or not, so that the fuzzer reaches behind the checksums. The
 * second byte chooses the filter. Every query ends, its rows come in order and are lines of the
 * format.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/query/query.h"
#include "lib/segment/writer.h"
#include "lib/stratum/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char folder[64];
static char paths[2][256];

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
    snprintf(paths[0], sizeof paths[0], "%s/segments/2026/11/22/20261122T000000Z-1.ndjson.zst",
             folder);
    snprintf(paths[1], sizeof paths[1], "%s.open", paths[0]);
    require(segment_make_folders(paths[0], (gid_t)-1, &err) == STATUS_OK);
    return 0;
}

/* ---- the archive ---- */

static void add_frame(struct buffer *file, const uint8_t *text, size_t len, uint8_t choice)
{
    static ZSTD_CCtx *compressor;
    size_t bound = ZSTD_compressBound(len);
    if (!compressor)
        compressor = segment_compressor_new();
    struct segment_index index = {.offset = file->len,
                                  .text_bytes = (uint32_t)len,
                                  .lines = 1,
                                  .lowest_us = INT64_MIN,
                                  .highest_us = INT64_MAX,
                                  .last_seq = UINT64_MAX,
                                  .directions = {1, 1, 1, 1},
                                  .errors = 1,
                                  .events = UINT32_MAX,
                                  .methods = UINT64_MAX};
    size_t got = ZSTD_compress2(compressor, buffer_reserve(file, bound), bound, text, len);
    require(!ZSTD_isError(got));
    file->len += got;
    index.compressed_bytes = (uint32_t)got;
    if (choice & 4)
        index.text_bytes += (uint32_t)len / 2;
    if (choice & 8)
        index.offset++;
    if (choice & 16)
        index.first_seq = index.last_seq = text[0];
    if (choice & 32)
        return;
    segment_index_encode((unsigned char *)buffer_reserve(file, SEGMENT_INDEX_BYTES), &index);
    file->len += SEGMENT_INDEX_BYTES;
}

static struct buffer make_file(const uint8_t *data, size_t size, uint8_t choice)
{
    struct segment_head head = {.version = SEGMENT_VERSION, .instance = 7, .number = 1};
    struct buffer file = {0};
    if (choice & 1) {
        buffer_append(&file, data, size);
        return file;
    }
    segment_header_encode((unsigned char *)buffer_reserve(&file, SEGMENT_HEADER_BYTES), &head);
    file.len = SEGMENT_HEADER_BYTES;
    while (size > 0) {
        const uint8_t *end = memchr(data, 0xff, size);
        size_t len = end ? (size_t)(end - data) : size;
        if (len)
            add_frame(&file, data, len, choice);
        data += len + (end != NULL);
        size -= len + (end != NULL);
    }
    return file;
}

static void write_file(const struct buffer *file, bool growing)
{
    int fd = open(paths[growing], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0);
    require(write(fd, file->data, file->len) == (ssize_t)file->len);
    close(fd);
    (void)unlink(paths[!growing]);
}

/* ---- the query ---- */

static struct query_options choose(uint8_t choice, const struct uuid *session)
{
    struct query_options options = {.place = {folder, NULL, 0}};
    options.order = choice & 1 ? QUERY_NEWEST_FIRST : QUERY_OLDEST_FIRST;
    options.bare = choice & 2;
    options.threads = choice & 4 ? 2 : 0;
    if (choice & 8) {
        options.filter.text = "eE";
        options.filter.text_len = choice & 16 ? 1 : 2;
        options.filter.ignore_case = choice & 32;
    } else if (choice & 16) {
        options.filter.sessions = session;
        options.filter.session_count = 1;
    } else if (choice & 32) {
        options.filter.methods = UINT64_C(1) << STRATUM_MINING_SUBMIT;
    }
    options.filter.errors = (choice & 0xc0) == 0x40;
    options.filter.what = (choice & 0xc0) == 0x80 ? QUERY_STATES | QUERY_EVENTS : 0;
    return options;
}

static void check_row(const struct query_row *row)
{
    struct segment_line line;
    struct buffer scratch = {0};
    struct span bytes;
    require(segment_line_parse(&line, row->line.text.data, row->line.text.len) == STATUS_OK);
    require(line.seq == row->line.seq && line.is_message == row->line.is_message);
    if (query_row_bytes(row, &scratch, &bytes) == STATUS_OK)
        require(bytes.data != NULL);
    buffer_close(&scratch);
}

static void run(const struct query_options *options)
{
    struct query *query;
    struct query_row row;
    struct error err;
    uint64_t last = 0;
    require(query_open(&query, options, &err) == STATUS_OK);
    enum status status;
    while ((status = query_next(query, &row, &err)) == STATUS_OK) {
        require(last == 0 || (options->order == QUERY_OLDEST_FIRST ? row.line.seq >= last
                                                                   : row.line.seq <= last));
        last = row.line.seq;
        if (!options->bare)
            check_row(&row);
    }
    require(status == STATUS_END);
    query_close(query);
}

static void list(void)
{
    struct query_sessions_options options = {.place = {folder, NULL, 0}, .exact = true};
    struct query_sessions *sessions;
    struct query_session session;
    struct error err;
    require(query_sessions_open(&sessions, &options, &err) == STATUS_OK);
    while (query_sessions_next(sessions, &session, &err) == STATUS_OK)
        require(session.worker_count < 100);
    query_sessions_close(sessions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct uuid session = {{0}};
    if (size < 2)
        return 0;
    (void)uuid_parse(&session, "01933b4e-9a7c-7025-8000-000000000001", UUID_TEXT_LEN);
    struct query_options options = choose(data[1], &session);
    struct buffer file = make_file(data + 2, size - 2, data[0]);
    write_file(&file, data[0] & 2);
    run(&options);
    list();
    buffer_close(&file);
    return 0;
}
