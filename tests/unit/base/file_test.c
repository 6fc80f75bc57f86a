/* A small file is the old one or the new one, as a whole, and nothing else is left behind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "tests/unit/unit.h"

static char folder[64], path[128], fresh[160];
static struct error err;

static void make_folder(void)
{
    strcpy(folder, "/tmp/hashscope-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/small", folder);
    snprintf(fresh, sizeof fresh, "%s.new", path);
}

static void remove_folder(void)
{
    (void)unlink(path);
    (void)unlink(fresh);
    (void)rmdir(fresh);
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else was there */
}

static void expect_text(const char *expected, size_t len)
{
    char text[256];
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fread(text, 1, sizeof text, file), len);
    ck_assert_mem_eq(text, expected, len);
    fclose(file);
}

START_TEST(the_new_text_takes_the_place_of_the_old)
{
    struct stat state;
    make_folder();
    ck_assert_int_eq(file_replace(path, span_text("a longer text"), 0600, &err), STATUS_OK);
    expect_text("a longer text", 13);
    ck_assert_int_eq(stat(path, &state), 0);
    ck_assert_uint_eq(state.st_mode & 0777, 0600);
    ck_assert_int_eq(file_replace(path, span_make("b\0c", 3), 0600, &err), STATUS_OK);
    expect_text("b\0c", 3);
    ck_assert_int_eq(file_replace(path, span_text(""), 0600, &err), STATUS_OK);
    expect_text("", 0);
    ck_assert_int_ne(access(fresh, F_OK), 0);
    remove_folder();
}
END_TEST

START_TEST(what_cannot_be_written_leaves_the_old_one)
{
    make_folder();
    ck_assert_int_eq(file_replace(path, span_text("old"), 0600, &err), STATUS_OK);
    ck_assert_int_eq(mkdir(fresh, 0700), 0);
    ck_assert_int_ne(file_replace(path, span_text("new"), 0600, &err), STATUS_OK);
    ck_assert_ptr_nonnull(strstr(err.text, fresh));
    expect_text("old", 3);
    remove_folder();
}
END_TEST

START_TEST(a_link_beside_it_is_not_followed)
{
    char elsewhere[160];
    make_folder();
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", folder);
    ck_assert_int_eq(symlink(elsewhere, fresh), 0);
    ck_assert_int_ne(file_replace(path, span_text("new"), 0600, &err), STATUS_OK);
    ck_assert_int_ne(access(elsewhere, F_OK), 0);
    ck_assert_int_ne(access(path, F_OK), 0);
    remove_folder();
}
END_TEST

START_TEST(faults_say_where)
{
    char longer[5000];
    make_folder();
    snprintf(path, sizeof path, "%s/none/small", folder);
    ck_assert_int_eq(file_replace(path, span_text("new"), 0600, &err), STATUS_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.text, path));
    ck_assert_int_eq(file_sync_folder(path, &err), STATUS_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(err.text, "none"));
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    ck_assert_int_ne(file_replace(longer, span_text("new"), 0600, &err), STATUS_OK);
    ck_assert_int_ne(file_sync_folder(longer, &err), STATUS_OK);
    ck_assert_int_eq(file_sync_folder(folder, &err), STATUS_OK);
    remove_folder();
}
END_TEST

int main(void)
{
    return UNIT_RUN("file", the_new_text_takes_the_place_of_the_old,
                    what_cannot_be_written_leaves_the_old_one, a_link_beside_it_is_not_followed,
                    faults_say_where);
}
