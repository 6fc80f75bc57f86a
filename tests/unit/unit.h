/*
 * unit.h - one main() for every unit test program, on the check library.
 *
 *   START_TEST(hex_round_trip) { … } END_TEST
 *
 *   int main(void)
 *   {
 *       return UNIT_RUN("bytes", hex_round_trip, hex_refuses_odd_length);
 *   }
 *
 * Each test runs in a process of its own (CK_FORK=no: in this one, for a debugger) for at most
 * UNIT_SECONDS. Tests that try every place of something take steps of UNIT_STRIDE: the thread
 * sanitizer is slow, and finds nothing in one thread that it has not found at the first place. The
 * exit status is 0 when all passed and at least one ran; check's summary line
 * ("100%: Checks: 2, Failures: 0, Errors: 0") is what scripts/run-tests.py counts.
 */
#ifndef HASHSCOPE_TESTS_UNIT_UNIT_H
#define HASHSCOPE_TESTS_UNIT_UNIT_H

#include <check.h>
#include <stddef.h>
#include <stdlib.h>

#ifdef __SANITIZE_THREAD__
#define UNIT_SECONDS 240
#define UNIT_STRIDE  16
#else
#define UNIT_SECONDS 120
#define UNIT_STRIDE  1
#endif

#define UNIT_RUN(name, ...)                                                                        \
    unit_run(name, (const TTest *const[]){__VA_ARGS__},                                            \
             sizeof((const TTest *const[]){__VA_ARGS__}) / sizeof(const TTest *))

static inline int unit_run(const char *name, const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    SRunner *runner = srunner_create(suite);
    int ran, failed;

    tcase_set_timeout(tcase, UNIT_SECONDS);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    ran = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return ran > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
