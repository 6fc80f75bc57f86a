/* A missing footer is added to a sealed segment: the same file as if it had been there from the
 * beginning; and what happens when that ends at any step, or the file is not what it should be. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/segment/footer.h"
#include "lib/upkeep/footer_job.h"
#include "lib/upkeep/recompress.h"
#include "tests/unit/query/query_support.h"
#include "tests/unit/unit.h"

#define FRAMES     12
#define STEPS_MOST 1000

static struct made made;
static struct error err;
static char path[4096];
static struct buffer whole; /* with its footer */
static size_t end;          /* where that begins */

static void begin(void)
{
    struct segment_footer *footer;
    made_begin(&made, 7);
    made_file_begin(&made);
    for (unsigned i = 0; i < FRAMES; i++)
        made_frame(&made, 40);
    made_file_seal(&made);
    snprintf(path, sizeof path, "%s", support_only(made.folder, SEGMENT_SUFFIX));
    whole = support_read(path);
    ck_assert_int_eq(segment_footer_open(&footer, path, SEGMENT_FOOTER_ALL, &err), STATUS_OK);
    end = segment_footer_totals(footer)->end;
    segment_footer_close(footer);
    ck_assert_int_eq(truncate(path, (off_t)end), 0);
}

static void finish(void)
{
    buffer_close(&whole);
    made_end(&made);
}

static void expect(size_t len)
{
    struct buffer now = support_read(path);
    ck_assert_uint_eq(now.len, len);
    ck_assert_int_eq(memcmp(now.data, whole.data, len), 0);
    buffer_close(&now);
    ck_assert_uint_eq(support_count(made.folder, RECOMPRESS_SUFFIX), 0);
}

/* At most so many steps. */
static enum status run(unsigned steps)
{
    struct footer_job *job;
    enum status status = footer_job_new(&job, path, &err);
    if (status != STATUS_OK)
        return status;
    for (unsigned i = 0; i < steps && status == STATUS_OK; i++)
        status = footer_job_step(job, &err);
    footer_job_free(job);
    return status;
}

START_TEST(the_same_file_as_if_it_had_been_there)
{
    struct stat before, after;
    begin();
    const struct timespec times[2] = {{1000, 0}, {1795000000, 123456789}};
    ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
    ck_assert_int_eq(chmod(path, 0604), 0);
    ck_assert_int_eq(stat(path, &before), 0);
    ck_assert_int_eq(run(STEPS_MOST), STATUS_END);
    expect(whole.len);
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert_uint_eq(after.st_mode, before.st_mode);
    ck_assert_int_eq(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
    ck_assert_int_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
    ck_assert_int_eq(run(STEPS_MOST), STATUS_EXISTS);
    finish();
}
END_TEST

START_TEST(a_broken_one_is_replaced)
{
    begin();
    for (size_t len = end; len < whole.len; len += 17) {
        support_write(path, whole.data, len);
        ck_assert_int_eq(run(STEPS_MOST), STATUS_END);
        expect(whole.len);
    }
    whole.data[end + 30] ^= 1;
    support_write(path, whole.data, whole.len);
    whole.data[end + 30] ^= 1;
    ck_assert_int_eq(run(STEPS_MOST), STATUS_END);
    expect(whole.len);
    finish();
}
END_TEST

START_TEST(given_up_at_any_step)
{
    unsigned steps = 0;
    begin();
    while (run(steps) == STATUS_OK) {
        struct stat now;
        ck_assert_int_eq(stat(path, &now), 0);
        bool renamed = (size_t)now.st_size == whole.len; /* only the folder was not synced yet */
        expect(renamed ? whole.len : end);
        if (renamed)
            ck_assert_int_eq(truncate(path, (off_t)end), 0);
        steps++;
    }
    ck_assert_uint_gt(steps, FRAMES);
    expect(whole.len);
    finish();
}
END_TEST

/* A child that dies there: nothing is cleared away, and the next try works all the same. */
START_TEST(killed_at_any_step)
{
    begin();
    for (unsigned steps = 0;; steps++) {
        int died;
        pid_t child = fork();
        if (child == 0) {
            struct footer_job *job;
            enum status status = footer_job_new(&job, path, &err);
            for (unsigned i = 0; i < steps && status == STATUS_OK; i++)
                status = footer_job_step(job, &err);
            _exit(status == STATUS_OK ? 0 : status == STATUS_END ? 1 : 2);
        }
        ck_assert_int_eq(waitpid(child, &died, 0), child);
        ck_assert_int_ne(WEXITSTATUS(died), 2);
        struct buffer text = support_zstdcat(path);
        ck_assert_uint_gt(text.len, 0);
        buffer_close(&text);
        enum status status = run(STEPS_MOST);
        ck_assert(status == STATUS_END || status == STATUS_EXISTS);
        expect(whole.len);
        if (WEXITSTATUS(died) == 1)
            break;
        ck_assert_int_eq(truncate(path, (off_t)end), 0);
    }
    finish();
}
END_TEST

START_TEST(a_reader_in_the_middle_goes_on)
{
    struct segment_reader *reader;
    struct segment_line line;
    unsigned lines = 1;
    begin();
    ck_assert_int_eq(segment_reader_open(&reader, path, &err), STATUS_OK);
    ck_assert_int_eq(segment_reader_next(reader, &line, &err), STATUS_OK);
    ck_assert_int_eq(run(STEPS_MOST), STATUS_END);
    while (segment_reader_next(reader, &line, &err) == STATUS_OK)
        lines++;
    ck_assert_uint_ge(lines, FRAMES * 40);
    ck_assert(!segment_reader_place(reader)->torn);
    segment_reader_close(reader);
    finish();
}
END_TEST

START_TEST(files_that_get_none)
{
    struct footer_job *job;
    begin();
    struct buffer damaged = support_read(path);
    damaged.data[damaged.len / 2] ^= 0x10;
    support_write(path, damaged.data, damaged.len);
    ck_assert_int_eq(run(STEPS_MOST), STATUS_DAMAGED);
    struct buffer now = support_read(path);
    ck_assert_uint_eq(now.len, damaged.len);
    ck_assert_int_eq(memcmp(now.data, damaged.data, now.len), 0);
    buffer_close(&now);
    buffer_close(&damaged);
    support_write(path, whole.data, end);
    ck_assert_int_eq(footer_job_new(&job, path, &err), STATUS_OK);
    while (!footer_job_replaces_next(job))
        ck_assert_int_eq(footer_job_step(job, &err), STATUS_OK);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(footer_job_step(job, &err), STATUS_NOT_FOUND);
    footer_job_free(job);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_uint_eq(support_count(made.folder, RECOMPRESS_SUFFIX), 0);
    finish();
}
END_TEST

int main(void)
{
    return UNIT_RUN("footer job", the_same_file_as_if_it_had_been_there, a_broken_one_is_replaced,
                    given_up_at_any_step, killed_at_any_step, a_reader_in_the_middle_goes_on,
                    files_that_get_none);
}
