/* A sealed segment written again: the same lines, smaller; and what happens when it is killed at
 * any step, when the disk refuses at any call, and when the old file is not what it should be. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/record/line.h"
#include "lib/segment/footer.h"
#include "lib/upkeep/recompress.h"
#include "tests/unit/record/record_support.h"
#include "tests/unit/unit.h"

#define LEVEL      19
#define FAST_LEVEL 13 /* where the level is not the point */
#define STEPS_MOST 100000

static const char *folder;
static char path[4096];
static struct segment_writer file;
static struct error err;
static struct stat before_stat;

static void put(uint64_t seq)
{
    char text[160];
    uint64_t mixed = seq * 0x9e3779b97f4a7c15;
    snprintf(text, sizeof text,
             "{\"id\":%" PRIu64 ",\"method\":\"mining.submit\",\"params\":[\"worker\",\"%" PRIx64
             "\"]}",
             seq, mixed);
    struct record record = support_message(seq, (unsigned)(seq % 7), text);
    record.direction = (enum direction)(seq % DIRECTION_COUNT);
    support_put(&file, &record);
}

static void put_recovered(uint64_t seq, uint64_t lines)
{
    struct segment_note note = {.wall_ns = SUPPORT_WALL, .event = SEGMENT_EVENT_RECOVERED};
    line_append_recovered(&file.text, SUPPORT_WALL, seq, lines, "for the test");
    segment_writer_note(&file, &note);
}

static void begin_file(void)
{
    struct segment_head head = {.version = SEGMENT_VERSION,
                                .instance = 0x1122334455667788,
                                .number = 42,
                                .start_wall_ns = SUPPORT_WALL,
                                .start_mono_ns = 77};
    folder = support_folder();
    segment_writer_init(&file, NULL, (gid_t)-1);
    ck_assert_int_eq(segment_writer_create(&file, folder, &head, 0, &err), STATUS_OK);
}

static void seal_file(void)
{
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1795000000}};
    segment_writer_end_frame(&file);
    segment_writer_add_footer(&file);
    ck_assert_int_eq(segment_writer_write(&file, &err), STATUS_OK);
    ck_assert_int_eq(segment_writer_sync(&file, &err), STATUS_OK);
    ck_assert_int_eq(segment_writer_seal(&file, &err), STATUS_OK);
    segment_writer_free(&file);
    snprintf(path, sizeof path, "%s", support_only(folder, ".ndjson.zst"));
    ck_assert_int_eq(chmod(path, 0600), 0);
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    ck_assert_int_eq(stat(path, &before_stat), 0);
}

/* `frames` frames of so many lines each. */
static void make_file(unsigned frames, unsigned lines)
{
    uint64_t seq = 0;
    begin_file();
    for (unsigned frame = 0; frame < frames; frame++) {
        for (unsigned i = 0; i < lines; i++)
            put(++seq);
        segment_writer_end_frame(&file);
    }
    seal_file();
}

/* Runs it to its end. */
static enum status run(int level, const struct segment_io *io)
{
    struct recompress *job;
    enum status status = recompress_new(&job, path, level, io, &err);
    if (status != STATUS_OK)
        return status;
    for (int i = 0; i < STEPS_MOST && status == STATUS_OK; i++)
        status = recompress_step(job, &err);
    recompress_free(job);
    return status;
}

static uint32_t generation(void)
{
    struct segment_reader *reader;
    ck_assert_int_eq(segment_reader_open(&reader, path, &err), STATUS_OK);
    uint32_t found = segment_reader_head(reader)->generation;
    segment_reader_close(reader);
    return found;
}

static void expect_text(const struct buffer *expected)
{
    struct buffer text = support_zstdcat(path);
    ck_assert_uint_eq(text.len, expected->len);
    ck_assert_int_eq(memcmp(text.data, expected->data, text.len), 0);
    buffer_close(&text);
}

static void expect_same_file(const struct buffer *expected)
{
    struct buffer bytes = support_read(path);
    ck_assert_uint_eq(bytes.len, expected->len);
    ck_assert_int_eq(memcmp(bytes.data, expected->data, bytes.len), 0);
    buffer_close(&bytes);
}

static void expect_no_leftovers(void)
{
    ck_assert_uint_eq(support_count(folder, ""), 1);
}

START_TEST(the_same_lines_in_less)
{
    struct stat st;
    make_file(60, 400); /* some 90 KiB of text a frame */
    struct buffer text = support_zstdcat(path);
    ck_assert_uint_gt(text.len, 2 * RECOMPRESS_FRAME_TEXT);
    ck_assert_int_eq(run(LEVEL, NULL), STATUS_END);
    expect_text(&text);
    expect_no_leftovers();
    ck_assert_uint_eq(generation(), 1);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_lt(st.st_size, before_stat.st_size);
    ck_assert_uint_eq(st.st_mode, before_stat.st_mode);
    ck_assert_int_eq(st.st_mtim.tv_sec, before_stat.st_mtim.tv_sec);
    ck_assert_int_eq(run(LEVEL, NULL), STATUS_EXISTS); /* once is enough */
    buffer_close(&text);
    support_remove(folder);
}
END_TEST

/* Frames are larger, and footer and index entries say of them what they said before. */
START_TEST(index_and_footer)
{
    struct segment_footer *footer;
    struct segment_totals before, after;
    size_t frames;
    make_file(60, 400);
    ck_assert_int_eq(segment_footer_open(&footer, path, SEGMENT_FOOTER_ALL, &err), STATUS_OK);
    before = *segment_footer_totals(footer);
    segment_footer_close(footer);
    ck_assert_int_eq(run(FAST_LEVEL, NULL), STATUS_END);
    ck_assert_int_eq(segment_footer_open(&footer, path, SEGMENT_FOOTER_ALL, &err), STATUS_OK);
    after = *segment_footer_totals(footer);
    const struct segment_index *index = segment_footer_frames(footer, &frames);
    ck_assert_uint_eq(before.frames, 60);
    ck_assert_uint_eq(frames, (before.text_bytes + RECOMPRESS_FRAME_TEXT) / RECOMPRESS_FRAME_TEXT);
    for (size_t i = 0; i + 1 < frames; i++) {
        ck_assert_uint_ge(index[i].text_bytes, RECOMPRESS_FRAME_TEXT);
        ck_assert_uint_lt(index[i].text_bytes, RECOMPRESS_FRAME_TEXT + 1000);
        ck_assert_uint_eq(index[i + 1].first_seq, index[i].last_seq + 1);
    }
    after.end = before.end;
    after.frames = before.frames;
    ck_assert_int_eq(memcmp(&after, &before, sizeof after), 0);
    segment_footer_close(footer);
    support_remove(folder);
}
END_TEST

/* Lines that speak of what follows stay in front of it; a recovered line begins its frame. */
START_TEST(frames_keep_their_meaning)
{
    begin_file();
    for (uint64_t seq = 1; seq <= 3000; seq++)
        put(seq);
    segment_writer_end_frame(&file);
    put_recovered(3001, 500);
    for (uint64_t seq = 3001; seq <= 3500; seq++)
        put(seq);
    seal_file();
    struct buffer text = support_zstdcat(path);
    ck_assert_int_eq(run(FAST_LEVEL, NULL), STATUS_END);
    expect_text(&text);
    struct segment_footer *footer;
    size_t frames;
    ck_assert_int_eq(segment_footer_open(&footer, path, SEGMENT_FOOTER_ALL, &err), STATUS_OK);
    const struct segment_index *index = segment_footer_frames(footer, &frames);
    ck_assert_uint_eq(frames, 2);
    ck_assert_uint_eq(index[0].events & SEGMENT_EVENT_RECOVERED, 0);
    ck_assert_uint_eq(index[1].first_seq, 3001);
    segment_footer_close(footer);
    buffer_close(&text);
    support_remove(folder);
}
END_TEST

START_TEST(a_line_of_many_megabytes)
{
    size_t len = 8u << 20;
    char *bytes = malloc(len);
    begin_file();
    for (uint64_t seq = 1; seq <= 5000; seq++)
        put(seq);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
    struct record record = support_message(5001, 1, "");
    record.payload = span_make(bytes, len);
    support_put(&file, &record);
    put(5002);
    seal_file();
    struct buffer text = support_zstdcat(path);
    ck_assert_int_eq(run(FAST_LEVEL, NULL), STATUS_END);
    expect_text(&text);
    buffer_close(&text);
    free(bytes);
    support_remove(folder);
}
END_TEST

START_TEST(a_reader_in_the_middle_goes_on)
{
    struct segment_reader *reader;
    struct segment_line line;
    uint64_t seq = 0;
    make_file(100, 200);
    ck_assert_int_eq(segment_reader_open(&reader, path, &err), STATUS_OK);
    for (; seq < 7000; seq++)
        ck_assert_int_eq(segment_reader_next(reader, &line, &err), STATUS_OK);
    ck_assert_int_eq(run(FAST_LEVEL, NULL), STATUS_END);
    while (segment_reader_next(reader, &line, &err) == STATUS_OK)
        ck_assert_uint_eq(line.seq, ++seq);
    ck_assert_uint_eq(seq, 20000);
    segment_reader_close(reader);
    support_remove(folder);
}
END_TEST

/* ------------------------------------------------------------------ killed */

static unsigned kill_at; /* the call of the disk that is the last one; 0: none */
static unsigned calls;

static ssize_t deadly_write(void *user, int fd, const void *data, size_t len)
{
    (void)user;
    if (++calls == kill_at) {
        (void)!write(fd, data, len / 2);
        _exit(7);
    }
    return write(fd, data, len);
}

static int deadly_sync(void *user, int fd)
{
    (void)user;
    if (++calls == kill_at)
        _exit(7);
    return fdatasync(fd);
}

static const struct segment_io deadly = {deadly_write, deadly_sync, NULL};

/* A process of its own that goes on for so many steps and then dies. True: it was done before. */
static bool run_and_die(int steps)
{
    pid_t child = fork();
    if (child == 0) {
        struct recompress *job;
        enum status status = recompress_new(&job, path, FAST_LEVEL, &deadly, &err);
        for (int i = 0; i < steps && status == STATUS_OK; i++)
            status = recompress_step(job, &err);
        _exit(status == STATUS_END ? 0 : status == STATUS_OK ? 7 : 1);
    }
    int ended;
    ck_assert_int_eq(waitpid(child, &ended, 0), child);
    ck_assert(WIFEXITED(ended));
    ck_assert_int_ne(WEXITSTATUS(ended), 1);
    return WEXITSTATUS(ended) == 0;
}

/* Whole under its name, whatever else lies beside. */
static void expect_whole(const struct buffer *text)
{
    struct segment_path *paths;
    size_t count;
    expect_text(text);
    ck_assert_int_eq(segment_list(folder, &paths, &count, &err), STATUS_OK);
    ck_assert_uint_eq(count, 1);
    ck_assert(!paths[0].open);
    segment_list_free(paths, count);
}

static void restore(const struct buffer *bytes)
{
    support_write(path, bytes->data, bytes->len);
}

START_TEST(killed_at_every_step)
{
    make_file(12, 1500);
    struct buffer bytes = support_read(path), text = support_zstdcat(path);
    int steps = 0, replaced = 0;
    for (bool done = false; !done; steps++) {
        done = run_and_die(steps);
        expect_whole(&text);
        if (generation() == 1) { /* it was replaced before it died */
            expect_no_leftovers();
            replaced++;
            restore(&bytes);
        } else {
            expect_same_file(&bytes);
        }
    }
    ck_assert_int_gt(steps, 10);
    ck_assert_int_eq(replaced, 2); /* behind the renaming, and behind the folder's sync */
    ck_assert_int_eq(run(FAST_LEVEL, NULL), STATUS_END); /* what lies there is no hindrance */
    expect_text(&text);
    expect_no_leftovers();
    buffer_close(&bytes);
    buffer_close(&text);
    support_remove(folder);
}
END_TEST

START_TEST(killed_at_every_call)
{
    make_file(12, 1500);
    struct buffer bytes = support_read(path), text = support_zstdcat(path);
    bool done = false;
    for (kill_at = 1; !done; kill_at += UNIT_STRIDE) {
        done = run_and_die(STEPS_MOST);
        expect_whole(&text);
        if (!done)
            expect_same_file(&bytes);
    }
    ck_assert_uint_gt(kill_at, 3);
    ck_assert_uint_eq(generation(), 1);
    buffer_close(&bytes);
    buffer_close(&text);
    support_remove(folder);
}
END_TEST

/* ------------------------------------------------------------------ refused */

START_TEST(a_disk_that_is_full)
{
    struct support_disk disk = {0};
    struct segment_io io = support_io(&disk);
    make_file(12, 1500);
    struct buffer bytes = support_read(path);
    int64_t size = (int64_t)bytes.len;
    for (int64_t room = 0; room < size / 2; room += size / 9) {
        disk.room = room;
        ck_assert_int_eq(run(FAST_LEVEL, &io), STATUS_FULL);
        expect_same_file(&bytes);
        expect_no_leftovers();
    }
    disk.room = -1;
    disk.sync_errnum = EIO;
    ck_assert_int_eq(run(FAST_LEVEL, &io), STATUS_IO);
    expect_same_file(&bytes);
    expect_no_leftovers();
    disk.sync_errnum = 0;
    ck_assert_int_eq(run(FAST_LEVEL, &io), STATUS_END);
    buffer_close(&bytes);
    support_remove(folder);
}
END_TEST

static unsigned flip_at; /* the write that is spoilt */

static ssize_t lying_write(void *user, int fd, const void *data, size_t len)
{
    (void)user;
    if (++calls != flip_at || len < 200)
        return write(fd, data, len);
    char *copy = malloc(len);
    memcpy(copy, data, len);
    copy[len / 2] ^= 4;
    ssize_t got = write(fd, copy, len);
    free(copy);
    return got;
}

static int true_sync(void *user, int fd)
{
    (void)user;
    return fdatasync(fd);
}

/* What is not proven equal does not replace anything. */
START_TEST(a_disk_that_lies)
{
    const struct segment_io io = {lying_write, true_sync, NULL};
    make_file(300, 300);
    struct buffer bytes = support_read(path);
    bool done = false;
    for (flip_at = 1; !done; flip_at += UNIT_STRIDE) {
        calls = 0;
        enum status status = run(FAST_LEVEL, &io);
        done = calls < flip_at;
        ck_assert_int_eq(status, done ? STATUS_END : STATUS_DAMAGED);
        if (done)
            break;
        expect_same_file(&bytes);
        expect_no_leftovers();
    }
    ck_assert_uint_gt(flip_at, 2);
    buffer_close(&bytes);
    support_remove(folder);
}
END_TEST

START_TEST(an_old_file_that_is_damaged_stays)
{
    make_file(12, 1500);
    struct buffer bytes = support_read(path);
    for (size_t at = 0; at < bytes.len / 2; at += bytes.len / 11) {
        bytes.data[at] ^= 1;
        restore(&bytes);
        enum status status = run(FAST_LEVEL, NULL);
        ck_assert_msg(status == STATUS_DAMAGED, "byte %zu: %s", at, status_name(status));
        expect_same_file(&bytes);
        expect_no_leftovers();
        bytes.data[at] ^= 1;
    }
    size_t len = bytes.len;
    for (bytes.len = 0; bytes.len < len / 2; bytes.len += len / 11) {
        restore(&bytes);
        ck_assert_int_eq(run(FAST_LEVEL, NULL), STATUS_DAMAGED);
        expect_same_file(&bytes);
        expect_no_leftovers();
    }
    buffer_close(&bytes);
    support_remove(folder);
}
END_TEST

START_TEST(a_file_that_goes_meanwhile_does_not_come_back)
{
    for (int at = 0;; at++) {
        struct recompress *job;
        make_file(2, 1500);
        ck_assert_int_eq(recompress_new(&job, path, FAST_LEVEL, NULL, &err), STATUS_OK);
        enum status status = STATUS_OK;
        for (int i = 0; status == STATUS_OK; i++) {
            if (i == at)
                ck_assert_int_eq(unlink(path), 0);
            status = recompress_step(job, &err);
        }
        recompress_free(job);
        bool late = status == STATUS_END; /* it was removed behind the replacing, or never */
        ck_assert(late || status == STATUS_NOT_FOUND);
        ck_assert_uint_le(support_count(folder, ""), late);
        support_remove(folder);
        if (late)
            break;
        ck_assert_int_lt(at, 100);
    }
}
END_TEST

START_TEST(what_is_no_segment)
{
    folder = support_folder();
    snprintf(path, sizeof path, "%s/x.ndjson.zst", folder);
    ck_assert_int_eq(run(LEVEL, NULL), STATUS_NOT_FOUND);
    support_write(path, "", 0);
    ck_assert_int_eq(run(LEVEL, NULL), STATUS_DAMAGED);
    support_write(path, "{\"ts\":1}\n", 9);
    ck_assert_int_eq(run(LEVEL, NULL), STATUS_DAMAGED);
    expect_no_leftovers();
    support_remove(folder);
}
END_TEST

int main(void)
{
    return UNIT_RUN("recompress", the_same_lines_in_less, index_and_footer,
                    frames_keep_their_meaning, a_line_of_many_megabytes,
                    a_reader_in_the_middle_goes_on, killed_at_every_step, killed_at_every_call,
                    a_disk_that_is_full, a_disk_that_lies, an_old_file_that_is_damaged_stays,
                    a_file_that_goes_meanwhile_does_not_come_back, what_is_no_segment);
}
