/* options_support.c - see options_support.h. What can't be done fails the test. */
#include "tests/unit/base/options_support.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char directory[] = "/tmp/hashscope-options-XXXXXX";

void enter_empty_directory(void)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(chdir(directory), 0);
    for (size_t i = 0; i < option_count; i++)
        unsetenv(option_table[i].name);
}

void leave_directory(void)
{
    remove(".env");
    remove("other.env");
    rmdir("folder");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}

void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

struct loaded load(unsigned groups, const char *a, const char *b, const char *c)
{
    char *argv[] = {(char *)"program", (char *)a, (char *)b, (char *)c, NULL};
    struct loaded result = {0};
    int argc = 1;

    while (argv[argc] != NULL)
        argc++;
    result.status = settings_load(&result.settings, groups, argc, argv, NULL, NULL, &result.faults);
    ck_assert_ptr_nonnull(result.settings);
    *buffer_reserve(&result.faults, 1) = '\0';
    return result;
}

void unload(struct loaded *loaded)
{
    settings_free(loaded->settings);
    buffer_close(&loaded->faults);
}
